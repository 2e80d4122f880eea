import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceSockets

/// One HTTP/2 connection to an endpoint, which many requests of one loop share.
///
/// Isolation: one loop. States: open, leaving (no new requests), closed.
final class UpstreamHTTP2Connection: SocketHandler {
    private enum Phase { case open, leaving, closed }

    let endpoint: LoopEndpoint
    private var phase = Phase.open
    private(set) var session: HTTP2Session?
    /// By number; a request whose head is not sent yet has none.
    var streams: HTTP2StreamTable<UpstreamStream>
    /// Requests that have it, those without a number included.
    private(set) var users = 0
    /// Requests that were sent on it.
    private(set) var served = 0
    /// How often something was received.
    private(set) var inputs: UInt64 = 0
    /// The server has said what it takes.
    var hasSettings = false
    var waitingForSettings: [UpstreamStream] = []
    /// Tunnels that are over but for what is still to be sent.
    private var ending: [UpstreamStream] = []
    private var keepalive: HTTP2Keepalive?
    var fields = HTTP2FieldList()
    var kind = HTTP2HeadersKind.answer
    var text = HeadMemory()
    /// Memory for the head of an answer.
    var head = ResponseHead()
    var block = HeaderTable()
    var touched: [UpstreamStream] = []
    private var waking: [UpstreamStream] = []
    private var isReading = false
    private var isWriting = false

    init(endpoint: LoopEndpoint) {
        self.endpoint = endpoint
        loop = endpoint.upstream.loop
        streams = HTTP2StreamTable(secret: endpoint.upstream.loop.random.next())
        super.init()
    }

    let loop: LoopContext
    var wheel: TimerWheel { loop.wheel }
    private var model: HTTP2Timing { endpoint.upstream.http2 }

    // MARK: - For the pool

    /// Whether another request may have it.
    var hasRoom: Bool {
        guard phase == .open else { return false }
        let most = model.maxStreams
        return unretained(session) {
            users < min(Int($0.peerMaxConcurrentStreams), most) && $0.canOpenStream
        } ?? false
    }

    var isIdle: Bool { users == 0 }
    var isOpen: Bool { phase == .open }
    /// In ticks.
    private(set) var bornAt: UInt64 = 0

    /// A stream for one request.
    func newStream() -> UpstreamStream {
        users += 1
        disarm()
        return UpstreamStream(of: self)
    }

    func opened(_ stream: UpstreamStream) {
        served += 1
        streams.insert(stream, at: stream.id)
    }

    /// The server's first frame has not come yet.
    func waitForSettings(_ stream: UpstreamStream) { waitingForSettings.append(stream) }

    /// A request is over.
    func streamLeft() {
        guard phase != .closed else { return }
        users -= 1
        if users == 0 {
            if phase == .leaving { return end() }
            loop.wheel.arm(self, in: endpoint.upstream.idleTicks)
        }
        endpoint.upstream.streamEnded()
    }

    /// Takes no new requests; closes with the last one under way.
    func leave() {
        guard phase == .open else { return }
        phase = .leaving
        endpoint.removeShared(self)
        if users == 0 { end() }
    }

    /// A request has waited in vain, and nothing came on any stream meanwhile.
    func isSilent() {
        if isWritable { leave() } else { gone(.upstreamReset) }
    }

    private func end() {
        guard phase != .closed else { return }
        session?.goAway()
        pump()
        gone(.upstreamClosedEarly)
    }

    private func gone(_ error: GatewayError) {
        guard phase != .closed else { return }
        phase = .closed
        loop.wheel.remove(self)
        keepalive?.stop()
        endpoint.removeShared(self)
        let left = streams.all + waitingForSettings
        streams.removeAll()
        touched = []
        waking = []
        ending = []
        waitingForSettings = []
        endpoint.upstream.removeShared(of: endpoint)
        for stream in left { stream.connectionGone(error) }
        closeChannel()
        endpoint.upstream.serveWaiters()
    }

    // MARK: - What the socket tells

    override func opened() {
        var settings = HTTP2Settings()
        settings.streamWindow = model.streamWindow
        settings.connectionWindow = model.connectionWindow
        settings.maxHeaderListSize = 64 * 1024
        settings.maxFields = 205
        session = HTTP2Session(role: .client, settings: settings, delegate: self, memory: loop.memory)
        guard session != nil else { return gone(.internalError) }
        bornAt = loop.wheel.now
        // Nobody may be left to use it.
        loop.wheel.arm(self, in: endpoint.upstream.idleTicks)
        startKeepalive()
        schedule()
    }

    private func startKeepalive() {
        guard let timing = model.keepalive else { return }
        keepalive = HTTP2Keepalive(
            loop.wheel,
            interval: timing.interval,
            timeout: timing.timeout,
            ask: { [unowned self] in
                session?.ping(HTTP2Keepalive.payload)
                schedule()
            },
            giveUp: { [unowned self] in gone(.upstreamReset) }
        )
    }

    override func received(_ bytes: inout ByteBuffer) {
        guard phase != .closed, let session, !isReading else { return }
        isReading = true
        inputs &+= 1
        keepalive?.heard()
        let now = loop.wheel.now &* UInt64(TimerWheel.tickMilliseconds)
        let error = bytes.withUnsafeReadableBytes { session.receive($0, now: now) }
        while let stream = touched.popLast() {
            stream.isTouched = false
            stream.readDone()
        }
        isReading = false
        pump()
        if error != nil { gone(.upstreamProtocolError) }
    }

    override func inputEnded() { gone(.upstreamClosedEarly) }

    override func ended(reset: Bool) { gone(reset ? .upstreamReset : .upstreamClosedEarly) }

    override func securityFailed() {
        endpoint.wasRefused(tlsFailure)
        gone(.upstreamReset)
    }

    override func becameWritable() { pump() }

    override func progressed() { keepalive?.heard() }

    /// Idle for long enough.
    override func deadlineReached() {
        if users == 0 { leave() }
    }

    // MARK: - Writing

    func schedule() {
        if !isReading, phase != .closed { callAtEndOfTurn() }
    }

    override func turnEnds() { pump() }

    private func pump() {
        guard let session, phase != .closed, !isWriting, !isReading else { return }
        isWriting = true
        resetEnded(session)
        while isWritable, session.wantsWrite, phase != .closed {
            var out = loop.takeScratch()
            var moved = false
            session.produce(into: &out, limit: UpstreamStream.bufferLimit) { piece in
                moved = true
                write(piece)
            }
            resetEnded(session)
            if out.readableBytes > 0 {
                moved = true
                writeAndFlush(out)
            } else {
                flush()
            }
            loop.giveBack(out)
            guard moved || !waking.isEmpty else { break }
            wakeStreams()
        }
        isWriting = false
        guard phase != .closed else { return }
        if session.failure != nil { return gone(.upstreamProtocolError) }
        if session.isDone { gone(.upstreamClosedEarly) }
    }

    private func wakeStreams() {
        while let stream = waking.popLast() { stream.wake() }
    }

    func wakeLater(_ stream: UpstreamStream) {
        if !waking.contains(where: { $0 === stream }) { waking.append(stream) }
    }

    /// Nobody listens to the server's side of the stream any more; ours still goes out.
    func resetWhenEnded(_ stream: UpstreamStream) {
        ending.append(stream)
        schedule()
    }

    private func resetEnded(_ session: HTTP2Session) {
        guard !ending.isEmpty else { return }
        ending.removeAll { stream in
            guard let hasEnded = session.hasEnded(stream.id) else { return true }
            if hasEnded { session.reset(stream.id, .cancel) }
            return hasEnded
        }
    }

    func reset(_ stream: UpstreamStream, _ code: HTTP2ErrorCode) {
        session?.reset(stream.id, code)
        schedule()
    }
}
