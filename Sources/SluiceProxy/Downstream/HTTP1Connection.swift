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

    var phase = Phase.reading
    var exchange: Exchange?
    /// Bytes not consumed yet.
    var input: ByteBuffer?
    private var parser = RequestParser()
    private(set) var isProcessing = false
    private(set) var inputHasEnded = false
    private(set) var requestCount = 0
    private var headTimerRuns = false
    /// No byte of a request has come yet.
    lazy var mayBeHTTP2 = listener.allowsHTTP2 && tls?.negotiatedProtocol == nil
    var lingerBytes = 0
    /// What came of a header of the PROXY protocol that is not whole.
    var held = ByteBuffer()
    /// Closing, but not all of the last answer is with the client yet.
    var isFlushing = false
    var lastActivity: UInt64 = 0
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

    override func intercept(_ bytes: inout ByteBuffer) -> Bool { takesProxyHeader(&bytes) }

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

    override func drain() {
        if exchange == nil, phase == .reading, input == nil { closeAfterFlush() }
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
}
