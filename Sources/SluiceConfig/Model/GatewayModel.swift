package import NIOCore
package import SluiceCore

/// The whole configuration as plain values, after decoding and before compiling.
///
/// Every dialect decodes into this. Lists are ordered; `routes` stand in the order in which they are tried (first
/// match wins), which the native dialect computes by specificity and foreign ones by their own rules.
package struct GatewayModel: Sendable {
    package var listeners: [ListenerModel] = []
    package var upstreams: [UpstreamModel] = []
    /// Filters of every route, and of requests without one.
    package var filters: [FilterModel] = []
    package var routes: [RouteModel] = []
    /// The callers that filters recognise.
    package var consumers: [ConsumerModel] = []
    package var telemetry = TelemetryModel()
    /// nil: there is no admin API, and nothing is counted that only it could show.
    package var admin: AdminModel?
    /// nil: as many loops as processors that this process may use.
    package var workers: Int?
    /// How long `SIGTERM` waits for requests under way.
    package var drainTimeout = TimeAmount.seconds(30)

    package init() {}
}

// MARK: - Listeners

/// An address that clients connect to, and what is asked of them there.
package struct ListenerModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var address: ListenAddress
    /// At least one. With TLS, the client chooses by ALPN; in cleartext it may begin with either.
    package var protocols: [HTTPProtocol] = [.http1, .http2]
    /// nil: cleartext.
    package var tls: ListenerTLSModel?
    /// Every request is answered with a redirect; only in cleartext.
    package var httpsRedirect: HTTPSRedirectModel?
    package var http2 = HTTP2Model()
    package var proxyProtocol = ProxyProtocolPolicy.off
    /// Peers whose `X-Forwarded-*` and `Forwarded` fields are believed. Nobody by default.
    package var trustedProxies: [CIDR] = []
    package var limits = ListenerLimits()
    package var timeouts = ListenerTimeouts()
    package var path = PathPolicy()
    package var underscores = UnderscorePolicy.refuse
    package var allowConnect = false
    package var allowTrace = false

    package init(name: String, place: SourcePlace, address: ListenAddress) {
        self.name = name
        self.place = place
        self.address = address
    }
}

/// What a listener binds to.
package enum ListenAddress: Hashable, Sendable {
    /// `host` is a literal address; port 0 lets the system choose.
    case ip(host: String, port: Int)
    case unix(path: String)
}

/// Bounds on what one client may send.
package struct ListenerLimits: Sendable {
    package var headBytes = 32 * 1024
    package var headerCount = 100
    package var uriBytes = 16 * 1024
    /// nil: any size, streamed.
    package var bodyBytes: UInt64?
    package var requestsPerConnection: Int?
    package var connections = 100_000

    package init() {}
}

/// Patience with one client.
package struct ListenerTimeouts: Sendable {
    package var requestHead = TimeAmount.seconds(10)
    package var keepAlive = TimeAmount.seconds(60)
    /// No byte in either direction while a request is under way.
    package var streamIdle = TimeAmount.minutes(5)
    /// The connection is closed after this age, with up to 10 % jitter, when no request is under way.
    package var connectionAge = TimeAmount.hours(1)

    package init() {}
}

/// What happens to a path before routes are matched.
package struct PathPolicy: Sendable {
    /// Resolve `.` and `..`, decode needless escapes of unreserved characters.
    package var normalize = true
    package var mergeSlashes = true
    package var encodedSlash = EncodedSlashPolicy.refuse

    package init() {}
}

/// What `%2F` and `%5C` in a path mean.
package enum EncodedSlashPolicy: String, CaseIterable, Sendable {
    case refuse, keep, decode
}

/// What a header name with `_` means (upstreams that map `-` to `_` cannot tell them apart).
package enum UnderscorePolicy: String, CaseIterable, Sendable {
    case refuse, drop, allow
}

// MARK: - Upstreams

/// A named group of interchangeable servers.
package struct UpstreamModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var endpoints: [EndpointModel] = []
    package var dns = DNSModel()
    package var balancing = BalancingModel.roundRobin
    /// Below this share of healthy endpoints all are used; 0 turns that off.
    package var panicThreshold = 0.5
    package var healthCheck: HealthCheckModel?
    package var outlier: OutlierModel?
    package var limits = UpstreamLimits()
    package var timeouts = UpstreamTimeouts()
    package var host = HostPolicy.upstream
    package var version = UpstreamProtocol.http1
    /// nil: cleartext.
    package var tls: UpstreamTLSModel?
    package var http2 = HTTP2Model()
    /// nil: connections begin with none.
    package var proxyProtocol: ProxyProtocolVersion?

    package init(name: String, place: SourcePlace) {
        self.name = name
        self.place = place
    }
}

/// One server of an upstream, or a name that stands for several.
package struct EndpointModel: Sendable {
    package var address: EndpointAddress
    /// 0 is legal: known but not used.
    package var weight: UInt32 = 1
    package var place: SourcePlace

    package init(address: EndpointAddress, weight: UInt32 = 1, place: SourcePlace) {
        self.address = address
        self.weight = weight
        self.place = place
    }
}

/// Where a server is reached.
package enum EndpointAddress: Hashable, Sendable {
    case ip(IPAddress, port: Int)
    case unix(path: String)
    /// Resolved by A and AAAA records.
    case name(String, port: Int)
    /// Resolved by SRV records, which give ports and weights.
    case service(String)
}

/// How names are resolved.
package struct DNSModel: Sendable {
    package enum Family: String, CaseIterable, Sendable { case any, v4, v6 }
    package var family = Family.any
    /// A shorter TTL is raised to this.
    package var minTTL = TimeAmount.seconds(5)
    package var maxTTL = TimeAmount.minutes(5)
    /// `host:port` of the servers to ask; empty: those of the system.
    package var servers: [String] = []

    package init() {}
}

/// How an endpoint is chosen.
package enum BalancingModel: Sendable {
    case roundRobin
    case leastRequest(choices: Int)
    case random
    case ringHash(minimumSize: Int, hash: [HashKey])
    case maglev(tableSize: Int, hash: [HashKey])
}

/// What a sticky choice is computed from; several are combined in order.
package enum HashKey: Hashable, Sendable {
    case header(String)
    /// With `ttl`, a missing cookie is made and set (`0s`: a session cookie).
    case cookie(name: String, ttl: TimeAmount?, path: String?)
    case source
    case path
    case query(String)
}

/// Active health checks.
package struct HealthCheckModel: Sendable {
    package enum Probe: Sendable {
        /// The statuses that count as healthy.
        case http(path: String, host: String?, statuses: [ClosedRange<Int>])
        case tcp
        /// `grpc.health.v1.Health/Check`; an empty service asks for the server as a whole.
        case grpc(service: String, host: String?)
    }
    package var probe: Probe
    package var interval = TimeAmount.seconds(5)
    package var timeout = TimeAmount.seconds(2)
    package var healthyThreshold = 2
    package var unhealthyThreshold = 3

    package init(probe: Probe) { self.probe = probe }
}

/// When an endpoint that fails real requests is left out for a while.
package struct OutlierModel: Sendable {
    /// nil: off.
    package var consecutive5xx: Int? = 5
    /// 502, 503, 504 and requests without an answer; nil: off.
    package var consecutiveGatewayFailures: Int?
    package var baseEjection = TimeAmount.seconds(30)
    package var maxEjection = TimeAmount.seconds(300)
    /// At least one endpoint may always be ejected.
    package var maxEjectionShare = 0.1

    package init() {}
}

/// Circuit breakers: totals of the process.
package struct UpstreamLimits: Sendable {
    package var connections = 1024
    package var pending = 1024
    package var requests = 1024
    /// Retries may be this share of the requests under way ...
    package var retryBudget = 0.2
    /// ... but at least this many are always allowed.
    package var minRetries = 3
    package var tenantShare = TenantShare()

    package init() {}
}

/// What one caller may take of an upstream's limits: a consumer, or an address where there is none. 0 ... 1.
package struct TenantShare: Hashable, Sendable {
    package var connections = 1.0
    package var requests = 1.0
    /// Of the places among those that wait, and only while others wait too.
    package var pending = 0.5

    package init() {}
}

package struct UpstreamTimeouts: Sendable {
    package var connect = TimeAmount.seconds(5)
    /// From the whole request sent to the head of the answer.
    package var responseHead = TimeAmount.seconds(15)
    /// How long an unused connection is kept.
    package var idle = TimeAmount.seconds(55)

    package init() {}
}

/// The Host field that an upstream gets.
package enum HostPolicy: Hashable, Sendable {
    /// The name (or address and port) of the chosen endpoint.
    case upstream
    /// As the client sent it.
    case preserve
    case name(String)
}
