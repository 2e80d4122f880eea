import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceUpstream

/// What the admin API shows. Isolation: any thread; all but `readiness` take time.
struct AdminView: Sendable {
    let facts: GatewayFacts
    let metrics: MetricsRegistry
    let upstreams: @Sendable () -> [UpstreamReport]

    var isDraining: Bool { facts.now.isDraining }
    var generation: Int { facts.now.generation }

    /// Whether new requests should be sent here.
    var readiness: LocalReply {
        let now = facts.now
        if now.isDraining { return .json(503, #"{"status": "draining"}"# + "\n") }
        if now.running == nil { return .json(503, #"{"status": "starting"}"# + "\n") }
        return .json(200, #"{"status": "ready"}"# + "\n")
    }

    func metrics(accept: [String]) -> LocalReply {
        let format = MetricFormat(accept: accept.joined(separator: ","))
        return LocalReply(
            status: 200,
            body: metrics.write(format, now: SystemClock.monotonic()),
            contentType: StaticOrBytes(Array(format.contentType.utf8))
        )
    }

    /// The running model, members as they are named there, what is secret hidden.
    var configuration: LocalReply {
        guard let running = facts.now.running else { return LocalReply(.noRoute) }
        var json = JSONWriter()
        json.object { ModelJSON.write(members: running.model, to: &$0) }
        return .json(200, json.text + "\n")
    }

    var routes: LocalReply {
        var json = JSONWriter()
        json.object { json in
            json.array("routes") { json in
                for route in facts.now.running?.model.routes ?? [] {
                    json.object { write(route, to: &$0) }
                }
            }
        }
        return .json(200, json.text + "\n")
    }

    private func write(_ route: RouteModel, to json: inout JSONWriter) {
        json.field("name", route.name)
        json.field("place", route.place.description)
        json.object("match") { ModelJSON.write(members: route.match, to: &$0) }
        json.strings("filters", route.filters.map(\.name))
        switch route.action {
        case .forward(let forward):
            json.field("action", "forward")
            json.array("targets") { json in
                for target in forward.targets {
                    json.object { json in
                        json.field("upstream", target.upstream)
                        json.field("weight", Int(target.weight))
                    }
                }
            }
        case .redirect: json.field("action", "redirect")
        case .respond: json.field("action", "respond")
        }
        if let timeout = route.timeout { json.field("timeout", Units.showDuration(timeout)) }
    }

    var upstreamList: LocalReply {
        let reports = upstreams()
        var json = JSONWriter()
        json.object { json in
            json.array("upstreams") { json in
                for report in reports { json.object { write(report, to: &$0) } }
            }
        }
        return .json(200, json.text + "\n")
    }

    private func write(_ report: UpstreamReport, to json: inout JSONWriter) {
        let limits = report.model.limits
        let counts = report.state.breakers
        json.field("name", report.name)
        json.object("connections") { $0.use(counts.current(.connections), limit: limits.connections) }
        json.object("pending") { $0.use(counts.current(.pending), limit: limits.pending) }
        json.object("requests") { $0.use(counts.current(.requests), limit: limits.requests) }
        json.field("retries", report.state.budget.current)
        json.array("endpoints") { json in
            for endpoint in report.endpoints {
                json.object { json in
                    json.field("address", endpoint.address)
                    json.field("weight", Int(endpoint.weight))
                    json.field("priority", Int(endpoint.priority))
                    json.field("health", Self.name(endpoint.health))
                    json.field("ejected", endpoint.isEjected)
                    json.field("usable", endpoint.isUsable)
                    json.field("connections", endpoint.connections)
                }
            }
        }
    }

    private static func name(_ health: HealthState.Status?) -> String {
        switch health {
        case nil: "unchecked"
        case .unknown: "unknown"
        case .healthy: "healthy"
        case .unhealthy: "unhealthy"
        }
    }
}

extension JSONWriter {
    fileprivate mutating func use(_ count: Int, limit: Int) {
        field("current", count)
        field("limit", limit)
    }
}
