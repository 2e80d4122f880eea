package import SluiceConfig
package import SluiceCore

/// Why a route does not take a request.
package enum MatchFailure: Equatable, Sendable {
    case listener(wanted: [String], got: String?)
    case sni(wanted: [String], got: String?)
    case source(wanted: [CIDR], got: IPAddress?)
    case host(wanted: [String], got: String)
    case path(wanted: PathMatch, got: String, hint: PathHint?)
    case method(wanted: [String], got: String)
    /// `got` is nil for a header that the request does not have.
    case header(wanted: FieldMatch, got: String?)
    case query(wanted: FieldMatch, got: String?)
    /// The route fits, but this one stands before it.
    case earlierRoute(Int)

    /// What would make the path fit.
    package enum PathHint: String, Sendable {
        case trailingSlash = "with or without its last slash the path would fit"
        case letterCase = "the path differs in letter case only"
    }

    /// How far the route is from taking the request: misses that a small change of the request mends weigh least.
    var weight: Int {
        switch self {
        case .earlierRoute: 0
        case .method, .header, .query: 1
        case .source, .sni, .listener: 2
        case .path(_, _, let hint): hint == nil ? 4 : 1
        case .host: 4
        }
    }
}

/// A route that nearly took the request.
package struct NearMiss: Equatable, Sendable {
    /// Index in the list of routes.
    package let route: Int
    /// All that did not hold.
    package let failures: [MatchFailure]
}
