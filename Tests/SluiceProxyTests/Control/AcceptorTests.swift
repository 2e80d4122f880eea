import Glibc
import SluiceProxy
import SluiceTesting
import Testing

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
