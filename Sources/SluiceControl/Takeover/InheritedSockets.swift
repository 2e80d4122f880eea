import Glibc
package import SluiceProxy

/// Listening sockets that a service manager opened for us: `LISTEN_FDS` and `LISTEN_PID`.
///
/// Source: sd_listen_fds(3). They are matched to the listeners by their addresses, not by their names.
package enum InheritedSockets {
    private static let firstDescriptor: CInt = 3
    private static let most = 1024

    /// Takes them over, and takes the variables out of the environment, so that no child mistakes them for its own.
    ///
    /// `log` takes a line for each descriptor that is of no use.
    package static func fromEnvironment(log: (String) -> Void) -> [ListeningSocket] {
        defer { for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) } }
        let count = count(process: getpid()) { getenv($0).map { String(cString: $0) } }
        return (0..<CInt(count)).compactMap { offset in
            let descriptor = firstDescriptor + offset
            if let socket = ListeningSocket.inherited(descriptor) { return socket }
            log("LISTEN_FDS: descriptor \(descriptor) is no listening stream socket, it is ignored")
            return nil
        }
    }

    /// How many descriptors are meant for this process.
    static func count(process: pid_t, variable: (String) -> String?) -> Int {
        guard let owner = variable("LISTEN_PID"), pid_t(owner) == process else { return 0 }
        return min(max(variable("LISTEN_FDS").flatMap { Int($0) } ?? 0, 0), most)
    }
}
