import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceRouting
import SluiceUpstream

/// One route, ready to run. Plain data first: what every request reads costs no reference count.
struct CompiledRoute {
    enum Action: UInt8 { case forward, respond, redirect }

    let action: Action
    let timeoutTicks: UInt64
    /// nil: the upstream's.
    let responseHeadTicks: UInt64?
    let streamIdleTicks: UInt64?
    let bodyLimit: UInt64
    let chain: FilterChain?
    let forward: ForwardPlan?
    let respond: RespondPlan?
    let redirect: RedirectPlan?
    let upgrades: [[UInt8]]
    /// What `path.NAME` refers to, in the order of the match's captures.
    let captureNames: [String]
    /// Own copy: the model's is shared by all loops.
    let name: [UInt8]
    /// What of gRPC it is for, if it says so.
    let call: RouteLabels?
    /// Of how many requests the access log has a line, out of 2^32; nil: what the log says.
    let logShare: UInt64?
}

/// A configuration as one loop uses it: its own copy of everything that is touched per request, so that no two loops
/// count references on the same object. Only the route table is shared, and that is read through plain memory.
///
/// Built and taken down on a control thread; in between it belongs to its loop.
package final class LoopSnapshot {
    /// Valid as long as `shared`.
    let view: RouteView?
    let routes: ContiguousArray<CompiledRoute>
    /// Filters of requests without a route.
    let globalChain: FilterChain?
    /// Whether a filter of some route answers CORS preflights.
    let answersPreflights: Bool
    /// Where finished exchanges are noted.
    let accessLog: AccessLog?
    /// Whether anybody looks at the times of exchanges.
    let takesTimes: Bool
    var routeMetrics: RouteMetricsTable
    private let upstreamNames: [String]
    private let callouts: CalloutTargets
    /// Filled when the loop takes the snapshot over, since pools outlive snapshots.
    private var upstreams: ContiguousArray<LoopUpstream?> = []
    /// Exchanges that use it.
    private var users = 0
    private var onUnused: ((LoopSnapshot) -> Void)?
    /// Keeps the shared parts alive.
    private let shared: SharedSnapshot?

    init(
        shared: SharedSnapshot?,
        routes: ContiguousArray<CompiledRoute>,
        globalChain: FilterChain?,
        upstreamNames: [String],
        callouts: CalloutTargets = CalloutTargets(),
        takesTimes: Bool = false,
        accessLog: AccessLog? = nil,
        metrics: MetricShard? = nil
    ) {
        self.shared = shared
        self.view = shared?.table.view
        self.routes = routes
        self.globalChain = globalChain
        self.takesTimes = takesTimes
        self.accessLog = accessLog
        self.routeMetrics = RouteMetricsTable(metrics, routes: routes.count)
        self.answersPreflights =
            globalChain?.answersPreflights == true || routes.contains { $0.chain?.answersPreflights == true }
        self.upstreamNames = upstreamNames
        self.callouts = callouts
        shared?.loopBegan()
    }

    deinit { shared?.loopEnded() }

    /// What a worker has before it is given a configuration: nothing matches.
    static func empty() -> LoopSnapshot {
        LoopSnapshot(shared: nil, routes: [], globalChain: nil, upstreamNames: [])
    }

    @inline(__always)
    func upstream(at index: Int) -> LoopUpstream? {
        index < upstreams.count ? upstreams[index] : nil
    }

    func bind(_ find: (String) -> LoopUpstream?) {
        upstreams = ContiguousArray(upstreamNames.map(find))
        callouts.bind(find)
    }

    @inline(__always)
    func exchangeBegan() { users += 1 }

    @inline(__always)
    func exchangeEnded() {
        users -= 1
        if users == 0, let onUnused { onUnused(self) }
    }

    /// A newer one has taken its place: `unused` is called as soon as no exchange uses this one.
    func retire(_ unused: @escaping (LoopSnapshot) -> Void) {
        if users == 0 { unused(self) } else { onUnused = unused }
    }
}
