internal import Atomics

/// Bounds retries by a share of the requests under way, so that retries cannot multiply the load on a failing upstream.
///
/// Requests under way are those that `BreakerCounts` count as `requests` or as `pending`, over all loops; each is one of
/// the two. A handle like `BreakerCounts`, with the same owner.
///
/// Isolation: any thread, lock-free. Allocates: never.
package struct RetryBudget: Sendable {
    let requests: UnsafeAtomic<Int>
    let pending: UnsafeAtomic<Int>
    let retries: UnsafeAtomic<Int>

    /// Takes a place for one retry, from the decision to retry to the end of that attempt, waiting included.
    ///
    /// - Parameters:
    ///   - share: 0 ... 1, of the requests under way.
    ///   - minimum: this many are allowed however few requests there are.
    /// - Returns: whether the retry may be made; then `finish` must follow exactly once.
    package func tryStart(share: Double, minimum: Int) -> Bool {
        let active = requests.load(ordering: .relaxed) + pending.load(ordering: .relaxed)
        let allowed = share > 0 ? Int(exactly: (Double(active) * share).rounded(.down)) ?? .max : 0
        return retries.tryIncrement(limit: max(allowed, minimum))
    }

    /// The retry has ended, well or not.
    package func finish() {
        let left = retries.wrappingDecrementThenLoad(ordering: .relaxed)
        assert(left >= 0, "finished more often than started")
    }

    /// Retries under way now.
    package var current: Int { retries.load(ordering: .relaxed) }
}
