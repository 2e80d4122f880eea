internal import SluiceCore

/// Warnings about filters: which of them stand together, and in which order.
///
/// Each list is looked at once, whatever the number of routes that the global filters apply to; only for a route whose own
/// filter takes the place of a global one these are looked at again.
extension Validation {
    func lintPolicies() {
        let shared = ChainFacts(model.filters[...])
        report(shared)
        for route in model.routes where !route.filters.isEmpty && !broken.contains(route.place) {
            let standing = standing(beside: route, shared)
            report(ChainFacts(route.filters[...], behind: standing))
            reportReplaced(route, standing, shared)
        }
        lintLimits(shared)
        lintCredentials(shared)
        lintConsumers(shared)
    }

    /// The global filters that a route leaves standing.
    private func standing(beside route: RouteModel, _ shared: ChainFacts) -> ChainFacts {
        guard !model.filters.isEmpty, !route.filters.isEmpty else { return shared }
        let kept = FilterOrder.kept(model.filters, beside: route.filters)
        return kept.count == model.filters.count ? shared : ChainFacts(kept[...])
    }

    /// A route's own filters run behind the global ones, and so does one that takes the place of a global one: those that
    /// ran behind that now run ahead of it.
    private func reportReplaced(_ route: RouteModel, _ standing: ChainFacts, _ shared: ChainFacts) {
        let known = Set(shared.early.map(\.place))
        let early = standing.early.first { !known.contains($0.place) }
        let login = route.filters.first { $0.name == shared.login?.name }
        guard let early, let login else { return }
        context.report(
            .identityUnknown,
            .warning,
            at: span(login),
            "'\(login.name)' takes the place of the one for every route, but runs behind '\(early.name)', which goes by who the caller is",
            notes: [Diagnostic.Note(text: "the filter that runs ahead of it", span: span(early))],
            help: "write '\(early.name)' into the routes, behind '\(login.name)', and not for every route"
        )
    }

    private func report(_ facts: ChainFacts) {
        for (cors, login) in facts.moved {
            context.report(
                .corsMoved,
                .info,
                at: span(cors),
                "'\(cors.name)' runs ahead of '\(login.name)', so that preflights, which carry no credentials, are answered",
                notes: [Diagnostic.Note(text: "the filter that asks who the caller is", span: span(login))],
                help: "write it ahead of '\(login.name)' to make that plain"
            )
        }
        for filter in facts.early {
            let login = facts.login.map { "'\($0.name)' finds out who the caller is only behind it" }
            context.report(
                .identityUnknown,
                .warning,
                at: span(filter),
                "'\(filter.name)' goes by who the caller is, but \(login ?? "no filter ahead of it finds that out")",
                help: facts.login == nil
                    ? "add a filter that authenticates" : "write it behind '\(facts.login?.name ?? "")'"
            )
        }
    }

    private func span(_ filter: FilterModel) -> SourceSpan {
        SourceSpan(place: filter.place, length: filter.name.unicodeScalars.count)
    }

    // MARK: Authentication

    /// Routes that forward and check credentials, with the filter that does.
    private func guardedRoutes(_ shared: ChainFacts) -> [(route: RouteModel, login: FilterModel, limited: Bool)] {
        model.routes.compactMap { route in
            guard case .forward = route.action, !broken.contains(route.place) else { return nil }
            let own =
                route.filters.isEmpty ? shared : ChainFacts(route.filters[...], behind: standing(beside: route, shared))
            return own.login.map { (route, $0, own.isLimited) }
        }
    }

    /// One warning for each filter that authenticates, however many routes it guards.
    private func lintLimits(_ shared: ChainFacts) {
        var unlimited: [SourcePlace: (login: FilterModel, routes: [String])] = [:]
        for (route, login, limited) in guardedRoutes(shared) where !limited {
            unlimited[login.place, default: (login, [])].routes.append(route.name)
        }
        for (_, (login, routes)) in unlimited.sorted(by: { $0.value.routes[0] < $1.value.routes[0] }) {
            let name = Printable.short(routes[0])
            let others = routes.count == 1 ? "" : " and \(routes.count - 1) more"
            context.report(
                .authenticationWithoutLimit,
                .warning,
                at: span(login),
                "'\(login.name)' checks credentials, but nothing limits the requests of route '\(name)'\(others), so they can be guessed for as long as one likes",
                help: "add a 'rate_limit' filter"
            )
        }
    }

    /// Only where it matters and can be helped: credentials are asked for, the network can reach the listener, and
    /// nobody in front is named who could have ended TLS.
    private func lintCredentials(_ shared: ChainFacts) {
        let guarded = guardedRoutes(shared)
        guard !guarded.isEmpty else { return }
        for listener in model.listeners where listener.isPublic && listener.takesAnythingInTheClear {
            let taken = guarded.first {
                $0.route.match.listeners.isEmpty || $0.route.match.listeners.contains(listener.name)
            }
            guard let taken else { continue }
            context.report(
                .credentialsInTheClear,
                .warning,
                at: SourceSpan(place: listener.place, length: listener.name.unicodeScalars.count),
                "listener '\(Printable.short(listener.name))' is open to the network without TLS, and '\(taken.login.name)' takes credentials there",
                notes: [Diagnostic.Note(text: "credentials are asked for here", span: span(taken.login))],
                help:
                    "add 'tls'; if a proxy in front ends TLS, name it in 'trusted_proxies' instead"
            )
        }
    }

    private func lintConsumers(_ shared: ChainFacts) {
        guard let first = model.consumers.first, shared.login == nil else { return }
        let asks = model.routes.contains { route in
            route.filters.contains { $0.isAuthentication }
        }
        guard !asks else { return }
        context.report(
            .unusedConsumers,
            .warning,
            at: SourceSpan(place: first.place, length: first.name.unicodeScalars.count),
            "there are consumers, but no filter asks who the caller is",
            help: "add a filter that authenticates, such as 'key_auth' or 'jwt'"
        )
    }
}

/// What matters about the order of a list of filters, behind that of the global ones.
private struct ChainFacts {
    /// The first filter that finds out who the caller is.
    private(set) var login: FilterModel?
    private(set) var isLimited = false
    /// Of this list alone: `cors` behind authentication, with that.
    private(set) var moved: [(cors: FilterModel, login: FilterModel)] = []
    /// Of this list alone: filters that need to know the caller before anybody does.
    private(set) var early: [FilterModel] = []

    init(_ filters: ArraySlice<FilterModel>, behind shared: ChainFacts? = nil) {
        login = shared?.login
        isLimited = shared?.isLimited ?? false
        var isKnown = login != nil
        for filter in filters {
            if !isKnown, !filter.configuration.needs.identities.isEmpty { early.append(filter) }
            switch type(of: filter.configuration).role {
            case .authentication:
                login = login ?? filter
                isKnown = true
            case .cors: if let login { moved.append((filter, login)) }
            case .rateLimit: isLimited = true
            case .translation, .transcoding, .other: break
            }
        }
    }
}

extension FilterModel {
    fileprivate var isAuthentication: Bool {
        if case .authentication = type(of: configuration).role { true } else { false }
    }
}

extension ListenerModel {
    /// Whether requests reach its routes without TLS, as far as anybody can tell from here.
    fileprivate var takesAnythingInTheClear: Bool { tls == nil && httpsRedirect == nil && trustedProxies.isEmpty }

    /// Whether somebody outside of a private network may reach it: all addresses, or one that is routed everywhere.
    fileprivate var isPublic: Bool {
        guard case .ip(let host, _) = address, let address = IPAddress(host) else { return false }
        return !address.isPrivate
    }
}

extension IPAddress {
    /// Loopback, link-local, private use (RFC 1918, RFC 4193) and shared space (RFC 6598).
    fileprivate var isPrivate: Bool {
        isLoopback
            || Self.privateNetworks.contains { $0.contains(self) }
    }

    private static let privateNetworks = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10",
    ].compactMap { CIDR($0) }
}
