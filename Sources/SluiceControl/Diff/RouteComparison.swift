import SluiceConfig

/// Whether two routes do the same with a request, and what is different.
///
/// What does not depend on the request is compared once for each pair of routes.
struct RouteComparison {
    private let old: DiffSide
    private let new: DiffSide
    private let oldUpstreams: [String: UpstreamModel]
    private let newUpstreams: [String: UpstreamModel]
    private var known: [Pair: Fixed] = [:]
    /// What is different in upstreams of the same name, which every route that uses them shares.
    private(set) var upstreamChanges: [String: [String]] = [:]
    private let filters: FilterComparison

    private struct Pair: Hashable {
        var old: Int
        var new: Int
    }

    private struct Fixed {
        var changes: [String]
        /// Whether both make the same of the same path, so that nobody needs to try.
        var isSameResult: Bool
    }

    init(_ old: DiffSide, _ new: DiffSide) {
        self.old = old
        self.new = new
        oldUpstreams = Dictionary(old.model.upstreams.map { ($0.name, $0) }) { first, _ in first }
        newUpstreams = Dictionary(new.model.upstreams.map { ($0.name, $0) }) { first, _ in first }
        filters = FilterComparison(old.model.filters, new.model.filters)
    }

    /// What is different in the filters that every request passes.
    var filterChanges: [String] { filters.globalChanges }

    mutating func changes(_ a: Int, _ b: Int, _ before: DiffSide.Verdict, _ after: DiffSide.Verdict) -> [String] {
        let (first, second) = (old.model.routes[a], new.model.routes[b])
        let pair = Pair(old: a, new: b)
        let fixed = known[pair] ?? fixed(first, second)
        known[pair] = fixed
        if fixed.isSameResult, before.intake.path == after.intake.path { return fixed.changes }
        return fixed.changes + results(first, second, before, after)
    }

    // MARK: Whatever the request

    private func fixed(_ old: RouteModel, _ new: RouteModel) -> Fixed {
        let isSamePath = old.match.path == new.match.path
        let isSameAction = ModelDifference.text(old.action) == ModelDifference.text(new.action)
        return Fixed(
            changes: fixedChanges(old, new),
            isSameResult: isSamePath && isSameAction && hosts(old, oldUpstreams) == hosts(new, newUpstreams)
        )
    }

    /// What the Host header follows from.
    private func hosts(_ route: RouteModel, _ upstreams: [String: UpstreamModel]) -> [String] {
        guard case .forward(let plan) = route.action else { return [] }
        return plan.targets.compactMap { upstreams[$0.upstream] }.flatMap { upstream in
            [ModelDifference.text(upstream.host)] + upstream.endpoints.map { Wording.address($0.address) }
        }
    }

    private func fixedChanges(_ old: RouteModel, _ new: RouteModel) -> [String] {
        var found = action(old.action, new.action)
        found += ModelDifference.changes(
            old,
            new,
            leavingOut: ["name", "match", "action", "filters", "isUntimedOnPurpose"]
        )
        return found + filters.changes(old.filters, new.filters)
    }

    private func action(_ old: ActionModel, _ new: ActionModel) -> [String] {
        switch (old, new) {
        case (.forward(let old), .forward(let new)):
            // Path and Host are compared as they come out.
            return targets(old, new)
                + ModelDifference.changes(old, new, leavingOut: ["targets", "rewrite", "host"])
        case (.respond(let old), .respond(let new)):
            // Values of headers may be secrets.
            let headers = old.headers == new.headers ? [] : ["headers: other names or values"]
            return ModelDifference.changes(old, new, leavingOut: ["headers"]) + headers
        case (.redirect, .redirect): return []
        default: return ["action: \(Self.name(old)) -> \(Self.name(new))"]
        }
    }

    private static func name(_ action: ActionModel) -> String {
        switch action {
        case .forward(let plan): "forward to " + Wording.list(plan.targets.map(\.upstream))
        case .redirect(let plan): "redirect with \(plan.status)"
        case .respond(let plan): "respond with \(plan.status)"
        }
    }

    private func targets(_ old: ForwardModel, _ new: ForwardModel) -> [String] {
        func shares(_ plan: ForwardModel) -> String {
            let total = plan.targets.reduce(0) { $0 + Double($1.weight) }
            return plan.targets.map { target in
                total > 0 && plan.targets.count > 1
                    ? "\(target.upstream) \(Wording.percent(Double(target.weight) / total * 100))" : target.upstream
            }.joined(separator: ", ")
        }
        let (before, after) = (shares(old), shares(new))
        return before == after ? [] : ["upstreams: \(before) -> \(after)"]
    }

    /// Upstreams that both routes send requests to and that are not the same on both sides.
    mutating func changedUpstreams(_ a: Int, _ b: Int) -> [ConfigurationDiff.SharedChange] {
        guard case .forward(let before) = old.model.routes[a].action,
            case .forward(let after) = new.model.routes[b].action
        else { return [] }
        let names = Set(before.targets.map(\.upstream)).intersection(after.targets.map(\.upstream))
        return names.sorted().compactMap { name in
            guard let first = oldUpstreams[name], let second = newUpstreams[name] else { return nil }
            let changes =
                upstreamChanges[name] ?? ModelDifference.changes(first, second, leavingOut: ["name", "host"])
            upstreamChanges[name] = changes
            guard !changes.isEmpty else { return nil }
            return .init(kind: .upstream, name: name, old: first.place, new: second.place, changes: changes)
        }
    }

    // MARK: For this request

    /// What comes out of rewrites, redirects and host policies.
    private func results(
        _ first: RouteModel,
        _ second: RouteModel,
        _ before: DiffSide.Verdict,
        _ after: DiffSide.Verdict
    ) -> [String] {
        let action = (
            ActionExplainer(old.model, first, before.intake, captures: before.captures).explain(),
            ActionExplainer(new.model, second, after.intake, captures: after.captures).explain()
        )
        switch action {
        case (.forward(let a), .forward(let b)):
            return Self.change("path upstream", a.target, b.target) + Self.change("host upstream", a.host, b.host)
        case (.redirect(let status, let location), .redirect(let otherStatus, let otherLocation)):
            return Self.change("status", "\(status)", "\(otherStatus)")
                + Self.change("location", location, otherLocation)
        default: return []
        }
    }

    private static func change(_ name: String, _ old: String, _ new: String) -> [String] {
        old == new ? [] : ["\(name): \(Printable.short(old)) -> \(Printable.short(new))"]
    }
}
