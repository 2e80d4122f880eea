internal import Atomics
package import SluiceConfig

/// How a request ended, as outlier detection sees it.
package enum OutlierOutcome: Hashable, Sendable {
    /// The head of an answer.
    case status(Int)
    /// No answer: the connection failed, was reset, or time ran out. Counts as a 5xx and as a gateway failure.
    case localFailure
}

/// Which row of failures became too long.
package enum OutlierCause: String, CaseIterable, Sendable {
    case consecutive5xx = "consecutive_5xx"
    case consecutiveGatewayFailures = "consecutive_gateway_failures"
}

/// Failures in a row of one endpoint, counted over all loops: five are five, whichever loops saw them.
///
/// A handle without reference counts, copied into the endpoint records of each loop; it is valid while the
/// `OutlierCountersOwner` that gave it lives, so a loop's record holds both.
///
/// Isolation: any thread, lock-free. Allocates: never.
package struct OutlierCounters: Sendable {
    fileprivate let serverErrors: UnsafeAtomic<Int>
    fileprivate let gatewayFailures: UnsafeAtomic<Int>

    /// Counts one outcome.
    ///
    /// Exact under contention: every full row of failures is reported to one caller and starts the next one at 0, so
    /// that an ejection that was not possible (too many are out) is asked for again after as many further failures.
    ///
    /// - Returns: the cause to report to the `OutlierEjector`, or nil.
    package func record(_ outcome: OutlierOutcome, _ model: OutlierModel) -> OutlierCause? {
        let isServerError: Bool
        let isGatewayFailure: Bool
        switch outcome {
        case .localFailure: (isServerError, isGatewayFailure) = (true, true)
        case .status(let status): (isServerError, isGatewayFailure) = (status / 100 == 5, (502...504).contains(status))
        }
        // Both are counted before either is reported.
        let gateway = Self.count(gatewayFailures, isGatewayFailure, limit: model.consecutiveGatewayFailures)
        let server = Self.count(serverErrors, isServerError, limit: model.consecutive5xx)
        return server ? .consecutive5xx : gateway ? .consecutiveGatewayFailures : nil
    }

    /// Forgets all failures: after an ejection has ended.
    package func reset() {
        serverErrors.store(0, ordering: .relaxed)
        gatewayFailures.store(0, ordering: .relaxed)
    }

    private static func count(_ counter: UnsafeAtomic<Int>, _ isFailure: Bool, limit: Int?) -> Bool {
        guard let limit else { return false }
        var seen = counter.load(ordering: .relaxed)
        guard isFailure else {
            // The usual case writes nothing: a line that all loops write would be the dearest part of a request.
            if seen != 0 { counter.store(0, ordering: .relaxed) }
            return false
        }
        while true {
            let isFull = seen + 1 >= limit
            let result = counter.weakCompareExchange(
                expected: seen,
                desired: isFull ? 0 : seen + 1,
                ordering: .relaxed
            )
            if result.exchanged { return isFull }
            seen = result.original
        }
    }
}

/// Keeps the memory behind an `OutlierCounters` handle: one per endpoint, shared by all loops, kept across reloads.
package final class OutlierCountersOwner: Sendable {
    package let counters: OutlierCounters
    private let block: AtomicBlock

    package init() {
        block = AtomicBlock(count: 2)
        counters = OutlierCounters(serverErrors: block.counters[0], gatewayFailures: block.counters[1])
    }
}
