import Atomics
package import SluiceCore

/// A number that one loop writes and anybody reads.
///
/// The owner loads and stores without a locked instruction; readers sum over the loops.
package struct Counter: Sendable {
    private let value: UnsafeAtomic<Int>

    fileprivate init(_ value: UnsafeAtomic<Int>) { self.value = value }

    /// Isolation: the owning loop.
    @inline(__always)
    package func increment(by count: Int = 1) {
        value.store(value.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    package var current: Int { value.load(ordering: .relaxed) }
}

/// What one loop counts. Isolation: written by its loop, read by anybody.
package final class LoopMetrics: Sendable {
    package let requests, attempts, retries, resends, mirrored, mirrorsSkipped: Counter
    package let connectionsAccepted, connectionsClosed: Counter
    private let errors: [Counter]
    private let cells: [UnsafeAtomic<Int>]

    package init() {
        let names = 8
        let all = (0..<(names + GatewayError.allCases.count)).map { _ in UnsafeAtomic<Int>.create(0) }
        cells = all
        let counters = all.map(Counter.init)
        requests = counters[0]
        attempts = counters[1]
        retries = counters[2]
        resends = counters[3]
        mirrored = counters[4]
        mirrorsSkipped = counters[5]
        connectionsAccepted = counters[6]
        connectionsClosed = counters[7]
        errors = Array(counters[names...])
    }

    deinit { for cell in cells { cell.destroy() } }

    /// Counts one failed or refused request or connection.
    package func count(_ error: GatewayError) { errors[Int(error.rawValue)].increment() }

    package func current(_ error: GatewayError) -> Int { errors[Int(error.rawValue)].current }
}
