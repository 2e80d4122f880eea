import Glibc
package import NIOCore
import Synchronization

/// Says that the process or the system has run out of what connections are made of: descriptors, memory for sockets.
///
/// Neither a client nor an upstream is to blame for that, and only the operator can help. Isolation: any thread.
package final class ResourceShortage: Sendable {
    /// Lines for one shortage: a gateway with a thousand endpoints must not fill the log with it.
    private static let most = 10

    private let whole = Episode()
    private let said = Atomic<Int>(0)
    private let now: @Sendable () -> NIODeadline
    private let log: @Sendable (String) -> Void

    /// - Parameter log: takes one line for operators, without a line end, perhaps on an event loop.
    package init(
        now: @escaping @Sendable () -> NIODeadline = SystemClock.monotonic,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.now = now
        self.log = log
    }

    /// Whether this is what the code of an error (errno) means.
    package static func isMeant(by code: CInt) -> Bool { name(of: code) != nil }

    private static func name(of code: CInt) -> String? {
        switch code {
        case EMFILE: "EMFILE"
        case ENFILE: "ENFILE"
        case ENOBUFS: "ENOBUFS"
        case ENOMEM: "ENOMEM"
        // Of what epoll may watch: there is no other use of it here.
        case ENOSPC: "ENOSPC"
        default: nil
        }
    }

    /// Something could not be done for that reason. Logged for the first of a row only.
    ///
    /// - Parameters:
    ///   - action: what could not be done: `accept connections`. Read when it is logged.
    ///   - code: one that means it.
    ///   - row: failures of the same thing, such as connecting to one endpoint.
    package func prevented(_ action: @autoclosure () -> String, code: CInt, in row: Episode) {
        let now = now()
        if whole.begins(at: now) { said.store(0, ordering: .relaxed) }
        guard row.begins(at: now) else { return }
        let number = said.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < Self.most else { return }
        let help =
            switch code {
            case EMFILE: "; see 'ulimit -Hn' and LimitNOFILE, or lower 'connections' in 'limits'"
            case ENOSPC: "; see fs.epoll.max_user_watches"
            default: ""
            }
        let more = number == Self.most - 1 ? ", nor what else is prevented" : ""
        let reason = "\(String(cString: strerror(code))) (\(Self.name(of: code) ?? "\(code)"))"
        log("cannot \(action()): \(reason)\(help) (not said again while it lasts\(more))")
    }
}
