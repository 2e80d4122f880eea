import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceSockets
import SluiceTLS

/// One HTTP/1 connection of a client: takes bytes apart into requests, one exchange at a time, and writes what they
/// answer.
///
/// Isolation: the loop that the acceptor gave it. Pipelined requests wait as bytes and are answered in order; reading
/// stops while more than the buffer limit waits. An idle connection holds no buffer and no exchange.
///
///     reading -> (exchange ends) -> reading | lingering -> closed
///                -> tunnel -> closed
final class HTTP1Connection: DownstreamConnection, Downstream {
    enum Phase {
        case reading
        /// Everything was answered; what still comes is thrown away so that the answer is not lost to a reset.
        case lingering
        case tunnel
        case closed
    }

    private(set) var phase = Phase.reading
    private(set) var exchange: Exchange?
    /// Bytes not consumed yet.
    private var input: ByteBuffer?
    private var parser = RequestParser()
    private(set) var isProcessing = false
    private(set) var inputHasEnded = false
    private(set) var requestCount = 0
    private var headTimerRuns = false
    /// No byte of a request has come yet.
    private lazy var mayBeHTTP2 = listener.allowsHTTP2 && tls?.negotiatedProtocol == nil
    private var lingerBytes = 0
    /// Closing, but not all of the last answer is with the client yet.
    private var isFlushing = false
    private var lastActivity: UInt64 = 0
    // The answer under way: see `HTTP1Connection+Response.swift`.
    /// Bytes of it that are gathered before they are written.
    var out: ByteBuffer?
    /// Chunks go to the client, since nobody knows the length.
    var respondsChunked = false

    var transport: DownstreamConnection { self }
    /// An upgrade that is not made is an ordinary request.
    var needsTunnel: Bool { false }

    // MARK: - Life

    override func opened() {
        worker.opened(self)
        lastActivity = wheel.now
        wheel.arm(self, in: tls == nil ? listener.requestHeadTicks : listener.handshakeTicks)
    }

    // MARK: - The PROXY protocol

    /// What came of a header that is not whole.
    private var held = ByteBuffer()

    /// Only proxies that are trusted may say who the client is.
    func expectProxyHeader() {
        guard listener.proxyProtocol != .off else { return }
        guard peer.address.map(listener.trusts) ?? true else {
            if listener.proxyProtocol == .require { intercepts = true }
            return
        }
        intercepts = true
    }

    override func intercept(_ bytes: inout ByteBuffer) -> Bool {
        held.writeBuffer(&bytes)
        let isTrusted = peer.address.map(listener.trusts) ?? true
        switch isTrusted ? held.withUnsafeReadableBytes(ProxyHeader.parse) : .invalid {
        case .incomplete: return false
        case .none where listener.proxyProtocol == .accept: break
        case .none, .invalid:
            worker.metrics.count(.badProxyHeader)
            abort()
            return false
        case .complete(let count, let ends):
            held.moveReaderIndex(forwardBy: count)
            if let ends {
                peer = PeerAddress(ends.source, port: ends.sourcePort, isSecure: peer.isSecure)
            }
        }
        intercepts = false
        swap(&bytes, &held)
        held = ByteBuffer()
        return true
    }

    override func secured() -> SocketHandler {
        if let tls {
            let version = tls.version.map { "\($0.name)" } ?? "unknown"
            worker.metrics.tlsEstablished(at: listener.name, version: version, isResumed: tls.isResumed)
            if tls.negotiatedProtocol == Self.http2 { return becomeHTTP2() }
        }
        wheel.arm(self, in: listener.requestHeadTicks)
        return self
    }

    private static let http2 = Array("h2".utf8)

    override func ended(reset: Bool) { gone(reset ? .downstreamReset : .downstreamClosed) }

    /// The connection has ended, by whichever side.
    private func gone(_ error: GatewayError) {
        guard phase != .closed else { return }
        phase = .closed
        wheel.remove(self)
        worker.closed(self)
        input = nil
        if let exchange {
            self.exchange = nil
            exchange.downstreamGone(error)
        }
        closeChannel()
    }

    override func abort() { gone(.downstreamClosed) }

    override func cutShort() {
        guard phase == .reading, let exchange, exchange.isPastHead, !exchange.responseHeadSent else { return abort() }
        exchange.cutShort()
    }

    /// What is there of the answer is sent, and then the connection ends where the client expects more. Where it expects
    /// nothing in particular, only a reset tells it that this is not the proper end.
    func cut(isUnmarked: Bool) {
        exchange = nil
        let reset = isUnmarked && !respondsChunked
        respondsChunked = false
        out = nil
        guard phase != .closed else { return }
        phase = .lingering
        input = nil
        wheel.arm(self, in: Worker.lingerTicks)
        afterWrites { [self] in
            guard phase == .lingering else { return }
            if reset { closeWithReset() }
            abort()
        }
    }

    // MARK: - Reading

    override func received(_ bytes: inout ByteBuffer) {
        // What comes when all is said shows nothing but that a client sends; it has to take its answer.
        if phase != .lingering { lastActivity = wheel.now }
        switch phase {
        case .reading:
            if var earlier = input {
                input = nil
                earlier.writeBuffer(&bytes)
                if mayBeHTTP2, waitsForPreface(&earlier) { return }
                process(&earlier)
            } else {
                if mayBeHTTP2, waitsForPreface(&bytes) { return }
                process(&bytes)
            }
        case .tunnel: exchange?.tunnelBytesFromDownstream(bytes)
        case .lingering: discard(bytes.readableBytes)
        case .closed: break
        }
    }

    /// Compares the first bytes of the connection with those of HTTP/2 with prior knowledge (RFC 9113, section 3.3).
    ///
    /// - Returns: whether they are taken care of: by HTTP/2 or by waiting for more of them.
    private func waitsForPreface(_ bytes: inout ByteBuffer) -> Bool {
        let count = min(bytes.readableBytes, Self.preface.count)
        let isPreface = bytes.withUnsafeReadableBytes { $0[..<count].elementsEqual(Self.preface[..<count]) }
        mayBeHTTP2 = isPreface && count < Self.preface.count
        guard isPreface else { return false }
        if mayBeHTTP2 {
            input = bytes
        } else {
            becomeHTTP2().received(&bytes)
        }
        return true
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Goes on as another object.
    private func becomeHTTP2() -> HTTP2Connection {
        phase = .closed
        wheel.remove(self)
        let next = HTTP2Connection(worker: worker, listener: listener, peer: peer)
        worker.replaced(self, by: next)
        handOver(to: next)
        return next
    }

    override func inputEnded() {
        inputHasEnded = true
        switch phase {
        case .reading: inputEndedWhileReading()
        case .tunnel: exchange?.tunnelEndedByDownstream()
        // It may still be reading what is on its way.
        case .lingering: if !isFlushing { abort() }
        case .closed: break
        }
    }

    /// The client will send no more: it leaves, or it only half-closed and waits for its answer.
    private func inputEndedWhileReading() {
        if let exchange, exchange.isPastHead, exchange.requestBodyIsComplete {
            exchange.downstreamHalfClosed()
        } else if !isProcessing {
            afterEndOfInput()
        }
    }

    /// The client's direction has ended. Requests that are complete get their answers; what can never be completed ends
    /// the connection.
    private func afterEndOfInput() {
        guard phase == .reading else { return }
        if let exchange, exchange.isPastHead {
            // What the decoder left behind is part of a line that will never be whole.
            if !exchange.requestBodyIsComplete, input == nil || exchange.takesBody {
                // A client that gave up its upload may still want to read why.
                if exchange.phase == .discarding { exchange.finish() } else { abort() }
            }
            return
        }
        // Complete requests may still wait for the client to take earlier answers.
        if input != nil, !isWritable { return }
        if let exchange {
            self.exchange = nil
            exchange.downstreamGone(.downstreamClosed)
        }
        closeAfterFlush()
    }

    override func progressed() { lastActivity = wheel.now }

    override func becameWritable() {
        if let exchange, exchange.isPastHead { exchange.downstreamBecameWritable() } else { process() }
    }

    /// Goes on with bytes that had to wait.
    func process() {
        guard !isProcessing else { return }
        guard var waiting = input else { return inputHasEnded ? afterEndOfInput() : resumeReading() }
        input = nil
        process(&waiting)
    }

    /// Goes through the bytes at hand: heads, bodies, one request after the other. What is left waits in `input`.
    private func process(_ bytes: inout ByteBuffer) {
        isProcessing = true
        while phase == .reading, bytes.readableBytes > 0 {
            if let exchange, exchange.isPastHead {
                guard exchange.takesBody else { break }
                let before = bytes.readableBytes
                exchange.requestBytes(&bytes)
                if bytes.readableBytes == before, self.exchange === exchange { break }
            } else if !isWritable || !parseHead(&bytes) {
                // A client that does not take its answers gets no further ones made.
                break
            }
        }
        isProcessing = false
        exchange?.flushPending()
        keep(bytes)
        if inputHasEnded { afterEndOfInput() }
    }

    /// Keeps what could not be taken yet, and stops reading while that is enough.
    private func keep(_ rest: ByteBuffer) {
        guard rest.readableBytes > 0 else { return resumeReading() }
        switch phase {
        case .reading:
            input = rest
            let waits = exchange?.isPastHead == true || !isWritable
            if waits, rest.readableBytes >= Worker.bufferLimit { pauseReading() } else { resumeReading() }
        case .tunnel:
            resumeReading()
            exchange?.tunnelBytesFromDownstream(rest)
            if inputHasEnded { exchange?.tunnelEndedByDownstream() }
        case .lingering, .closed: break
        }
    }

    /// - Returns: whether a head was complete and its exchange has begun.
    private func parseHead(_ bytes: inout ByteBuffer) -> Bool {
        let exchange = self.exchange ?? beginExchange()
        switch parser.parse(bytes, into: &exchange.request, limits: listener.parserLimits) {
        case .complete(let consumed):
            bytes.moveReaderIndex(forwardBy: consumed)
            parser.reset()
            headTimerRuns = false
            requestCount += 1
            guard listener.allowsHTTP1 else {
                bytes.clear()
                closesAfterExchange = true
                exchange.refuse(.unsupportedVersion)
                return false
            }
            exchange.begin()
            return true
        case .incomplete:
            // From the first byte of the head, not from the last: a slow client must not extend it.
            if !headTimerRuns { wheel.arm(self, in: listener.requestHeadTicks) }
            headTimerRuns = true
            return false
        case .invalid(let error):
            parser.reset()
            bytes.clear()
            closesAfterExchange = true
            exchange.refuse(error)
            return false
        }
    }

    private func beginExchange() -> Exchange {
        let exchange = worker.takeExchange()
        self.exchange = exchange
        exchange.attach(to: self)
        return exchange
    }

    /// A byte moved on the other side of the exchange.
    @inline(__always)
    func touch() { lastActivity = wheel.now }

    // MARK: - Ends of exchanges

    /// The exchange is over and its answer is written.
    func exchangeFinished() {
        exchange = nil
        respondsChunked = false
        out = nil
        guard phase == .reading else { return }
        if endsAfterThis { return closeAfterFlush() }
        wheel.arm(self, in: listener.keepAliveTicks)
        process()
    }

    /// Sends what is queued, ends our direction, and waits a little for the client to end its own.
    func closeAfterFlush() {
        guard phase != .closed else { return }
        phase = .lingering
        input = nil
        // A slow client may still be taking its answer: that has the patience of a stream.
        isFlushing = true
        lastActivity = wheel.now
        wheel.arm(self, in: listener.streamIdleTicks)
        resumeReading()
        afterWrites { [self] in
            guard phase == .lingering else { return }
            isFlushing = false
            if inputHasEnded { return abort() }
            closeOutput()
            wheel.arm(self, in: Worker.lingerTicks)
        }
    }

    /// A client that keeps sending after its answer is not listened to for ever.
    private func discard(_ count: Int) {
        if isFlushing { return }
        lingerBytes += count
        if lingerBytes > Worker.lingerBytes { abort() }
    }

    /// From now on bytes pass through untouched, those that came early first.
    func passThrough() {
        guard phase == .reading else { return }
        phase = .tunnel
        guard !isProcessing else { return }
        // Before the early bytes, which may pause it again.
        resumeReading()
        if let early = input {
            input = nil
            exchange?.tunnelBytesFromDownstream(early)
        }
        if inputHasEnded { exchange?.tunnelEndedByDownstream() }
    }

    /// Our direction of a tunnel ended.
    func closeTunnelOutput() {
        afterWrites { [self] in if phase == .tunnel { closeOutput() } }
    }

    override func drain() {
        if exchange == nil, phase == .reading, input == nil { closeAfterFlush() }
    }

    /// Whether the answer under way is the last, as far as can be told when its head is written.
    var endsAfterThis: Bool {
        if closesAfterExchange || worker.isDraining { return true }
        if inputHasEnded, input == nil, !isProcessing { return true }
        if let limit = listener.requestsPerConnection, requestCount >= limit { return true }
        return isOld
    }

    // MARK: - Patience

    override func deadlineReached() {
        switch phase {
        case .closed: return
        case .lingering:
            let patience = lastActivity + listener.streamIdleTicks
            guard isFlushing, patience >= wheel.now else { return abort() }
            return wheel.arm(self, at: patience + 1)
        case .tunnel, .reading: break
        }
        if tls != nil, !isSecured {
            worker.metrics.tlsFailed(TLSFailure(.handshakeTimeout, ""), at: listener.name)
            return abort()
        }
        guard let exchange else { return closeAfterFlush() }
        if exchange.isPastHead { return watchStream() }
        closesAfterExchange = true
        exchange.refuse(.requestHeadTimeout)
    }

    /// Makes sure that `watchStream` is called in time for a limit that is shorter than what is armed already.
    @inline(__always)
    func watchStream(within limit: UInt64) {
        if deadline > wheel.now &+ limit &+ 1 { wheel.arm(self, in: limit) }
    }

    /// Ends an exchange on which no byte has moved for too long; otherwise looks again when that could be so.
    ///
    /// Called when any deadline of the connection comes round while an exchange is under way, so that the exchange
    /// itself needs to set none.
    func watchStream() {
        guard let exchange else { return }
        let limit = exchange.streamIdleTicks
        guard limit != TimerNode.never else { return }
        let idle = wheel.now - lastActivity
        if idle > limit { return exchange.streamIdle() }
        wheel.arm(self, at: lastActivity + limit + 1)
    }
}
