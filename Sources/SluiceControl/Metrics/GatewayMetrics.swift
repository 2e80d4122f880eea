import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceUpstream

/// What is not counted but looked up when somebody scrapes.
enum GatewayMetrics {
    static func register(
        in registry: MetricsRegistry,
        _ facts: GatewayFacts,
        _ log: LogCounts,
        upstreams: @escaping @Sendable () -> [UpstreamReport]
    ) {
        registry.provide { samples in
            write(facts.now, to: &samples)
            write(log, to: &samples)
            for upstream in upstreams() { write(upstream, to: &samples) }
            ProcessFigures.write(to: &samples)
        }
    }

    // MARK: - The gateway

    private static let build = MetricFamily("sluice_build_info", .gauge, help: "Always 1.", labels: ["version"])
    private static let generation = MetricFamily(
        "sluice_config_generation",
        .gauge,
        help: "How many configurations have run, the first one included."
    )
    private static let reloads = MetricFamily(
        "sluice_config_reloads_total",
        .counter,
        help: "Reloads by what came of them: ok or failed.",
        labels: ["result"]
    )
    private static let succeeded = MetricFamily(
        "sluice_config_last_success_timestamp_seconds",
        .gauge,
        help: "When the running configuration was taken over, in seconds since 1970."
    )
    private static let isFailing = MetricFamily(
        "sluice_config_last_reload_failed",
        .gauge,
        help: "1 when the files say something else than what runs, since they could not be taken over."
    )
    private static let draining = MetricFamily("sluice_draining", .gauge, help: "1 while the gateway stops.")
    private static let open = MetricFamily(
        "sluice_downstream_connections",
        .gauge,
        help: "Connections of clients by listener.",
        labels: ["listener"]
    )
    private static let mayBeOpen = MetricFamily(
        "sluice_listener_connections_limit",
        .gauge,
        help: "How many connections a listener may have.",
        labels: ["listener"]
    )
    private static let accepted = MetricFamily(
        "sluice_listener_accepted_total",
        .counter,
        help: "Connections that a listener took in.",
        labels: ["listener"]
    )
    private static let rejected = MetricFamily(
        "sluice_listener_rejected_total",
        .counter,
        help: "Connections that were closed at once, since the listener had as many as it may.",
        labels: ["listener"]
    )

    private static func write(_ now: GatewayFacts.Values, to samples: inout MetricSamples) {
        samples.add(build, [Tool.version], 1)
        samples.add(generation, [], now.generation)
        samples.add(reloads, ["ok"], now.reloadsDone)
        samples.add(reloads, ["failed"], now.reloadsFailed)
        if let second = now.lastSuccess { samples.add(succeeded, [], second) }
        samples.add(isFailing, [], now.lastReloadFailed ? 1 : 0)
        samples.add(draining, [], now.isDraining ? 1 : 0)
        for (listener, limit) in now.listeners {
            samples.add(open, [listener.name], listener.connections)
            samples.add(mayBeOpen, [listener.name], limit)
            samples.add(accepted, [listener.name], listener.acceptedTotal)
            samples.add(rejected, [listener.name], listener.rejectedTotal)
        }
    }

    // MARK: - Access log

    private static let lines = MetricFamily(
        "sluice_access_log_lines_total",
        .counter,
        help: "Lines of the access log: written, or lost because the disk is full, gone or too slow.",
        labels: ["result"]
    )
    private static let waiting = MetricFamily(
        "sluice_access_log_waiting_bytes",
        .gauge,
        help: "Bytes of the access log that are not written yet."
    )
    private static let stalled = MetricFamily(
        "sluice_access_log_stalled_seconds",
        .gauge,
        help: "For how long the disk or pipe of the access log has taken nothing though lines wait."
    )

    private static func write(_ log: LogCounts, to samples: inout MetricSamples) {
        samples.add(lines, ["written"], log.writtenLines)
        samples.add(lines, ["lost"], log.lostLines)
        samples.add(waiting, [], log.waitingBytes)
        let stall = log.stalled(at: SystemClock.monotonic())
        samples.add(stalled, [], Double(stall.nanoseconds / 1_000_000) / 1000)
    }

    // MARK: - Upstreams

    private static let connections = MetricFamily(
        "sluice_upstream_connections",
        .gauge,
        help: "Open connections to the endpoints of an upstream, idle ones included.",
        labels: ["upstream"]
    )
    private static let pending = MetricFamily(
        "sluice_upstream_pending_requests",
        .gauge,
        help: "Requests that wait for a connection.",
        labels: ["upstream"]
    )
    private static let active = MetricFamily(
        "sluice_upstream_active_requests",
        .gauge,
        help: "Requests that have a connection.",
        labels: ["upstream"]
    )
    private static let retries = MetricFamily(
        "sluice_upstream_active_retries",
        .gauge,
        help: "Retries under way, which the retry budget bounds.",
        labels: ["upstream"]
    )
    private static let limits = MetricFamily(
        "sluice_upstream_limit",
        .gauge,
        help: "What the breakers of an upstream allow.",
        labels: ["upstream", "kind"]
    )
    private static let isFull = MetricFamily(
        "sluice_upstream_breaker_open",
        .gauge,
        help: "1 while a breaker has no place left.",
        labels: ["upstream", "kind"]
    )
    private static let endpoints = MetricFamily(
        "sluice_upstream_endpoints",
        .gauge,
        help: "Endpoints by state: usable, unhealthy or ejected.",
        labels: ["upstream", "state"]
    )
    private static let isHealthy = MetricFamily(
        "sluice_endpoint_healthy",
        .gauge,
        help: "1 while an endpoint may be used as far as health checks and ejections go.",
        labels: ["upstream", "endpoint"]
    )

    private static func write(_ upstream: UpstreamReport, to samples: inout MetricSamples) {
        let name = upstream.name
        let counts = upstream.state.breakers
        let limit = upstream.model.limits
        samples.add(connections, [name], counts.current(.connections))
        samples.add(pending, [name], counts.current(.pending))
        samples.add(active, [name], counts.current(.requests))
        samples.add(retries, [name], upstream.state.budget.current)
        let breakers: [(kind: String, now: Int, limit: Int)] = [
            ("connections", counts.current(.connections), limit.connections),
            ("pending", counts.current(.pending), limit.pending),
            ("requests", counts.current(.requests), limit.requests),
        ]
        for breaker in breakers {
            samples.add(limits, [name, breaker.kind], breaker.limit)
            samples.add(isFull, [name, breaker.kind], breaker.now >= breaker.limit ? 1 : 0)
        }
        var (usable, unhealthy, ejected) = (0, 0, 0)
        for endpoint in upstream.endpoints {
            if endpoint.isUsable { usable += 1 } else if endpoint.isEjected { ejected += 1 } else { unhealthy += 1 }
            samples.add(isHealthy, [name, endpoint.address], endpoint.isUsable ? 1 : 0)
        }
        samples.add(endpoints, [name, "usable"], usable)
        samples.add(endpoints, [name, "unhealthy"], unhealthy)
        samples.add(endpoints, [name, "ejected"], ejected)
    }
}

extension GatewayModel {
    /// The values of labels that belong to this configuration, so that their series stay.
    var labelValues: [String: Set<String>] {
        ["route": Set(routes.map(\.name) + ["-"]), "upstream": Set(upstreams.map(\.name) + ["-"])]
    }
}
