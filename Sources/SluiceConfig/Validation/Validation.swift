/// Checks of the whole model: what refers to what, and what can never work.
///
/// For every dialect: works on the model alone and reports through the context of the load. Each check walks its list
/// once, so that 100,000 routes take no longer than reading them.
package struct Validation {
    let model: GatewayModel
    let context: DecodeContext
    /// Places of routes with errors of their own, about which there is nothing sensible to warn of.
    let broken: Set<SourcePlace>
    /// Positions in `model.upstreams`.
    let upstreams: [String: Int]

    package init(model: GatewayModel, context: DecodeContext, broken: Set<SourcePlace> = []) {
        self.model = model
        self.context = context
        self.broken = broken
        self.upstreams = Dictionary(model.upstreams.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in
            first
        }
    }

    package func run() {
        checkAddresses()
        let used = checkReferences()
        checkWeights()
        checkShadowedRoutes()
        checkPaths()
        lintUpstreams()
        lintRoutes()
        lintClientKinds()
        lintTrust()
        lintTLS()
        lintGRPC()
        lintLoops()
        lintPolicies()
        // What is missing may be what an error is about.
        if !context.diagnostics.hasErrors { lintWhole(used: used) }
    }

    // MARK: Listeners

    private func checkAddresses() {
        var byPort: [Int: [(host: String, listener: ListenerModel)]] = [:]
        var byPath: [String: ListenerModel] = [:]
        for listener in model.listeners + (model.admin.map { [$0.listener] } ?? []) {
            switch listener.address {
            case .unix(let path):
                if let first = byPath.updateValue(listener, forKey: path) { conflict(listener, first) }
            case .ip(_, 0): continue
            case .ip(let host, let port):
                if let first = byPort[port]?.first(where: { Self.overlap($0.host, host) }) {
                    conflict(listener, first.listener)
                }
                byPort[port, default: []].append((host, listener))
            }
        }
    }

    /// Whether the second bind would fail: the same address, or one of them stands for all.
    private static func overlap(_ a: String, _ b: String) -> Bool {
        if a == b || a == "::" || b == "::" { return true }
        let isV6 = a.contains(":")
        return isV6 == b.contains(":") && !isV6 && (a == "0.0.0.0" || b == "0.0.0.0")
    }

    private func conflict(_ listener: ListenerModel, _ first: ListenerModel) {
        context.report(
            .addressConflict,
            at: SourceSpan(place: listener.place, length: listener.name.unicodeScalars.count),
            "listener '\(listener.name)' wants the address of listener '\(first.name)'",
            notes: [
                Diagnostic.Note(
                    text: "the other one",
                    span: SourceSpan(place: first.place, length: first.name.unicodeScalars.count)
                )
            ]
        )
    }

    // MARK: Upstreams of routes

    /// Answers which upstreams are used.
    private func checkReferences() -> Set<String> {
        var used: Set<String> = []
        for route in model.routes {
            guard case .forward(let forward) = route.action else { continue }
            for target in forward.targets { refer(target.upstream, target.place, &used) }
            if let mirror = forward.mirror { refer(mirror.upstream, mirror.place, &used) }
        }
        for filter in model.filters { refer(filter, &used) }
        for route in model.routes {
            for filter in route.filters { refer(filter, &used) }
        }
        return used
    }

    private func refer(_ filter: FilterModel, _ used: inout Set<String>) {
        for upstream in filter.configuration.needs.upstreams { refer(upstream, filter.place, &used) }
    }

    private func refer(_ name: String, _ place: SourcePlace, _ used: inout Set<String>) {
        if upstreams[name] != nil {
            used.insert(name)
            return
        }
        let known = context.diagnostics.isFull(.unknownUpstream) ? [] : model.upstreams.map(\.name)
        let near = Spelling.nearest(to: name, in: known)
        context.report(
            .unknownUpstream,
            at: SourceSpan(place: place, length: name.unicodeScalars.count),
            "there is no upstream '\(Printable.short(name))'",
            help: near.map { "did you mean '\($0)'?" } ?? Spelling.choices(known)
        )
    }

    private func checkWeights() {
        for route in model.routes where !broken.contains(route.place) {
            guard case .forward(let forward) = route.action, forward.targets.allSatisfy({ $0.weight == 0 }) else {
                continue
            }
            guard let place = forward.targets.first?.place else { continue }
            context.report(
                .zeroWeights,
                .warning,
                at: SourceSpan(place: place),
                "all upstreams of route '\(Printable.short(route.name))' have weight 0, so it answers 503"
            )
        }
        for upstream in model.upstreams where upstream.endpoints.allSatisfy({ $0.weight == 0 }) {
            guard let place = upstream.endpoints.first?.place else { continue }
            context.report(
                .zeroWeights,
                .warning,
                at: SourceSpan(place: place),
                "all endpoints of upstream '\(Printable.short(upstream.name))' have weight 0, so it answers 503"
            )
        }
    }

    // MARK: Paths

    private func checkPaths() {
        let policies = model.listeners.map(\.path)
        guard !policies.isEmpty else { return }
        for route in model.routes where !broken.contains(route.place) {
            let path: String
            switch route.match.path {
            case .exact(let text), .prefix(let text), .template(let text): path = text
            case .any, .regex: continue
            }
            guard policies.allSatisfy({ PathSyntax.isUnreachable(path, under: $0) }) else { continue }
            context.report(
                .unmatchablePath,
                .warning,
                at: SourceSpan(place: route.place),
                "no request has the path '\(Printable.short(path))' of route '\(Printable.short(route.name))' once paths are normalised"
            )
        }
    }
}
