import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceSockets
import SluiceTLS

/// One connection of a downstream peer, whatever it speaks: HTTP/1.1, which every connection begins with, or HTTP/2.
///
/// Isolation: the loop that the acceptor gave it.
class DownstreamConnection: SocketHandler {
    let worker: Worker
    // The worker's, reached without counting a reference.
    final let loop: LoopContext
    final let wheel: TimerWheel
    let listener: LoopListener
    /// Who is at the other end, as far as a proxy in front has not said otherwise.
    final var peer: PeerAddress
    /// The answers under way are the last.
    var closesAfterExchange = false
    private var bornAt: UInt64 = 0
    private var maximumAge: UInt64 = 0

    init(worker: Worker, listener: LoopListener, peer: PeerAddress) {
        self.worker = worker
        self.loop = worker.loop
        self.wheel = worker.loop.wheel
        self.listener = listener
        self.peer = peer
        super.init()
        bornAt = wheel.now
        let age = listener.connectionAgeTicks
        maximumAge = age - loop.random.below(age / 10 + 1)
    }

    /// Both ends, for upstreams that are told; nil for Unix sockets.
    final var ends: ProxiedEnds? {
        guard let source = peer.address, let local = SocketAddressBytes.local(of: descriptor) else { return nil }
        return ProxiedEnds(
            source: source,
            sourcePort: peer.port,
            destination: local.address,
            destinationPort: UInt16(truncatingIfNeeded: local.port)
        )
    }

    /// Whether it has lived for as long as the listener lets it.
    final var isOld: Bool { wheel.now - bornAt >= maximumAge }

    /// The handshake of TLS failed, or what came after it.
    override func securityFailed() {
        guard let tlsFailure else { return abort() }
        worker.metrics.tlsFailed(tlsFailure, at: listener.name)
        if tlsFailure.reason == .notTLS {
            let text = "This port speaks HTTPS.\n"
            var answer = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n")
            answer.writeString("Connection: close\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            sendInClear(answer)
        }
        abort()
    }

    // MARK: - To override

    /// Closes at once; bytes not sent yet are lost.
    func abort() {}

    /// Ends now. An exchange without an answer gets one that says so; its connection is left to take that and close.
    func cutShort() {}

    /// The worker stops: idle connections end now, others with their answers.
    func drain() {}
}
