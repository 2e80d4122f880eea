import Glibc
import NIOCore
import SluiceCore

/// Tells the service manager how the process is doing, if it asked for that by `NOTIFY_SOCKET`.
///
/// Source: systemd, sd_notify(3). Isolation: any thread; never waits.
package struct ServiceNotifier: Sendable {
    private let path: String?

    /// - Parameter path: the socket to write to; one that begins with `@` is in the abstract namespace. nil: nobody asks.
    package init(_ path: String?) {
        guard let path, path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count < 108 else {
            self.path = nil
            return
        }
        self.path = path
    }

    /// What the environment says. The variable is taken out, so that no child of ours speaks for us.
    package static func fromEnvironment() -> ServiceNotifier {
        let path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        unsetenv("NOTIFY_SOCKET")
        return ServiceNotifier(path)
    }

    /// It serves; also the end of a reload.
    package func ready(_ status: String) { send("READY=1\nSTATUS=\(Self.line(status))") }

    package func reloading() {
        let now = SystemClock.monotonic().uptimeNanoseconds / 1000
        send("RELOADING=1\nMONOTONIC_USEC=\(now)\nSTATUS=reading the configuration")
    }

    package func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(Self.line(status))") }

    private static func line(_ text: String) -> String { String(text.prefix { $0 != "\n" }) }

    private func send(_ message: String) {
        guard let path else { return }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        // Without the zero at the end: in the abstract namespace it would be part of the name.
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        var text = message
        text.withUTF8 { bytes in
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = sendto(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT), $0, length)
                }
            }
        }
    }
}
