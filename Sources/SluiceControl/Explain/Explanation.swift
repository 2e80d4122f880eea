package import SluiceConfig

/// What a configuration does with one request, and why: plain values, to be shown as text or JSON.
package struct Explanation: Sendable {
    package var request: SeenRequest
    package var listener: ChosenListener
    package var outcome: Outcome
    /// Routes that did not get the request, the most telling first; a few of them.
    package var nearMisses: [MissedRoute] = []
    /// Those that the request passes, in the order in which they run.
    package var filters: [FilterStep] = []
    /// What the action does; nil where no route has the request.
    package var action: ExplainedAction?
    package var timeouts: [Setting] = []
    package var limits: [Setting] = []

    /// What became of the request before its action.
    package enum Outcome: Sendable {
        case route(WonRoute)
        /// No route takes it; with methods, when some would with one of these.
        case noRoute(allowed: [String])
        /// Refused before routes were looked at.
        case refused(Refusal)
        /// Sent to `https` by the listener, before routes were looked at.
        case redirected(ListenerRedirect)
    }

    /// The route that takes the request; nil when there is none.
    package var route: WonRoute? {
        if case .route(let route) = outcome { route } else { nil }
    }
}

// MARK: - The request

/// The request as routes see it.
package struct SeenRequest: Sendable {
    package var method: String
    /// As it was described.
    package var url: String
    /// Lower case, without port.
    package var host: String
    /// In the form that routes match.
    package var path: String
    package var query: String?
    /// nil where a listener knows no addresses.
    package var client: String?
    /// Whether nobody said which client it is.
    package var clientIsAssumed: Bool
    /// What happened to it on the way, or was assumed; whole sentences without a full stop.
    package var notes: [String]
}

/// The listener that a request is taken to come in at.
package struct ChosenListener: Sendable {
    package var name: String
    package var address: String
    package var place: SourcePlace
    /// Why this one: a clause.
    package var reason: String
}

/// Why a request gets an error before any route is looked at.
package struct Refusal: Sendable {
    /// The reason code.
    package var code: String
    package var status: Int
    package var message: String
    /// What in this request it is, as far as that can be told.
    package var detail: String?
    /// Which setting decides it, and where that stands; nil: the protocol itself.
    package var setting: String?
}

/// What a listener with `http_redirect` answers.
package struct ListenerRedirect: Sendable {
    package var status: Int
    package var location: String
}

// MARK: - Routes

package struct WonRoute: Sendable {
    package var name: String
    package var place: SourcePlace
    /// All that had to hold; empty for a route that takes everything.
    package var conditions: [MetCondition]
    /// What the variables of the path took.
    package var captures: [(name: String, value: String)]
}

/// One condition of the winner and what of the request met it.
package struct MetCondition: Sendable {
    /// `host`, `path`, `method`, `header`, `query`, `source`, `sni` or `listener`.
    package var kind: String
    package var wanted: String
    package var got: String
}

package struct MissedRoute: Sendable {
    package var name: String
    package var place: SourcePlace
    /// Whether all its conditions hold, so that only the order was against it.
    package var fits: Bool
    /// Each a clause; at least one.
    package var reasons: [String]
}

// MARK: - What happens then

/// One filter of a chain.
package struct FilterStep: Sendable {
    package var name: String
    package var place: SourcePlace
    /// Whether it is one of those for every route.
    package var isGlobal: Bool
    /// Why it runs earlier than written; nil: it does not.
    package var moved: String?
    /// What it does as far as its configuration says, in few words.
    package var effects: [String]
}

package enum ExplainedAction: Sendable {
    case forward(ForwardFacts)
    case redirect(status: Int, location: String)
    case respond(status: Int, contentType: String, body: String, headers: [(name: String, value: String)])
}

/// How a request is sent on.
package struct ForwardFacts: Sendable {
    package var targets: [TargetFacts] = []
    /// The path and query that upstreams get.
    package var target: String
    /// How the path came about; nil: as the client sent it, normalised.
    package var rewrite: String?
    /// The Host header; the endpoint's own where it depends on which one is chosen.
    package var host: String
    package var hostReason: String
    /// Header lines that the gateway adds.
    package var added: [(name: String, value: String)] = []
    /// The upstream that gets copies, of how many of the requests.
    package var mirror: Setting?
    /// What becomes of an `Upgrade` that the client asks for; nil: it asks for none.
    package var upgrade: String?
    package var retry: [Setting] = []
}

/// One upstream that may get the request.
package struct TargetFacts: Sendable {
    package var upstream: String
    package var place: SourcePlace
    /// Of all requests, in percent.
    package var percent: Double
    package var balancing: String
    package var endpoints: [EndpointFacts]
    /// Set only where there are more than `endpoints` shows.
    package var moreEndpoints = 0
    package var limits: [Setting] = []
}

package struct EndpointFacts: Sendable {
    package var address: String
    package var weight: Int
    package var place: SourcePlace
}

/// A value and where it comes from.
package struct Setting: Sendable {
    /// As the configuration reference calls it.
    package var name: String
    package var value: String
    package var origin: Origin

    package init(_ name: String, _ value: String, from origin: Origin) {
        self.name = name
        self.value = value
        self.origin = origin
    }

    /// Whose value it is.
    package enum Origin: Sendable {
        /// Nobody said anything else.
        case standard
        case route(String, SourcePlace)
        case upstream(String, SourcePlace)
        case listener(String, SourcePlace)
    }
}
