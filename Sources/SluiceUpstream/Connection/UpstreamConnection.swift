package import NIOCore
package import SluiceCore
package import SluiceHTTP
import SluiceSockets

/// One HTTP/1.1 connection to an endpoint: parses what comes back and hands it to the attempt that has leased it.
///
/// Isolation: one loop, the one of the exchange that uses it. States: idle in its pool, leased (head, body), tunnel,
/// closed. Bytes that nobody asked for close it: they can only be a second answer to a request already answered.
package final class UpstreamConnection: SocketHandler, UpstreamLease {
    enum Phase { case idle, head, body, tunnel, ending, closed }

    let endpoint: LoopEndpoint
    // The endpoint's, reached without counting a reference.
    private let upstream: LoopUpstream
    private let wheel: TimerWheel
    private(set) var phase = Phase.idle
    /// Who uses it now.
    private var attempt: Attempt?
    /// The answer's head while one is being read; the attempt's user swaps it out.
    package var head = ResponseHead()
    private var parser = ResponseParser()
    private var body = BodyDecoder()
    private var input: ByteBuffer?
    private var inputHasEnded = false
    /// Requests answered on it.
    private(set) var served = 0
    /// Whether a byte of the current answer came.
    private(set) var answerBegan = false
    /// It belongs to one client and must not serve another.
    var isSingleUse = false
    /// Place in the pool's idle list.
    var idleIndex = -1
    /// Of which configuration it is; see `LoopUpstream.configure`.
    var era: UInt32 = 0
    /// Counted in the upstream's `connections` breaker.
    var isCounted = false
    /// How long the endpoint said it keeps an idle connection (`Keep-Alive: timeout=N`), one second less, in ticks.
    private(set) var idleHintTicks = UInt64.max >> 1

    init(endpoint: LoopEndpoint) {
        self.endpoint = endpoint
        self.upstream = endpoint.upstream
        self.wheel = endpoint.upstream.wheel
        super.init()
        // What a slow client does not take yet may wait in the system although the endpoint has said all.
        readsToEndWhilePaused = false
    }

    var isOpen: Bool { phase != .closed && isConnected }

    // MARK: - Before it is used

    /// Who waits for it to be ready; told once.
    private var whenReady: ((GatewayError?) -> Void)?

    /// The socket is connected: tells when the handshake of TLS is done too, or has failed.
    func awaitReady(within ticks: UInt64, _ done: @escaping (GatewayError?) -> Void) {
        begin()
        guard tls != nil, !isSecured else { return done(isOpen ? nil : readiness) }
        whenReady = done
        wheel.arm(self, in: ticks)
    }

    private var readiness: GatewayError { tlsFailure == nil ? .connectFailed : .upstreamTLSFailed }

    private func ready(_ error: GatewayError?) {
        guard let done = whenReady else { return }
        whenReady = nil
        disarm()
        done(error)
    }

    package override func secured() -> SocketHandler {
        ready(nil)
        return successor ?? self
    }

    package override func securityFailed() {
        endpoint.wasRefused(tlsFailure)
        if whenReady != nil { return fail(ready: .upstreamTLSFailed) }
        connectionEnded(.upstreamReset)
    }

    private func fail(ready error: GatewayError) {
        close()
        ready(error)
    }

    /// Goes on as a connection of HTTP/2; this object is of no use afterwards.
    func become(_ next: UpstreamHTTP2Connection) {
        phase = .closed
        wheel.remove(self)
        successor = next
        handOver(to: next)
    }

    private var successor: UpstreamHTTP2Connection?

    func writeEnd(_ buffer: ByteBuffer?, trailers: Trailers?) {
        if let buffer { writeAndFlush(buffer) } else { flush() }
    }

    func closeTunnelOutput() { afterWrites { [self] in closeOutput() } }

    // MARK: - Used by the attempt

    /// Takes the connection for one request.
    func lease(to attempt: Attempt) {
        self.attempt = attempt
        phase = .head
        answerBegan = false
        parser.reset()
    }

    /// Gives the connection up; nothing is told to the attempt.
    func abandon() {
        attempt = nil
        end()
    }

    func timeOut() { abandon() }

    /// Closes as soon as what is queued has been written, or after a while if the endpoint does not take it.
    func closeAfterWrites() {
        guard phase != .closed else { return }
        attempt = nil
        phase = .ending
        upstream.remove(self)
        wheel.arm(self, in: Self.endingTicks)
        afterWrites { [self] in close() }
    }

    private static let endingTicks = TimerWheel.ticks(nanoseconds: 10_000_000_000)

    /// Closes, which makes room for another.
    func end() {
        close()
        upstream.remove(self)
    }

    /// Closes; its place in the pool is the caller's affair.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        wheel.remove(self)
        closeChannel()
    }

    // MARK: - What the socket tells

    package override func received(_ bytes: inout ByteBuffer) {
        guard phase != .closed, phase != .ending else { return }
        if phase == .tunnel {
            attempt?.tunnelReceived(bytes)
            return
        }
        // An answer to nothing.
        guard attempt != nil else { return end() }
        if var earlier = input {
            input = nil
            earlier.writeBuffer(&bytes)
            handle(&earlier)
        } else {
            handle(&bytes)
        }
    }

    package override func readDone() { attempt?.readDone() }

    package override func ended(reset: Bool) { connectionEnded(reset ? .upstreamReset : .upstreamClosedEarly) }

    package override func becameWritable() { attempt?.becameWritable() }

    package override func deadlineReached() {
        if whenReady != nil { return fail(ready: .connectTimeout) }
        switch phase {
        case .idle, .ending: end()
        case .head, .body, .tunnel, .closed: break
        }
    }

    // MARK: - Reading

    /// Goes through the bytes at hand; what is left of a head or a chunk line waits in `input`.
    private func handle(_ bytes: inout ByteBuffer) {
        answerBegan = true
        while bytes.readableBytes > 0 {
            let goesOn = phase == .head ? parseHead(&bytes) : phase == .body ? decodeBody(&bytes) : false
            if !goesOn { break }
        }
        guard bytes.readableBytes > 0 else { return }
        switch phase {
        case .head, .body: input = bytes
        case .tunnel: attempt?.tunnelReceived(bytes)
        case .idle, .ending, .closed: break
        }
    }

    /// - Returns: whether to go on with the input.
    private func parseHead(_ bytes: inout ByteBuffer) -> Bool {
        guard let attempt else { return false }
        let result = parser.parse(
            bytes,
            into: &head,
            requestMethod: attempt.settings.method,
            maximumHead: attempt.settings.maximumHead,
            maximumFields: attempt.settings.maximumFields
        )
        switch result {
        case .incomplete:
            return false
        case .invalid(let error):
            fail(error)
            return false
        case .complete(let consumed):
            bytes.moveReaderIndex(forwardBy: consumed)
            parser.reset()
            if head.status < 200, head.status != 101 {
                if attempt.received(interim: &head) { return phase == .head }
                fail(.upstreamProtocolError)
                return false
            }
            headComplete(attempt, leftover: bytes.readableBytes)
            return phase == .body
        }
    }

    private func headComplete(_ attempt: Attempt, leftover: Int) {
        let isTunnel = head.status == 101 || (attempt.settings.method == .connect && (200...299).contains(head.status))
        if isTunnel {
            // A 101 that nobody asked for is nonsense; a CONNECT is always asked for.
            guard head.status != 101 || attempt.settings.mayUpgrade else { return fail(.upstreamProtocolError) }
            phase = .tunnel
            attempt.received(head: &head, from: endpoint, opensTunnel: true)
            return
        }
        let keepAlive = head.keepAlive
        if head.fields.present & (1 << UInt64(FieldName.keepAlive.rawValue)) != 0 { noteKeepAliveHint() }
        let isComplete = body.start(head.framing)
        phase = .body
        attempt.received(head: &head, from: endpoint, opensTunnel: false)
        mayKeep = keepAlive
        // Bytes behind an answer that is complete are an answer to nothing.
        if phase == .body, isComplete { finish(reusable: keepAlive && leftover == 0) }
    }

    /// What the head said about using the connection again.
    private var mayKeep = false

    /// - Returns: whether to go on with the input.
    private func decodeBody(_ bytes: inout ByteBuffer) -> Bool {
        while phase == .body {
            switch body.next(&bytes) {
            case .data(let slice):
                attempt?.received(body: slice)
            case .end:
                finish(reusable: mayKeep && bytes.readableBytes == 0)
                return false
            case .needMore:
                return false
            case .invalid:
                fail(.upstreamProtocolError)
                return false
            }
        }
        return false
    }

    /// The answer is complete: back to the pool first, so that whoever is told next may lease it at once.
    private func finish(reusable: Bool) {
        guard let attempt = self.attempt.take() else { return end() }
        let trailers = body.trailers
        let isReusable = reusable && !isSingleUse && attempt.requestIsComplete && !inputHasEnded
        if input != nil { input = nil }
        served += 1
        let number = attempt.detach()
        if isReusable {
            resumeReading()
            phase = .idle
            // Idle connections must not keep the memory of large heads, which not every user takes away.
            if head.fields.bytes.capacity > 8 * 1024 { head.fields.reset() }
            upstream.release(self)
        } else {
            end()
        }
        attempt.finished(trailers: trailers, in: number)
    }

    private func fail(_ error: GatewayError) {
        let user = attempt
        let number = user?.detach()
        attempt = nil
        input = nil
        end()
        if let user, let number { user.failed(error, in: number) }
    }

    /// A connection that the endpoint is about to close must not be used again; many servers say how long they wait.
    private func noteKeepAliveHint() {
        guard let range = head.fields.value(of: .keepAlive) else { return }
        let seconds = head.fields.withBytes(range) { value -> UInt64? in
            var found: UInt64?
            FieldList.forEach(value) { item in
                guard item.count > 8, item.count < 14 else { return }
                guard ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: item[..<8]), "timeout=") else { return }
                guard item[8...].allSatisfy(ASCII.isDigit) else { return }
                found = item[8...].reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
            }
            return found
        }
        if let seconds {
            idleHintTicks = TimerWheel.ticks(nanoseconds: Int64(seconds > 1 ? seconds - 1 : 0) * 1_000_000_000)
        }
    }

    // MARK: - Endings

    package override func inputEnded() {
        inputHasEnded = true
        switch phase {
        case .ending, .closed: break
        case .tunnel: attempt?.tunnelEnded()
        case .body where body.endsAtClose: finish(reusable: false)
        default: connectionEnded(.upstreamClosedEarly)
        }
    }

    private func connectionEnded(_ error: GatewayError) {
        guard phase != .closed else { return }
        if whenReady != nil { return fail(ready: .upstreamTLSFailed) }
        let phaseThen = phase
        let user = attempt
        let number = user?.detach()
        attempt = nil
        input = nil
        end()
        guard let user, let number else { return }
        switch phaseThen {
        case .tunnel: user.finished(trailers: nil, in: number)
        case .body: user.failed(.upstreamTruncated, in: number)
        // Also one that was opened for somebody else, who had gone by then, may have been given up by the endpoint meanwhile.
        default: user.failed(user.isReused && !answerBegan ? .staleConnection : error, in: number)
        }
    }
}
