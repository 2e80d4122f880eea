import Atomics
import Glibc
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("Counts of requests under way") struct PermitTableTests {
    private func hash(_ number: UInt64, _ table: PermitTable) -> (low: UInt64, high: UInt64) {
        var hash = SipHash(table.secret)
        hash.add(number)
        return hash.finish()
    }

    @Test("up to the limit, and again as soon as one has ended")
    func limit() throws {
        let table = PermitTable(capacity: 64)
        let key = hash(1, table)
        let places = (0..<3).compactMap { _ in table.places.acquire(key, limit: 3) }
        #expect(places.count == 3 && Set(places).count == 1)
        #expect(table.places.acquire(key, limit: 3) == nil && table.places.total == 3)
        table.places.release(places[0])
        #expect(table.places.acquire(key, limit: 3) != nil && table.places.acquire(key, limit: 3) == nil)
        // A smaller limit lets nobody in until there is room under it; a larger one at once.
        #expect(table.places.acquire(key, limit: 2) == nil && table.places.acquire(key, limit: 4) != nil)
    }

    @Test("keys do not disturb each other, and leave nothing behind")
    func separate() {
        let table = PermitTable(capacity: 4096)
        var held: [Int] = []
        for number in 0..<500 as Range<UInt64> {
            let key = hash(number, table)
            for _ in 0..<2 { if let place = table.places.acquire(key, limit: 2) { held.append(place) } }
            #expect(table.places.acquire(key, limit: 2) == nil)
        }
        #expect(held.count == 1000 && table.places.total == 1000)
        for place in held { table.places.release(place) }
        #expect(table.places.total == 0)
    }

    @Test("a key that comes back finds its count, whatever came in between")
    func comesBack() throws {
        let table = PermitTable(capacity: 8)
        let own = try #require(table.places.acquire(hash(1, table), limit: 1))
        for number in 2..<2000 as Range<UInt64> {
            if let place = table.places.acquire(hash(number, table), limit: 1) { table.places.release(place) }
            #expect(table.places.acquire(hash(1, table), limit: 1) == nil)
        }
        table.places.release(own)
        #expect(table.places.acquire(hash(1, table), limit: 1) != nil)
    }

    @Test("more keys at once than places: the others share one count, nobody's is lost, and the table does not grow")
    func overflow() {
        let table = PermitTable(capacity: 8)
        var held: [Int] = []
        for number in 0..<100 as Range<UInt64> {
            if let place = table.places.acquire(hash(number, table), limit: 5) { held.append(place) }
        }
        // Eight keys with one request each, and five of all the others together.
        #expect(held.count == 13 && table.places.total == 13)
        for number in 0..<8 as Range<UInt64> { #expect(table.places.acquire(hash(number, table), limit: 1) == nil) }
        for place in held { table.places.release(place) }
        #expect(table.places.total == 0)
    }

    @Test("any hash has a place", arguments: [(0, 0), (.max, .max), (0, .max), (.max, 0)] as [(UInt64, UInt64)])
    func hashes(low: UInt64, high: UInt64) throws {
        let table = PermitTable(capacity: 64)
        let place = try #require(table.places.acquire((low, high), limit: 1))
        #expect(table.places.acquire((low, high), limit: 1) == nil)
        table.places.release(place)
        #expect(table.places.total == 0)
    }

    /// How many of one key are inside, and the most that there ever were.
    private final class Inside: Sendable {
        let now = ManagedAtomic<Int>(0)
        let isOver = ManagedAtomic<Bool>(false)
    }

    @Test("eight loops never let in more than the limit together, with keys that fight for places", arguments: [8, 64])
    func loops(capacity: Int) {
        let table = PermitTable(capacity: capacity)
        let limit = 3
        // Few enough that each has a place even in the smallest table: sharing is another matter.
        let inside = (0..<6).map { _ in Inside() }
        let running = ManagedAtomic<Int>(8)
        for number in 0..<8 as Range<UInt64> {
            ControlThread.spawn(name: "loop \(number)") { [hash] in
                var random = RandomSource(seed: number)
                var held: [(key: Int, place: Int)] = []
                for _ in 0..<20_000 {
                    let key = Int(random.below(6))
                    if held.count < 4, let place = table.places.acquire(hash(UInt64(key), table), limit: limit) {
                        let count = inside[key].now.wrappingIncrementThenLoad(ordering: .sequentiallyConsistent)
                        if count > limit { inside[key].isOver.store(true, ordering: .relaxed) }
                        held.append((key, place))
                    } else if let (key, place) = held.popLast() {
                        inside[key].now.wrappingDecrement(ordering: .sequentiallyConsistent)
                        table.places.release(place)
                    }
                }
                for (key, place) in held {
                    inside[key].now.wrappingDecrement(ordering: .sequentiallyConsistent)
                    table.places.release(place)
                }
                running.wrappingDecrement(ordering: .releasing)
            }
        }
        while running.load(ordering: .acquiring) > 0 { sched_yield() }
        #expect(inside.allSatisfy { !$0.isOver.load(ordering: .relaxed) })
        #expect(table.places.total == 0)
    }

    @Test("a loop that stands still while it takes a place holds up neither its key nor others, and starts again")
    func standsStill() throws {
        let table = PermitTable(capacity: 8)
        let claim = try #require(table.places.beginClaim(hash(1, table)))
        #expect(table.places.acquire(hash(2, table), limit: 1) != nil)
        let place = try #require(table.places.acquire(hash(1, table), limit: 1))
        #expect(!table.places.settle(claim))
        #expect(table.places.acquire(hash(1, table), limit: 1) == nil && table.places.total == 2)
        // Nor does it take its claim for one of later.
        table.places.release(place)
        let later = try #require(table.places.beginClaim(hash(1, table), skipping: 1))
        #expect(!table.places.settle(claim) && table.places.total == 1)
        #expect(!table.places.settle(later), "the key still has its place")
        #expect(table.places.acquire(hash(1, table), limit: 1) != nil && table.places.total == 2)
    }

    @Test("a loop that was interrupted while it takes a place goes on when nobody wanted it")
    func goesOn() throws {
        let table = PermitTable(capacity: 8)
        let claim = try #require(table.places.beginClaim(hash(1, table)))
        #expect(table.places.total == 0)
        #expect(table.places.acquire(hash(2, table), limit: 1) != nil)
        #expect(table.places.settle(claim) && !table.places.settle(claim))
        #expect(table.places.acquire(hash(1, table), limit: 1) == nil && table.places.total == 2)
    }

    @Test(
        "of loops that take places for one key at once, one gets one",
        arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2]]
    )
    func atOnce(order: [Int]) throws {
        let table = PermitTable(capacity: 8)
        let claims = try (0..<3).map { _ in try #require(table.places.beginClaim(hash(1, table))) }
        #expect(order.filter { table.places.settle(claims[$0]) } == [0])
        #expect(table.places.acquire(hash(1, table), limit: 1) == nil && table.places.total == 1)
        // Places before it, too, where nobody looks first.
        let other = PermitTable(capacity: 8)
        let late = try #require(other.places.beginClaim(hash(1, other), skipping: 5))
        let early = try #require(other.places.beginClaim(hash(1, other)))
        #expect(!other.places.settle(late) && other.places.settle(early) && !other.places.settle(late))
        #expect(other.places.total == 1)
    }

    @Test("places with claims are free for nobody, and a set of them is a full one")
    func allClaimed() throws {
        let table = PermitTable(capacity: 8)
        let claims = try (0..<8 as Range<UInt64>).map { try #require(table.places.beginClaim(hash($0, table))) }
        let shared = try #require(table.places.acquire(hash(100, table), limit: 1))
        #expect(table.places.acquire(hash(101, table), limit: 1) == nil)
        #expect(claims.allSatisfy(table.places.settle) && table.places.total == 9)
        table.places.release(shared)
    }

    @Test("a flood of other keys never lets more in of one, nor loses a count")
    func flood() {
        let table = PermitTable(capacity: 8)
        let inside = Inside()
        let running = ManagedAtomic<Int>(8)
        for number in 0..<8 as Range<UInt64> {
            ControlThread.spawn(name: "loop \(number)") { [hash] in
                for i in 0..<20_000 as Range<UInt64> {
                    let isOwn = i % 3 == 0
                    let key = isOwn ? 0 : 1 + number * 100_000 + i
                    guard let place = table.places.acquire(hash(key, table), limit: 2) else { continue }
                    if isOwn {
                        let count = inside.now.wrappingIncrementThenLoad(ordering: .sequentiallyConsistent)
                        if count > 2 { inside.isOver.store(true, ordering: .relaxed) }
                        inside.now.wrappingDecrement(ordering: .sequentiallyConsistent)
                    }
                    table.places.release(place)
                }
                running.wrappingDecrement(ordering: .releasing)
            }
        }
        while running.load(ordering: .acquiring) > 0 { sched_yield() }
        #expect(!inside.isOver.load(ordering: .relaxed) && table.places.total == 0)
    }
}
