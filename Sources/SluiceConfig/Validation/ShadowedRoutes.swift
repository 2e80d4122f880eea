internal import SluiceCore

extension Validation {
    /// Finds routes whose requests all go to an earlier one with the same conditions, by one look-up for each host.
    func checkShadowedRoutes() {
        var first: [RouteKey: Int] = [:]
        first.reserveCapacity(model.routes.count)
        for (position, route) in model.routes.enumerated() where !broken.contains(route.place) {
            let hosts = route.match.hosts.isEmpty ? [""] : route.match.hosts
            var winner: Int?
            var isTaken = true
            for host in hosts {
                let key = RouteKey(route.match, host: host)
                if let earlier = first[key] {
                    winner = winner ?? earlier
                } else {
                    isTaken = false
                    first[key] = position
                }
            }
            // A list that names one host twice takes nothing from itself.
            if isTaken, let winner, winner != position { report(route, behind: model.routes[winner]) }
        }
    }

    private func report(_ route: RouteModel, behind winner: RouteModel) {
        // Parts of one route, divided by the rank of their hosts, are one route to its author; and of a whole route that
        // is there twice its name has been told already.
        guard route.place != winner.place, route.name != winner.name else { return }
        context.report(
            .shadowedRoute,
            .warning,
            at: SourceSpan(place: route.place),
            "route '\(Printable.short(route.name))' can never match: '\(Printable.short(winner.name))' has the same conditions and comes first",
            notes: [Diagnostic.Note(text: "the one that wins", span: SourceSpan(place: winner.place))]
        )
    }
}

/// The conditions of a route for one of its hosts, in an order that the file's order does not change.
private struct RouteKey: Hashable {
    let host: String
    let path: PathMatch
    let methods: [String]
    let headers: [FieldMatch]
    let query: [FieldMatch]
    let rest: [String]

    init(_ match: MatchModel, host: String) {
        self.host = host
        self.path = match.path == .prefix("/") ? .any : match.path
        self.methods = Self.sorted(match.methods) { $0 }
        self.headers = Self.sorted(match.headers) { $0.name }
        self.query = Self.sorted(match.query) { $0.name }
        let networks = match.source.map { "\($0.base.description)/\($0.prefix)" }
        self.rest =
            networks.isEmpty && match.sni.isEmpty && match.listeners.isEmpty
            ? [] : networks.sorted() + ["", "sni"] + match.sni.sorted() + ["", "listeners"] + match.listeners.sorted()
    }

    /// Most lists have no or one element and are shared as they are.
    private static func sorted<Element>(_ list: [Element], by name: (Element) -> String) -> [Element] {
        list.count < 2 ? list : list.sorted { name($0) < name($1) }
    }
}
