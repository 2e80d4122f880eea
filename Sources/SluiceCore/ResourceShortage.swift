import Glibc
package import NIOCore

/// Says that the process or the system has run out of what connections are made of: descriptors, memory for sockets.
///
/// Neither a client nor an upstream is to blame for that, and only the operator can help. Isolation: any thread.
package final class ResourceShortage: Sendable {
    private let episode = Episode()
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
    package static func isMeant(by code: CInt) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }

    /// Something could not be done for that reason. Logged for the first in a row only.
    ///
    /// - Parameter action: what could not be done: `accept connections`.
    package func prevented(_ action: String, code: CInt) {
        guard episode.begins(at: now()) else { return }
        let help =
            code == EMFILE
            ? "; see 'ulimit -Hn' and LimitNOFILE, or lower 'connections' in 'limits'" : ""
        log("cannot \(action): \(String(cString: strerror(code)))\(help) (not said again while it lasts)")
    }
}
