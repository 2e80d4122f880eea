import SluiceConfig

extension Explanation {
    /// For programs: one object; what does not apply is absent.
    package var json: String {
        var json = JSONWriter()
        json.object { json in
            json.field("outcome", outcomeName)
            json.object("request") { write(request, to: &$0) }
            json.object("listener") { json in
                json.field("name", listener.name)
                json.field("address", listener.address)
                json.field("reason", listener.reason)
                json.place(listener.place)
            }
            writeOutcome(to: &json)
            json.array("near_misses") { json in
                for miss in nearMisses { json.object { write(miss, to: &$0) } }
            }
            json.array("filters") { json in
                for filter in filters { json.object { write(filter, to: &$0) } }
            }
            if let action { json.object("action") { write(action, to: &$0) } }
            json.settings("timeouts", timeouts)
            json.settings("limits", limits)
        }
        return json.text + "\n"
    }

    private var outcomeName: String {
        switch outcome {
        case .route: "route"
        case .noRoute(let allowed): allowed.isEmpty ? "no_route" : "method_not_allowed"
        case .refused: "refused"
        case .redirected: "redirected"
        }
    }

    private func write(_ request: SeenRequest, to json: inout JSONWriter) {
        json.field("method", request.method)
        json.field("url", request.url)
        json.field("host", request.host)
        json.field("path", request.path)
        if let query = request.query { json.field("query", query) }
        if let client = request.client {
            json.field("client", client)
            json.field("client_is_assumed", request.clientIsAssumed)
        }
        json.strings("notes", request.notes)
    }

    private func writeOutcome(to json: inout JSONWriter) {
        switch outcome {
        case .route(let route): json.object("route") { write(route, to: &$0) }
        case .noRoute(let allowed):
            json.field("status", allowed.isEmpty ? 404 : 405)
            if !allowed.isEmpty { json.strings("allow", allowed) }
        case .redirected(let redirect):
            json.field("status", redirect.status)
            json.field("location", redirect.location)
        case .refused(let refusal):
            json.field("status", refusal.status)
            json.object("refusal") { json in
                json.field("code", refusal.code)
                json.field("message", refusal.message)
                if let detail = refusal.detail { json.field("detail", detail) }
                if let setting = refusal.setting { json.field("setting", setting) }
            }
        }
    }

    private func write(_ route: WonRoute, to json: inout JSONWriter) {
        json.field("name", route.name)
        json.place(route.place)
        json.array("conditions") { json in
            for condition in route.conditions {
                json.object { json in
                    json.field("kind", condition.kind)
                    json.field("wanted", condition.wanted)
                    json.field("got", condition.got)
                }
            }
        }
        json.object("captures") { json in
            for capture in route.captures { json.field(capture.name, capture.value) }
        }
    }

    private func write(_ miss: MissedRoute, to json: inout JSONWriter) {
        json.field("name", miss.name)
        json.place(miss.place)
        json.field("fits", miss.fits)
        json.strings("reasons", miss.reasons)
    }

    private func write(_ filter: FilterStep, to json: inout JSONWriter) {
        json.field("name", filter.name)
        json.field("scope", filter.isGlobal ? "global" : "route")
        json.place(filter.place)
        if let moved = filter.moved { json.field("moved", moved) }
        json.strings("effects", filter.effects)
    }

    // MARK: The action

    private func write(_ action: ExplainedAction, to json: inout JSONWriter) {
        switch action {
        case .forward(let facts):
            json.field("kind", "forward")
            facts.write(to: &json)
        case .redirect(let status, let location):
            json.field("kind", "redirect")
            json.field("status", status)
            json.field("location", location)
        case .respond(let status, let contentType, let body, let headers):
            json.field("kind", "respond")
            json.field("status", status)
            json.field("content_type", contentType)
            json.lines("headers", headers)
            json.field("body", body)
        }
    }
}

extension ForwardFacts {
    fileprivate func write(to json: inout JSONWriter) {
        json.array("targets") { json in
            for target in targets { json.object { target.write(to: &$0) } }
        }
        json.field("target", target)
        if let rewrite { json.field("rewrite", rewrite) }
        json.field("host", host)
        json.field("host_reason", hostReason)
        json.lines("added_headers", added)
        if let mirror { json.object("mirror") { mirror.write(to: &$0) } }
        if let upgrade { json.field("upgrade", upgrade) }
        json.settings("tries", retry)
    }
}

extension TargetFacts {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("upstream", upstream)
        json.place(place)
        json.field("percent", Wording.percent(percent))
        json.field("load_balancing", balancing)
        json.array("endpoints") { json in
            for endpoint in endpoints {
                json.object { json in
                    json.field("address", endpoint.address)
                    json.field("weight", endpoint.weight)
                    json.place(endpoint.place)
                }
            }
        }
        if moreEndpoints > 0 { json.field("more_endpoints", moreEndpoints) }
        json.settings("limits", limits)
    }
}

extension JSONWriter {
    /// `"place": {file, line, column}`; nothing for what no file says.
    mutating func place(_ place: SourcePlace, named name: String = "place") {
        guard place != .builtIn else { return }
        object(name) { json in
            json.field("file", place.file)
            json.field("line", place.line)
            json.field("column", place.column)
        }
    }

    fileprivate mutating func lines(_ name: String, _ lines: [(name: String, value: String)]) {
        array(name) { json in
            for line in lines {
                json.object { json in
                    json.field("name", line.name)
                    json.field("value", line.value)
                }
            }
        }
    }

    fileprivate mutating func settings(_ name: String, _ settings: [Setting]) {
        array(name) { json in
            for setting in settings { json.object { setting.write(to: &$0) } }
        }
    }
}

extension Setting {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", name)
        json.field("value", value)
        let (kind, owner): (String, String?) =
            switch origin {
            case .standard: ("default", nil)
            case .route(let name, _): ("route", name)
            case .upstream(let name, _): ("upstream", name)
            case .listener(let name, _): ("listener", name)
            }
        json.field("from", kind)
        if let owner { json.field("owner", owner) }
        if let place = origin.place { json.place(place) }
    }
}
