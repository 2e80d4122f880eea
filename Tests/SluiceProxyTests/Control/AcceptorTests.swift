import Glibc
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceProxy

/// What the acceptor needs of the system, and what follows when it does not get it.
@Suite struct AcceptorTests {
    @Test func withoutAPipeThereIsAnErrorAndNobodyWaits() async {
        await #expect(processExitsWith: .success) {
            var none = rlimit()
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
            do throws(ListenError) {
                _ = try Acceptor(targets: [])
            } catch {
                exit(error.message == "cannot accept connections: no pipe: Too many open files" ? 0 : 2)
            }
            exit(1)
        }
    }

    @Test func withoutAThreadThereIsAnErrorAndNobodyWaits() async {
        await #expect(processExitsWith: .success) {
            // No room for another stack. Those of threads that have ended may still serve a few.
            var limit = rlimit()
            limit.rlim_cur = 1 << 20
            limit.rlim_max = 1 << 20
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            do throws(ListenError) {
                for _ in 0..<64 { try Acceptor(targets: []).start() }
            } catch {
                exit(error.message == "cannot accept connections: the system gives no more threads" ? 0 : 2)
            }
            exit(1)
        }
    }

    /// What epoll refuses here, since a file is always ready, as it refuses sockets when it may not watch any more.
    @Test func aConnectionThatCannotBeWatchedIsCounted() throws {
        let lines = Lines()
        let services = TestGateway.Services(shortage: ResourceShortage(log: lines.add))
        try TestGateway.run(.forwarding(), services: services) { gateway in
            let state = ListenerState(name: "main")
            for _ in 0..<3 {
                let descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
                try #require(descriptor >= 0)
                try gateway.onLoops { worker in
                    state.connectionBegan()
                    worker.load.connectionBegan()
                    worker.adopt(AcceptedSocket(descriptor: descriptor, peer: nil, port: 0, listener: state))
                }
            }
            #expect(gateway.count(of: .gatewayExhausted) == 3)
            #expect(gateway.total(\.connectionsAccepted) == 0 && state.connections == 0)
        }
        #expect(
            lines.all == [
                "cannot watch accepted connections: Operation not permitted (1) (not said again while it lasts)"
            ]
        )
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    @Test func beforeItsThreadRunsThereIsNobodyToWaitFor() throws {
        let acceptor = try Acceptor(targets: [])
        let replaced = Background { acceptor.replace([]) }
        try replaced.value()
        try acceptor.start()
        acceptor.replace([])
        acceptor.stop()
        acceptor.replace([])
    }
}
