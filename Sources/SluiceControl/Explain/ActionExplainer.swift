import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy

/// What the action of a route makes of a request, as far as that is known before it is sent.
struct ActionExplainer {
    /// How many endpoints of an upstream are told.
    private static let endpointLimit = 8
    /// How much of a fixed body is told.
    private static let bodyLimit = 200

    private let model: GatewayModel
    private let route: RouteModel
    private let intake: Intake
    private let captures: [(name: String, value: String)]

    init(_ model: GatewayModel, _ route: RouteModel, _ intake: Intake, captures: [(name: String, value: String)]) {
        self.model = model
        self.route = route
        self.intake = intake
        self.captures = captures
    }

    func explain() -> ExplainedAction {
        switch route.action {
        case .forward(let plan): return .forward(forward(plan))
        case .redirect(let plan):
            let location = RedirectLocation(plan, intake.head, variables(upstream: nil))
            return .redirect(
                status: plan.status,
                location: location.text.map(Discretion.withoutCredentials)
                    ?? "(refused: \(GatewayError.badTarget.code))"
            )
        case .respond(let plan):
            let values = variables(upstream: nil)
            let body = values.render(plan.body, for: .text) ?? plan.body
            return .respond(
                status: plan.status,
                contentType: plan.contentType,
                body: body.count > Self.bodyLimit ? body.prefix(Self.bodyLimit) + "..." : body,
                headers: plan.headers.map { header in
                    let value = values.render(header.value, for: .fieldValue) ?? header.value
                    return (name: header.name, value: Discretion.isSecret(header.name) ? "***" : value)
                }
            )
        }
    }

    private func variables(upstream: String?) -> RequestVariables {
        RequestVariables(
            intake: intake,
            captures: captures,
            match: route.match,
            routeName: route.name,
            upstreamName: upstream
        )
    }

    // MARK: Forwarding

    private func forward(_ plan: ForwardModel) -> ForwardFacts {
        let used = plan.targets.filter { $0.weight > 0 }
        let only = Set(used.map(\.upstream)).count == 1 ? used.first?.upstream : nil
        let rewritten = rewrite(plan, variables(upstream: only))
        let host = host(plan, used)
        var facts = ForwardFacts(
            target: rewritten.target,
            rewrite: rewritten.how,
            host: host.text,
            hostReason: host.reason
        )
        facts.targets = targets(plan)
        facts.added = added
        if let mirror = plan.mirror {
            facts.mirror = Setting(
                mirror.upstream,
                "\(Wording.percent(mirror.share * 100)) of the requests",
                from: .route(route.name, mirror.place)
            )
        }
        facts.upgrade = upgrade
        facts.retry = retry(plan, used)
        return facts
    }

    private var upgrade: String? {
        let head = intake.head
        guard head.wantsUpgrade, let range = head.fields.value(of: .upgrade) else { return nil }
        let token = Printable.short(head.fields.string(range))
        guard route.upgrades.contains(token.lowercased()) else {
            return "\(token) is not one of the route's upgrades, so the request goes as a plain one"
        }
        return head.framing == .none ? "\(token) is passed on" : "\(token) is not passed on with a body"
    }

    private func targets(_ plan: ForwardModel) -> [TargetFacts] {
        let total = plan.targets.reduce(0) { $0 + Double($1.weight) }
        return plan.targets.map { target in
            let upstream = model.upstreams.first { $0.name == target.upstream }
            let endpoints = upstream?.endpoints ?? []
            var facts = TargetFacts(
                upstream: target.upstream,
                place: upstream?.place ?? target.place,
                percent: total > 0 ? Double(target.weight) / total * 100 : 0,
                balancing: upstream.map { Wording.balancing($0.balancing, routeHash: plan.hash) } ?? "",
                endpoints: endpoints.prefix(Self.endpointLimit).map {
                    EndpointFacts(address: Wording.address($0.address), weight: Int($0.weight), place: $0.place)
                }
            )
            facts.moreEndpoints = endpoints.count - facts.endpoints.count
            facts.limits = upstream.map(EffectiveSettings.limits) ?? []
            return facts
        }
    }

    /// The Host header, which may be another one for each endpoint.
    private func host(_ plan: ForwardModel, _ used: [TargetModel]) -> (text: String, reason: String) {
        let upstreams = model.upstreams.filter { upstream in used.contains { $0.upstream == upstream.name } }
        let policies = Set(upstreams.map { plan.host ?? $0.host })
        let own = "the chosen endpoint's own"
        guard let policy = policies.first, policies.count == 1 else { return (own, "each upstream says its own") }
        let reason = plan.host == nil ? "host of the upstream" : "host of the route"
        switch policy {
        case .name(let name): return (name, reason)
        case .preserve where intake.head.authority.isEmpty: return (own, "the request has no host to preserve")
        case .preserve: return (intake.head.fields.string(intake.head.authority), "\(reason): preserve")
        case .upstream:
            let hosts = Set(upstreams.flatMap(\.endpoints).map(Self.hostField))
            let isSet = plan.host != nil || upstreams.contains { $0.host != HostPolicy.upstream }
            return (hosts.count == 1 ? hosts.first ?? own : own, isSet ? "\(reason): upstream" : "default: upstream")
        }
    }

    private static func hostField(_ endpoint: EndpointModel) -> String {
        switch endpoint.address {
        case .ip(let ip, let port): withPort(ip.isV4 ? ip.description : "[\(ip.description)]", port)
        case .name(let name, let port): withPort(name, port)
        case .unix: "localhost"
        case .service(let name): "\(name), with the port of its record"
        }
    }

    private static func withPort(_ host: String, _ port: Int) -> String { port == 80 ? host : "\(host):\(port)" }

    /// The lines that a gateway writes behind those of the client; see `DownstreamConnection.writeForwardedFields`.
    private var added: [(name: String, value: String)] {
        let fields = intake.head.fields
        var lines: [(name: String, value: String)] = []
        let chain = intake.forwardedFor + (intake.peer.map { [$0.description] } ?? [])
        if !chain.isEmpty { lines.append(("X-Forwarded-For", chain.joined(separator: ", "))) }
        if !fields.has(.xForwardedProto) { lines.append(("X-Forwarded-Proto", intake.isSecure ? "https" : "http")) }
        if !fields.has(.xForwardedHost), !intake.head.authority.isEmpty {
            lines.append(("X-Forwarded-Host", fields.string(intake.head.authority)))
        }
        return lines
    }

    // MARK: Tries

    private func retry(_ plan: ForwardModel, _ used: [TargetModel]) -> [Setting] {
        let origin = Setting.Origin.route(route.name, route.place)
        guard let retry = plan.retry, !retry.on.isEmpty, retry.attempts > 0 else {
            return [
                Setting("attempts", "1; once more only when a reused connection turns out to be dead", from: .standard)
            ]
        }
        let standard = RetryModel()
        func setting(_ name: String, _ value: String, _ isStandard: Bool) -> Setting {
            Setting(name, value, from: isStandard ? .standard : origin)
        }
        let pause = "\(Wording.duration(retry.backoffBase)) to \(Wording.duration(retry.backoffMax)), with jitter"
        var all = [
            setting("attempts", "1, and up to \(retry.attempts) more", retry.attempts == standard.attempts),
            Setting(
                "on",
                RetryModel.Condition.allCases.filter(retry.on.contains).map(\.rawValue).joined(separator: ", "),
                from: origin
            ),
        ]
        if retry.on.contains(.retriableStatusCodes) {
            all.append(
                Setting("status_codes", retry.statusCodes.map(String.init).joined(separator: ", "), from: origin)
            )
        }
        let hasOwnPause = retry.backoffBase != standard.backoffBase || retry.backoffMax != standard.backoffMax
        all.append(setting("backoff", pause, !hasOwnPause))
        let buffer = "bodies up to \(Units.showSize(retry.bufferBytes)) are kept for it"
        all.append(setting("buffer", buffer, retry.bufferBytes == standard.bufferBytes))
        return all + budgets(used)
    }

    private func budgets(_ used: [TargetModel]) -> [Setting] {
        let standard = UpstreamLimits()
        let upstreams = model.upstreams.filter { upstream in used.contains { $0.upstream == upstream.name } }
        let budgets = upstreams.map { upstream in
            let limits = upstream.limits
            let isStandard = limits.retryBudget == standard.retryBudget && limits.minRetries == standard.minRetries
            return Setting(
                "retry_budget",
                "\(Wording.percent(limits.retryBudget * 100)) of the requests under way, at least \(limits.minRetries)",
                from: isStandard ? .standard : .upstream(upstream.name, upstream.place)
            )
        }
        return EffectiveSettings.distinct(budgets)
    }
}
