import Glibc
import NIOCore
import SluiceConfig
import SluiceCore
import SluiceSockets

/// The few socket calls that the raw peers of the test kit need. Descriptors are non-blocking; waiting has a deadline.
enum Sockets {
    static let streamFlags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)

    static func address(_ address: ListenAddress) throws -> SocketAddress {
        switch address {
        case .ip(let host, let port): try SocketAddress(ipAddress: host, port: port)
        case .unix(let path): try SocketAddress(unixDomainSocketPath: path)
        }
    }

    /// A socket of the right family, not bound yet.
    static func make(for address: SocketAddress) throws -> CInt {
        let family: CInt =
            switch address {
            case .v4: AF_INET
            case .v6: AF_INET6
            case .unixDomainSocket: AF_UNIX
            }
        let descriptor = socket(family, streamFlags, 0)
        guard descriptor >= 0 else { throw failure("socket") }
        return descriptor
    }

    /// Binds a socket; it listens only with a backlog.
    static func bound(to address: ListenAddress, backlog: Int?) throws -> (descriptor: CInt, address: ListenAddress) {
        let target = try self.address(address)
        let descriptor = try make(for: target)
        var status = target.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        if status == 0, let backlog { status = listen(descriptor, CInt(backlog)) }
        guard status == 0 else {
            defer { close(descriptor) }
            throw failure("bind and listen")
        }
        return (descriptor: descriptor, address: boundAddress(descriptor, like: address))
    }

    /// The next connection of a listening socket; negative: none.
    static func accept(_ descriptor: CInt) -> CInt {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return accepted }
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        return accepted
    }

    static func failure(_ call: String) -> TestFailure { TestFailure("\(call): \(String(cString: strerror(errno)))") }

    static func set(_ descriptor: CInt, _ option: CInt, _ value: CInt, level: CInt = SOL_SOCKET) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Closing will send a reset instead of a proper end.
    static func setResetOnClose(_ descriptor: CInt) {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// The address that a socket was bound to, its port filled in.
    static func boundAddress(_ descriptor: CInt, like address: ListenAddress) -> ListenAddress {
        guard case .ip(let host, _) = address else { return address }
        return .ip(host: host, port: SocketAddressBytes.local(of: descriptor)?.port ?? 0)
    }

    /// Waits until one of the events is there.
    ///
    /// - Returns: what is there; 0 when the deadline has passed.
    static func wait(_ descriptor: CInt, for events: Int32, until deadline: NIODeadline) -> Int32 {
        while true {
            let left = deadline - SystemClock.monotonic()
            let milliseconds = max(0, (left.nanoseconds + 999_999) / 1_000_000)
            var polled = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&polled, 1, CInt(min(milliseconds, 60_000)))
            if count > 0 { return Int32(polled.revents) }
            if count == 0, milliseconds == 0 || SystemClock.monotonic() >= deadline { return 0 }
        }
    }
}
