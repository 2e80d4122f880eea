import Atomics
import Glibc
import SluiceCore

/// The states of one limit for all its keys, shared by all loops.
///
/// A fixed number of places, in sets of eight: a key's hash names its set. A key that was not seen lately has no state
/// worth keeping (its bucket is full, its window is over), and gives its place up without loss. When a set is full of
/// keys that do have one, further keys of that set share one state more: so no number of keys makes the table grow, or
/// resets the limit of anybody; strangers who come in such numbers limit each other.
///
/// Keys are known by 128 bits of a keyed hash, which nobody can forge collisions of. Isolation: any thread, lock-free.
/// Memory: 24 bytes for each place, taken from the system as it is used.
final class LimiterTable: Sendable {
    let cells: LimiterCells

    init(capacity: Int) { cells = LimiterCells(capacity: capacity) }

    deinit { cells.free() }

    /// What hashes of keys begin with.
    var key: SipKey { cells.key }

    /// As `LimiterCells.decide`.
    func decide(
        _ hash: (low: UInt64, high: UInt64),
        _ policy: RateLimitPolicy,
        now: UInt64,
        spends: Bool = true
    ) -> RateLimitDecision {
        cells.decide(hash, policy, now: now, spends: spends)
    }
}

/// The places of a `LimiterTable`, to be used as long as that lives: plain memory, so that a request counts no reference
/// on an object that all loops share.
struct LimiterCells: Sendable {
    static let ways = 8
    private typealias Word = UnsafeAtomic<UInt64>.Storage

    let key = SipKey.secret()
    private let sets: Int
    // SAFETY: `sets * stride` atomics, zero at first, freed by the table; only used through `UnsafeAtomic`.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Word>
    /// A set: low halves of the hashes, high halves, states, and the shared state behind them.
    private static let stride = 3 * ways + 1

    fileprivate init(capacity: Int) {
        var sets = max(1, (capacity + Self.ways - 1) / Self.ways)
        // Zeroed pages that are not touched cost nothing. A system that has no such room even so gets a smaller table.
        var memory = calloc(sets * Self.stride, MemoryLayout<Word>.stride)
        while memory == nil, sets > 1 {
            sets /= 2
            memory = calloc(sets * Self.stride, MemoryLayout<Word>.stride)
        }
        let count = sets * Self.stride
        words = (memory ?? UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: 8))
            .bindMemory(to: Word.self, capacity: count)
        if memory == nil { for i in 0..<count { (words + i).initialize(to: Word(0)) } }
        self.sets = sets
    }

    fileprivate func free() { Glibc.free(words) }

    private func word(_ index: Int) -> UnsafeAtomic<UInt64> { UnsafeAtomic(at: words + index) }

    /// Decides on one request of a key.
    ///
    /// - Parameter spends: false: only looks.
    func decide(
        _ hash: (low: UInt64, high: UInt64),
        _ policy: RateLimitPolicy,
        now: UInt64,
        spends: Bool = true
    ) -> RateLimitDecision {
        let state = place(of: hash, policy, now)
        var seen = state.load(ordering: .relaxed)
        while true {
            let (decision, next) = policy.decide(seen, now: now)
            guard decision.isAllowed, spends else { return decision }
            let result = state.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if result.exchanged { return decision }
            seen = result.original
        }
    }

    /// The state of a key: its own, or that of the many.
    private func place(
        of hash: (low: UInt64, high: UInt64),
        _ policy: RateLimitPolicy,
        _ now: UInt64
    ) -> UnsafeAtomic<
        UInt64
    > {
        let base = Int(hash.high.multipliedFullWidth(by: UInt64(sets)).high) * Self.stride
        // 0 says that a place is free.
        let low = hash.low == 0 || hash.low == Self.busy ? 1 : hash.low
        // Each round that changes nothing means that another loop got on; a loop that was stopped in the middle of its
        // three stores must not stop this one too.
        for _ in 0..<256 {
            switch find(low, hash.high, base, policy, now) {
            case .own(let state): return state
            case .changing: continue
            case .none: return word(base + 3 * Self.ways)
            case .idle(let way, let current, let idle):
                let owner = word(base + way)
                // Who loses looks again: the winner may have the same key.
                let result = owner.compareExchange(
                    expected: current,
                    desired: Self.busy,
                    ordering: .acquiringAndReleasing
                )
                guard result.exchanged else { continue }
                let state = word(base + 2 * Self.ways + way)
                // A loop may have found the old key here and spent from it in this moment: then it is not idle.
                guard state.compareExchange(expected: idle, desired: 0, ordering: .relaxed).exchanged else {
                    owner.store(current, ordering: .releasing)
                    continue
                }
                word(base + Self.ways + way).store(hash.high, ordering: .relaxed)
                owner.store(low, ordering: .releasing)
                return state
            }
        }
        return word(base + 3 * Self.ways)
    }

    private enum Found {
        case own(UnsafeAtomic<UInt64>)
        case idle(way: Int, owner: UInt64, state: UInt64)
        /// Another loop is about to take a place: three stores, and it is done.
        case changing
        case none
    }

    private func find(_ low: UInt64, _ high: UInt64, _ base: Int, _ policy: RateLimitPolicy, _ now: UInt64) -> Found {
        var idle = Found.none
        for way in 0..<Self.ways {
            let owner = word(base + way).load(ordering: .acquiring)
            if owner == low, word(base + Self.ways + way).load(ordering: .relaxed) == high {
                return .own(word(base + 2 * Self.ways + way))
            }
            if owner == Self.busy { return .changing }
            guard case .none = idle else { continue }
            let state = word(base + 2 * Self.ways + way).load(ordering: .relaxed)
            if owner == 0 || policy.isIdle(state, now: now) {
                idle = .idle(way: way, owner: owner, state: state)
            }
        }
        return idle
    }

    /// Owner of a place that is changing hands.
    private static let busy = UInt64.max
}
