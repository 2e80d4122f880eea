package import NIOCore
package import SluiceConfig
package import SluiceCore

/// What a loop needs to know of an upstream's configuration.
package struct UpstreamSettings: Sendable {
    package var limits: UpstreamLimits
    package var timeouts: UpstreamTimeouts
    package var host: HostPolicy
    package var hashKeys: [HashKey]
    package var outlier: OutlierModel?

    package init(_ model: UpstreamModel) {
        limits = model.limits
        timeouts = model.timeouts
        host = model.host
        outlier = model.outlier
        switch model.balancing {
        case .ringHash(_, let hash), .maglev(_, let hash): hashKeys = hash
        case .roundRobin, .leastRequest, .random: hashKeys = []
        }
    }
}

/// An upstream as one loop sees it: balancer, pool of connections, queue of those who wait for one.
///
/// Lives as long as an upstream of that name is configured: a reload changes settings and endpoints but closes
/// nothing that still belongs. Isolation: one loop. What must hold over all loops (limits, budgets, outliers) is in
/// `UpstreamState`.
package final class LoopUpstream: TimerNode {
    package let loop: LoopContext
    package let state: UpstreamState
    package private(set) var settings: UpstreamSettings
    package private(set) var endpoints: ContiguousArray<LoopEndpoint> = []
    private var balancer: Balancer
    /// Requests under way per endpoint, for least request; indexes as in `endpoints`.
    private var active: [Int32] = []
    private var waiting = WaitingQueue()
    private var isServing = false
    /// Connections that this loop has open or is opening.
    private var open = 0
    private var idleTicks: UInt64 = 0
    /// The upstream's patience for the head of an answer.
    package private(set) var responseHeadTicks: UInt64 = 0
    private let connector: any Connector

    package init(
        loop: LoopContext,
        state: UpstreamState,
        model: UpstreamModel,
        connector: any Connector
    ) {
        self.loop = loop
        self.state = state
        self.settings = UpstreamSettings(model)
        self.balancer = Balancer(
            BalancerPlan(model.balancing, panicThreshold: model.panicThreshold),
            random: RandomSource(seed: loop.random.next())
        )
        self.connector = connector
        super.init()
        setTicks()
    }

    // MARK: - Changes from the control side

    /// Takes over a changed configuration of the same upstream; its endpoints are published separately.
    package func configure(_ model: UpstreamModel) {
        settings = UpstreamSettings(model)
        setTicks()
    }

    private func setTicks() {
        idleTicks = TimerWheel.ticks(nanoseconds: settings.timeouts.idle.nanoseconds)
        responseHeadTicks = TimerWheel.ticks(nanoseconds: settings.timeouts.responseHead.nanoseconds)
    }

    /// Takes over a new list of endpoints; connections to those that stay are kept.
    package func publish(_ published: PublishedEndpoints) {
        var known: [Int: LoopEndpoint] = [:]
        for endpoint in endpoints { known[endpoint.state.id] = endpoint }
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
        guard state.breakers.tryAcquire(.requests, limit: settings.limits.requests) else {
            return attempt.failed(.upstreamOverflow)
        }
        attempt.holdsRequest = true
        guard let index = balancer.pick(hash: attempt.hash, excluding: tried, active: &active),
            endpoints.indices.contains(index)
        else { return attempt.failed(.noHealthyUpstream) }
        let endpoint = endpoints[index]
        if !attempt.settings.needsFreshConnection {
            while let connection = endpoint.popIdle() {
                if connection.isOpen { return hand(connection, to: attempt, isReused: true) }
                remove(connection)
            }
        }
        if reserveConnection() { return connect(to: endpoint, for: attempt) }
        guard state.breakers.tryAcquire(.pending, limit: settings.limits.pending) else {
            return attempt.failed(.upstreamOverflow)
        }
        waiting.append(attempt)
        loop.wheel.arm(self, in: Self.lookAgainTicks)
    }

    @inline(__always)
    private func hand(_ connection: UpstreamConnection, to attempt: Attempt, isReused: Bool) {
        loop.wheel.disarm(connection)
        let index = connection.endpoint.index
        if active.indices.contains(index) { active[index] += 1 }
        attempt.connected(connection, isReused: isReused)
    }

    /// Room for one more connection: within the process's limit, by closing an idle one, or as this loop's first.
    private func reserveConnection() -> Bool {
        if state.breakers.tryAcquire(.connections, limit: settings.limits.connections) { return true }
        for endpoint in endpoints {
            guard let idle = endpoint.oldestIdle() else { continue }
            remove(idle, servingWaiters: false)
            idle.close()
            if state.breakers.tryAcquire(.connections, limit: settings.limits.connections) { return true }
        }
        return open == 0 && state.breakers.tryAcquire(.connections, limit: 0, isExempt: true)
    }

    private func connect(to endpoint: LoopEndpoint, for attempt: Attempt) {
        open += 1
        endpoint.open += 1
        attempt.isConnecting(to: endpoint)
        let pending = PendingConnection(endpoint: endpoint, attempt: attempt)
        attempt.pending = pending
        let connection = UpstreamConnection(endpoint: endpoint)
        connector.connect(connection, to: endpoint.address, on: loop, timeout: settings.timeouts.connect) { error in
            self.connected(connection, pending, error)
        }
    }

    private func connected(_ connection: UpstreamConnection, _ pending: PendingConnection, _ error: GatewayError?) {
        let attempt = pending.attempt
        pending.attempt = nil
        attempt?.pending = nil
        if let error {
            state.breakers.release(.connections)
            open -= 1
            pending.endpoint.open -= 1
            attempt?.failed(error)
            return serveWaiters()
        }
        connection.isCounted = true
        guard let attempt else { return release(connection) }
        hand(connection, to: attempt, isReused: false)
    }

    /// An attempt that waits is given up.
    func forget(_ attempt: Attempt) {
        if let pending = attempt.pending {
            pending.attempt = nil
            attempt.pending = nil
        } else if waiting.remove(attempt) {
            state.breakers.release(.pending)
        }
    }

    // MARK: - Returning

    /// The request of an attempt is over, however it went.
    func requestEnded(at endpoint: LoopEndpoint?, wasConnected: Bool) {
        state.breakers.release(.requests)
        if wasConnected, let index = endpoint?.index, active.indices.contains(index), active[index] > 0 {
            active[index] -= 1
        }
    }

    /// A connection has answered and may be used again.
    func release(_ connection: UpstreamConnection) {
        guard connection.endpoint.index >= 0, connection.isOpen else {
            remove(connection)
            return connection.close()
        }
        if !waiting.isEmpty, let attempt = waiting.popFirst(where: { !$0.settings.needsFreshConnection }) {
            state.breakers.release(.pending)
            return hand(connection, to: attempt, isReused: connection.served > 0)
        }
        connection.endpoint.pushIdle(connection)
        loop.wheel.arm(connection, in: min(idleTicks, connection.idleHintTicks))
    }

    /// A connection is gone or about to be; may be called more than once.
    func remove(_ connection: UpstreamConnection, servingWaiters: Bool = true) {
        loop.wheel.remove(connection)
        if connection.idleIndex >= 0 { connection.endpoint.removeIdle(connection) }
        guard connection.isCounted else { return }
        connection.isCounted = false
        open -= 1
        connection.endpoint.open -= 1
        state.breakers.release(.connections)
        if servingWaiters { serveWaiters() }
    }

    /// An idle connection has been idle for long enough.
    func expire(_ connection: UpstreamConnection) {
        remove(connection)
        connection.close()
    }

    /// Places are freed by other loops too, which say nothing about it.
    package override func deadlineReached() {
        serveWaiters()
        if !waiting.isEmpty { loop.wheel.arm(self, in: Self.lookAgainTicks) }
    }

    private static let lookAgainTicks: UInt64 = 1

    private func serveWaiters() {
        // A connect that fails at once comes back here; the loop below goes on by itself.
        guard !isServing else { return }
        isServing = true
        defer { isServing = false }
        while !waiting.isEmpty, reserveConnection() {
            guard let attempt = waiting.popFirst() else {
                state.breakers.release(.connections)
                return
            }
            state.breakers.release(.pending)
            // Chosen again: while it waited, endpoints may have come, gone or failed.
            if let index = balancer.pick(hash: attempt.hash, active: &active), endpoints.indices.contains(index) {
                connect(to: endpoints[index], for: attempt)
            } else {
                state.breakers.release(.connections)
                attempt.failed(.noHealthyUpstream)
            }
        }
    }

    // MARK: - Outliers

    @inline(__always)
    func record(status: UInt16, at endpoint: LoopEndpoint) {
        if let model = settings.outlier { state.record(.status(Int(status)), at: endpoint.state, model) }
    }

    func recordFailure(at endpoint: LoopEndpoint) {
        if let model = settings.outlier { state.record(.localFailure, at: endpoint.state, model) }
    }
}

/// A connection being opened, and who waits for it, if anybody still does.
final class PendingConnection {
    let endpoint: LoopEndpoint
    var attempt: Attempt?

    init(endpoint: LoopEndpoint, attempt: Attempt) {
        self.endpoint = endpoint
        self.attempt = attempt
    }
}

/// Attempts that wait for a connection, first come first served; bounded by the `pending` breaker.
struct WaitingQueue {
    private var items: ContiguousArray<Attempt> = []
    private var head = 0

    var isEmpty: Bool { head == items.count }

    mutating func append(_ attempt: Attempt) { items.append(attempt) }

    mutating func popFirst() -> Attempt? {
        guard head < items.count else { return nil }
        let item = items[head]
        head += 1
        if head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
        return item
    }

    mutating func popFirst(where condition: (Attempt) -> Bool) -> Attempt? {
        guard let i = items[head...].firstIndex(where: condition) else { return nil }
        return i == head ? popFirst() : items.remove(at: i)
    }

    mutating func remove(_ attempt: Attempt) -> Bool {
        guard let i = items[head...].firstIndex(where: { $0 === attempt }) else { return false }
        items.remove(at: i)
        return true
    }
}
