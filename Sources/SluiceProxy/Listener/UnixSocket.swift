import Glibc
import SluiceSockets

/// Unix sockets between processes of the gateway itself, blocking, for control threads.
package enum UnixSocket {
    /// Connects to whoever listens at a path.
    ///
    /// - Returns: nil when nobody does.
    package static func connect(_ path: String) throws(ListenError) -> CInt? {
        let descriptor = try make(path)
        let status = SocketAddressBytes.with(unix: path) { Glibc.connect(descriptor, $0, $1) }
        if status == 0 { return descriptor }
        let code = errno
        close(descriptor)
        if code == ENOENT || code == ECONNREFUSED { return nil }
        throw ListenError(message: "cannot connect to \(path): \(String(cString: strerror(code)))")
    }

    /// Listens at a path that only this user may connect to, in place of whoever listened there before.
    package static func listen(replacing path: String) throws(ListenError) -> CInt {
        // Made under another name first, so that at every moment the path leads to somebody.
        let draft = "\(path).\(getpid())"
        let descriptor = try make(draft)
        unlink(draft)
        var status = SocketAddressBytes.with(unix: draft) { bind(descriptor, $0, $1) }
        if status == 0 { status = chmod(draft, 0o600) }
        if status == 0 { status = Glibc.listen(descriptor, 8) }
        if status == 0 { status = rename(draft, path) }
        guard status != 0 else { return descriptor }
        let code = errno
        close(descriptor)
        unlink(draft)
        throw ListenError(message: "cannot listen on \(path): \(String(cString: strerror(code)))")
    }

    /// What tells the file from another of the same name.
    package static func inode(of path: String) -> UInt64? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private static func make(_ path: String) throws(ListenError) -> CInt {
        // sockaddr_un holds 108 bytes, the NUL included.
        guard path.utf8.count < 108 else { throw ListenError(message: "the socket path \(path) is too long") }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw ListenError(message: "cannot make a socket: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }
}
