package import SluiceConfig

/// Something in a route's match conditions that cannot be compiled.
package struct RouteProblem: Equatable, Sendable {
    /// The field of `match` it is about.
    package enum Part: String, Sendable {
        case hosts
        case path
        case prefix
        case template
        case regex
        case methods
        case headers
        case query
        case sni
        case listeners
        /// The table as a whole.
        case table
    }

    /// Index in the list of routes.
    package let route: Int
    /// The route's own place; a finer one is for whoever still has the tree.
    package let place: SourcePlace
    package let part: Part
    package let message: String
    package let help: String?
}

/// All problems of one compilation, in the order of the routes; never empty.
package struct RouteProblems: Error, Sendable {
    package let problems: [RouteProblem]
}
