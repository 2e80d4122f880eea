package import SluiceConfig
import SluiceProxy

/// Where two configurations decide requests differently: found by trying, not by comparing files.
///
/// Requests are made from the routes of both sides (one that meets each, and its neighbours), decided by both compiled
/// tables, and what becomes of them is compared: the route, its filters, what is sent upstream, how long it is waited
/// for. So a route that moved, was renamed or was written in another way is no difference, and one that another route
/// now hides is.
///
/// Work is bounded by the number of routes: some 20 requests for each.
package struct ConfigurationDiff: Sendable {
    /// What is kept of the list; a configuration of which everything changed needs no more examples.
    static let limit = 1000

    package enum Kind: String, Sendable {
        /// No route took the request before.
        case added
        /// No route takes it any more.
        case removed
        /// The same route does something else with it.
        case changed
        /// Another route takes it and does something else with it.
        case moved
        /// Refused before routes are looked at, on one side or for another reason.
        case refused
        /// No route on either side, but another answer.
        case unrouted
    }

    package struct Route: Sendable, Equatable {
        package var name: String
        package var place: SourcePlace
    }

    /// Requests that routes decide differently in the same way.
    package struct Difference: Sendable {
        package var kind: Kind
        package var old: Route?
        package var new: Route?
        /// What is different: `timeout: 5s -> 10s`.
        package var changes: [String]
        /// A command that sends one such request.
        package var example: String
        /// How many of the requests that were tried.
        package var count: Int
    }

    /// A difference that many requests share, told once and not with each of them.
    package struct SharedChange: Sendable {
        package enum Kind: String, Sendable { case listener, filters, upstream }

        package var kind: Kind
        package var name: String
        package var old: SourcePlace?
        package var new: SourcePlace?
        package var changes: [String]
        /// A command that sends a request that it concerns; empty where that is every one.
        package var example = ""
        /// How many of the requests that were tried, where there is an example.
        package var count = 0
    }

    package internal(set) var differences: [Difference] = []
    /// Further ones that were not kept.
    package internal(set) var omitted = 0
    /// In the order in which a request meets them: listeners, filters of every route, upstreams.
    package internal(set) var shared: [SharedChange] = []
    /// Routes of which no example could be made, and which are not the same on both sides.
    package internal(set) var untried: [Route] = []
    /// How many requests were tried.
    package internal(set) var requests = 0

    package var isEmpty: Bool { differences.isEmpty && shared.isEmpty && untried.isEmpty }
}
