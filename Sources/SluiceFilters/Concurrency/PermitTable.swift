import Atomics
import Glibc
import SluiceCore

/// How many requests are under way for each key, over all loops and across reloads.
///
/// A fixed number of places, in sets of eight: a key's hash names its set. A place belongs to a key for as long as a
/// request of it is under way, and may go to another one afterwards, so nothing is ever forgotten that counts. When all
/// places of a set are in use, further keys of it share one count more: no number of keys makes the table grow.
///
/// Keys are known by 128 bits of a keyed hash. Memory: 24 bytes for each place, taken from the system as it is used.
///
/// Isolation: any thread. Counting up and down takes no lock; giving a place to a key is done by one loop at a time in
/// each set, for the time of a few stores.
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
struct PermitPlaces {
    static let ways = 8
    /// Word 0: who gives places away. Then low halves of the owners' hashes, high halves, counts; last the count of those
    /// without a place.
    private static let stride = 2 + 3 * ways
    private static let owners = 1
    private static let halves = 1 + ways
    private static let counts = 1 + 2 * ways
    private static let overflow = 1 + 3 * ways

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

    // MARK: - Counts

    /// A count is one word: the number of requests in the low half, and in the high half how often the place changed
    /// hands, so that nobody counts up a place that has gone to another key meanwhile.
    private static let low: UInt64 = 0xFFFF_FFFF
    /// The number of a place that is changing hands.
    private static let changing: UInt64 = low

    /// Counts one request more for a key.
    ///
    /// - Returns: where it was counted, for `release`; nil when `limit` are under way.
    func acquire(_ hash: (low: UInt64, high: UInt64), limit: Int) -> Int? {
        let base = Int(hash.high.multipliedFullWidth(by: UInt64(sets)).high) * Self.stride
        let limit = UInt64(clamping: limit)
        while true {
            switch find(hash, base) {
            case .own(let place, let seen):
                guard seen & Self.low < limit else { return nil }
                let count = word(base + Self.counts + place)
                let result = count.weakCompareExchange(
                    expected: seen,
                    desired: seen + 1,
                    successOrdering: .acquiringAndReleasing,
                    failureOrdering: .relaxed
                )
                if result.exchanged { return base + Self.counts + place }
            case .changing: continue
            case .none:
                switch claim(hash, base) {
                case .own(let index): return index
                case .full: return acquireShared(base + Self.overflow, limit: limit)
                case .changing: continue
                }
            }
        }
    }

    /// Ends what `acquire` began. Exactly once for each place that it gave.
    func release(_ index: Int) {
        // The number is at least one, so the high half never changes.
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

    private enum Found {
        case own(place: Int, count: UInt64)
        /// Another loop is about to give a place away: a few stores, and it is done.
        case changing
        case none
    }

    private func find(_ hash: (low: UInt64, high: UInt64), _ base: Int) -> Found {
        var isChanging = false
        for place in 0..<Self.ways {
            // The count first: its release is what makes the owner visible, and a count that is still the same when it
            // is counted up proves that the owner was, too.
            let count = word(base + Self.counts + place).load(ordering: .acquiring)
            if count & Self.low == Self.changing {
                isChanging = true
                continue
            }
            // A place that was never given away has no owner, whatever the hash.
            guard count != 0, word(base + Self.owners + place).load(ordering: .relaxed) == hash.low,
                word(base + Self.halves + place).load(ordering: .relaxed) == hash.high
            else { continue }
            return .own(place: place, count: count)
        }
        return isChanging ? .changing : .none
    }

    private enum Claimed {
        case own(Int)
        case full
        /// Somebody else is at it, or was faster.
        case changing
    }

    /// Gives a free place to a key, its first request counted.
    private func claim(_ hash: (low: UInt64, high: UInt64), _ base: Int) -> Claimed {
        let gate = word(base)
        guard gate.compareExchange(expected: 0, desired: 1, ordering: .acquiringAndReleasing).exchanged else {
            return .changing
        }
        defer { gate.store(0, ordering: .releasing) }
        // Between the look and the gate, the same key may have got a place.
        guard case .none = find(hash, base) else { return .changing }
        for place in 0..<Self.ways {
            let count = word(base + Self.counts + place)
            let seen = count.load(ordering: .relaxed)
            guard seen & Self.low == 0 else { continue }
            let hands = (seen >> 32 &+ 1) << 32
            // Fails when the old key has just come back.
            let result = count.compareExchange(
                expected: seen,
                desired: hands | Self.changing,
                ordering: .acquiringAndReleasing
            )
            guard result.exchanged else { continue }
            word(base + Self.owners + place).store(hash.low, ordering: .relaxed)
            word(base + Self.halves + place).store(hash.high, ordering: .relaxed)
            count.store(hands | 1, ordering: .releasing)
            return .own(base + Self.counts + place)
        }
        return .full
    }

    // MARK: - For tests

    /// Requests under way, of all keys together.
    var total: Int {
        var sum: UInt64 = 0
        for set in 0..<sets {
            for place in 0..<Self.ways {
                sum += word(set * Self.stride + Self.counts + place).load(ordering: .acquiring) & Self.low
            }
            sum += word(set * Self.stride + Self.overflow).load(ordering: .acquiring)
        }
        return Int(clamping: sum)
    }
}
