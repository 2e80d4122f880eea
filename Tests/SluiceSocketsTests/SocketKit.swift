import Glibc
import NIOCore
import SluiceCore

@testable import SluiceSockets

/// A socket that notes what it is told, in order, and can be made to do something at any of these times.
final class NotingSocket: Socket {
    private(set) var notes: [String] = []
    /// What came, if `keepsText`; otherwise only how much.
    private(set) var text = ""
    private(set) var count = 0
    var keepsText = true
    /// Called with each note.
    var then: (NotingSocket, String) -> Void = { _, _ in }

    private func note(_ note: String) {
        notes.append(note)
        then(self, note)
    }

    override func opened() { note("opened") }
    override func bytesCame(_ bytes: inout ByteBuffer) {
        count += bytes.readableBytes
        if keepsText { text += String(buffer: bytes) }
        note("bytes")
    }
    override func readDone() { note("done") }
    override func inputEnded() { note("end") }
    override func becameWritable() { note("writable") }
    override func progressed() { note("progress") }
    override func ended(reset: Bool) { note(reset ? "reset" : "closed") }
    override func turnEnds() { note("turn") }
}

/// A loop on the test's own thread and pairs of connected sockets on it.
final class SocketKit {
    let loop: SocketLoop
    init() throws { loop = try SocketLoop() }

    deinit { loop.close() }

    /// A socket on the loop, and the descriptor of its peer.
    func pair(_ socket: NotingSocket = NotingSocket()) throws -> (socket: NotingSocket, peer: Peer) {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SocketError.system(errno) }
        try socket.attach(ends[0], to: loop)
        return (socket, Peer(ends[1]))
    }

    /// The same over TCP, where connections can be reset.
    func connection(_ socket: NotingSocket = NotingSocket()) throws -> (socket: NotingSocket, peer: Peer) {
        let listener = try Listener()
        let client = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let connected = listener.address.withSockAddr { Glibc.connect(client, $0, socklen_t($1)) }
        guard connected == 0 else { throw SocketError.system(errno) }
        try socket.attach(listener.accept(), to: loop)
        return (socket, Peer(client))
    }

    /// Turns until the condition holds; each turn sleeps until something happens.
    func turn(until condition: () -> Bool) {
        // What it waits for comes from the kernel or another thread; a timer bounds it, so that no test hangs.
        var isLate = false
        let timer = LoopTimer(deadline: (SystemClock.monotonic() + .seconds(20)).uptimeNanoseconds) { isLate = true }
        loop.add(timer)
        while !condition(), !isLate { loop.turn(waits: true) }
        loop.remove(timer)
    }

    /// As many turns as there can be something to do in.
    func settle() { for _ in 0..<8 { loop.turn(waits: false) } }
}

/// The other end, with blocking calls. Closed when it goes.
final class Peer {
    private(set) var descriptor: CInt
    init(_ descriptor: CInt) { self.descriptor = descriptor }
    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    /// What is there; waits for at least a byte unless told not to. nil: the end.
    func read(_ most: Int = 65536, waits: Bool = true) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &bytes, most, waits ? 0 : CInt(MSG_DONTWAIT))
        if count == 0 { return nil }
        return Array(bytes.prefix(max(0, count)))
    }

    var text: String { read(waits: false).map { String(decoding: $0, as: UTF8.self) } ?? "the end" }

    func endOutput() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Over TCP.
    func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func limitReceiveBuffer(_ size: CInt) {
        var size = size
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }
}

/// A listening socket on loopback.
final class Listener {
    let descriptor: CInt
    let address: SocketAddress

    init(backlog: CInt = 16) throws {
        let descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        let any = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let bound = any.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        guard bound == 0, listen(descriptor, backlog) == 0 else { throw SocketError.system(errno) }
        let port = SocketAddressBytes.local(of: descriptor)?.port ?? 0
        address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
    }

    deinit { Glibc.close(descriptor) }

    func accept() -> CInt { Glibc.accept(descriptor, nil, nil) }
}
