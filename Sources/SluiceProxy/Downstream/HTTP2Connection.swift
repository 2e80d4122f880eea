import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets

/// One HTTP/2 connection of a client (RFC 9113): hands each stream to an exchange of its own and lets them take turns.
///
/// Isolation: the loop that the acceptor gave it. Bounds: streams and windows as the listener says, 64 KiB of each answer,
/// and what the session puts up with. Answers are written when the loop has done what it is at, so that those of several
/// streams leave together.
///
///     open -> (drain) -> noticed -> goingAway -> (last stream ends) -> flushing -> closed
///
/// What the session tells is in `HTTP2Connection+Session.swift`.
final class HTTP2Connection: DownstreamConnection {
    enum Phase {
        case open
        /// No new streams; the client was told once that it should not, and will be told once more.
        case noticed
        case goingAway
        /// All is said; what is written still has to reach the client.
        case flushing
        case closed
    }

    private(set) var phase = Phase.open
    /// nil only before `opened` and when memory ran out.
    private(set) var session: HTTP2Session?
    var streams = HTTP2StreamTable<HTTP2Stream>(secret: 1)
    /// The head that is being read.
    var text = HTTP2RequestText()
    var blockKind = HTTP2HeadersKind.request
    var blockTrailers = HeaderTable()
    /// What is used for each head that is sent.
    var fields = HTTP2FieldList()
    /// Streams whose head came in the bytes at hand, in their order.
    var arrived: [HTTP2Stream] = []
    /// Streams that got something in the bytes at hand.
    var touched: [HTTP2Stream] = []
    /// Streams whose answer is whole before their request.
    private var unfinished: [Int32] = []
    var requestCount = 0
    private var keepalive: HTTP2Keepalive?

    private var isReading = false
    private var isWriting = false
    private var inputIsOver = false

    // In ticks.
    /// The time at which it began to read or to write.
    private(set) var now: UInt64 = 0
    /// When the client last took something.
    private(set) var lastProgress: UInt64 = 0
    /// When the last stream ended.
    private var idleSince: UInt64 = 0
    /// When the header block began that is not whole.
    private var blockBegan: UInt64?
    /// How long `flushing` may take without progress.
    private var flushPatience: UInt64 = 0
    /// All is written, and our direction closed.
    private var isFlushed = false

    static let drainPing: UInt64 = 0x736C_7569_6365_0001

    // MARK: - Life

    override func opened() {
        var settings = HTTP2Settings()
        listener.configure(&settings)
        session = HTTP2Session(role: .server, settings: settings, delegate: self, memory: worker.loop.memory)
        guard session != nil else { return gone(.downstreamClosed) }
        streams = HTTP2StreamTable(secret: worker.loop.random.next())
        let wheel = worker.loop.wheel
        lastProgress = wheel.now
        idleSince = wheel.now
        wheel.arm(self, in: listener.requestHeadTicks)
        startKeepalive()
        schedule()
    }

    private func startKeepalive() {
        guard let interval = listener.http2.keepaliveInterval else { return }
        keepalive = HTTP2Keepalive(
            worker.loop.wheel,
            interval: TimerWheel.ticks(nanoseconds: interval.nanoseconds),
            timeout: TimerWheel.ticks(nanoseconds: listener.http2.keepaliveTimeout.nanoseconds),
            ask: { [unowned self] in
                session?.ping(HTTP2Keepalive.payload)
                schedule()
            },
            giveUp: { [unowned self] in gone(.downstreamReset) }
        )
    }

    override func ended(reset: Bool) { gone(reset ? .downstreamReset : .downstreamClosed) }

    private func gone(_ error: GatewayError) {
        guard phase != .closed else { return }
        phase = .closed
        worker.loop.wheel.remove(self)
        keepalive?.stop()
        worker.closed(self)
        forgetStreams(error)
        closeChannel()
    }

    private func forgetStreams(_ error: GatewayError) {
        let left = streams.all
        streams.removeAll()
        arrived = []
        touched = []
        for stream in left { stream.connectionGone(error) }
    }

    override func abort() { gone(.downstreamClosed) }

    override func cutShort() {
        for stream in streams.all { stream.cutShort() }
        drainNow()
    }

    override func drain() {
        guard phase == .open, let session else { return }
        phase = .noticed
        // What the client has sent already is still served: it is told twice, a round trip apart.
        session.shutdownNotice(ping: Self.drainPing)
        worker.loop.wheel.arm(self, in: Worker.lingerTicks)
        schedule()
    }

    /// The second step; the last stream to end closes the connection.
    func drainNow() {
        guard phase == .open || phase == .noticed, let session else { return }
        phase = .goingAway
        worker.loop.wheel.arm(self, in: checkTicks)
        session.goAway()
        schedule()
        pump()
    }

    /// - Parameter patience: ticks that it may take; nil: as long as the client takes something.
    private func closeAfterFlush(within patience: UInt64? = nil) {
        guard phase != .closed, phase != .flushing else { return }
        phase = .flushing
        keepalive?.stop()
        flushPatience = patience ?? listener.streamIdleTicks
        worker.loop.wheel.arm(self, in: flushPatience)
        afterWrites { [self] in
            guard phase == .flushing else { return }
            isFlushed = true
            if inputIsOver { return abort() }
            closeOutput()
            worker.loop.wheel.arm(self, in: Worker.lingerTicks)
        }
    }

    // MARK: - Reading

    override func received(_ bytes: inout ByteBuffer) {
        guard phase != .closed, phase != .flushing, let session, !isReading else { return }
        keepalive?.heard()
        isReading = true
        now = worker.loop.wheel.now
        let time = now &* UInt64(TimerWheel.tickMilliseconds)
        let error = bytes.withUnsafeReadableBytes { session.receive($0, now: time) }
        watchBlock(session)
        // What we reset ourselves leaves first, so that nothing is begun for it.
        if error == nil, !arrived.isEmpty, session.wantsWrite { produce(session) }
        if error == nil, session.failure == nil { handOver() }
        text.forgetHeads()
        isReading = false
        if let error = error ?? session.failure { return broken(error) }
        pump()
    }

    /// Begins the requests that came, and gives all streams what came for them, all of it at once.
    ///
    /// Not from within the session: a request that its client takes back in the same breath (CVE-2023-44487), or that
    /// makes us reset it, costs no work behind this connection.
    private func handOver() {
        if !arrived.isEmpty {
            var streams: [HTTP2Stream] = []
            swap(&streams, &arrived)
            // The list keeps them.
            for i in streams.indices { unretained(streams[i]) { $0.begin() } }
            streams.removeAll(keepingCapacity: true)
            if arrived.isEmpty { arrived = streams }
        }
        while let stream = touched.popLast() {
            stream.isTouched = false
            stream.process()
        }
    }

    /// A header block that is not whole keeps everything else from coming: it must not take for ever.
    private func watchBlock(_ session: HTTP2Session) {
        guard session.isInHeaderBlock else {
            blockBegan = nil
            return
        }
        guard blockBegan == nil else { return }
        let wheel = worker.loop.wheel
        blockBegan = wheel.now
        if deadline > wheel.now &+ listener.requestHeadTicks &+ 1 { wheel.arm(self, in: listener.requestHeadTicks) }
    }

    /// The client broke the protocol or asks too much of us.
    private func broken(_ error: HTTP2Error) {
        guard phase != .closed, phase != .flushing, let session else { return }
        worker.metrics.http2Failed(error)
        forgetStreams(.downstreamReset)
        produce(session)
        closeAfterFlush(within: Worker.lingerTicks)
    }

    override func inputEnded() {
        inputIsOver = true
        // It may still be reading what is on its way.
        if phase == .flushing, !isFlushed { return }
        // RFC 9113, section 5: without the client's frames no stream can go on.
        abort()
    }

    // MARK: - Writing

    /// Writes once the loop has done what it is at.
    func schedule() {
        if !isReading, phase != .closed { callAtEndOfTurn() }
    }

    override func turnEnds() { pump() }

    /// Writes what may be written now, and ends what is over.
    func pump() {
        guard phase != .closed, !isWriting, !isReading, let session else { return }
        produce(session)
        guard phase != .closed, phase != .flushing else { return }
        if let failure = session.failure { return broken(failure) }
        if session.isDone { closeAfterFlush() }
    }

    private func produce(_ session: HTTP2Session) {
        isWriting = true
        now = worker.loop.wheel.now
        resetUnfinished(session)
        while isWritable, session.wantsWrite, phase != .closed {
            var out = worker.loop.takeScratch()
            var moved = false
            session.produce(into: &out, limit: Worker.bufferLimit) { piece in
                moved = true
                write(piece)
            }
            resetUnfinished(session)
            if out.readableBytes > 0 {
                moved = true
                writeAndFlush(out)
            } else {
                flush()
            }
            worker.loop.giveBack(out)
            guard moved else { break }
            lastProgress = now
        }
        isWriting = false
    }

    /// RFC 9113, section 8.1: the answer is whole, so what is left of the request is not wanted.
    private func resetUnfinished(_ session: HTTP2Session) {
        guard !unfinished.isEmpty else { return }
        unfinished.removeAll { id in
            // Before its last frame has left, a reset would take that back.
            guard let hasEnded = session.hasEnded(id) else { return true }
            if hasEnded { session.reset(id, .noError) }
            return hasEnded
        }
    }

    /// The answer of a stream has been given to the session to its end, its request has none yet.
    func endedBeforeRequest(_ id: Int32) { unfinished.append(id) }

    override func becameWritable() { pump() }

    override func progressed() {
        lastProgress = worker.loop.wheel.now
        keepalive?.heard()
    }

    // MARK: - Patience

    override func deadlineReached() {
        let wheel = worker.loop.wheel
        switch phase {
        case .closed: return
        case .noticed: return drainNow()
        case .flushing:
            guard !isFlushed, wheel.now - lastProgress <= flushPatience else { return abort() }
            return wheel.arm(self, at: lastProgress + flushPatience + 1)
        case .open, .goingAway: break
        }
        if let blockBegan, wheel.now - blockBegan > listener.requestHeadTicks {
            worker.metrics.count(.requestHeadTimeout)
            return abort()
        }
        // Nothing of what was written is taken: nothing that could be said would be either.
        if !isWritable, wheel.now - lastProgress > listener.streamIdleTicks { return abort() }
        if phase == .open {
            if streams.isEmpty, wheel.now - idleSince >= idleTicks { return drainNow() }
            if isOld { return drain() }
        }
        wheel.arm(self, in: blockBegan == nil ? checkTicks : min(checkTicks, listener.requestHeadTicks))
    }

    /// How long it may have no stream.
    private var idleTicks: UInt64 { requestCount == 0 ? listener.requestHeadTicks : listener.keepAliveTicks }

    /// How often it is looked whether the client still does its part.
    private var checkTicks: UInt64 { min(idleTicks, listener.streamIdleTicks) }

    /// A stream is over.
    func streamLeft() {
        guard streams.isEmpty else { return }
        idleSince = worker.loop.wheel.now
        if phase == .open { worker.loop.wheel.arm(self, in: listener.keepAliveTicks) } else { schedule() }
    }

    /// The request that has just begun is the last one.
    func drainIfLast() {
        if phase == .open, isLast { drain() }
    }

    private var isLast: Bool {
        if isOld || worker.isDraining || closesAfterExchange { return true }
        guard let limit = listener.requestsPerConnection else { return false }
        return requestCount >= limit
    }
}
