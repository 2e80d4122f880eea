import NIOCore
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceSockets
import SluiceUpstream

/// A worker and the way to its loop. Any thread.
struct WorkerThread: Sendable {
    let loop: SocketLoop
    let load: LoopLoad
    let metrics: LoopMetrics
    private let bound: NIOLoopBound<Worker>
    private let context: Handover<LoopContext>

    /// Makes the worker of a loop and starts its clock.
    ///
    /// `builtIn`: what answers all its requests; nil: routes do.
    static func start(
        on loop: SocketLoop,
        _ shard: MetricShard,
        _ shortage: ResourceShortage,
        own: OwnAddresses? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in },
        builtIn: (any BuiltInAction)? = nil
    ) throws -> WorkerThread {
        try loop.submit {
            let connector = SocketConnector(loop: loop, metrics: shard, shortage: shortage, own: own, log: log)
            let worker = Worker(
                loop: LoopContext(loop: loop),
                sockets: loop,
                connector: connector,
                metrics: shard,
                shortage: shortage,
                builtIn: builtIn
            )
            worker.loop.start()
            return WorkerThread(worker, loop)
        }.wait()
    }

    private init(_ worker: Worker, _ loop: SocketLoop) {
        self.loop = loop
        load = worker.load
        metrics = worker.metrics
        bound = NIOLoopBound(worker, eventLoop: loop)
        // Given to filters while they are made, which may keep it and must not use it; see `FilterResources`.
        context = Handover(worker.loop)
    }

    /// Builds this loop's copy of a configuration, on the calling thread.
    func instantiate(
        _ shared: SharedSnapshot,
        _ surroundings: FilterSurroundings,
        _ log: LogFile?
    ) throws -> Handover<LoopSnapshot> {
        Handover(
            try SnapshotCompiler.instantiate(shared, for: context.value, surroundings: surroundings, logSink: log)
        )
    }

    /// Runs `body` on the loop, behind everything posted before.
    func execute(_ body: @escaping @Sendable (Worker) -> Void) {
        loop.execute { [bound] in body(bound.value) }
    }

    /// Runs `body` on the loop and waits for it. Never from a loop.
    func run(_ body: @escaping @Sendable (Worker) -> Void) throws {
        try loop.submit { [bound] in body(bound.value) }.wait()
    }

    /// Where the acceptor hands connections to.
    var target: Acceptor.Target {
        Acceptor.Target(load: load) { [self] socket in execute { $0.adopt(socket) } }
    }
}
