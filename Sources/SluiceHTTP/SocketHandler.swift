public import NIOCore
public import SluiceCore
package import SluiceTLS

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the handlers of both sides of the gateway share: writing, and reading only when there is room.
///
/// **Writing.** A small answer that fits into the socket is written to it right here, with one system call and without
/// passing through SwiftNIO's queue of pending writes, which costs about as much again as parsing a head. What the
/// socket does not take, and everything behind it, goes the usual way until that queue is empty.
///
/// **TLS.** With a session (`secure`), bytes are opened before `received` sees them and sealed on their way out; the
/// rest is the same. Nothing may be written before `secured`.
///
/// **Reading.** `pauseReading` swallows SwiftNIO's next `read`; `resumeReading` makes up for it.
///
/// The base class of `DownstreamConnection` and `UpstreamConnection`, which override what concerns them. Isolation: one
/// loop. Allocates: only for writes that do not fit.
open class SocketHandler: TimerNode, ChannelDuplexHandler, RemovableChannelHandler {
    /// Bytes of the peer.
    public typealias InboundIn = ByteBuffer
    /// Nobody stands behind this handler.
    public typealias OutboundIn = ByteBuffer
    /// Bytes for the peer.
    public typealias OutboundOut = ByteBuffer

    package private(set) final var context: ChannelHandlerContext?
    /// -1: not to be written to directly.
    private final var descriptor: CInt = -1
    /// Writes that SwiftNIO has not finished. While there are any, all others must queue up behind them.
    private final var queuedWrites = 0
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
    private final var readPaused = false
    private final var readPending = false

    package override init() { super.init() }

    // MARK: - To override

    /// The handler is in its pipeline.
    open func opened() {}
    open func received(_ bytes: inout ByteBuffer) {}
    open func readDone() {}
    open func inputEnded() {}
    open func becameWritable() {}
    /// The peer has taken something of what was queued.
    open func progressed() {}
    /// The channel has closed; nothing can be written any more.
    open func ended(reset: Bool) {}
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

    package final var isWritable: Bool { queuedWrites == 0 || context?.channel.isWritable == true }

    /// Sends a buffer behind everything queued before.
    package final func writeAndFlush(_ buffer: ByteBuffer) {
        guard tls == nil else {
            write(buffer)
            return flush()
        }
        transmit(buffer)
    }

    /// Sends bytes as the peer gets them.
    private final func transmit(_ buffer: ByteBuffer) {
        guard queuedWrites == 0, descriptor >= 0 else { return enqueue(buffer) }
        let count = buffer.readableBytes
        guard count > 0 else { return }
        let written = buffer.withUnsafeReadableBytes { send(descriptor, $0.baseAddress, $0.count, Self.sendFlags) }
        if written == count { return }
        // Whatever is wrong (full, reset), SwiftNIO's own write meets it again and deals with it.
        var rest = buffer
        if written > 0 { rest.moveReaderIndex(forwardBy: written) }
        enqueue(rest)
    }

    private static let sendFlags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)

    private final func enqueue(_ buffer: ByteBuffer) {
        guard let context else { return }
        queuedWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] in writeEnded($0) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
    }

    private final func writeEnded(_ result: Result<Void, any Error>) {
        queuedWrites -= 1
        // The channel is closing or closed: its descriptor may belong to somebody else already.
        if case .failure = result { descriptor = -1 } else { progressed() }
    }

    /// Queues a buffer that more will follow; `flush` sends all of them with as few system calls as possible.
    package final func write(_ buffer: ByteBuffer) {
        if let tls {
            _ = tls.seal(buffer, into: &sealed)
            return
        }
        guard let context else { return }
        queuedWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] in writeEnded($0) }
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    package final func flush() {
        if sealed.readableBytes > 0 {
            var bytes = ByteBuffer()
            swap(&bytes, &sealed)
            transmit(bytes)
        }
        if queuedWrites > 0 { context?.flush() }
    }

    /// Calls `done` when everything queued so far has been written or has failed.
    package final func afterWrites(_ done: @escaping () -> Void) {
        flush()
        guard queuedWrites > 0, let context else { return done() }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in done() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    /// Ends our direction; the peer's may go on.
    package final func closeOutput() {
        sayClosed()
        context?.close(mode: .output, promise: nil)
    }

    /// Tells the peer that what it has is all (RFC 8446, section 6.1).
    private final func sayClosed() {
        guard let tls, isSecured, descriptor >= 0 else { return }
        tls.close(into: &sealed)
        flush()
    }

    /// Makes the close that follows a reset instead of an orderly end.
    package final func closeWithReset() {
        guard descriptor >= 0 else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Closes both directions at once.
    package final func closeChannel() {
        if queuedWrites == 0 { sayClosed() }
        descriptor = -1
        context?.close(promise: nil)
    }

    /// Lets another handler go on with this connection, behind what is queued.
    package final func handOver(to next: SocketHandler) {
        guard let context else { return }
        next.tls = tls
        next.isSecured = isSecured
        tls = nil
        if queuedWrites > 0 {
            next.queuedWrites = 1
            afterWrites { next.writeEnded(.success(())) }
        }
        let pipeline = context.pipeline.syncOperations
        try? pipeline.addHandler(next, position: .after(self))
        pipeline.removeHandler(context: context, promise: nil)
    }

    // MARK: - Reading

    package final var isReadingPaused: Bool { readPaused }

    package final func pauseReading() { readPaused = true }

    package final func resumeReading() {
        guard readPaused else { return }
        readPaused = false
        if readPending {
            readPending = false
            context?.read()
        }
    }

    // MARK: - Channel events

    /// The handler is in its pipeline; the socket is known from now on.
    public final func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        descriptor =
            (try? context.channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { $0 }) ?? -1
        opened()
    }

    /// The channel is gone.
    public final func handlerRemoved(context: ChannelHandlerContext) {
        descriptor = -1
        self.context = nil
        // A channel that is closed before it became active tells nothing else. After any other end this does nothing.
        ended(reset: true)
    }

    /// SwiftNIO asks for more to read; passed on unless reading is paused.
    public final func read(context: ChannelHandlerContext) {
        if readPaused { readPending = true } else { context.read() }
    }

    /// Bytes came.
    public final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
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
        if answer.readableBytes > 0 { transmit(answer) }
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
    package final func sendInClear(_ bytes: ByteBuffer) { transmit(bytes) }

    private final func failed(_ failure: TLSFailure) {
        tlsFailure = failure
        securityFailed()
    }

    /// The connection stands.
    public final func channelActive(context: ChannelHandlerContext) { begin() }

    /// Sends what a connection of our own begins with, once: for those who hear of it before `channelActive`.
    package final func begin() {
        if preamble.readableBytes > 0 {
            var first = ByteBuffer()
            swap(&first, &preamble)
            transmit(first)
        }
        guard let tls, !isSecured, !saidHello else { return }
        saidHello = true
        var hello = ByteBuffer()
        if case .failed(let failure) = tls.start(into: &hello) { return failed(failure) }
        if hello.readableBytes > 0 { transmit(hello) }
    }

    /// All that was readable for now has been delivered.
    public final func channelReadComplete(context: ChannelHandlerContext) {
        readDone()
        // Asked for here, SwiftNIO need not ask for it by way of the whole pipeline.
        if !readPaused { self.context?.read() }
    }

    /// Takes note of the end of the peer's direction.
    public final func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { inputEnded() }
    }

    /// The queue of pending writes crossed its mark.
    public final func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        progressed()
        becameWritable()
    }

    /// The channel has closed.
    public final func channelInactive(context: ChannelHandlerContext) {
        descriptor = -1
        ended(reset: false)
    }

    /// The connection failed; its channel closes.
    public final func errorCaught(context: ChannelHandlerContext, error: any Error) {
        descriptor = -1
        ended(reset: true)
    }
}
