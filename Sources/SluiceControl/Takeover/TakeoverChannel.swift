import CPlatform
import Glibc

/// One end of the connection over which a process hands its listening sockets to the next one: lines of text, some with
/// a descriptor.
///
///     new: sluice-takeover 1
///     old: socket 0.0.0.0:8080        (with its descriptor; one line for each)
///     old: end
///     new: ok                         (it accepts now)
///     old: bye                        (it accepts no more)
///
/// Whoever is not satisfied closes the connection, and the old process goes on as if nothing had been.
/// Isolation: one thread. Blocks, but never longer than its patience.
final class TakeoverChannel {
    static let greeting = "sluice-takeover 1"
    static let longestLine = 256
    static let mostSockets = 1024

    private let descriptor: CInt

    /// Takes over a connected socket.
    init(_ descriptor: CInt) {
        self.descriptor = descriptor
        setPatience(seconds: 10)
    }

    deinit { close(descriptor) }

    /// How long one send or receive may take.
    func setPatience(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    /// Whether the other end runs as the same user.
    var isOwn: Bool {
        var user: UInt32 = 0
        return sluice_socket_peer_user(descriptor, &user) == 0 && user == geteuid()
    }

    func send(_ line: String, with passed: CInt = -1) throws(StartError) {
        var rest = Array("\(line)\n".utf8)[...]
        var passed = passed
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { sluice_socket_send(descriptor, $0.baseAddress, $0.count, passed) }
            guard count > 0 else { throw StartError("takeover: the other process does not read: \(Self.reason())") }
            rest = rest.dropFirst(count)
            passed = -1
        }
    }

    /// The next line, and the descriptor that came with it, which then belongs to the caller.
    func receive() throws(StartError) -> (line: String, descriptor: CInt?) {
        var line: [UInt8] = []
        var passed: CInt?
        // Byte by byte, so that a descriptor is never taken for the next line's.
        while line.count <= Self.longestLine {
            var byte: UInt8 = 0
            var found: CInt = -1
            let count = sluice_socket_receive(descriptor, &byte, 1, &found)
            if found >= 0 {
                if let earlier = passed { close(earlier) }
                passed = found
            }
            guard count > 0 else {
                if let passed { close(passed) }
                throw StartError(
                    "takeover: the other process \(count == 0 ? "gave up" : "does not answer: \(Self.reason())")"
                )
            }
            if byte == UInt8(ascii: "\n") { return (String(decoding: line, as: UTF8.self), passed) }
            line.append(byte)
        }
        if let passed { close(passed) }
        throw StartError("takeover: the other process speaks another language")
    }

    /// Waits for a certain line.
    func expect(_ wanted: String) throws(StartError) {
        let (line, passed) = try receive()
        if let passed { close(passed) }
        guard line == wanted else {
            throw StartError("takeover: the other process says '\(line)' instead of '\(wanted)'")
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
