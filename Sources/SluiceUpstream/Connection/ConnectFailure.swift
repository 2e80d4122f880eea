import Glibc
package import SluiceCore
package import SluiceSockets

/// Why a connection to an endpoint did not come about, in words that make good label values.
package enum ConnectFailure: String, CaseIterable, Sendable {
    case refused, unreachable, timeout, reset, denied
    /// There is no socket file of this name.
    case missing
    /// The gateway's own fault: it has no descriptor or memory left.
    case exhausted
    case other

    /// Reads what connecting failed with.
    package init(_ error: SocketError) {
        switch error {
        case .timeout: self = .timeout
        case .system(let code): self.init(code: code)
        case .closed: self = .other
        }
    }

    private init(code: CInt) {
        switch code {
        case ECONNREFUSED: self = .refused
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL: self = .unreachable
        case ETIMEDOUT: self = .timeout
        case ECONNRESET, EPIPE: self = .reset
        case EACCES, EPERM: self = .denied
        case ENOENT: self = .missing
        default: self = ResourceShortage.isMeant(by: code) ? .exhausted : .other
        }
    }

    /// What the request that wanted the connection ends with.
    package var error: GatewayError {
        switch self {
        case .timeout: .connectTimeout
        case .exhausted: .gatewayExhausted
        case .refused, .unreachable, .reset, .denied, .missing, .other: .connectFailed
        }
    }
}

/// Counts connections that did not come about, by upstream and reason. The endpoint is in the access log.
package enum ConnectMetrics {
    package static let failures = MetricFamily(
        "sluice_upstream_connect_failures_total",
        .counter,
        help: "Connections to endpoints that did not come about, by what the system or TLS said.",
        labels: ["upstream", "reason"]
    )
}
