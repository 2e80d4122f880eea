package import SluiceConfig

/// Compares two configurations by trying requests. Isolation: any thread that has time.
package struct ConfigurationComparer {
    private let old: DiffSide
    private let new: DiffSide
    private var comparison: RouteComparison
    private var result = ConfigurationDiff()
    /// Where each group of differences stands in the result.
    private var groups: [Group: Int] = [:]
    private var upstreams: [String: ConfigurationDiff.SharedChange] = [:]
    private var tried: Set<SampleRequest> = []

    /// What requests have in common that are decided differently in the same way.
    private struct Group: Hashable {
        var kind: ConfigurationDiff.Kind
        var old: String?
        var new: String?
        var changes: [String]
    }

    /// - Throws: routes that do not compile.
    package init(_ old: GatewayModel, _ new: GatewayModel) throws {
        self.old = try DiffSide(old)
        self.new = try DiffSide(new)
        comparison = RouteComparison(self.old, self.new)
    }

    /// Tries all requests.
    ///
    /// - Parameter progress: is told now and then how many of how many routes have been tried.
    package mutating func run(progress: (_ done: Int, _ all: Int) -> Void) -> ConfigurationDiff {
        let pairs = ListenerPairs(old.model, new.model)
        result.shared = pairs.changes
        if !comparison.filterChanges.isEmpty {
            let places = [old, new].map { $0.model.filters.first?.place }
            let changes = comparison.filterChanges
            result.shared.append(
                .init(kind: .filters, name: "of every route", old: places[0], new: places[1], changes: changes)
            )
        }
        let all = max(1, pairs.pairs.count) * (old.model.routes.count + new.model.routes.count)
        var done = 0
        for (number, pair) in pairs.pairs.enumerated() {
            // A request that no route of either side was written for.
            let address = listener(pair).address
            check(SampleRequest(listener: number, host: SampleRequests.otherHost, path: "/"), pair)
            for (side, listener) in [(old, old.listener(pair.old).name), (new, new.listener(pair.new).name)] {
                for route in side.model.routes {
                    done += 1
                    if done.isMultiple(of: 256) { progress(done, all) }
                    guard route.match.listeners.isEmpty || route.match.listeners.contains(listener) else { continue }
                    let samples = SampleRequests(route.match, listener: number, at: address)
                    for request in samples.all { check(request, pair) }
                }
            }
        }
        findUntried()
        result.shared += upstreams.values.sorted { $0.name < $1.name }
        result.requests = tried.count
        return result
    }

    // MARK: One request

    private mutating func check(_ request: SampleRequest, _ pair: ListenerPairs.Pair) {
        guard tried.insert(request).inserted else { return }
        let before = old.decide(request, at: pair.old)
        let after = new.decide(request, at: pair.new)
        noteUpstreams(before, after, request, pair)
        guard let (kind, changes) = difference(before, after) else { return }
        let places = (old.place(of: before.answer), new.place(of: after.answer))
        let group = Group(kind: kind, old: places.0?.name, new: places.1?.name, changes: changes)
        if let known = groups[group] {
            result.differences[known].count += 1
            return
        }
        guard result.differences.count < ConfigurationDiff.limit else {
            result.omitted += 1
            return
        }
        groups[group] = result.differences.count
        result.differences.append(
            ConfigurationDiff.Difference(
                kind: kind,
                old: places.0,
                new: places.1,
                changes: changes,
                example: request.curl(to: listener(pair).address, isSecure: listener(pair).tls != nil),
                count: 1
            )
        )
    }

    private mutating func noteUpstreams(
        _ before: DiffSide.Verdict,
        _ after: DiffSide.Verdict,
        _ request: SampleRequest,
        _ pair: ListenerPairs.Pair
    ) {
        guard case .route(let a) = before.answer, case .route(let b) = after.answer else { return }
        for change in comparison.changedUpstreams(a, b) {
            var known = upstreams[change.name] ?? change
            if known.count == 0 {
                known.example = request.curl(to: listener(pair).address, isSecure: listener(pair).tls != nil)
            }
            known.count += 1
            upstreams[change.name] = known
        }
    }

    private func listener(_ pair: ListenerPairs.Pair) -> ListenerModel {
        new.model.listeners.isEmpty ? old.listener(pair.old) : new.listener(pair.new)
    }

    private mutating func difference(
        _ before: DiffSide.Verdict,
        _ after: DiffSide.Verdict
    ) -> (ConfigurationDiff.Kind, [String])? {
        switch (before.answer, after.answer) {
        case (.route(let a), .route(let b)):
            let changes = comparison.changes(a, b, before, after)
            if changes.isEmpty { return nil }
            return (old.model.routes[a].name == new.model.routes[b].name ? .changed : .moved, changes)
        case (.noRoute(let a), .noRoute(let b)):
            return a == b ? nil : (.unrouted, [Self.text(before.answer) + " -> " + Self.text(after.answer)])
        case (.noRoute, .route): return (.added, ["\(Self.text(before.answer)) before"])
        case (.route, .noRoute): return (.removed, ["\(Self.text(after.answer)) now"])
        case (let a, let b):
            return a == b ? nil : (.refused, ["\(Self.text(a)) -> \(Self.text(b))"])
        }
    }

    private static func text(_ answer: DiffSide.Verdict.Answer) -> String {
        switch answer {
        case .route: "a route"
        case .refused(let status, let code): "\(status) \(code)"
        case .redirected(let status, let location): "\(status) to \(location)"
        case .noRoute(let allowed) where allowed.isEmpty: "404 no_route"
        case .noRoute(let allowed): "405 with Allow: \(allowed.joined(separator: ", "))"
        }
    }

    // MARK: What cannot be tried

    /// Routes of which no request could be made are compared as they are written.
    private mutating func findUntried() {
        func untried(_ side: DiffSide) -> [(key: String, route: RouteModel)] {
            side.model.routes.filter { SampleRequests($0.match, listener: 0, at: .unix(path: "")).isEmpty }.map {
                route in
                (key: ModelDifference.text(route), route: route)
            }
        }
        let (before, after) = (untried(old), untried(new))
        let (known, now) = (Set(before.map(\.key)), Set(after.map(\.key)))
        let differing = before.filter { !now.contains($0.key) } + after.filter { !known.contains($0.key) }
        result.untried = differing.map { ConfigurationDiff.Route(name: $0.route.name, place: $0.route.place) }
    }
}
