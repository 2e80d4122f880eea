import NIOCore
import SluiceCore
import SluiceHTTP

/// One stream of an HTTP/2 connection to an endpoint: one request and its answer.
///
/// Isolation: one loop. Bounds: what waits to be sent is bounded by who writes, which stops at `bufferLimit`; what comes
/// in, by the window, which is opened again only while the attempt reads.
final class UpstreamStream: TimerNode, UpstreamLease {
    static let bufferLimit = 64 * 1024
    /// Bytes up to which what follows a head is copied.
    private static let copied = 1024
    /// How long what is left of a tunnel may take.
    private static let endingTicks = TimerWheel.ticks(nanoseconds: 10_000_000_000)

    let endpoint: LoopEndpoint
    /// The connection had carried other requests before.
    let isReused: Bool
    /// What the connection had received when the request was sent.
    private var inputsBefore: UInt64 = 0
    /// A constant, since reading a variable would count a reference each time.
    private let home: UpstreamHTTP2Connection
    /// Until the stream is over.
    private var isOpen = true
    /// 0 before the head is sent.
    private(set) var id: Int32 = 0
    private var attempt: Attempt?
    /// The answer was begun, ended.
    private var answerBegan = false
    /// What came broke the rules; the stream is being reset.
    private var isMalformed = false
    private var isTunnel = false
    /// What an extended CONNECT is to be answered with on HTTP/1 (RFC 6455, section 4.2.2).
    private var acceptKey: [UInt8] = []

    // The request on its way.
    private var output = HTTP2PieceQueue()
    private var outputBytes = 0
    private var requestEnded = false
    /// The session has asked for more of the request in vain.
    private var isDeferred = false
    private var requestTrailers: Trailers?
    // The answer.
    private var isPaused = false
    /// It has something that `readDone` was not called for yet.
    var isTouched = false
    private var unconsumed = 0
    private var trailers: Trailers?

    init(of connection: UpstreamHTTP2Connection) {
        home = connection
        endpoint = connection.endpoint
        self.isReused = connection.served > 0
        super.init()
    }

    /// Calls `body` with the session, which the connection keeps; nil where the stream is over.
    @inline(__always)
    @discardableResult
    private func withSession<R>(_ body: (HTTP2Session) -> R) -> R? {
        isOpen ? unretained(home.session, body) : nil
    }

    /// Its head was sent, so that the connection knows it by its number.
    var isSent: Bool { id > 0 }

    func lease(to attempt: Attempt) { self.attempt = attempt }

    // MARK: - The request

    var isWritable: Bool { isOpen && outputBytes < Self.bufferLimit }

    /// The first bytes are the whole head, as HTTP/1 writes it.
    func write(_ buffer: ByteBuffer) {
        guard isOpen else { return }
        guard id == 0 else { return append(buffer) }
        // Whether it takes such a request, the server says in its first frame.
        if wantsUpgrade, !home.hasSettings { return hold(buffer) }
        guard let headCount = sendHead(buffer), headCount < buffer.readableBytes else { return }
        var rest = buffer
        rest.moveReaderIndex(forwardBy: headCount)
        append(rest)
    }

    /// Puts a piece of the body behind the others.
    private func append(_ piece: ByteBuffer) {
        let count = piece.readableBytes
        guard count > 0 else { return }
        outputBytes += count
        // A small piece must not keep all the memory that it lies in, such as that of the head before it.
        guard count <= Self.copied, piece.storageCapacity > 2 * count + 64 else {
            return output.append(piece, joiningUpTo: Self.copied)
        }
        var copy = home.loop.takePiece()
        copy.writeImmutableBuffer(piece)
        output.append(copy, joiningUpTo: Self.copied)
    }

    private var wantsUpgrade: Bool { attempt?.settings.mayUpgrade == true }

    /// A head that waits for the server's settings.
    private var held: ByteBuffer?

    private func hold(_ head: ByteBuffer) {
        if held == nil { home.waitForSettings(self) }
        held = held ?? ByteBuffer()
        held?.writeImmutableBuffer(head)
    }

    /// The server has said what it takes.
    func settingsCame() {
        guard let head = held else { return }
        held = nil
        write(head)
    }

    func writeAndFlush(_ buffer: ByteBuffer) {
        write(buffer)
        flush()
    }

    func flush() {
        guard isOpen, id > 0 else { return }
        if isDeferred {
            isDeferred = false
            withSession { $0.dataReady(id) }
        }
        home.schedule()
    }

    func writeEnd(_ buffer: ByteBuffer?, trailers: Trailers?) {
        // Behind the head of a tunnel its bytes follow.
        requestEnded = isTunnel || !(wantsUpgrade || attempt?.settings.method == .connect)
        requestTrailers = trailers
        if let buffer { write(buffer) }
        flush()
    }

    /// - Returns: how long the head is; nil when the stream was not opened.
    private func sendHead(_ bytes: ByteBuffer) -> Int? {
        guard attempt != nil, let session = home.session else { return nil }
        let upgrades = wantsUpgrade
        if upgrades {
            guard session.peerTakesConnectProtocol, WebSocketKey.isAsked(in: bytes) else {
                fail(.upgradeRefused)
                return nil
            }
            acceptKey = WebSocketKey.accept(forHead: bytes)
        }
        let opened = bytes.withUnsafeReadableBytes { text in
            session.submitRequest(
                head: text,
                scheme: home.tls == nil ? "http" : "https",
                protocol: upgrades ? "websocket" : nil,
                mayEnd: requestEnded && requestTrailers == nil,
                with: &home.fields
            )
        }
        guard let (id, headCount) = opened else {
            fail(session.canOpenStream ? .internalError : .upstreamRefusedStream)
            return nil
        }
        self.id = id
        inputsBefore = home.inputs
        home.opened(self)
        return headCount
    }

    /// The session can send up to so much of the body.
    func pull(upTo limit: Int) -> HTTP2Body {
        guard var piece = output.popFirst() else {
            if requestEnded { return end(ByteBuffer()) }
            isDeferred = true
            return .wait
        }
        if piece.readableBytes > limit, let part = piece.readSlice(length: limit) {
            output.prepend(piece)
            outputBytes -= limit
            becameWritable()
            return .bytes(part)
        }
        outputBytes -= piece.readableBytes
        if output.isEmpty, requestEnded { return end(piece) }
        becameWritable()
        return .bytes(piece)
    }

    private func end(_ piece: ByteBuffer) -> HTTP2Body {
        guard let trailers = requestTrailers.take(), !trailers.isEmpty, isOpen else { return .last(piece) }
        home.fields.reset()
        let isSent = withSession { $0.submitTrailers(id, &home.fields, &trailers.fields) }
        return isSent == true ? .lastBeforeTrailers(piece) : .failed(.internalError)
    }

    private func becameWritable() {
        // Not from within the session, which is at work: what is written now would come too late for this round.
        if outputBytes < Self.bufferLimit / 2, isOpen { home.wakeLater(self) }
    }

    /// The session has taken what waited.
    func wake() { attempt?.becameWritable() }

    // MARK: - The answer

    /// A head is whole, in the form of HTTP/1.
    func headCame(_ text: UnsafeRawBufferPointer, isInterim: Bool, endStream: Bool) {
        guard let attempt, isOpen else { return }
        var parser = ResponseParser()
        // Whoever gets the answer gives the memory of another one for it.
        let result = parser.parse(
            text,
            into: &home.head,
            requestMethod: attempt.settings.method,
            maximumHead: attempt.settings.maximumHead,
            maximumFields: attempt.settings.maximumFields
        )
        guard case .complete = result else {
            if case .invalid(let error) = result { return fail(error) }
            return fail(.upstreamProtocolError)
        }
        if isInterim {
            if !attempt.received(interim: &home.head) { fail(.upstreamProtocolError) }
            return
        }
        answerBegan = true
        if endStream { home.head.framing = .none }
        let isTunnel =
            (200...299).contains(home.head.status)
            && (attempt.settings.mayUpgrade || attempt.settings.method == .connect)
        if isTunnel { openTunnel(attempt, &home.head) }
        attempt.received(head: &home.head, from: endpoint, opensTunnel: isTunnel)
    }

    /// RFC 8441, section 5, the other way round.
    private func openTunnel(_ attempt: Attempt, _ head: inout ResponseHead) {
        isTunnel = true
        guard attempt.settings.mayUpgrade else { return }
        head.status = 101
        head.reason = head.fields.store("Switching Protocols".utf8)
        head.fields.append(.upgrade, value: "websocket".utf8)
        head.fields.append(name: "sec-websocket-accept".utf8, value: acceptKey)
    }

    func dataCame(_ bytes: UnsafeRawBufferPointer) {
        if isPaused { unconsumed += bytes.count } else { withSession { $0.consume(id, bytes.count) } }
        // Whoever it calls keeps it for as long as that takes, and it does nothing behind that.
        unretained(attempt) {
            var piece = home.loop.takePiece()
            piece.writeBytes(bytes)
            if isTunnel { $0.tunnelReceived(piece) } else { $0.received(body: piece) }
        }
    }

    func trailersCame(_ table: HeaderTable) { trailers = Trailers(table) }

    func readDone() { unretained(attempt) { $0.readDone() } }

    func answerEnded() {
        if isTunnel {
            attempt?.tunnelEnded()
            return
        }
        guard attempt == nil || answerBegan else { return fail(.upstreamProtocolError) }
        guard let attempt = attempt.take() else { return }
        let trailers = self.trailers.take()
        // What is left of the request is not wanted (RFC 9113, section 8.1).
        withSession { if $0.hasEnded(id) == false { $0.reset(id, .cancel) } }
        let number = attempt.detach()
        attempt.finished(trailers: trailers, in: number)
    }

    func pauseReading() { isPaused = true }

    func resumeReading() {
        isPaused = false
        guard unconsumed > 0, isOpen else { return }
        home.session?.consume(id, unconsumed)
        unconsumed = 0
        home.schedule()
    }

    // MARK: - Ends

    func closeTunnelOutput() { writeEnd(nil, trailers: nil) }

    func closeAfterWrites() {
        attempt = nil
        guard isOpen, id > 0 else { return abandon() }
        requestEnded = true
        flush()
        home.resetWhenEnded(self)
        home.wheel.arm(self, in: Self.endingTicks)
    }

    /// The server does not take the rest of a tunnel.
    override func deadlineReached() { abandon() }

    func abandon() {
        attempt = nil
        held = nil
        output.removeAll()
        outputBytes = 0
        guard id > 0 else { return leave() }
        if isOpen { home.reset(self, .cancel) }
    }

    /// Where nothing at all has come since the request was sent, the server may have gone without a word, and the next
    /// requests must not meet the same silence.
    func timeOut() {
        let wasSilent = id > 0 && isOpen && home.inputs == inputsBefore
        abandon()
        if wasSilent { home.isSilent() }
    }

    /// The answer cannot be used.
    func fail(_ error: GatewayError) {
        let user = attempt
        let number = user?.detach()
        abandon()
        if let user, let number { user.failed(error, in: number) }
    }

    /// The head was never sent.
    private func leave() {
        guard isOpen else { return }
        isOpen = false
        home.waitingForSettings.removeAll { $0 === self }
        home.streamLeft()
    }

    func markMalformed() { isMalformed = true }

    /// The server has reset the stream, or both sides have ended it.
    func closed(_ code: HTTP2ErrorCode) {
        if code == .refusedStream {
            attempt?.wasTurnedAway = isOpen && !home.isOpen
            return over(.upstreamRefusedStream)
        }
        over(isMalformed ? .upstreamProtocolError : .upstreamReset)
    }

    /// The connection has ended.
    ///
    /// A request that it took to a server which was not there any more most likely met the end of keep-alive.
    func connectionGone(_ error: GatewayError) {
        let wasStale = isOpen && inputsBefore > 0 && home.inputs == inputsBefore
        over(wasStale && (error == .upstreamReset || error == .upstreamClosedEarly) ? .staleConnection : error)
    }

    private func over(_ error: GatewayError) {
        if isOpen { home.wheel.remove(self) }
        isOpen = false
        held = nil
        output.removeAll()
        outputBytes = 0
        guard let user = attempt else { return }
        attempt = nil
        let number = user.detach()
        if isTunnel { return user.finished(trailers: nil, in: number) }
        user.failed(answerBegan ? .upstreamTruncated : error, in: number)
    }
}
