import SluiceConfig

extension Explanation {
    /// For people: sections with aligned columns, without colours or control characters.
    package var text: String {
        let sections = [
            requestText, decisionText, nearMissText, filterText, actionText, settingText("timeouts", timeouts),
            settingText("limits", limits),
        ]
        return Printable.lines(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
    }

    private var requestText: String {
        var table = TextTable(indent: 0)
        table.row("listener", listener.name, listener.address, listener.place.shown, listener.reason)
        var facts = TextTable(indent: 0)
        if case .refused = outcome {
        } else {
            facts.row("host    ", request.host.isEmpty ? "(none)" : request.host)
            if !request.path.isEmpty { facts.row("path    ", request.path) }
            if let query = request.query { facts.row("query   ", query) }
            let client = request.client ?? "(no address)"
            facts.row("client  ", client + (request.clientIsAssumed ? ", since none was named" : ""))
        }
        for note in request.notes { facts.row("note    ", note) }
        return "\(request.method) \(request.url)\n\n" + table.text + facts.text
    }

    // MARK: The decision

    private var decisionText: String {
        switch outcome {
        case .route(let route): return text(of: route)
        case .refused(let refusal): return text(of: refusal)
        case .redirected(let redirect): return text(of: redirect)
        case .noRoute(let allowed) where allowed.isEmpty:
            return "no route takes it: 404 no_route\n"
        case .noRoute(let allowed):
            return
                "no route takes it with \(request.method): 405 method_not_allowed, Allow: \(allowed.joined(separator: ", "))\n"
        }
    }

    private func text(of route: WonRoute) -> String {
        var head = TextTable(indent: 0)
        head.row("route", route.name, route.place.shown)
        var table = TextTable()
        for condition in route.conditions {
            table.row(condition.kind, condition.wanted, "met by \(condition.got.isEmpty ? "none" : condition.got)")
        }
        if route.conditions.isEmpty { table.row("takes every request") }
        for capture in route.captures { table.row("${path.\(capture.name)}", "'\(capture.value)'") }
        return head.text + table.text
    }

    private func text(of refusal: Refusal) -> String {
        var table = TextTable()
        table.row("answer", "\(refusal.status) \(refusal.code): \(refusal.message)")
        if let detail = refusal.detail { table.row("why", detail) }
        if let setting = refusal.setting {
            table.row("setting", setting, "of listener '\(listener.name)'", listener.place.shown)
        }
        return "refused, before routes are looked at\n" + table.text
    }

    private func text(of redirect: ListenerRedirect) -> String {
        var table = TextTable()
        table.row("answer", "\(redirect.status) to \(redirect.location)")
        table.row("setting", "http_redirect", "of listener '\(listener.name)'", listener.place.shown)
        return "redirected, before routes are looked at\n" + table.text
    }

    private var nearMissText: String {
        guard !nearMisses.isEmpty else { return "" }
        return "near misses\n"
            + nearMisses.map { miss in
                var head = TextTable()
                head.row(miss.name, miss.place.shown)
                var reasons = TextTable(indent: 4)
                for reason in miss.reasons { reasons.row(reason) }
                return head.text + reasons.text
            }.joined()
    }

    // MARK: What happens then

    private var filterText: String {
        guard !filters.isEmpty else { return "" }
        var table = TextTable()
        for (index, filter) in filters.enumerated() {
            let scope = filter.isGlobal ? "for every route" : "of the route"
            let lines = (filter.moved.map { [$0] } ?? []) + filter.effects
            table.row("\(index + 1)", filter.name, scope, filter.place.shown, lines.first ?? "")
            for line in lines.dropFirst() { table.row("", "", "", "", line) }
        }
        return "filters, in the order in which they run\n" + table.text
    }

    private var actionText: String {
        switch action {
        case nil: ""
        case .redirect(let status, let location): "redirect\n  \(status) to \(location)\n"
        case .respond(let status, let type, let body, let headers): text(status, type, body, headers)
        case .forward(let facts): facts.text
        }
    }

    private func text(
        _ status: Int,
        _ type: String,
        _ body: String,
        _ headers: [(name: String, value: String)]
    ) -> String {
        var table = TextTable()
        table.row("status", "\(status)")
        table.row("content-type", type)
        for header in headers { table.row(header.name, header.value) }
        table.row("body", Printable.visible(body))
        return "respond\n" + table.text
    }

    private func settingText(_ title: String, _ settings: [Setting]) -> String {
        guard !settings.isEmpty else { return "" }
        var table = TextTable()
        for setting in settings {
            table.row(setting.name, setting.value, setting.origin.owner, setting.origin.placeText)
        }
        return title + "\n" + table.text
    }
}

extension ForwardFacts {
    fileprivate var text: String {
        var table = TextTable()
        for target in targets {
            table.row("to \(target.upstream)", Wording.percent(target.percent), target.balancing, target.place.shown)
            for endpoint in target.endpoints {
                table.row("  \(endpoint.address)", "weight \(endpoint.weight)", "", endpoint.place.shown)
            }
            if target.moreEndpoints > 0 { table.row("  and \(target.moreEndpoints) more") }
            let limits = target.limits.map { limit in
                limit.name == "tenant_share" ? "one caller \(limit.value)" : "\(limit.name) \(limit.value)"
            }.joined(separator: ", ")
            if !limits.isEmpty { table.row("  at most \(limits)") }
        }
        var facts = TextTable()
        facts.row("path", target, rewrite ?? "not rewritten")
        facts.row("host", host, hostReason)
        for line in added { facts.row("adds", "\(line.name): \(line.value)") }
        if let mirror { facts.row("mirror", mirror.name, mirror.value, mirror.origin.placeText) }
        if let upgrade { facts.row("upgrade", upgrade) }
        var tries = TextTable()
        for setting in retry { tries.row(setting.name, setting.value, setting.origin.owner, setting.origin.placeText) }
        return "forward\n" + table.text + facts.text + "\ntries\n" + tries.text
    }
}

extension Setting.Origin {
    fileprivate var owner: String {
        switch self {
        case .standard: "default"
        case .route(let name, _): "route '\(name)'"
        case .upstream(let name, _): "upstream '\(name)'"
        case .listener(let name, _): "listener '\(name)'"
        }
    }

    fileprivate var placeText: String { place?.shown ?? "" }

    var place: SourcePlace? {
        switch self {
        case .standard: nil
        case .route(_, let place), .upstream(_, let place), .listener(_, let place): place
        }
    }
}

extension SourcePlace {
    /// `gateway.yaml:4:12`; empty for what no file says.
    var shown: String { self == .builtIn ? "" : description }
}

extension Printable {
    /// Text of several lines with its control characters made visible.
    static func lines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { visible(String($0)) }.joined(
            separator: "\n"
        )
    }
}
