package import SluiceCore

/// What the gateway has done since it started, summed over its loops.
package struct GatewayStatistics: Sendable {
    package var requests = 0
    package var attempts = 0
    package var retries = 0
    package var connectionsAccepted = 0
    package var connectionsClosed = 0
    /// Open or about to be.
    package var connectionsOpen = 0
    /// How often each error happened; those that never did are left out.
    package var errors: [GatewayError: Int] = [:]

    package init() {}

    package var errorCount: Int { errors.values.reduce(0, +) }

    /// One line for the log.
    package var line: String {
        "\(Plural.of(requests, "request")), \(Plural.of(errorCount, "error")), "
            + "\(retries == 1 ? "1 retry" : "\(retries) retries"), \(Plural.of(connectionsAccepted, "connection"))"
    }
}
