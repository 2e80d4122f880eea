import SluiceCore
import SluiceHTTP

/// One connection of a downstream peer, whatever it speaks: HTTP/1.1, which every connection begins with, or HTTP/2.
///
/// Isolation: the loop that the acceptor gave it.
class DownstreamConnection: SocketHandler {
    let worker: Worker
    let listener: LoopListener
    let peer: PeerAddress
    /// The answers under way are the last.
    var closesAfterExchange = false
    private var bornAt: UInt64 = 0
    private var maximumAge: UInt64 = 0

    init(worker: Worker, listener: LoopListener, peer: PeerAddress) {
        self.worker = worker
        self.listener = listener
        self.peer = peer
        super.init()
        let wheel = worker.loop.wheel
        bornAt = wheel.now
        let age = listener.connectionAgeTicks
        maximumAge = age - worker.loop.random.below(age / 10 + 1)
    }

    /// Whether it has lived for as long as the listener lets it.
    final var isOld: Bool { worker.loop.wheel.now - bornAt >= maximumAge }

    // MARK: - To override

    /// Closes at once; bytes not sent yet are lost.
    func abort() {}

    /// Ends now. An exchange without an answer gets one that says so; its connection is left to take that and close.
    func cutShort() {}

    /// The worker stops: idle connections end now, others with their answers.
    func drain() {}
}
