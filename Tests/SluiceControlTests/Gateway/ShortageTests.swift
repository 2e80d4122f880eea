import Glibc
import SluiceConfig
import SluiceControl
import Testing

/// A gateway that does not get from the system what it needs to start.
@Suite struct ShortageTests {
    @Test(
        "a gateway that cannot accept connections says so and does not start",
        .disabled("depends on which descriptors the test process has open: fails now and then")
    )
    func noPipe() async {
        await #expect(processExitsWith: .success) {
            func isOpen(_ descriptor: CInt) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }
            var options = Gateway.Options()
            options.workers = 1
            let count = { (0..<1024).count { isOpen($0) } }
            // The last descriptors that a start takes, without listeners and logs, are those of the acceptor's pipe.
            let before = count()
            let first = try Gateway(options)
            try first.start(GatewayModel())
            let needed = count() - before
            first.stop()
            let second = try Gateway(options)
            // A thread that begins opens a file for a moment; this waits for it. If another one was counted all the same,
            // there is room for one end of the pipe, which does not make one.
            _ = second.statistics
            var left = needed - 2
            var limit = rlimit()
            limit.rlim_max = 1024
            while left > 0 {
                if !isOpen(CInt(limit.rlim_cur)) { left -= 1 }
                limit.rlim_cur += 1
            }
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            do {
                try second.start(GatewayModel())
                exit(1)
            } catch let error as StartError {
                exit(error.message == "cannot accept connections: no pipe: Too many open files" ? 0 : 2)
            }
        }
    }
}
