import NIOCore
package import SluiceConfig
package import SluiceCore
import SluiceHTTP
import SluiceRouting
package import SluiceSockets
package import SluiceTLS
package import SluiceUpstream

/// One event loop of the gateway with all that belongs to it: snapshot, pools, free exchanges, connections.
///
/// Isolation: its loop, but for `metrics` (readable from anywhere) and `loop` (to get onto it).
package final class Worker {
    /// What may wait in one direction of one exchange.
    static let bufferLimit = 64 * 1024
    /// Smaller pieces of a body are copied behind what is queued instead of being written on their own.
    static let copyLimit = 4 * 1024
    static let lingerBytes = 256 * 1024
    static let lingerTicks = TimerWheel.ticks(nanoseconds: 2_000_000_000)
    static let discardTicks = TimerWheel.ticks(nanoseconds: 5_000_000_000)
    static let filterTicks = TimerWheel.ticks(nanoseconds: 10_000_000_000)
    /// How many exchanges of a loop may wait for a filter's answer.
    static let waitingLimit = 4096
    private static let freeExchangeLimit = 1024

    package let loop: LoopContext
    private let sockets: SocketLoop
    package let metrics: LoopMetrics
    package let load = LoopLoad()
    let connector: any Connector
    private(set) var snapshot: LoopSnapshot
    private(set) var isDraining = false
    private var freeExchanges: ContiguousArray<Exchange> = []
    private var upstreams: [String: LoopUpstream] = [:]
    private(set) var listenerNumbers: [String: ListenerNumber] = [:]
    private var listeners: [String: LoopListener] = [:]
    private var connections: [ObjectIdentifier: DownstreamConnection] = [:]
    var mirrorsUnderWay = 0
    /// Exchanges whose filter waits for something.
    var waiting = WaitingPlaces(limit: Worker.waitingLimit)
    var matchScratch = MatchScratch()
    private var whenIdle: (() -> Void)?
    private let shortage: ResourceShortage?
    private let shortages = Episode()

    /// What answers every request of this worker; nil: routes do.
    let builtIn: (any BuiltInAction)?

    /// - Parameters:
    ///   - loop: what belongs to a loop, and `sockets` that loop itself.
    ///   - shortage: is told when the system has no room to watch one more connection.
    package init(
        loop: LoopContext,
        sockets: SocketLoop,
        connector: (any Connector)? = nil,
        metrics: MetricShard = MetricShard(),
        shortage: ResourceShortage? = nil,
        builtIn: (any BuiltInAction)? = nil
    ) {
        self.loop = loop
        self.sockets = sockets
        self.builtIn = builtIn
        self.shortage = shortage
        self.metrics = LoopMetrics(metrics)
        self.connector = connector ?? SocketConnector(loop: sockets, metrics: metrics)
        self.snapshot = LoopSnapshot.empty()
    }

    // MARK: - Snapshot

    /// Takes over a new configuration: exchanges under way keep theirs, new ones use this.
    ///
    /// - Parameters:
    ///   - models: all upstreams of the configuration with what the process keeps of each.
    ///   - dispose: takes the old snapshot to a thread that has time to take it down.
    package func install(
        _ snapshot: LoopSnapshot,
        upstreams models: [(model: UpstreamModel, state: UpstreamState)],
        dispose: @escaping (LoopSnapshot) -> Void
    ) {
        var next: [String: LoopUpstream] = [:]
        for (model, state) in models {
            if let known = upstreams.removeValue(forKey: model.name) {
                known.configure(model)
                next[model.name] = known
            } else {
                next[model.name] = LoopUpstream(
                    loop: loop,
                    state: state,
                    model: model,
                    connector: connector,
                    metrics: metrics.shard
                )
            }
        }
        let gone = Array(upstreams.values)
        upstreams = next
        snapshot.bind { next[$0] }
        let old = self.snapshot
        self.snapshot = snapshot
        for upstream in gone { upstream.closeIdle() }
        old.retire { snapshot in
            // Exchanges that began under the old configuration could still use what it named until now.
            for upstream in gone { upstream.retire() }
            snapshot.accessLog?.retire()
            dispose(snapshot)
        }
    }

    /// Takes over the endpoints of one upstream.
    package func publish(_ endpoints: PublishedEndpoints, for upstream: String) {
        upstreams[upstream]?.publish(endpoints)
    }

    /// Takes over the rules of the listeners; open connections keep theirs.
    package func install(listeners: [LoopListener]) {
        for number in listenerNumbers.values { number.value = ListenerNumber.gone }
        for listener in listeners {
            let number = listenerNumbers[listener.name] ?? listener.number
            number.value = listener.index
            listener.number = number
            listenerNumbers[listener.name] = number
        }
        self.listeners = Dictionary(listeners.map { ($0.name, $0) }) { first, _ in first }
        forgetListenersWithoutUse()
    }

    /// The number of a listener that is gone is kept for as long as it may be needed again by an open connection: until
    /// the next change after the last of them.
    private func forgetListenersWithoutUse() {
        guard listenerNumbers.count > listeners.count else { return }
        let used = Set(connections.values.map(\.listener.name))
        listenerNumbers = listenerNumbers.filter { listeners[$0.key] != nil || used.contains($0.key) }
    }

    /// Takes over new certificates of a listener; open connections keep theirs.
    package func install(_ context: TLSServerContext, forListener name: String) { listeners[name]?.tls = context }

    /// Takes over what connections to an upstream are secured with; open ones stay.
    package func install(_ context: TLSClientContext, forUpstream name: String) { upstreams[name]?.install(context) }

    // MARK: - Exchanges

    func takeExchange() -> Exchange { freeExchanges.popLast() ?? Exchange(worker: self) }

    /// Takes an exchange that is over. It lives at least until the loop has done what it is at, so that its own methods,
    /// and those that called them, need not keep it.
    func giveBack(_ exchange: Exchange) {
        if freeExchanges.count < Self.freeExchangeLimit {
            freeExchanges.append(exchange)
        } else {
            loop.wheel.remove(exchange)
            if leaving.isEmpty { loop.loop.assumeIsolated().execute { [self] in leaving = [] } }
            leaving.append(exchange)
        }
    }

    /// Exchanges beyond those that are kept.
    private var leaving: [Exchange] = []

    // MARK: - Connections

    package var connectionCount: Int { connections.count }

    /// Takes over an accepted socket; the acceptor has counted it already.
    package func adopt(_ socket: AcceptedSocket) {
        guard let listener = listeners[socket.listener.name] else { return reject(socket) }
        let connection = HTTP1Connection(
            worker: self,
            listener: listener,
            peer: PeerAddress(socket.peer, port: socket.port, isSecure: listener.speaksTLS)
        )
        if listener.speaksTLS {
            guard let context = listener.tls, let session = TLSSession(server: context) else { return reject(socket) }
            connection.secure(session)
        }
        connection.expectProxyHeader()
        do throws(SocketError) {
            try connection.attach(socket.descriptor, to: sockets)
            connection.begin()
        } catch {
            // Whatever the reason, it is not the client's, and an accepted connection is lost.
            metrics.count(.gatewayExhausted)
            if let code = error.code { shortage?.prevented("watch accepted connections", code: code, in: shortages) }
            reject(socket)
        }
    }

    private func reject(_ socket: AcceptedSocket) {
        socket.close()
        forget(socket)
    }

    private func forget(_ socket: AcceptedSocket) {
        load.connectionEnded()
        socket.listener.connectionEnded()
    }

    func opened(_ connection: DownstreamConnection) {
        connections[ObjectIdentifier(connection)] = connection
        metrics.connectionsAccepted.increment()
    }

    /// A connection turned out to speak another protocol and goes on as another object.
    func replaced(_ old: DownstreamConnection, by new: DownstreamConnection) {
        connections[ObjectIdentifier(old)] = nil
        connections[ObjectIdentifier(new)] = new
    }

    func closed(_ connection: DownstreamConnection) {
        connections[ObjectIdentifier(connection)] = nil
        load.connectionEnded()
        connection.listener.state.connectionEnded()
        metrics.connectionsClosed.increment()
        if isDraining, connections.isEmpty { whenIdle?() }
    }

    /// From now on every answer is the last of its connection. Idle connections stay open for the moment, since their
    /// next request may be on its way.
    package func beginDraining() { isDraining = true }

    /// Stops gently: idle connections end now, others with their answer; `done` is called when none is left.
    package func drain(_ done: @escaping () -> Void) {
        isDraining = true
        guard !connections.isEmpty else { return done() }
        whenIdle = done
        for connection in Array(connections.values) { connection.drain() }
    }

    /// Ends the connections of listeners that are no longer there, gently.
    package func drain(listener name: String) {
        for connection in Array(connections.values) where connection.listener.name == name {
            connection.closesAfterExchange = true
            connection.drain()
        }
    }

    /// Hands over what waits in memory: the access log.
    package func flush() { snapshot.accessLog?.handOver() }

    /// Cuts what is left, but for those who have no answer yet: they get one, and `abortAll` should come a little later.
    package func cutAll() {
        for connection in Array(connections.values) { connection.cutShort() }
    }

    /// Cuts what is left, without an answer.
    package func abortAll() {
        for connection in Array(connections.values) { connection.abort() }
    }

    func secondsSince1970() -> Int64 { loop.secondsSince1970 }
}
