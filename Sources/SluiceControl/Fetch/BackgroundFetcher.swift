package import NIOCore
package import NIOSSL
package import SluiceCore
package import SluiceFilters
package import SluiceUpstream

/// The gateway's own HTTP client: for keys, introspection of configurations, exporters, never for requests of clients.
///
/// Each fetch has a connection of its own and a bounded number run at once; the rest wait in turn. Certificates are
/// always verified. Isolation: any thread; everything happens on `loop`.
package final class BackgroundFetcher: BackgroundServices {
    package struct Options: Sendable {
        /// Who signs the certificates of https servers; nil: whom the system trusts.
        package var trustRoots: [NIOSSLCertificate]?
        /// For one address, without the TLS handshake.
        package var connectTimeout = TimeAmount.seconds(3)
        /// Fetches under way at once.
        package var concurrency = 64
        /// Fetches that wait for their turn; beyond it they fail.
        package var waiting = 1024
        package var dns = DNSResolver.Configuration()
        /// Takes one line for operators, without a line end.
        package var log: @Sendable (String) -> Void = { _ in }
        /// Counted on the fetcher's loop only.
        package var metrics = MetricShard()
        /// Is told when the gateway itself is what has run out of something.
        package var shortage: ResourceShortage?

        package init() {}
    }

    package let loop: any EventLoop
    package let metrics: MetricShard
    private let queue: NIOLoopBoundBox<FetchQueue>
    private let write: @Sendable (String) -> Void

    /// - Parameter loop: one that serves no requests; it may be shared with other background work.
    package init(loop: any EventLoop, _ options: Options = Options()) {
        self.loop = loop
        write = options.log
        metrics = options.metrics
        queue = .makeBoxSendingValue(FetchQueue(loop: loop, options), eventLoop: loop)
    }

    package func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        loop.execute { [queue] in queue.value.add(request, completion) }
    }

    package func log(_ line: String) { write(line) }

    /// Ends all fetches, under way or waiting, with an error, and refuses later ones.
    ///
    /// - Returns: a future that is there when all completions were called.
    @discardableResult
    package func stop() -> EventLoopFuture<Void> { loop.submit { [queue] in queue.value.stop() } }
}

/// Which fetches run and which wait. Isolation: the fetcher's loop.
final class FetchQueue {
    private let loop: any EventLoop
    private let options: BackgroundFetcher.Options
    private let trust: FetchTrust
    private let names: FetchNames
    private let shortages = Episode()
    private let metrics: FetchMetrics
    private var running: [ObjectIdentifier: FetchJob] = [:]
    private var waiting: CircularBuffer<FetchJob> = []
    private var isStopped = false

    init(loop: any EventLoop, _ options: BackgroundFetcher.Options) {
        self.loop = loop
        self.options = options
        trust = FetchTrust(options.trustRoots)
        var dns = options.dns
        dns.shortage = options.shortage
        names = FetchNames(loop: loop, dns)
        metrics = FetchMetrics(options.metrics)
    }

    func add(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        let job = FetchJob(request, metrics, completion)
        guard !isStopped else { return job.fail("the gateway is stopping", .refused) }
        guard running.count >= options.concurrency else { return start(job) }
        // Those that ran out of time while they waited are still there; they go before anybody is refused for them.
        if waiting.count >= options.waiting { waiting.removeAll(where: \.isOver) }
        guard waiting.count < options.waiting else {
            return job.fail("too many requests of the gateway's own wait", .refused)
        }
        job.beginWaiting(on: loop)
        waiting.append(job)
    }

    private func start(_ job: FetchJob) {
        running[ObjectIdentifier(job)] = job
        job.start(
            on: loop,
            connectTimeout: options.connectTimeout,
            trust,
            names,
            exhausted: { [self] code in
                options.shortage?.prevented("fetch from \(job.origin)", code: code, in: shortages)
            },
            ended: { [self] in ended(job) }
        )
    }

    private func ended(_ job: FetchJob) {
        running[ObjectIdentifier(job)] = nil
        while running.count < options.concurrency, let next = waiting.popFirst() {
            if !next.isOver { start(next) }
        }
    }

    func stop() {
        isStopped = true
        let all = Array(waiting) + Array(running.values)
        waiting = []
        for job in all { job.fail("the gateway is stopping", .refused) }
        names.stop()
    }
}
