/// What came of one active health check.
package enum ProbeResult: CaseIterable, Sendable {
    /// The expected answer.
    case success
    /// An answer, but not the expected one: the server says of itself that it is not well.
    case failure
    /// No answer: refused, reset or too late.
    case timeout
    /// The gateway has nothing left to make a connection with, which says nothing of the endpoint.
    case notMade
}

/// How many results in a row it takes.
package struct HealthThresholds: Sendable {
    package var healthy: Int
    package var unhealthy: Int
    /// One unexpected answer is enough, as in Envoy, where only missing answers are counted up to the threshold.
    package var isFailureFinal: Bool

    /// Numbers below 1 are taken as 1.
    package init(healthy: Int, unhealthy: Int, isFailureFinal: Bool = false) {
        self.healthy = max(healthy, 1)
        self.unhealthy = max(unhealthy, 1)
        self.isFailureFinal = isFailureFinal
    }
}

/// What active checks say of one endpoint.
///
/// An endpoint starts out *unknown* and is not used until its first check passed (as in Envoy); while that holds for
/// too many, the panic rule of the balancer uses all. The first result decides at once, either way; after that it
/// takes consecutive results, and one of the other kind starts the count anew.
///
/// A check that could not be made changes nothing.
///
/// | state     | success                            | failure, timeout                       |
/// |-----------|------------------------------------|----------------------------------------|
/// | unknown   | healthy                            | unhealthy                              |
/// | healthy   | stays, failures forgotten          | unhealthy after `unhealthy` in a row   |
/// | unhealthy | healthy after `healthy` in a row   | stays, successes forgotten             |
///
/// Isolation: the control side owns it and tells the loops of changes.
package struct HealthState: Sendable {
    package enum Status: CaseIterable, Sendable {
        case unknown
        case healthy
        case unhealthy
    }

    /// What a result changed.
    package enum Change: Sendable {
        case becameHealthy
        case becameUnhealthy
    }

    package private(set) var status = Status.unknown
    /// Results in a row that speak against the current status.
    package private(set) var contrary = 0

    package init() {}

    /// Whether requests may go there.
    package var isUsable: Bool { status == .healthy }

    /// Takes in the result of one check.
    package mutating func record(_ result: ProbeResult, _ thresholds: HealthThresholds) -> Change? {
        switch (status, result) {
        case (_, .notMade):
            return nil
        case (.unknown, .success):
            return turn(.healthy)
        case (.unknown, .failure), (.unknown, .timeout):
            return turn(.unhealthy)
        case (.healthy, .success), (.unhealthy, .failure), (.unhealthy, .timeout):
            contrary = 0
            return nil
        case (.healthy, .failure) where thresholds.isFailureFinal:
            return turn(.unhealthy)
        case (.healthy, .failure), (.healthy, .timeout):
            contrary += 1
            return contrary >= thresholds.unhealthy ? turn(.unhealthy) : nil
        case (.unhealthy, .success):
            contrary += 1
            return contrary >= thresholds.healthy ? turn(.healthy) : nil
        }
    }

    private mutating func turn(_ new: Status) -> Change {
        status = new
        contrary = 0
        return new == .healthy ? .becameHealthy : .becameUnhealthy
    }
}
