import NIOCore
package import SluiceConfig
package import SluiceCore
import SluiceHTTP
package import SluiceTLS

/// An upstream as one loop sees it: balancer, pool of connections, queue of those who wait for one.
///
/// Lives as long as an upstream of that name is configured: a reload changes settings and endpoints but closes
/// nothing that still belongs. Isolation: one loop. What must hold over all loops (limits, budgets, outliers) is in
/// `UpstreamState`.
package final class LoopUpstream: TimerNode {
    package let loop: LoopContext
    let wheel: TimerWheel
    package let state: UpstreamState
    let metrics: UpstreamMetrics
    /// Own copy of its name.
    package let name: [UInt8]
    /// Those of `state`, reached without counting a reference on what all loops share.
    let breakers: BreakerCounts
    package let budget: RetryBudget
    package private(set) var settings: UpstreamSettings
    // For every request: the settings as a whole would be copied on their way to another target.
    package var host: HostField { settings.host }
    package var stickyKeys: [StickyKey] { settings.stickyKeys }
    package var hasStickyKeys: Bool { !settings.stickyKeys.isEmpty }
    package private(set) var endpoints: ContiguousArray<LoopEndpoint> = []
    /// nil as long as every caller could always have all there is.
    private var tenants: TenantCounts?
    private var tenantLimit = Int.max
    private(set) var balancer: Balancer
    /// Requests under way per endpoint, for least request; indexes as in `endpoints`.
    private var active: [Int32] = []
    var waiting = WaitingQueue()
    var isServing = false
    /// Connections that this loop has open or is opening.
    var open = 0
    /// Those of them that are being opened: each will need a place among the requests.
    var connecting = 0
    private(set) var idleTicks: UInt64 = 0
    private(set) var http2 = HTTP2Timing()
    private(set) var version = UpstreamProtocol.http1
    private(set) var tlsName: [UInt8]?
    /// nil: cleartext.
    private(set) var tls: TLSClientContext?
    /// The upstream's patience for the head of an answer.
    package private(set) var responseHeadTicks: UInt64 = 0
    let connector: any Connector

    package init(
        loop: LoopContext,
        state: UpstreamState,
        model: UpstreamModel,
        connector: any Connector,
        metrics: MetricShard = MetricShard()
    ) {
        self.loop = loop
        self.wheel = loop.wheel
        self.state = state
        self.metrics = UpstreamMetrics(metrics, upstream: state.name)
        self.name = state.name.utf8.map { $0 }
        self.breakers = state.breakers
        self.budget = state.budget
        self.settings = UpstreamSettings(model)
        self.balancer = Balancer(
            BalancerPlan(model.balancing, panicThreshold: model.panicThreshold),
            random: RandomSource(seed: loop.random.next())
        )
        self.connector = connector
        super.init()
        configure(model)
    }

    // MARK: - Changes from the control side

    /// Takes over a changed configuration of the same upstream; its endpoints are published separately.
    package func configure(_ model: UpstreamModel) {
        settings = UpstreamSettings(model)
        if version != model.version || proxyHeader != model.proxyProtocol || speaksTLS != (model.tls != nil) {
            // What the connections speak is not what is wanted any more.
            era &+= 1
            for endpoint in endpoints { endpoint.closeIdle() }
        }
        version = model.version
        proxyHeader = model.proxyProtocol
        http2 = HTTP2Timing(model.http2)
        speaksTLS = model.tls != nil
        tlsName = model.tls?.serverName.map { Array($0.utf8) }
        setTicks()
    }

    private(set) var speaksTLS = false
    /// Changes with what connections speak.
    private(set) var era: UInt32 = 0
    private(set) var proxyHeader: ProxyProtocolVersion?
    /// Whether connections begin with the PROXY protocol: then each serves one request, whose client it names.
    package var sendsProxyHeader: Bool { proxyHeader != nil }

    /// Takes over what connections are secured with from now on; open ones stay.
    package func install(_ context: TLSClientContext) { tls = context }

    private func setTicks() {
        let limits = settings.limits
        let share = limits.tenantShare
        if share.requests < 1 || share.connections < 1 {
            tenants = state.tenants
            // On HTTP/1.1 a request under way is a connection in use, so the smaller one of both counts.
            let most = min(Double(limits.requests) * share.requests, Double(limits.connections) * share.connections)
            tenantLimit = max(1, Int(most))
        } else {
            // Requests that were counted before are still to be taken off.
            tenantLimit = .max
        }
        idleTicks = TimerWheel.ticks(nanoseconds: settings.timeouts.idle.nanoseconds)
        responseHeadTicks = TimerWheel.ticks(nanoseconds: settings.timeouts.responseHead.nanoseconds)
    }

    /// Takes over a new list of endpoints; connections to those that stay are kept.
    package func publish(_ published: PublishedEndpoints) {
        var known: [Int: LoopEndpoint] = [:]
        for endpoint in endpoints { known[endpoint.id] = endpoint }
        let oldActive = active
        active = []
        var next: ContiguousArray<LoopEndpoint> = []
        for state in published.states {
            let endpoint = known.removeValue(forKey: state.id) ?? LoopEndpoint(upstream: self, state: state)
            active.append(oldActive.indices.contains(endpoint.index) ? oldActive[endpoint.index] : 0)
            next.append(endpoint)
        }
        for (index, endpoint) in next.enumerated() { endpoint.index = index }
        for gone in known.values { gone.index = -1 }
        endpoints = next
        balancer.install(published.plan)
        sendWaitersAnew()
        // Only now: closing connections may serve those who wait, and they must see all of the change.
        for gone in known.values { gone.closeIdle() }
        serveWaiters()
    }

    /// Closes everything that is idle; what is under way goes on. For an upstream that left the configuration.
    package func closeIdle() {
        for endpoint in endpoints { endpoint.closeIdle() }
    }

    /// As `closeIdle`, and nothing can be leased any more.
    package func retire() {
        publish(PublishedEndpoints(states: [], plan: balancer.plan.updated(endpoints: [])))
    }

    // MARK: - Leasing

    /// Finds a connection for an attempt; the answer comes through the attempt, perhaps before this returns.
    func lease(for attempt: Attempt, excluding tried: TriedEndpoints) {
        if tenantLimit != .max, let tenants, attempt.settings.tenant != 0 {
            guard tenants.tryAcquire(attempt.settings.tenant, limit: tenantLimit) else {
                return attempt.failed(.tenantShareExceeded)
            }
            attempt.isTenantCounted = true
        }
        guard let index = place(for: attempt, excluding: tried) else { return attempt.failed(.noHealthyUpstream) }
        // Neither lets go of an endpoint.
        if let stream = unretained(endpoints[index], { $0.takeStream(for: attempt) }) {
            guard admit(attempt) else {
                stream.abandon()
                return attempt.failed(.upstreamOverflow)
            }
            return hand(stream, to: attempt)
        }
        let needsFresh = attempt.settings.needsFreshConnection
        if !needsFresh, let connection = unretained(endpoints[index], { takeIdle(of: $0) }) {
            guard admit(attempt) else {
                endpoints[index].pushIdle(connection)
                return attempt.failed(.upstreamOverflow)
            }
            return hand(connection, to: attempt, isReused: true)
        }
        wait(attempt, for: endpoints[index], tried)
    }

    func choose(for attempt: Attempt, excluding tried: TriedEndpoints) -> LoopEndpoint? {
        place(for: attempt, excluding: tried).map { endpoints[$0] }
    }

    /// The balancer's choice, an index into `endpoints`.
    @inline(__always)
    private func place(for attempt: Attempt, excluding tried: TriedEndpoints) -> Int? {
        guard let index = balancer.pick(hash: attempt.hash, excluding: tried, active: &active),
            endpoints.indices.contains(index)
        else { return nil }
        return index
    }

    /// The connection used last; it goes on being watched until it is handed over.
    @inline(__always)
    func takeIdle(of endpoint: LoopEndpoint) -> UpstreamConnection? {
        while let connection = endpoint.popIdle() {
            if connection.isOpen { return connection }
            remove(connection, servingWaiters: false)
        }
        return nil
    }

    /// Gives an attempt a place among the requests that have a connection, for the one that it has among those that
    /// wait.
    ///
    /// - Returns: false when there are too many of them.
    @inline(__always)
    func admit(_ attempt: Attempt) -> Bool {
        guard breakers.tryAcquire(.requests, limit: settings.limits.requests) else { return false }
        if case .pending = attempt.place { breakers.release(.pending) }
        attempt.place = .request
        return true
    }

    /// To an attempt that was admitted.
    @inline(__always)
    func hand(_ connection: UpstreamConnection, to attempt: Attempt, isReused: Bool) {
        connection.disarm()
        if isReused { metrics.connectionWasReused() }
        let index = connection.endpoint.index
        if active.indices.contains(index) { active[index] += 1 }
        attempt.connected(connection, isReused: isReused)
    }

    /// A stream, to an attempt that was admitted.
    func hand(_ stream: UpstreamStream, to attempt: Attempt) {
        if stream.isReused { metrics.connectionWasReused() }
        let index = stream.endpoint.index
        if active.indices.contains(index) { active[index] += 1 }
        attempt.connected(stream, isReused: stream.isReused, stream: stream)
    }

    /// A stream has ended, or an endpoint takes more of them: there may be room.
    func streamEnded() {
        if !waiting.isEmpty { serveWaiters() }
    }

    /// A connection of HTTP/2 is gone.
    func removeShared(of endpoint: LoopEndpoint) {
        breakers.release(.connections)
        open -= 1
        endpoint.open -= 1
    }

    // MARK: - Returning

    /// An attempt needs nothing any more, however it went; may be called more than once.
    @inline(__always)
    func leave(_ attempt: Attempt) {
        if attempt.isTenantCounted {
            tenants?.release(attempt.settings.tenant)
            attempt.isTenantCounted = false
        }
        switch attempt.place {
        case .none: return
        case .pending: breakers.release(.pending)
        case .request:
            breakers.release(.requests)
            if let index = attempt.endpoint?.index, active.indices.contains(index), active[index] > 0 {
                active[index] -= 1
            }
        }
        attempt.place = .none
    }

    /// A connection has answered and may be used again; its attempt has left.
    func release(_ connection: UpstreamConnection) {
        guard connection.endpoint.index >= 0, connection.isOpen, connection.era == era else { return connection.end() }
        if !waiting.isEmpty, serveWaiter(with: connection) { return }
        connection.endpoint.pushIdle(connection)
        wheel.arm(connection, in: min(idleTicks, connection.idleHintTicks))
    }

    /// A connection is gone or about to be; may be called more than once.
    func remove(_ connection: UpstreamConnection, servingWaiters: Bool = true) {
        guard forget(connection) else { return }
        breakers.release(.connections)
        if servingWaiters { serveWaiters() }
    }

    /// As `remove`, but its place among the connections stays taken.
    ///
    /// - Returns: whether it has one.
    func forget(_ connection: UpstreamConnection) -> Bool {
        wheel.remove(connection)
        if connection.idleIndex >= 0 { connection.endpoint.removeIdle(connection) }
        guard connection.isCounted else { return false }
        connection.isCounted = false
        open -= 1
        connection.endpoint.open -= 1
        return true
    }

    /// Places are freed by other loops too, which say nothing about it.
    package override func deadlineReached() { serveWaiters() }

    // MARK: - Outliers

    @inline(__always)
    func record(status: UInt16, at endpoint: LoopEndpoint) {
        metrics.answered(status)
        record(.status(Int(status)), at: endpoint)
    }

    func recordFailure(at endpoint: LoopEndpoint) { record(.localFailure, at: endpoint) }

    @inline(__always)
    private func record(_ outcome: OutlierOutcome, at endpoint: LoopEndpoint) {
        guard let model = settings.outlier, let cause = endpoint.outliers.record(outcome, model) else { return }
        state.report(cause, at: endpoint.id)
    }
}
