import Atomics
package import NIOCore
package import SluiceConfig
package import SluiceCore
package import SluiceFilters
package import SluiceProxy
import SluiceSockets
package import SluiceUpstream
import Synchronization

/// A whole gateway in the test's process: real sockets, real loops, and a model instead of files.
///
/// `run` starts one, and when the test's part has ended takes it down and checks that nothing was left behind: no
/// connection, no place in a breaker or retry budget, no exchange that holds a snapshot.
///
/// Isolation: the test's thread.
package final class TestGateway {
    /// A loop of the gateway and its worker.
    struct Lane: Sendable {
        let loop: SocketLoop
        let worker: NIOLoopBound<Worker>
        let load: LoopLoad
        let metrics: LoopMetrics
    }

    package private(set) var model: GatewayModel
    let lanes: [Lane]
    private let probes: [LoopProbe]
    private let clock: ManualClock?
    private let folder: TemporaryFolder
    private let acceptor: Acceptor
    private let acceptMetrics = LoopMetrics()
    private var sockets: [String: ListeningSocket] = [:]
    private var listenerStates: [String: ListenerState] = [:]
    private var upstreamStates: [String: UpstreamState] = [:]
    private var endpointStates: [EndpointKey: EndpointState] = [:]
    private let outliers = OutlierLog()
    private var snapshots: [SharedSnapshot] = []
    private let services: Services
    private let shared = SharedStates()

    /// What a gateway has besides its configuration.
    package struct Services {
        /// For filters that fetch; nil: every fetch fails.
        package var background: (any BackgroundServices)?
        /// Takes the lines of the access log.
        package var log: (any LogSink)?
        /// Answers every request in place of the routes.
        package var builtIn: (any BuiltInAction)?
        /// Is told when the system gives no more.
        package var shortage: ResourceShortage?

        package init(
            background: (any BackgroundServices)? = nil,
            log: (any LogSink)? = nil,
            builtIn: (any BuiltInAction)? = nil,
            shortage: ResourceShortage? = nil
        ) {
            self.background = background
            self.log = log
            self.builtIn = builtIn
            self.shortage = shortage
        }
    }

    // MARK: - Life

    /// Starts a gateway, runs the test's part, stops it, checks what is left.
    ///
    /// - Parameters:
    ///   - clock: nil: real time; otherwise deadlines pass only when the test calls `advance`.
    ///   - services: what the gateway has besides its configuration.
    package static func run(
        _ model: GatewayModel,
        loops: Int = 1,
        clock: ManualClock? = nil,
        services: Services = Services(),
        _ body: (TestGateway) throws -> Void
    ) throws {
        let gateway = try TestGateway(model, loops: loops, clock: clock, services: services)
        do { try body(gateway) } catch {
            try? gateway.stop()
            throw error
        }
        try gateway.stop()
        try gateway.checkNothingIsLeft()
    }

    private init(_ model: GatewayModel, loops: Int, clock: ManualClock?, services: Services) throws {
        self.model = model
        self.services = services
        folder = try TemporaryFolder()
        self.clock = clock
        let own = OwnAddresses()
        let all = try (0..<loops).map { try SocketLoop.start(name: "test-loop-\($0)") }
        lanes = try all.map { loop in
            try loop.submit {
                let context =
                    clock.map {
                        let wall = $0.wall
                        return LoopContext(
                            loop: loop,
                            clock: $0.monotonic,
                            wallClock: wall,
                            nanoClock: { wall() * 1_000_000_000 }
                        )
                    }
                    ?? LoopContext(loop: loop)
                if clock == nil { context.start() }
                let shard = MetricShard()
                let worker = Worker(
                    loop: context,
                    sockets: loop,
                    connector: SocketConnector(loop: loop, metrics: shard, own: own),
                    metrics: shard,
                    shortage: services.shortage,
                    builtIn: services.builtIn
                )
                return Lane(
                    loop: loop,
                    worker: NIOLoopBound(worker, eventLoop: loop),
                    load: worker.load,
                    metrics: worker.metrics
                )
            }.wait()
        }
        probes = try lanes.map { try LoopProbe($0.loop) }
        acceptor = try Acceptor(
            targets: lanes.map { lane in
                Acceptor.Target(load: lane.load) { socket in lane.loop.execute { lane.worker.value.adopt(socket) } }
            },
            metrics: acceptMetrics,
            own: own
        )
        try acceptor.start()
        try install(model)
    }

    private func stop() throws {
        acceptor.replace([])
        acceptor.stop()
        for socket in sockets.values { socket.close() }
        try onLoops { $0.abortAll() }
        var nothing = GatewayModel()
        nothing.workers = model.workers
        try installSnapshot(nothing)
        try onLoops { $0.loop.stop() }
        for lane in lanes { lane.loop.stop() }
    }

    private func checkNothingIsLeft() throws {
        for state in listenerStates.values where state.connections != 0 {
            throw TestFailure("listener \(state.name): \(state.connections) connections are still counted")
        }
        for lane in lanes where lane.load.connections != 0 {
            throw TestFailure("a loop still counts \(lane.load.connections) connections")
        }
        for state in upstreamStates.values {
            for kind in BreakerCounts.Kind.allCases where state.breakers.current(kind) != 0 {
                throw TestFailure("upstream \(state.name): \(state.breakers.current(kind)) \(kind) are still counted")
            }
            if state.budget.current != 0 {
                throw TestFailure("upstream \(state.name): \(state.budget.current) retries are still counted")
            }
        }
        for snapshot in snapshots.dropLast() where snapshot.loopCount != 0 {
            throw TestFailure("a snapshot is still held by \(snapshot.loopCount) loops")
        }
    }

    // MARK: - Configuration

    /// Takes over another configuration, as a reload does.
    package func reload(_ model: GatewayModel) throws {
        self.model = model
        try install(model)
    }

    private func install(_ model: GatewayModel) throws {
        try installSnapshot(model)
        for listener in model.listeners where sockets[listener.name] == nil {
            sockets[listener.name] = try ListeningSocket(binding: bindingAddress(of: listener))
        }
        let names = Set(model.listeners.map(\.name))
        let removed = sockets.keys.filter { !names.contains($0) }
        acceptor.replace(
            model.listeners.compactMap { listener in
                sockets[listener.name].map {
                    Acceptor.Source(
                        socket: $0,
                        state: state(ofListener: listener.name),
                        limit: listener.limits.connections
                    )
                }
            }
        )
        for name in removed {
            sockets.removeValue(forKey: name)?.close()
            try onLoops { $0.drain(listener: name) }
        }
    }

    /// With a clock of its own the gateway listens on Unix sockets: their bytes arrive with the call that sends them, so
    /// `advance` can be sure that all that was sent before has been seen. TCP on a busy machine promises no such thing.
    private func bindingAddress(of listener: ListenerModel) -> ListenAddress {
        if clock != nil, case .ip(_, 0) = listener.address { return .unix(path: folder.path(listener.name)) }
        return listener.address
    }

    private func installSnapshot(_ model: GatewayModel) throws {
        let shared = try SnapshotCompiler.compile(model)
        snapshots.append(shared)
        let upstreams = model.upstreams.map { (model: $0, state: state(ofUpstream: $0.name)) }
        let published = try model.upstreams.map { (name: $0.name, endpoints: try publishedEndpoints(of: $0)) }
        let listeners = model.listeners.map { (model: $0, state: state(ofListener: $0.name)) }
        self.shared.begin()
        let (states, background, log) = (self.shared, services.background, services.log)
        try onLoops { worker in
            let surroundings = FilterSurroundings(
                metrics: worker.metrics.shard,
                background: background,
                shared: states
            )
            let snapshot = try SnapshotCompiler.instantiate(
                shared,
                for: worker.loop,
                surroundings: surroundings,
                logSink: log
            )
            worker.install(snapshot, upstreams: upstreams) { _ in }
            for (name, endpoints) in published { worker.publish(endpoints, for: name) }
            worker.install(
                listeners: listeners.enumerated().map { LoopListener($1.model, index: $0, state: $1.state) }
            )
        }
        self.shared.end()
    }

    private func publishedEndpoints(of model: UpstreamModel) throws -> PublishedEndpoints {
        var states: [EndpointState] = []
        var balanced: [BalancedEndpoint] = []
        for endpoint in model.endpoints {
            let (address, host) = try Self.resolve(endpoint.address)
            let key = EndpointKey(address: address, hostField: Array(host.utf8))
            let state = endpointStates[key] ?? EndpointState(id: endpointStates.count, key: key)
            endpointStates[key] = state
            states.append(state)
            balanced.append(BalancedEndpoint(id: state.id, hashKey: key.hostField, weight: endpoint.weight))
        }
        let plan = BalancerPlan(model.balancing, panicThreshold: model.panicThreshold, endpoints: balanced)
        return PublishedEndpoints(states: states, plan: plan)
    }

    private static func resolve(_ address: EndpointAddress) throws -> (SocketAddress, host: String) {
        switch address {
        case .ip(let ip, let port):
            let host = ip.isV4 ? ip.description : "[\(ip.description)]"
            return (try SocketAddress(ipAddress: ip.description, port: port), "\(host):\(port)")
        case .unix(let path): return (try SocketAddress(unixDomainSocketPath: path), "localhost")
        case .name, .service: throw TestFailure("the test gateway resolves no names")
        }
    }

    private func state(ofListener name: String) -> ListenerState {
        let state = listenerStates[name] ?? ListenerState(name: name)
        listenerStates[name] = state
        return state
    }

    private func state(ofUpstream name: String) -> UpstreamState {
        let state = upstreamStates[name] ?? UpstreamState(name: name) { [outliers] id, _ in outliers.add(id) }
        upstreamStates[name] = state
        return state
    }

    // MARK: - Clients

    /// Where a listener is reached.
    package func address(of listener: String = "main") throws -> ListenAddress {
        guard let socket = sockets[listener] else { throw TestFailure("there is no listener \(listener)") }
        return socket.address
    }

    /// A client of a listener.
    package func connect(
        _ listener: String = "main",
        name: String = "client",
        receiveBuffer: Int? = nil
    ) throws -> RawPeer {
        let before = total(\.connectionsAccepted)
        let peer = try RawPeer(connectingTo: try address(of: listener), name: name, receiveBuffer: receiveBuffer)
        // The acceptor has a thread of its own; no time may pass before the connection is on its loop.
        if clock != nil { try wait(for: "the connection") { total(\.connectionsAccepted) > before } }
        return peer
    }

    // MARK: - What happens inside

    /// Runs something on every loop in turn.
    @discardableResult
    package func onLoops<R: Sendable>(_ body: @escaping @Sendable (Worker) throws -> R) throws -> [R] {
        try lanes.map { lane in try lane.loop.submit { try body(lane.worker.value) }.wait() }
    }

    /// Returns when the loops have dealt with everything that had arrived when this was called.
    ///
    /// What was sent over a Unix socket has arrived when the call that sent it returns, over TCP almost always.
    package func settle() throws {
        // The first round may be answered before its loop comes to the other sockets that are ready, the second only
        // after. The third is for what passes from one socket of the gateway to another.
        for _ in 0..<3 {
            for probe in probes { try probe.knock() }
            for probe in probes { try probe.awaitAnswer() }
        }
    }

    /// Moves the clock of a gateway that was started with one, and fires what has become due.
    package func advance(by amount: TimeAmount) throws {
        guard let clock else { throw TestFailure("this gateway runs on real time") }
        try settle()
        clock.advance(by: amount)
        try onLoops { $0.loop.tick() }
        try settle()
    }

    /// Waits until something that other threads do has come about.
    package func wait(for what: String, _ condition: () throws -> Bool) throws {
        let deadline = SystemClock.monotonic() + .seconds(30)
        while try !condition() {
            guard SystemClock.monotonic() < deadline else { throw TestFailure("waited too long for \(what)") }
            _ = Sockets.wait(-1, for: 0, until: SystemClock.monotonic() + .milliseconds(1))
            try settle()
        }
    }

    /// The sum of a counter over all loops.
    package func total(_ counter: KeyPath<LoopMetrics, Counter>) -> Int {
        lanes.reduce(0) { $0 + $1.metrics[keyPath: counter].current }
    }

    /// How often an error was counted, over all loops.
    package func count(of error: GatewayError) -> Int {
        lanes.reduce(0) { $0 + $1.metrics.current(error) }
    }

    /// How many connections were not taken in, by reason.
    package func refusedConnections(_ error: GatewayError) -> Int { acceptMetrics.current(error) }

    /// Endpoints whose row of failures was reported as full, in order.
    package var reportedOutliers: [Int] { outliers.all }

    /// Connections of clients now.
    package var connectionCount: Int { listenerStates.values.reduce(0) { $0 + $1.connections } }

    /// Taken places of an upstream's breaker.
    package func current(_ kind: BreakerCounts.Kind, of upstream: String = "origin") -> Int {
        upstreamStates[upstream]?.breakers.current(kind) ?? 0
    }

    /// Connections accepted by a listener so far, and turned away.
    package func accepts(of listener: String = "main") -> (accepted: Int, rejected: Int) {
        let state = listenerStates[listener]
        return (accepted: state?.acceptedTotal ?? 0, rejected: state?.rejectedTotal ?? 0)
    }
}

/// Written by the loops, read by the test.
private final class OutlierLog: Sendable {
    private let ids = Mutex<[Int]>([])
    var all: [Int] { ids.withLock { $0 } }
    func add(_ id: Int) { ids.withLock { $0.append(id) } }
}
