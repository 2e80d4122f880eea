package import SluiceCore
package import SluiceHTTP
package import SluiceTLS

/// What one loop counts, whatever the configuration says. Isolation: written by its loop, read by anybody.
package final class LoopMetrics: Sendable {
    /// Where everything else of this loop is counted too.
    package let shard: MetricShard
    /// Requests under way; goes down too.
    package let active: Counter
    package let requests, attempts, retries, resends, mirrored, mirrorsSkipped: Counter
    package let connectionsAccepted, connectionsClosed: Counter
    private let errors: [Counter]

    package init(_ shard: MetricShard = MetricShard()) {
        self.shard = shard
        requests = shard.counter(Families.requests)
        active = shard.counter(Families.active)
        attempts = shard.counter(Families.attempts)
        retries = shard.counter(Families.retries)
        resends = shard.counter(Families.resends)
        mirrored = shard.counter(Families.mirrored)
        mirrorsSkipped = shard.counter(Families.mirrorsSkipped)
        connectionsAccepted = shard.counter(Families.connectionsAccepted)
        connectionsClosed = shard.counter(Families.connectionsClosed)
        http2MalformedStreams = shard.counter(Families.http2MalformedStreams)
        errors = GatewayError.allCases.map { shard.counter(Families.errors, [$0.code]) }
    }

    /// Streams of HTTP/2 whose messages were malformed.
    package let http2MalformedStreams: Counter

    /// Counts a connection that was ended because its client broke the rules of HTTP/2, or asked too much.
    package func http2Failed(_ error: HTTP2Error) {
        shard.counter(Families.http2Errors, ["\(error.code)"]).increment()
    }

    /// How often that was counted.
    package func current(_ error: HTTP2Error) -> Int { shard.counter(Families.http2Errors, ["\(error.code)"]).current }

    /// Counts a connection whose TLS did not come about or broke.
    package func tlsFailed(_ failure: TLSFailure, at listener: String) {
        shard.counter(Families.tlsFailures, [listener, failure.reason.rawValue]).increment()
    }

    /// Counts a handshake that was done.
    func tlsEstablished(at listener: String, version: String, isResumed: Bool) {
        shard.counter(Families.tlsHandshakes, [listener, version, isResumed ? "true" : "false"]).increment()
    }

    /// Counts one failed or refused request or connection.
    package func count(_ error: GatewayError) { errors[Int(error.rawValue)].increment() }

    package func current(_ error: GatewayError) -> Int { errors[Int(error.rawValue)].current }

    private enum Families {
        static let http2Errors = MetricFamily(
            "sluice_http2_connection_errors_total",
            .counter,
            help: "HTTP/2 connections of clients that were ended for what the client did.",
            labels: ["reason"]
        )
        static let tlsFailures = MetricFamily(
            "sluice_tls_failures_total",
            .counter,
            help: "Connections of clients whose TLS handshake failed, or that broke the protocol behind it.",
            labels: ["listener", "reason"]
        )
        static let tlsHandshakes = MetricFamily(
            "sluice_tls_handshakes_total",
            .counter,
            help: "TLS handshakes with clients that were done.",
            labels: ["listener", "version", "resumed"]
        )
        static let http2MalformedStreams = MetricFamily(
            "sluice_http2_malformed_streams_total",
            .counter,
            help: "HTTP/2 streams that were reset because their messages were malformed."
        )
        static let requests = MetricFamily(
            "sluice_downstream_requests_total",
            .counter,
            help: "Requests, also those whose head was refused."
        )
        static let active = MetricFamily("sluice_requests_active", .gauge, help: "Requests under way.")
        static let attempts = MetricFamily("sluice_attempts_total", .counter, help: "Tries at an upstream.")
        static let retries = MetricFamily("sluice_retries_total", .counter, help: "Tries by a route's retry policy.")
        static let resends = MetricFamily(
            "sluice_resends_total",
            .counter,
            help: "Requests sent once more because a reused connection had just been closed."
        )
        static let mirrored = MetricFamily(
            "sluice_mirrored_total",
            .counter,
            help: "Copies of requests that were sent."
        )
        static let mirrorsSkipped = MetricFamily(
            "sluice_mirrors_skipped_total",
            .counter,
            help: "Copies that were not sent: too large, or too many under way."
        )
        static let connectionsAccepted = MetricFamily(
            "sluice_downstream_connections_accepted_total",
            .counter,
            help: "Connections of clients that a loop took over."
        )
        static let connectionsClosed = MetricFamily(
            "sluice_downstream_connections_closed_total",
            .counter,
            help: "Connections of clients that have ended."
        )
        static let errors = MetricFamily(
            "sluice_errors_total",
            .counter,
            help: "Requests and connections that failed or were refused, by reason code.",
            labels: ["code"]
        )
    }
}
