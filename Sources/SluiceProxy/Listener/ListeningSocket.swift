import Glibc
package import SluiceConfig
import SluiceCore
import SluiceSockets

/// Why an address cannot be listened on, or connections not be accepted, in words for people.
package struct ListenError: Error {
    package let message: String
}

/// A bound, listening, non-blocking socket. The descriptor is closed by `close` and by nobody else.
package struct ListeningSocket: Sendable {
    package let descriptor: CInt
    package let address: ListenAddress

    /// Takes over a socket that somebody else bound (a parent, systemd, the process before us).
    package init(adopting descriptor: CInt, address: ListenAddress) {
        self.descriptor = descriptor
        self.address = address
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    package init(binding address: ListenAddress) throws(ListenError) {
        switch address {
        case .unix(let path): try self.init(unix: path)
        case .ip(let host, let port): try self.init(host: host, port: port)
        }
    }

    private init(host: String, port: Int) throws(ListenError) {
        let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        guard let ip = IPAddress(host), let port16 = UInt16(exactly: port) else {
            throw ListenError(message: "\(name) is not an address to listen on")
        }
        let descriptor = socket(
            ip.isV4 && !host.contains(":") ? AF_INET : AF_INET6,
            Int32(SOCK_STREAM.rawValue) | Self.flags,
            0
        )
        guard descriptor >= 0 else { throw ListenError(message: "cannot make a socket: \(Self.lastError())") }
        var one: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
        let status = SocketAddressBytes.with(ip, port: port16, forceV6: host.contains(":")) { bind(descriptor, $0, $1) }
        try Self.finish(descriptor, status, name: name, port: port)
        self.init(
            adopting: descriptor,
            address: .ip(host: host, port: SocketAddressBytes.local(of: descriptor)?.port ?? port)
        )
    }

    private init(unix path: String) throws(ListenError) {
        guard path.utf8.count < 108 else { throw ListenError(message: "the socket path \(path) is too long") }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Self.flags, 0)
        guard descriptor >= 0 else { throw ListenError(message: "cannot make a socket: \(Self.lastError())") }
        Self.removeStaleSocket(path)
        let status = SocketAddressBytes.with(unix: path) { bind(descriptor, $0, $1) }
        try Self.finish(descriptor, status, name: "unix:\(path)", port: nil)
        self.init(adopting: descriptor, address: .unix(path: path))
    }

    private static let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    private static func finish(_ descriptor: CInt, _ status: CInt, name: String, port: Int?) throws(ListenError) {
        if status == 0, listen(descriptor, 4096) == 0 { return }
        let code = errno
        Glibc.close(descriptor)
        throw ListenError(
            message: "cannot listen on \(name): \(String(cString: strerror(code)))\(hint(code, port: port))"
        )
    }

    /// What the system's words leave open.
    private static func hint(_ code: CInt, port: Int?) -> String {
        switch (code, port) {
        case (EADDRINUSE, let port?):
            switch AddressHolder.find(port: port) {
            case .itself:
                return ", held by this process (between the wildcard and a specific address of one port a listener can "
                    + "move by a restart only)"
            case .other(let name, let pid): return ", held by \(name) (pid \(pid))"
            case nil: return ""
            }
        case (EADDRINUSE, nil): return " (another process listens there, or the file is no socket)"
        case (EADDRNOTAVAIL, _): return " (this machine has no such address)"
        case (EACCES, let port?) where port < 1024: return " (ports below 1024 need CAP_NET_BIND_SERVICE)"
        default: return ""
        }
    }

    /// A socket file that nobody listens on any more is in the way after a crash.
    private static func removeStaleSocket(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFSOCK else { return }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Self.flags, 0)
        guard probe >= 0 else { return }
        defer { Glibc.close(probe) }
        let status = SocketAddressBytes.with(unix: path) { connect(probe, $0, $1) }
        if status != 0, errno == ECONNREFUSED { unlink(path) }
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }

    package func close() {
        Glibc.close(descriptor)
        if case .unix(let path) = address { unlink(path) }
    }

    /// Closes our copy of a socket that lives on in another process.
    package func closeKeepingFile() { Glibc.close(descriptor) }
}
