import NIOCore
import SluiceCore
import SluiceSockets
import Testing

@testable import SluiceProxy

/// Exchanges that are over: kept for the next requests, but not more of them than that.
@Suite struct FreeExchangesTests {
    @Test("one beyond those that are kept lives until the loop has done what it is at, and no longer")
    func surplus() throws {
        let loop = try SocketLoop.start(name: "test-exchanges")
        defer { loop.stop() }
        let scene = try loop.submit { Scene(loop) }.wait()
        #expect(try loop.submit { scene.end() }.wait() == 1100)
        #expect(try loop.submit { scene.alive }.wait() == 1024)
        try loop.submit { scene.worker = nil }.wait()
    }

    /// A worker and all that it gave away, looked at on the loop only.
    private final class Scene: @unchecked Sendable {
        private struct Weak { weak var exchange: Exchange? }
        var worker: Worker?
        private var all: [Exchange]
        private let watched: [Weak]

        init(_ loop: SocketLoop) {
            let worker = Worker(loop: LoopContext(loop: loop), sockets: loop)
            all = (0..<1100).map { _ in worker.takeExchange() }
            watched = all.map { Weak(exchange: $0) }
            self.worker = worker
        }

        var alive: Int { watched.count { $0.exchange != nil } }

        /// Ends all of them, with nobody but the worker left to have them, as when one ends within its own method.
        func end() -> Int {
            for exchange in all { worker?.giveBack(exchange) }
            all = []
            return alive
        }
    }
}
