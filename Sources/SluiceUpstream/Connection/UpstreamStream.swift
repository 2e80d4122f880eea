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
    /// nil once the stream is over.
    private(set) var connection: UpstreamHTTP2Connection?
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
        self.connection = connection
        self.endpoint = connection.endpoint
        self.isReused = connection.served > 0
        super.init()
    }

    var isStream: Bool { true }

    func lease(to attempt: Attempt) { self.attempt = attempt }

    // MARK: - The request

    var isWritable: Bool { connection != nil && outputBytes < Self.bufferLimit }

    /// The first bytes are the whole head, as HTTP/1 writes it.
    func write(_ buffer: ByteBuffer) {
        guard let connection else { return }
        var rest = buffer
        if id == 0 {
            // Whether it takes such a request, the server says in its first frame.
            if wantsUpgrade, !connection.hasSettings { return hold(buffer, connection) }
            guard sendHead(&rest) else { return }
        }
        guard rest.readableBytes > 0 else { return }
        // A small piece must not keep all the memory that the head was put together in.
        if rest.readableBytes <= Self.copied { rest = rest.withUnsafeReadableBytes { ByteBuffer(bytes: $0) } }
        outputBytes += rest.readableBytes
        output.append(rest)
    }

    private var wantsUpgrade: Bool { attempt?.settings.mayUpgrade == true }

    /// A head that waits for the server's settings.
    private var held: ByteBuffer?

    private func hold(_ head: ByteBuffer, _ connection: UpstreamHTTP2Connection) {
        if held == nil { connection.waitForSettings(self) }
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
        guard let connection, id > 0 else { return }
        if isDeferred {
            isDeferred = false
            connection.session?.dataReady(id)
        }
        connection.schedule()
    }

    func writeEnd(_ buffer: ByteBuffer?, trailers: Trailers?) {
        // Behind the head of a tunnel its bytes follow.
        requestEnded = isTunnel || !(wantsUpgrade || attempt?.settings.method == .connect)
        requestTrailers = trailers
        if let buffer { write(buffer) }
        flush()
    }

    /// - Returns: whether the stream was opened.
    private func sendHead(_ bytes: inout ByteBuffer) -> Bool {
        guard let connection, attempt != nil, let session = connection.session else { return false }
        let upgrades = wantsUpgrade
        if upgrades {
            guard session.peerTakesConnectProtocol, WebSocketKey.isAsked(in: bytes) else {
                fail(.upgradeRefused)
                return false
            }
            acceptKey = WebSocketKey.accept(forHead: bytes)
        }
        let opened = bytes.withUnsafeReadableBytes { text in
            session.submitRequest(
                head: text,
                scheme: connection.tls == nil ? "http" : "https",
                protocol: upgrades ? "websocket" : nil,
                mayEnd: requestEnded && requestTrailers == nil,
                with: &connection.fields
            )
        }
        guard let (id, headCount) = opened else {
            fail(session.canOpenStream ? .internalError : .upstreamRefusedStream)
            return false
        }
        bytes.moveReaderIndex(forwardBy: headCount)
        self.id = id
        inputsBefore = connection.inputs
        connection.opened(self)
        return true
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
        guard let trailers = requestTrailers, !trailers.isEmpty, let connection,
            let session = connection.session
        else {
            return .last(piece)
        }
        requestTrailers = nil
        connection.fields.reset()
        let isSent = session.submitTrailers(id, &connection.fields, &trailers.fields)
        return isSent ? .lastBeforeTrailers(piece) : .failed(.internalError)
    }

    private func becameWritable() {
        // Not from within the session, which is at work: what is written now would come too late for this round.
        if outputBytes < Self.bufferLimit / 2 { connection?.wakeLater(self) }
    }

    /// The session has taken what waited.
    func wake() { attempt?.becameWritable() }

    // MARK: - The answer

    /// A head is whole, in the form of HTTP/1.
    func headCame(_ text: UnsafeRawBufferPointer, isInterim: Bool, endStream: Bool) {
        guard let attempt, let connection else { return }
        // Taken out meanwhile: whoever gets the answer gives the memory of another one for it.
        var head = ResponseHead()
        swap(&head, &connection.head)
        defer { connection.head = head }
        var parser = ResponseParser()
        let result = parser.parse(
            text,
            into: &head,
            requestMethod: attempt.settings.method,
            maximumHead: attempt.settings.maximumHead,
            maximumFields: attempt.settings.maximumFields
        )
        guard case .complete = result else {
            if case .invalid(let error) = result { return fail(error) }
            return fail(.upstreamProtocolError)
        }
        if isInterim { return attempt.received(interim: &head) ? () : fail(.upstreamProtocolError) }
        answerBegan = true
        if endStream { head.framing = .none }
        let isTunnel =
            (200...299).contains(head.status) && (attempt.settings.mayUpgrade || attempt.settings.method == .connect)
        if isTunnel { openTunnel(attempt, &head) }
        attempt.received(head: &head, from: endpoint, opensTunnel: isTunnel)
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
        if isPaused { unconsumed += bytes.count } else { connection?.session?.consume(id, bytes.count) }
        guard let attempt else { return }
        if isTunnel {
            attempt.tunnelReceived(ByteBuffer(bytes: bytes))
        } else {
            attempt.received(body: ByteBuffer(bytes: bytes))
        }
    }

    func trailersCame(_ table: HeaderTable) { trailers = Trailers(table) }

    func readDone() { attempt?.readDone() }

    func answerEnded() {
        guard let attempt else { return }
        if isTunnel { return attempt.tunnelEnded() }
        guard answerBegan else { return fail(.upstreamProtocolError) }
        self.attempt = nil
        let trailers = self.trailers
        // What is left of the request is not wanted (RFC 9113, section 8.1).
        if connection?.session?.hasEnded(id) == false { connection?.session?.reset(id, .cancel) }
        let number = attempt.detach()
        attempt.finished(trailers: trailers, in: number)
    }

    func pauseReading() { isPaused = true }

    func resumeReading() {
        isPaused = false
        guard unconsumed > 0, let connection else { return }
        connection.session?.consume(id, unconsumed)
        unconsumed = 0
        connection.schedule()
    }

    // MARK: - Ends

    func closeTunnelOutput() { writeEnd(nil, trailers: nil) }

    func closeAfterWrites() {
        attempt = nil
        guard let connection, id > 0 else { return abandon() }
        requestEnded = true
        flush()
        connection.resetWhenEnded(self)
        connection.wheel.arm(self, in: Self.endingTicks)
    }

    /// The server does not take the rest of a tunnel.
    override func deadlineReached() { abandon() }

    func abandon() {
        attempt = nil
        held = nil
        output.removeAll()
        outputBytes = 0
        if id > 0 { connection?.reset(self, .cancel) } else { leave() }
    }

    /// Where nothing at all has come since the request was sent, the server may have gone without a word, and the next
    /// requests must not meet the same silence.
    func timeOut() {
        let connection = self.connection
        let wasSilent = id > 0 && connection?.inputs == inputsBefore
        abandon()
        if wasSilent { connection?.isSilent() }
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
        let connection = self.connection
        self.connection = nil
        connection?.waitingForSettings.removeAll { $0 === self }
        connection?.streamLeft()
    }

    func markMalformed() { isMalformed = true }

    /// The server has reset the stream, or both sides have ended it.
    func closed(_ code: HTTP2ErrorCode) {
        if code == .refusedStream {
            attempt?.wasTurnedAway = connection?.isOpen == false
            return over(.upstreamRefusedStream)
        }
        over(isMalformed ? .upstreamProtocolError : .upstreamReset)
    }

    /// The connection has ended.
    ///
    /// A request that it took to a server which was not there any more most likely met the end of keep-alive.
    func connectionGone(_ error: GatewayError) {
        let wasStale = inputsBefore > 0 && connection?.inputs == inputsBefore
        over(wasStale && (error == .upstreamReset || error == .upstreamClosedEarly) ? .staleConnection : error)
    }

    private func over(_ error: GatewayError) {
        connection?.wheel.remove(self)
        connection = nil
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
