import Glibc
import SluiceCore

/// The signals that the process understands. One thread waits for them; all others have them blocked.
enum Signals {
    /// What a signal asks for.
    enum Request: Sendable {
        case stop
        case reload
        case reopenLogs
    }

    private static let handled = [SIGTERM, SIGINT, SIGHUP, SIGUSR1]

    /// Blocks them for this thread and all that it starts. Must come before any other thread exists.
    static func block() {
        var set = signalSet()
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Starts the thread that waits. After the first `stop`, the next one ends the process at once, with 128 and the
    /// signal's number as its exit status.
    ///
    /// - Throws: when the system gives no thread.
    static func listen(_ take: @escaping @Sendable (Request) -> Void) throws(StartError) {
        let isRunning = ControlThread.spawn(name: "sluice-signals") {
            var set = signalSet()
            var isStopping = false
            while true {
                var number: CInt = 0
                guard sigwait(&set, &number) == 0 else { continue }
                if number == SIGHUP {
                    take(.reload)
                } else if number == SIGUSR1 {
                    take(.reopenLogs)
                } else if isStopping {
                    _exit(128 + number)
                } else {
                    isStopping = true
                    take(.stop)
                }
            }
        }
        guard isRunning else { throw StartError("the system gives no more threads") }
    }

    private static func signalSet() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled { sigaddset(&set, number) }
        return set
    }
}
