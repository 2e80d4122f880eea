package import NIOCore
package import SluiceCore

/// Match conditions, an action, and what applies on the way.
package struct RouteModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var match = MatchModel()
    package var action: ActionModel
    /// Filters behind the global ones.
    package var filters: [FilterModel] = []
    /// From the end of the request to the end of the response, attempts included; nil: none.
    package var timeout: TimeAmount?
    /// The file says itself that there is no timeout, so nothing needs to warn of it.
    package var isUntimedOnPurpose = false
    package var responseHeadTimeout: TimeAmount?
    package var streamIdleTimeout: TimeAmount?
    package var bodyLimit: UInt64?
    /// Upgrade tokens that are passed on, lower case.
    package var upgrades: [String] = ["websocket"]
    /// Of how many requests the access log has a line, 0 ... 1; nil: what `telemetry` says.
    package var logShare: Double?

    package init(name: String, place: SourcePlace, action: ActionModel) {
        self.name = name
        self.place = place
        self.action = action
    }
}

/// All conditions must hold; an empty one holds always.
package struct MatchModel: Sendable {
    /// Lower case; `*.example.com` matches one or more labels in front.
    package var hosts: [String] = []
    package var path = PathMatch.any
    /// Exact, case-sensitive; HEAD matches where GET does.
    package var methods: [String] = []
    package var headers: [FieldMatch] = []
    package var query: [FieldMatch] = []
    package var sni: [String] = []
    package var source: [CIDR] = []
    /// Names of the listeners; empty: all.
    package var listeners: [String] = []

    package init() {}
}

package enum PathMatch: Hashable, Sendable {
    case any
    case exact(String)
    /// Whole segments: `/a` matches `/a` and `/a/b`, not `/ab`. `/` matches everything.
    case prefix(String)
    /// `/users/{id}/files/{rest...}`
    case template(String)
    /// RE2, the whole path.
    case regex(String)
}

/// A condition on a header field or query parameter.
package struct FieldMatch: Hashable, Sendable {
    /// Header names in lower case.
    package var name: String
    package var value: ValueMatch

    package init(name: String, value: ValueMatch) {
        self.name = name
        self.value = value
    }
}

package enum ValueMatch: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    case contains(String)
    /// RE2, the whole value.
    case regex(String)
    case present(Bool)
}

package enum ActionModel: Sendable {
    case forward(ForwardModel)
    case redirect(RedirectModel)
    case respond(RespondModel)
}

package struct ForwardModel: Sendable {
    /// One target, or a weighted split.
    package var targets: [TargetModel]
    package var rewrite: RewriteModel?
    /// nil: what the upstream says.
    package var host: HostPolicy?
    package var retry: RetryModel?
    package var mirror: MirrorModel?
    /// Overrides the keys of the upstream's hash policy.
    package var hash: [HashKey] = []

    package init(targets: [TargetModel]) { self.targets = targets }
}

package struct TargetModel: Sendable {
    package var upstream: String
    package var weight: UInt32
    package var place: SourcePlace

    package init(upstream: String, weight: UInt32 = 1, place: SourcePlace) {
        self.upstream = upstream
        self.weight = weight
        self.place = place
    }
}

package enum RewriteModel: Hashable, Sendable {
    /// Replaces what the prefix (or the whole exact path) matched.
    case prefix(String)
    /// A template: `/v2/${path.id}`.
    case path(String)
    /// RE2 replace-all on the path, `\1` groups.
    case regex(pattern: String, substitution: String)
}

package struct RedirectModel: Sendable {
    /// An absolute path, a URL or a template; replaces what it names. nil: path kept.
    package var to: String?
    package var prefix: String?
    package var scheme: String?
    package var host: String?
    package var port: Int?
    package var status = 308
    package var keepQuery = true

    package init() {}
}

package struct RespondModel: Sendable {
    package var status = 200
    package var body = ""
    package var contentType = "text/plain; charset=utf-8"
    package var headers: [HeaderValueModel] = []

    package init() {}
}

package struct HeaderValueModel: Hashable, Sendable {
    package var name: String
    /// May hold `${...}` templates.
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

package struct MirrorModel: Sendable {
    package var upstream: String
    /// 0 ... 1
    package var share = 1.0
    package var place: SourcePlace

    package init(upstream: String, place: SourcePlace) {
        self.upstream = upstream
        self.place = place
    }
}

/// When and how a request is tried again (Envoy's words and meaning).
package struct RetryModel: Sendable {
    package enum Condition: String, CaseIterable, Sendable {
        case serverError = "5xx"
        case gatewayError = "gateway-error"
        case reset
        case connectFailure = "connect-failure"
        case refusedStream = "refused-stream"
        case retriableStatusCodes = "retriable-status-codes"
        // Statuses of gRPC, where the answer has one and nothing else.
        case cancelled
        case deadlineExceeded = "deadline-exceeded"
        case `internal`
        case resourceExhausted = "resource-exhausted"
        case unavailable
    }
    package var on: Set<Condition> = []
    /// Further tries after the first.
    package var attempts = 1
    package var perTryTimeout: TimeAmount?
    package var statusCodes: [Int] = []
    package var backoffBase = TimeAmount.milliseconds(25)
    package var backoffMax = TimeAmount.milliseconds(250)
    /// A longer `Retry-After` is not waited for.
    package var maxRetryAfter = TimeAmount.seconds(10)
    /// A larger request body is not kept for a second try.
    package var bufferBytes = 64 * 1024

    package init() {}
}

// MARK: - Filters

/// One filter at its place in a chain, with its decoded configuration.
package struct FilterModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var configuration: any FilterConfiguration

    package init(name: String, place: SourcePlace, configuration: any FilterConfiguration) {
        self.name = name
        self.place = place
        self.configuration = configuration
    }
}
