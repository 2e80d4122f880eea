internal import NIOCore
internal import SluiceCore

/// What the files of one load have said so far, before anything is compared across them.
struct NativeDraft {
    var version: Placed<Int>?
    var workers: Placed<Int?>?
    var drainTimeout: Placed<TimeAmount>?
    var trustedProxies: Placed<[CIDR]>?
    var telemetry: Placed<TelemetryModel>?
    var admin: Placed<AdminModel>?
    var listeners: [ListenerDraft] = []
    var upstreams: [UpstreamModel] = []
    var filters: [FilterModel] = []
    var consumers: [ConsumerDraft] = []
    var routes: [RouteDraft] = []
    /// Routes with errors of their own, about which there is nothing sensible to warn of.
    var brokenRoutes: Set<SourcePlace> { Set(routes.lazy.filter(\.isBroken).map(\.model.place)) }
    /// Where each name was given first.
    var listenerSpans: [String: NodeSpan] = [:]
    var upstreamSpans: [String: NodeSpan] = [:]
    var routeSpans: [String: NodeSpan] = [:]
    var consumerSpans: [String: NodeSpan] = [:]
}

/// A listener that may still take the file's `trusted_proxies`.
struct ListenerDraft {
    var model: ListenerModel
    var nameSpan: NodeSpan
    var ownProxies: Bool
    var proxyProtocolSpan: NodeSpan
}

/// A route that may still need a name, and what it refers to besides upstreams.
struct RouteDraft {
    var model: RouteModel
    /// nil: the name is made from the match.
    var nameSpan: NodeSpan?
    var listeners: [Placed<String>] = []
    var isBroken = false
}
