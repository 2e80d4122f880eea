internal import Atomics

/// What an upstream has under way, counted over all loops, and the gate before each kind.
///
/// As in Envoy, a request is `pending` until it has a connection, and then one of the `requests`: never both.
///
/// A handle without reference counts, copied into the upstream records of each loop; it is valid while the
/// `BreakerCountsOwner` that gave it lives, so a loop's record holds both for as long as anything is to be released.
///
/// Isolation: any thread, lock-free. Allocates: never.
package struct BreakerCounts: Sendable {
    /// What is limited.
    package enum Kind: CaseIterable, Sendable {
        /// Open connections, idle ones included.
        case connections
        /// Requests that wait for a connection: for one that comes back, or for theirs to be opened.
        case pending
        /// Requests that have one.
        case requests
    }

    fileprivate let connections: UnsafeAtomic<Int>
    fileprivate let pending: UnsafeAtomic<Int>
    fileprivate let requests: UnsafeAtomic<Int>
    fileprivate let retries: UnsafeAtomic<Int>

    /// Takes one place unless `limit` are taken.
    ///
    /// Exact under contention: the count never passes the limit, not even for a moment, and nobody is refused while a
    /// place is free. `isExempt` takes a place over the limit too: for the connection of a loop that has none. Whatever
    /// other loops hold, each may open one, or its clients would never be served.
    ///
    /// - Returns: whether the place is taken; then `release` must follow exactly once.
    package func tryAcquire(_ kind: Kind, limit: Int, isExempt: Bool = false) -> Bool {
        let counter = self[kind]
        guard !isExempt else {
            counter.wrappingIncrement(ordering: .relaxed)
            return true
        }
        return counter.tryIncrement(limit: limit)
    }

    /// Gives one place back.
    package func release(_ kind: Kind) {
        let left = self[kind].wrappingDecrementThenLoad(ordering: .relaxed)
        assert(left >= 0, "released more often than acquired")
    }

    /// How many are taken now.
    package func current(_ kind: Kind) -> Int { self[kind].load(ordering: .relaxed) }

    /// The retry budget of the same upstream.
    package var retryBudget: RetryBudget { RetryBudget(requests: requests, pending: pending, retries: retries) }

    private subscript(kind: Kind) -> UnsafeAtomic<Int> {
        switch kind {
        case .connections: connections
        case .pending: pending
        case .requests: requests
        }
    }
}

/// Keeps the memory behind a `BreakerCounts` handle: one per upstream, shared by all loops, kept across reloads.
package final class BreakerCountsOwner: Sendable {
    package let counts: BreakerCounts
    private let block: AtomicBlock

    package init() {
        block = AtomicBlock(count: 4)
        counts = BreakerCounts(
            connections: block.counters[0],
            pending: block.counters[1],
            requests: block.counters[2],
            retries: block.counters[3]
        )
    }
}

extension UnsafeAtomic<Int> {
    /// Adds one unless the value has reached `limit`.
    func tryIncrement(limit: Int) -> Bool {
        var seen = load(ordering: .relaxed)
        while seen < limit {
            let result = weakCompareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
            if result.exchanged { return true }
            seen = result.original
        }
        return false
    }
}
