public import NIOCore
import SluiceCore
public import SluiceSockets
package import SluiceTLS

/// What the connections of both sides of the gateway share: a socket with TLS in front, where there is TLS.
///
/// **TLS.** With a session (`secure`), bytes are opened before `received` sees them and sealed on their way out; the
/// rest is the same. Nothing may be written before `secured`.
///
/// The base class of `DownstreamConnection` and `UpstreamConnection`, which override what concerns them; what a socket
/// tells and when is said by `Socket`. Isolation: one loop. Allocates: only for writes that do not fit.
open class SocketHandler: Socket {
    /// nil: cleartext.
    package private(set) final var tls: TLSSession?
    package private(set) final var isSecured = false
    private final var saidHello = false
    /// Why the handshake, or what came after it, failed.
    package private(set) final var tlsFailure: TLSFailure?
    /// Sealed bytes that wait for the next flush.
    private final var sealed = ByteBuffer()
    /// Bytes that go before all others, TLS included.
    package final var preamble = ByteBuffer()
    /// Whether `intercept` sees what comes before anybody else does.
    package final var intercepts = false

    package override init() { super.init() }

    // MARK: - To override

    open func received(_ bytes: inout ByteBuffer) {}
    /// Sees bytes before TLS does, while `intercepts` is set.
    ///
    /// - Returns: whether what is left in `bytes` may go on.
    open func intercept(_ bytes: inout ByteBuffer) -> Bool { true }
    /// The TLS handshake is done.
    ///
    /// - Returns: who goes on with the connection, this one or whom it was handed over to.
    open func secured() -> SocketHandler { self }
    /// TLS failed, as `tlsFailure` says; the alert is sent.
    open func securityFailed() {}

    // MARK: - Writing

    /// Makes the connection one of TLS; before it is opened.
    package final func secure(_ session: TLSSession) { tls = session }

    /// Sends a buffer behind everything queued before.
    package final func writeAndFlush(_ buffer: ByteBuffer) {
        guard tls == nil else {
            write(buffer)
            return flush()
        }
        send(buffer)
    }

    /// Queues a buffer that more will follow; `flush` sends all of them with as few system calls as possible.
    package final func write(_ buffer: ByteBuffer) {
        if let tls {
            _ = tls.seal(buffer, into: &sealed)
        } else {
            enqueue(buffer)
        }
    }

    package final func flush() {
        if sealed.readableBytes > 0 {
            var bytes = ByteBuffer()
            swap(&bytes, &sealed)
            send(bytes)
        }
        if hasQueuedWrites { flushQueue() }
    }

    /// Calls `done` when everything queued so far has been written or has failed, but not after `closeChannel`.
    package final func afterWrites(_ done: @escaping () -> Void) {
        flush()
        afterQueue(done)
    }

    /// Ends our direction behind what is queued; the peer's may go on.
    package final func closeOutput() {
        sayClosed()
        shutOutputAfterQueue()
    }

    /// Tells the peer that what it has is all (RFC 8446, section 6.1).
    private final func sayClosed() {
        guard let tls, isSecured, isConnected else { return }
        tls.close(into: &sealed)
        flush()
    }

    /// Closes both directions at once.
    package final func closeChannel() {
        if !hasQueuedWrites { sayClosed() }
        closeNow()
    }

    /// Lets another handler go on with this connection, behind what is queued.
    package final func handOver(to next: SocketHandler) {
        guard isConnected else { return }
        flush()
        next.tls = tls
        next.isSecured = isSecured
        tls = nil
        handOverSocket(to: next)
    }

    // MARK: - Reading

    /// Bytes of the peer, as they are on the wire.
    public final override func bytesCame(_ bytes: inout ByteBuffer) {
        if intercepts {
            guard intercept(&bytes), bytes.readableBytes > 0 else { return }
        }
        if tls == nil { received(&bytes) } else { open(&bytes) }
    }

    /// Takes bytes of TLS.
    private final func open(_ bytes: inout ByteBuffer) {
        guard let tls else { return }
        var plain = ByteBuffer()
        if isSecured { plain.reserveCapacity(bytes.readableBytes) }
        var answer = ByteBuffer()
        let state = tls.receive(&bytes, plain: &plain, out: &answer)
        if answer.readableBytes > 0 { send(answer) }
        var next = self
        if !isSecured {
            switch state {
            case .handshaking: return
            case .failed(let failure): return failed(failure)
            case .open, .peerClosed:
                isSecured = true
                next = secured()
            }
        }
        if plain.readableBytes > 0 { next.received(&plain) }
        switch state {
        case .handshaking, .open: break
        case .peerClosed: next.inputEnded()
        case .failed(let failure): next.failed(failure)
        }
    }

    /// Answers who does not speak TLS. Nothing can be sent in any other way then.
    package final func sendInClear(_ bytes: ByteBuffer) { send(bytes) }

    private final func failed(_ failure: TLSFailure) {
        tlsFailure = failure
        securityFailed()
    }

    /// Sends what a connection of our own begins with, once.
    package final func begin() {
        if preamble.readableBytes > 0 {
            var first = ByteBuffer()
            swap(&first, &preamble)
            send(first)
        }
        guard let tls, !isSecured, !saidHello else { return }
        saidHello = true
        var hello = ByteBuffer()
        if case .failed(let failure) = tls.start(into: &hello) { return failed(failure) }
        if hello.readableBytes > 0 { send(hello) }
    }
}
