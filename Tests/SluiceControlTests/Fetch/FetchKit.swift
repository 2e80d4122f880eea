import NIOCore
import NIOPosix
import SluiceControl
import SluiceCore
import SluiceFilters
import SluiceTesting

/// A fetcher on a loop of its own, for one test.
final class FetchKit {
    let fetcher: BackgroundFetcher
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    static func run(
        _ change: (inout BackgroundFetcher.Options) throws -> Void = { _ in },
        _ body: (FetchKit) throws -> Void
    ) throws {
        var options = BackgroundFetcher.Options()
        try change(&options)
        let kit = FetchKit(options)
        defer { kit.stop() }
        try body(kit)
    }

    private init(_ options: BackgroundFetcher.Options) {
        fetcher = BackgroundFetcher(loop: group.next(), options)
    }

    private func stop() {
        try? fetcher.stop().wait()
        try? group.syncShutdownGracefully()
    }

    /// Begins a fetch; the future fails with the `FetchError`.
    func begin(_ request: FetchRequest) -> EventLoopFuture<FetchAnswer> {
        let promise = fetcher.loop.makePromise(of: FetchAnswer.self)
        let loop = fetcher.loop
        fetcher.fetch(request) { result in
            loop.preconditionInEventLoop()
            // A second call would trap: promises are kept once.
            promise.completeWith(result.mapError { $0 })
        }
        return promise.futureResult
    }

    func fetch(_ request: FetchRequest) throws -> FetchAnswer { try begin(request).wait() }

    /// What a fetch fails with.
    func failure(_ request: FetchRequest) throws -> String {
        do {
            let answer = try fetch(request)
            throw TestFailure("an answer came: \(answer)")
        } catch let error as FetchError {
            return error.message
        }
    }

    static func request(_ port: Int, _ target: String = "/", host: String = "127.0.0.1") throws -> FetchRequest {
        try request("http://\(host):\(port)\(target)")
    }

    static func request(_ text: String) throws -> FetchRequest {
        guard let url = FetchURL(text) else { throw TestFailure("no URL: \(text)") }
        return FetchRequest(url)
    }
}
