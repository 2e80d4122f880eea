import Atomics
import Glibc
import SluiceCore

/// How many requests are under way for each key, over all loops and across reloads.
///
/// A fixed number of places, in sets of eight: a key's hash names its set. A place belongs to a key for as long as a
/// request of it is under way, and may go to another one afterwards, so nothing is ever forgotten that counts. When all
/// places of a set are in use, further keys of it share one count more: no number of keys makes the table grow.
///
/// Keys are known by what of a keyed hash chose the set and 43 bits more. Memory: 10 bytes for each place, taken from
/// the system as it is used.
///
/// Isolation: any thread. Takes no lock, and waits for no other loop, wherever that was interrupted.
final class PermitTable: Sendable {
    /// What hashes of keys begin with.
    let secret = SipKey.secret()
    /// For requests; valid as long as the table.
    // SAFETY: plain memory of atomics that is freed in `deinit` only; who keeps the places keeps the table.
    nonisolated(unsafe) let places: PermitPlaces

    /// - Parameter capacity: places, rounded up to whole sets.
    init(capacity: Int) { places = PermitPlaces(sets: max(1, (capacity + PermitPlaces.ways - 1) / PermitPlaces.ways)) }

    deinit { places.free() }
}

/// The memory of a `PermitTable`; a plain value, so that requests count no references on the table.
///
/// A place is one word: its owner, and how many requests are under way. So counting up, counting down and taking a free
/// place are one atomic step each. That a key never has two places, whoever takes them at once, is the work of claims:
///
/// 1. A loop takes a free place for a key with a *claim*, which nobody counts up.
/// 2. It looks at all places of the set. One that belongs to the key, or an earlier one with a claim for it, makes it
///    withdraw; a later one with a claim for it is cleared.
/// 3. It turns the claim into a count of one; that fails when somebody has cleared it. Then it starts again.
///
/// Of two loops with claims for one key, at least one sees the other's in step 2, since that follows both step 1. Who
/// sees an earlier claim looks again, since it is about to become a count; if it does not, its loop stands still, and the
/// claim is cleared, which is always safe. Each claim has a number, so that nobody takes it for another one.
struct PermitPlaces {
    static let ways = 8
    /// Word 0: numbers of claims. Then the places; last the count of those without a place.
    private static let stride = 2 + ways
    private static let first = 1
    private static let overflow = 1 + ways

    /// In a place: the number of requests under way, or that of a claim.
    private static let low: UInt64 = 1 << 20 - 1
    /// In a place: it is a claim.
    private static let claimed: UInt64 = 1 << 20
    /// In a place: part of the owner's hash, never 0.
    private static let owner: UInt64 = ~(1 << 21 - 1)

    /// How often a claim is looked at before its loop is taken to stand still: a few microseconds.
    private static let looks = 128
    /// After so many looks at claims of others there is no place for a request. Nobody is that unlucky.
    private static let patience = 64 * looks

    private typealias Word = UnsafeAtomic<UInt64>.Storage

    private let sets: Int
    private let words: UnsafeMutablePointer<Word>

    fileprivate init(sets: Int) {
        self.sets = sets
        let count = sets * Self.stride
        // Zeroed pages that are not touched cost nothing.
        let memory = calloc(count, MemoryLayout<Word>.stride)
        words = (memory ?? UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: 8))
            .bindMemory(to: Word.self, capacity: count)
        if memory == nil { for i in 0..<count { (words + i).initialize(to: Word(0)) } }
    }

    fileprivate func free() { Glibc.free(words) }

    private func word(_ index: Int) -> UnsafeAtomic<UInt64> { UnsafeAtomic(at: words + index) }

    private func exchange(_ index: Int, _ expected: UInt64, _ desired: UInt64) -> Bool {
        word(index).compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent).exchanged
    }

    // MARK: - Counts

    /// Counts one request more for a key.
    ///
    /// - Returns: where it was counted, for `release`; nil when `limit` are under way.
    func acquire(_ hash: (low: UInt64, high: UInt64), limit: Int) -> Int? {
        let key = Key(hash, sets)
        let limit = min(UInt64(clamping: limit), Self.low)
        var patience = Self.patience
        var busy: SIMD8<UInt64>?
        while patience > 0 {
            switch find(key) {
            case .own(let index, let seen):
                guard seen & Self.low < limit else { return nil }
                // Fails only when another request was counted.
                if exchange(index, seen, seen + 1) { return index }
                continue
            case .free(let index, let seen):
                if let claim = claim(key, index, seen), settle(claim) { return index }
            case .claimed(let index, let seen):
                if patience % Self.looks == 1 { _ = exchange(index, seen, 0) }
            case .full(let owners):
                // Twice the same: the key had no place that it left for one already looked at.
                if owners == busy { return acquireShared(key.base + Self.overflow, limit: limit) }
                busy = owners
            }
            patience -= 1
        }
        return nil
    }

    /// Ends what `acquire` began. Exactly once for each place that it gave.
    func release(_ index: Int) {
        // The number is at least one, so the owner never changes.
        word(index).wrappingDecrement(by: 1, ordering: .releasing)
    }

    private func acquireShared(_ index: Int, limit: UInt64) -> Int? {
        let count = word(index)
        var seen = count.load(ordering: .relaxed)
        while seen < limit {
            let result = count.weakCompareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
            if result.exchanged { return index }
            seen = result.original
        }
        return nil
    }

    // MARK: - Places

    /// What is known of a key here.
    struct Key {
        fileprivate let owner: UInt64
        fileprivate let base: Int

        fileprivate init(_ hash: (low: UInt64, high: UInt64), _ sets: Int) {
            let part = hash.low & PermitPlaces.owner
            owner = part == 0 ? ~PermitPlaces.owner + 1 : part
            base = Int(hash.high.multipliedFullWidth(by: UInt64(sets)).high) * PermitPlaces.stride
        }

        fileprivate func owns(_ word: UInt64) -> Bool { word & PermitPlaces.owner == owner }
    }

    private enum Found {
        case own(index: Int, word: UInt64)
        case free(index: Int, word: UInt64)
        /// Another loop is about to give the key a place.
        case claimed(index: Int, word: UInt64)
        /// All places have requests of these owners.
        case full(SIMD8<UInt64>)
    }

    private func find(_ key: Key) -> Found {
        var found = Found.full(SIMD8())
        var owners = SIMD8<UInt64>()
        for place in 0..<Self.ways {
            let index = key.base + Self.first + place
            let seen = word(index).load(ordering: .acquiring)
            if key.owns(seen) {
                if seen & Self.claimed == 0 { return .own(index: index, word: seen) }
                found = .claimed(index: index, word: seen)
            } else if seen & (Self.low | Self.claimed) == 0, case .full = found {
                found = .free(index: index, word: seen)
            }
            owners[place] = seen & ~Self.low
        }
        if case .full = found { return .full(owners) }
        return found
    }

    /// A place that a key may get; nobody else has the number.
    struct Claim {
        fileprivate let key: Key
        fileprivate let index: Int
        fileprivate let word: UInt64
    }

    private func claim(_ key: Key, _ index: Int, _ seen: UInt64) -> Claim? {
        let number = word(key.base).loadThenWrappingIncrement(ordering: .relaxed) & Self.low
        let claim = Claim(key: key, index: index, word: key.owner | Self.claimed | number)
        return exchange(index, seen, claim.word) ? claim : nil
    }

    /// Gives the place to the key, its first request counted, unless the key has one or is about to get another.
    func settle(_ claim: Claim) -> Bool {
        for index in claim.key.base + Self.first..<claim.key.base + Self.overflow where index != claim.index {
            var seen = word(index).load(ordering: .sequentiallyConsistent)
            while claim.key.owns(seen) {
                guard seen & Self.claimed != 0, index > claim.index else {
                    _ = exchange(claim.index, claim.word, 0)
                    return false
                }
                if exchange(index, seen, 0) { break }
                seen = word(index).load(ordering: .sequentiallyConsistent)
            }
        }
        return exchange(claim.index, claim.word, claim.key.owner | 1)
    }

    // MARK: - For tests

    /// The first half of what `acquire` does for a key without a place, as if the loop stood still after it.
    func beginClaim(_ hash: (low: UInt64, high: UInt64), skipping skipped: Int = 0) -> Claim? {
        let key = Key(hash, sets)
        let indices = (key.base + Self.first..<key.base + Self.overflow)
        let free = indices.filter { word($0).load(ordering: .acquiring) & (Self.low | Self.claimed) == 0 }
        return free.dropFirst(skipped).first.flatMap { claim(key, $0, word($0).load(ordering: .acquiring)) }
    }

    /// Requests under way, of all keys together.
    var total: Int {
        var sum: UInt64 = 0
        for set in 0..<sets {
            for place in 0..<Self.ways {
                let word = word(set * Self.stride + Self.first + place).load(ordering: .acquiring)
                if word & Self.claimed == 0 { sum += word & Self.low }
            }
            sum += word(set * Self.stride + Self.overflow).load(ordering: .acquiring)
        }
        return Int(clamping: sum)
    }
}
