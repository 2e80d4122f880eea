import SluiceConfig
import SluiceCore
import SluiceRouting

/// The routes that somebody may have expected to get a request, and why they do not.
struct NearMisses {
    /// How many are told.
    static let limit = 5

    private let model: GatewayModel
    private let linear: LinearMatcher

    init(_ model: GatewayModel, _ linear: LinearMatcher) {
        self.model = model
        self.linear = linear
    }

    /// The most telling first: routes ahead of the winner that nearly took the request, then those behind it that
    /// would take it, then the rest. At most `limit`.
    ///
    /// - Parameter winner: the route that takes the request; nil: none does, and routes that are far off count too.
    func list(_ head: RequestHead, _ context: RouteContext, winner: Int?) -> [MissedRoute] {
        var seen: Set<SourcePlace> = []
        if let winner { seen.insert(model.routes[winner].place) }
        let far = winner == nil ? 8.0 : 4.0
        var groups: [[Candidate]] = [[], [], []]
        let (path, host) = (head.fields.string(head.path), head.fields.string(head.host))
        let all = linear.nearMisses(head, context, limit: model.routes.count).lazy
            .map { Candidate($0, path: path, host: host) }.filter { $0.distance < far }
        // Those of another place are of interest only where nothing is near.
        let near = all.filter { $0.fits || !$0.isElsewhere }
        for candidate in winner == nil && near.isEmpty ? Array(all) : Array(near) {
            groups[group(candidate.miss, winner)].append(candidate)
        }
        groups[0].sort { ($0.distance, $0.miss.route) < ($1.distance, $1.miss.route) }
        groups[2].sort { ($0.distance, $0.miss.route) < ($1.distance, $1.miss.route) }
        return pick(groups, &seen).map { missed($0, winner) }
    }

    /// 0: ahead of the winner, 1: behind it and fits, 2: behind it and does not even fit.
    private func group(_ miss: NearMiss, _ winner: Int?) -> Int {
        guard let winner, miss.route > winner else { return 0 }
        if case .earlierRoute = miss.failures.first { return 1 }
        return 2
    }

    /// Some of each kind, so that many of one do not hide the others.
    private func pick(_ groups: [[Candidate]], _ seen: inout Set<SourcePlace>) -> [Candidate] {
        // The parts of a route that was divided by its hosts are one route to its author.
        let distinct = groups.map { $0.filter { seen.insert(model.routes[$0.miss.route].place).inserted } }
        let room = Self.limit
        let behind = min(distinct[1].count, max(2, room - distinct[0].count))
        let ahead = min(distinct[0].count, room - min(behind, 2))
        let kept = distinct[0].prefix(ahead) + distinct[1].prefix(min(behind, room - ahead))
        return Array(kept + distinct[2].prefix(room - kept.count))
    }

    private func missed(_ candidate: Candidate, _ winner: Int?) -> MissedRoute {
        let route = model.routes[candidate.miss.route]
        return MissedRoute(
            name: route.name,
            place: route.place,
            fits: candidate.fits,
            reasons: candidate.miss.failures.map { failure in
                guard case .earlierRoute(let earlier) = failure, model.routes.indices.contains(earlier) else {
                    return Wording.failure(failure)
                }
                let first = model.routes[earlier]
                let rule = NativePrecedence.between(first, route)
                return "it would take the request, but '\(first.name)' goes first: \(rule.text)"
            }
        )
    }
}

/// A route with how far it is from taking the request.
private struct Candidate {
    let miss: NearMiss
    /// Less is nearer; a condition that a small change of the request would meet is 1.
    let distance: Double
    let fits: Bool
    /// Another host or another part of the tree: of no interest when the request has a route.
    let isElsewhere: Bool

    init(_ miss: NearMiss, path: String, host: String) {
        self.miss = miss
        if case .earlierRoute = miss.failures.first { fits = true } else { fits = false }
        var distance = 0.0
        var isElsewhere = false
        for failure in miss.failures {
            let part = Self.distance(failure, path: path, host: host)
            distance += part
            if part > 2.5 { isElsewhere = true }
        }
        self.distance = distance
        self.isElsewhere = isElsewhere
    }

    private static func distance(_ failure: MatchFailure, path: String, host: String) -> Double {
        switch failure {
        case .earlierRoute: 0
        case .method, .header, .query: 1
        case .listener, .source, .sni: 2
        case .path(let wanted, _, let hint): hint == nil ? 4 - 2.5 * likeness(literal(wanted), path) : 1
        case .host(let wanted, _):
            // A slip in the name is near, another name is not.
            Spelling.nearest(to: host, in: wanted) == nil ? 4 : 2
        }
    }

    /// The text with which all paths of a condition begin.
    private static func literal(_ match: PathMatch) -> String {
        switch match {
        case .any: ""
        case .exact(let path), .prefix(let path): path
        case .template(let path): String(path.prefix { $0 != "{" })
        case .regex(let pattern): String(pattern.prefix { !"\\.[](){}*+?|^$".contains($0) })
        }
    }

    /// From 0 to 1: how much of the condition's text the path begins with, the first slash left aside.
    private static func likeness(_ wanted: String, _ path: String) -> Double {
        let (wanted, path) = (Array(wanted.utf8.dropFirst()), Array(path.utf8.dropFirst()))
        guard !wanted.isEmpty else { return 0 }
        let common = zip(wanted, path).prefix { $0 == $1 }.count
        return Double(common) / Double(max(wanted.count, 1))
    }
}
