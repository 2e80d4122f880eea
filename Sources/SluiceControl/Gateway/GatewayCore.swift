import CPlatform
import Glibc
import NIOCore
import NIOPosix
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceSockets
import SluiceTLS
import SluiceUpstream

/// What a `Gateway` is made of.
///
/// Isolation: the control queue. Loops and the supervision are reached by posting to them.
// SAFETY: `Gateway` touches it in jobs of one control queue only, which run one after the other. While the builder uses it,
// the control queue waits.
final class GatewayCore: @unchecked Sendable {
    let options: Gateway.Options
    private let queue: ControlQueue
    /// For what takes long: a thread that stands back. It starts no others, which would do so too.
    private let builder: ControlQueue
    private var loops: [SocketLoop] = []
    /// The fetcher is the one part that uses SwiftNIO's channels.
    private var fetching: MultiThreadedEventLoopGroup?
    private(set) var workers: [WorkerThread] = []
    private var supervision: NIOLoopBound<UpstreamSupervision>?
    private var controlLoop: SocketLoop?
    private var background: BackgroundFetcher?
    /// What filters share and keep over reloads.
    private let states = SharedStates()
    let metrics = MetricsRegistry()
    let tls: TLSStore
    /// What the admin API and the metrics show of all this.
    let facts = GatewayFacts()
    private(set) var admin: AdminServer?
    private(set) var accessLogs = AccessLogs()
    private let logCounts = LogCounts()
    private(set) var acceptor: Acceptor?
    private var acceptMetrics: LoopMetrics?
    private let shortage: ResourceShortage
    private let own = OwnAddresses()
    var listeners: [OpenListener] = []
    private var current: SharedSnapshot?
    /// No longer current, but some loop still holds a copy.
    private var retired: [SharedSnapshot] = []
    var inherited: [ListeningSocket]
    private var isHandingOver = false
    var isDraining = false

    init(_ options: Gateway.Options, queue: ControlQueue, builder: ControlQueue) {
        self.options = options
        self.queue = queue
        self.builder = builder
        builder.async { ThreadPriority.takeWhatIsLeft() }
        inherited = options.inherited
        tls = TLSStore(log: options.log)
        // Event loops notice it, and must not wait for whoever reads the log.
        shortage = ResourceShortage(log: Self.later(options.log, queue))
    }

    /// For lines to operators from event loops, which must not wait for whoever reads the log.
    private var later: @Sendable (String) -> Void { Self.later(options.log, queue) }

    private static func later(
        _ log: @escaping @Sendable (String) -> Void,
        _ queue: ControlQueue
    ) -> @Sendable (String) -> Void {
        { line in queue.async { log(line) } }
    }

    // MARK: - Start and stop

    func start(_ model: GatewayModel) throws {
        guard acceptor == nil else { throw StartError("the gateway runs already") }
        let count = max(1, options.workers ?? model.workers ?? Processors.available)
        for number in 0..<count { loops.append(try SocketLoop.running("sluice-loop-\(number)")) }
        let control = try SocketLoop.running("sluice-control")
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        fetching = group
        let log: @Sendable (String) -> Void = { [queue, log = options.log] line in queue.async { log(line) } }
        workers = try loops.map {
            try WorkerThread.start(on: $0, metrics.makeShard(), shortage, own: own, log: log)
        }
        loops.append(control)
        try startSupervision(on: control)
        var fetcher = BackgroundFetcher.Options()
        fetcher.log = options.log
        fetcher.metrics = metrics.makeShard()
        fetcher.shortage = shortage
        background = BackgroundFetcher(loop: group.next(), fetcher)
        acceptor = try startAcceptor()
        GatewayMetrics.register(in: metrics, facts, logCounts, upstreams: upstreamReports)
        tls.facts.register(in: metrics)
        try takeOver(model)
        for unused in inherited { unused.closeKeepingFile() }
        inherited = []
    }

    private func startAcceptor() throws(StartError) -> Acceptor {
        do throws(ListenError) {
            let metrics = LoopMetrics(metrics.makeShard())
            acceptMetrics = metrics
            let acceptor = try Acceptor(
                targets: workers.map(\.target),
                metrics: metrics,
                shortage: shortage,
                own: own,
                log: later
            )
            try acceptor.start()
            return acceptor
        } catch {
            throw StartError(error.message)
        }
    }

    private func startSupervision(on loop: SocketLoop) throws {
        let workers = workers
        let (log, shortage, contexts) = (options.log, shortage, tls.upstreams)
        controlLoop = loop
        supervision = try loop.submit {
            let context = SupervisorContext(
                loop: loop,
                prober: SocketProber(loop: loop, shortage: shortage, log: log),
                security: { contexts[$0] },
                log: log
            )
            let resolver = ResolverPool(shortage: shortage)
            let supervision = UpstreamSupervision(context, resolver: resolver) { name, endpoints in
                for worker in workers { worker.execute { $0.publish(endpoints, for: name) } }
            }
            return NIOLoopBound(supervision, eventLoop: loop)
        }.wait()
    }

    func stop() {
        acceptor?.replace([])
        acceptor?.stop()
        admin?.stop()
        closeListeners()
        for worker in workers {
            try? worker.run { worker in
                worker.abortAll()
                worker.flush()
                worker.loop.stop()
            }
        }
        flushStates()
        background?.stop()
        if let supervision, let controlLoop { try? controlLoop.submit { supervision.value.stop() }.wait() }
        if !accessLogs.flush(patience: .seconds(2)) {
            options.log("access log: takes nothing: \(Plural.of(logCounts.waitingBytes, "byte")) not written")
        }
        for loop in loops { loop.stop() }
        loops = []
        try? fetching?.syncShutdownGracefully()
        fetching = nil
    }

    /// What filters still have to send goes out, within reason.
    private func flushStates() {
        let flushed = states.flushing.map { state in
            let isDone = Mailbox<Void>()
            state.flush(within: .seconds(2)) { isDone.post(()) }
            return isDone
        }
        for isDone in flushed { isDone.take() }
    }

    // MARK: - Configurations

    func reload(_ model: GatewayModel) throws {
        guard acceptor != nil, !isDraining else { throw StartError("the gateway is stopping") }
        guard !isHandingOver else { throw StartError("another process is taking over") }
        try takeOver(model)
        if options.workers == nil, let count = model.workers, count != workers.count {
            options.log("the number of workers changes with the next start only")
        }
    }

    /// Everything that can fail comes first and changes nothing; then all loops change.
    private func takeOver(_ model: GatewayModel) throws {
        states.begin()
        let (shared, copies, log, change): (SharedSnapshot, [Handover<LoopSnapshot>], LogFile?, ListenerChange)
        let contexts: TLSStore.Change
        do {
            contexts = try tls.prepare(model)
            log = try model.telemetry.accessLog.map {
                try accessLogs.open($0, logCounts, log: options.log, tell: later)
            }
            (shared, copies) = try builder.sync { [self] in try compile(model, log) }
            try prepareAdmin(model.admin)
            let models = model.listeners + (model.admin.map { [$0.listener] } ?? [])
            change = try openListeners(models, contexts.servers)
        } catch {
            states.cancel()
            throw error
        }
        states.end()
        tls.commit(contexts)
        accessLogs.replace(with: log)
        prepareNames(model.upstreams)
        install(copies, model.upstreams, contexts.clients, change.duringChange)
        admin?.follow(change.duringChange, model.admin)
        acceptor?.replace(change.next.map(source))
        finish(change)
        listeners = change.next
        facts.tookOver(shared, listeners)
        metrics.configure(model.labelValues, now: SystemClock.monotonic())
        if let current { retired.append(current) }
        current = shared
        freeRetired()
        builder.async { sluice_trim_memory() }
    }

    /// On the builder.
    private func compile(
        _ model: GatewayModel,
        _ log: LogFile?
    ) throws(StartError) -> (SharedSnapshot, [Handover<LoopSnapshot>]) {
        do {
            let shared = try SnapshotCompiler.compile(model)
            let copies = try workers.map { worker in
                let surroundings = FilterSurroundings(
                    metrics: worker.metrics.shard,
                    background: background,
                    shared: states
                )
                return try worker.instantiate(shared, surroundings, log)
            }
            return (shared, copies)
        } catch {
            throw StartError("the configuration cannot be compiled: \(error)")
        }
    }

    /// The admin API has a loop of its own, which is there as soon as a configuration wants it.
    private func prepareAdmin(_ model: AdminModel?) throws {
        guard model != nil, admin == nil else { return }
        admin = try AdminServer(
            facts: facts,
            metrics: metrics,
            upstreams: upstreamReports,
            orders: options.orders,
            shortage: shortage
        )
    }

    /// What the supervision knows of upstreams; never called from a loop.
    private var upstreamReports: @Sendable () -> [UpstreamReport] {
        guard let supervision, let controlLoop else { return { [] } }
        return { (try? controlLoop.submit { supervision.value.report() }.wait()) ?? [] }
    }

    /// How the acceptor deals with a listener.
    func source(_ listener: OpenListener) -> Acceptor.Source {
        let isAdmin = listener.model.name == AdminModel.listenerName
        return Acceptor.Source(
            socket: listener.socket,
            state: listener.state,
            limit: listener.model.limits.connections,
            target: isAdmin ? admin?.target : nil
        )
    }

    private func prepareNames(_ models: [UpstreamModel]) {
        guard let supervision, let controlLoop else { return }
        let patience = options.namePatience
        let isReady = Mailbox<Void>()
        controlLoop.execute { supervision.value.prepare(models, patience: patience) { isReady.post(()) } }
        isReady.take()
    }

    /// Hands every loop its copy and the upstreams' endpoints in one step.
    ///
    /// By way of the supervision's loop, so that no list of endpoints overtakes a newer one.
    private func install(
        _ copies: [Handover<LoopSnapshot>],
        _ models: [UpstreamModel],
        _ contexts: [String: TLSClientContext],
        _ rules: [ListenerRules]
    ) {
        guard let supervision, let controlLoop else { return }
        let workers = workers
        let isInstalled = Mailbox<Void>()
        let dispose = disposal()
        controlLoop.execute {
            let entries = supervision.value.apply(models)
            for (worker, copy) in zip(workers, copies) {
                worker.execute { worker in
                    let upstreams = entries.map { (model: $0.model, state: $0.state) }
                    worker.install(copy.value, upstreams: upstreams, dispose: dispose)
                    for (name, context) in contexts { worker.install(context, forUpstream: name) }
                    for entry in entries where entry.isChanged {
                        worker.publish(entry.endpoints, for: entry.model.name)
                    }
                    worker.follow(rules)
                    isInstalled.post(())
                }
            }
        }
        for _ in workers { isInstalled.take() }
    }

    /// Brings what a loop no longer needs to the builder, so that no loop takes a large configuration down.
    private func disposal() -> @Sendable (LoopSnapshot) -> Void {
        { [queue, builder, self] snapshot in
            // SAFETY: passed on without counting references: whoever on the loop still holds one is done when the loop
            // turns to its next task, so the one taken back on the builder is the last.
            let kept = Handover(Unmanaged.passRetained(snapshot))
            let free: @Sendable () -> Void = {
                kept.value.release()
                queue.async { self.freeRetired() }
            }
            guard let loop = SocketLoop.current else { return builder.async(free) }
            loop.execute { builder.async(free) }
        }
    }

    private func freeRetired() {
        let gone = retired.filter { $0.loopCount == 0 }
        guard !gone.isEmpty else { return }
        retired.removeAll { $0.loopCount == 0 }
        // Both in jobs of their own: what the first one holds is free when it has ended.
        builder.async { withExtendedLifetime(gone) {} }
        builder.async { sluice_trim_memory() }
    }

    var retiredCount: Int {
        freeRetired()
        return retired.count
    }

    // MARK: - Takeover

    func beginHandover() -> [ListeningSocket] {
        guard !isDraining else { return [] }
        isHandingOver = true
        return listeners.map(\.socket)
    }

    func endHandover(isTaken: Bool) {
        isHandingOver = false
        guard isTaken else { return }
        acceptor?.replace([])
        for listener in listeners { listener.socket.closeKeepingFile() }
        listeners = []
    }

    // MARK: - Counting

    var openConnections: Int { workers.reduce(0) { $0 + $1.load.connections } }

    var statistics: GatewayStatistics {
        var sum = GatewayStatistics()
        for metrics in workers.map(\.metrics) + [acceptMetrics].compactMap(\.self) {
            sum.requests += metrics.requests.current
            sum.attempts += metrics.attempts.current
            sum.retries += metrics.retries.current
            sum.connectionsAccepted += metrics.connectionsAccepted.current
            sum.connectionsClosed += metrics.connectionsClosed.current
            for error in GatewayError.allCases {
                let count = metrics.current(error)
                if count > 0 { sum.errors[error, default: 0] += count }
            }
        }
        sum.connectionsOpen = openConnections
        return sum
    }
}
