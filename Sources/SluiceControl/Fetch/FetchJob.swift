import NIOCore
import NIOPosix
import SluiceCore
import SluiceFilters
import SluiceUpstream

/// One fetch: looks up the name, connects to one address after the other, and reports once.
///
/// Isolation: the fetcher's loop.
final class FetchJob {
    private let request: FetchRequest
    private let metrics: FetchMetrics
    private var completion: (@Sendable (Result<FetchAnswer, FetchError>) -> Void)?
    private var ended: (() -> Void)?
    private var deadline: Scheduled<Void>?
    private var addresses: ArraySlice<SocketAddress> = []
    private var connection: FetchConnection?
    private var step = "waiting for its turn"

    init(
        _ request: FetchRequest,
        _ metrics: FetchMetrics,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        self.request = request
        self.metrics = metrics
        self.completion = completion
    }

    var isOver: Bool { completion == nil }

    /// From here on its time runs.
    func beginWaiting(on loop: any EventLoop) {
        guard deadline == nil else { return }
        deadline = loop.assumeIsolated().scheduleTask(in: request.timeout) { [self] in
            fail("no answer within \(Self.show(request.timeout)): \(step)", .timeout)
        }
    }

    var origin: String { request.url.origin }

    /// `exhausted` is told the error (errno) of a connection that the gateway itself had nothing left to make of. `ended` is
    /// called once, after the completion.
    func start(
        on loop: any EventLoop,
        connectTimeout: TimeAmount,
        _ trust: FetchTrust,
        _ names: FetchNames,
        exhausted: @escaping (CInt) -> Void,
        ended: @escaping () -> Void
    ) {
        self.ended = ended
        beginWaiting(on: loop)
        if let problem = FetchHead.problem(with: request) { return fail(problem) }
        step = "looking up \(request.url.host)"
        let connect = Connect(loop: loop, timeout: connectTimeout, trust: trust, exhausted: exhausted)
        let bound = NIOLoopBound((job: self, connect: connect), eventLoop: loop)
        names.resolve(request.url.host, port: request.url.port) { bound.value.job.resolved($0, bound.value.connect) }
    }

    private func resolved(_ result: Result<[SocketAddress], DNSError>, _ connect: Connect) {
        switch result {
        case .success(let found):
            addresses = found[...]
            connectToNext(connect)
        case .failure(let error): fail(FetchWords.lookup(error, of: request.url.host))
        }
    }

    func fail(_ message: String, _ failure: FetchMetrics.Failure = .failed) {
        if !isOver { metrics.count(failure) }
        finish(.failure(FetchError("\(request.url.origin): \(message)")))
    }

    private func succeed(_ answer: FetchAnswer) {
        if !isOver { metrics.answered(answer.status) }
        finish(.success(answer))
    }

    private func finish(_ result: Result<FetchAnswer, FetchError>) {
        guard let report = completion else { return }
        completion = nil
        deadline?.cancel()
        deadline = nil
        connection?.abandon()
        connection = nil
        let last = ended
        ended = nil
        report(result)
        last?()
    }

    // MARK: - Connecting

    private struct Connect {
        let loop: any EventLoop
        let timeout: TimeAmount
        let trust: FetchTrust
        let exhausted: (CInt) -> Void
    }

    private func connectToNext(_ connect: Connect) {
        guard !isOver, let address = addresses.popFirst() else { return }
        step = "connecting to \(FetchWords.show(address))"
        let connection = FetchConnection(request) { [self] event in
            switch event {
            case .connected: step = "waiting for the answer"
            case .finished(let answer): succeed(answer)
            case .failed(let message): fail(message)
            }
        }
        self.connection = connection
        let bound = NIOLoopBound(connection, eventLoop: connect.loop)
        let trust = request.url.isSecure ? NIOLoopBound(connect.trust, eventLoop: connect.loop) : nil
        let name = IPAddress(request.url.host) == nil ? request.url.host : nil
        ClientBootstrap(group: connect.loop)
            .connectTimeout(connect.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let trust { try pipeline.addHandler(try trust.value.handler(forServer: name)) }
                    try pipeline.addHandler(bound.value)
                }
            }
            .connect(to: address)
            .assumeIsolated()
            .whenFailure { [self] error in
                // A handshake that failed was reported already, and another address would have the same certificate.
                guard !isOver, !connection.hasBegun else { return }
                if let code = (error as? IOError)?.errnoCode, ResourceShortage.isMeant(by: code) {
                    connect.exhausted(code)
                }
                let words = FetchWords.connecting(error, to: address)
                if addresses.isEmpty { fail(words) } else { connectToNext(connect) }
            }
    }

    private static func show(_ amount: TimeAmount) -> String {
        let milliseconds = amount.nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}

extension FetchURL {
    /// What messages name: the rest of a URL may hold secrets.
    var origin: String { "\(isSecure ? "https" : "http")://\(authority)" }
}
