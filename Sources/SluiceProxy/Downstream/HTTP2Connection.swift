import NIOCore
import SluiceCore
import SluiceHTTP

/// One HTTP/2 connection of a client (RFC 9113): hands each stream to an exchange of its own and lets them take turns.
///
/// Isolation: the loop that the acceptor gave it. Bounds: streams and windows as the listener says, 64 KiB of each answer,
/// and what the session puts up with. Answers are written when the loop has done what it is at, so that those of several
/// streams leave together.
///
///     open -> (drain) -> goingAway -> (last stream ends) -> flushing -> closed
final class HTTP2Connection: DownstreamConnection {
    private enum Phase {
        case open
        /// No new streams; the client was told once that it should not, and will be told once more.
        case noticed
        case goingAway
        /// All is said; what is written still has to reach the client.
        case flushing
        case closed
    }

    private var phase = Phase.open
    /// nil only before `opened` and when memory ran out.
    private(set) var session: HTTP2Session?
    private var streams: [Int32: HTTP2Stream] = [:]
    /// The head that is being read.
    private var text = HTTP2RequestText()
    private var blockKind = HTTP2HeadersKind.request
    private var blockTrailers = HeaderTable()
    /// What is used for each head that is sent.
    var fields = HTTP2FieldList()
    /// Streams that got something in the bytes at hand.
    private var touched: [HTTP2Stream] = []
    /// Streams whose answer is whole before their request.
    private var unfinished: [Int32] = []
    private var isReading = false
    private var isWriting = false
    private var isScheduled = false
    private var requestCount = 0
    private var lastProgress: UInt64 = 0

    private static let drainPing: UInt64 = 0x736C_7569_6365_0001

    // MARK: - Life

    override func opened() {
        var settings = HTTP2Settings()
        listener.configure(&settings)
        session = HTTP2Session(role: .server, settings: settings, delegate: self)
        guard session != nil else { return gone(.downstreamClosed) }
        lastProgress = worker.loop.wheel.now
        worker.loop.wheel.arm(self, in: listener.requestHeadTicks)
        schedule()
    }

    override func ended(reset: Bool) { gone(reset ? .downstreamReset : .downstreamClosed) }

    private func gone(_ error: GatewayError) {
        guard phase != .closed else { return }
        phase = .closed
        worker.loop.wheel.remove(self)
        worker.closed(self)
        let left = streams.values
        streams = [:]
        touched = []
        for stream in left { stream.connectionGone(error) }
        closeChannel()
    }

    override func abort() { gone(.downstreamClosed) }

    override func cutShort() {
        for stream in Array(streams.values) { stream.cutShort() }
        drainNow()
        pump()
    }

    override func drain() {
        guard phase == .open, let session else { return }
        phase = .noticed
        // What the client has sent already is still served: it is told twice, a round trip apart.
        session.shutdownNotice()
        session.ping(Self.drainPing)
        worker.loop.wheel.arm(self, in: Worker.lingerTicks)
        schedule()
    }

    private func drainNow() {
        guard phase == .open || phase == .noticed, let session else { return }
        phase = .goingAway
        session.goAway()
        schedule()
        endIfIdle()
    }

    private func endIfIdle() {
        guard phase == .goingAway, streams.isEmpty else { return }
        pump()
        closeAfterFlush()
    }

    private func closeAfterFlush() {
        guard phase != .closed, phase != .flushing else { return }
        phase = .flushing
        worker.loop.wheel.arm(self, in: Worker.lingerTicks)
        afterWrites { [self] in
            guard phase == .flushing else { return }
            closeOutput()
            if inputIsOver { abort() }
        }
    }

    private var inputIsOver = false

    // MARK: - Reading

    override func received(_ bytes: inout ByteBuffer) {
        guard phase != .closed, phase != .flushing, let session, !isReading else { return }
        lastProgress = worker.loop.wheel.now
        isReading = true
        let now = worker.loop.wheel.now &* UInt64(TimerWheel.tickMilliseconds)
        let error = bytes.withUnsafeReadableBytes { session.receive($0, now: now) }
        handOver()
        isReading = false
        if let error { return broken(error) }
        pump()
    }

    /// Gives the streams what came for them, all of it at once.
    private func handOver() {
        while let stream = touched.popLast() {
            stream.isTouched = false
            stream.process()
        }
    }

    /// The client broke the protocol or asks too much of us.
    private func broken(_ error: HTTP2Error) {
        worker.metrics.http2Failed(error)
        pump()
        let left = streams.values
        streams = [:]
        for stream in left { stream.connectionGone(.downstreamReset) }
        closeAfterFlush()
    }

    override func inputEnded() {
        inputIsOver = true
        // RFC 9113, section 5: without the client's frames no stream can go on.
        abort()
    }

    // MARK: - Writing

    /// Writes once the loop has done what it is at.
    func schedule() {
        guard !isScheduled, !isReading, phase != .closed, let context else { return }
        isScheduled = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isScheduled = false
            pump()
        }
    }

    /// Writes what may be written now.
    func pump() {
        guard let session, phase != .closed, !isWriting, !isReading else { return }
        isWriting = true
        while isWritable, session.wantsWrite {
            var out = worker.loop.takeScratch()
            session.produce(into: &out, limit: Worker.bufferLimit) { [self] in write($0) }
            resetUnfinished(session)
            let count = out.readableBytes
            if count > 0 { writeAndFlush(out) } else { flush() }
            worker.loop.giveBack(out)
            if phase == .closed || count == 0 && !session.wantsWrite { break }
        }
        isWriting = false
        guard phase != .closed else { return }
        if let failure = session.failure, phase != .flushing { return broken(failure) }
        if session.isDone { closeAfterFlush() }
    }

    /// RFC 9113, section 8.1: the answer is whole, so what is left of the request is not wanted.
    private func resetUnfinished(_ session: HTTP2Session) {
        guard !unfinished.isEmpty else { return }
        for id in unfinished { session.reset(id, .noError) }
        unfinished.removeAll(keepingCapacity: true)
    }

    /// The answer of a stream has been given to the session to its end, its request has none yet.
    func endedBeforeRequest(_ id: Int32) { unfinished.append(id) }

    override func becameWritable() { pump() }

    override func progressed() { lastProgress = worker.loop.wheel.now }

    // MARK: - Patience

    override func deadlineReached() {
        let wheel = worker.loop.wheel
        switch phase {
        case .closed: return
        case .flushing: return abort()
        case .noticed: return drainNow()
        case .open, .goingAway: break
        }
        if !streams.isEmpty {
            if phase == .open, isOld { return drain() }
            return wheel.arm(self, in: listener.keepAliveTicks)
        }
        drainNow()
    }

    private func streamsChanged() {
        guard streams.isEmpty else { return }
        if phase == .open { worker.loop.wheel.arm(self, in: listener.keepAliveTicks) }
    }
}

// MARK: - What the session tells

extension HTTP2Connection: HTTP2Delegate {
    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        blockKind = kind
        if case .request = kind {
            text.begin()
            streams[stream] = HTTP2Stream(stream, of: self)
        } else {
            blockTrailers.reset()
        }
    }

    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if case .request = blockKind { text.add(name, value) } else { blockTrailers.append(name: name, value: value) }
        return true
    }

    func headersEnded(_ id: Int32, endStream: Bool) {
        guard let stream = streams[id] else { return }
        guard case .request = blockKind else {
            var trailers = HeaderTable()
            swap(&trailers, &blockTrailers)
            return stream.trailersCame(trailers)
        }
        requestCount += 1
        worker.loop.wheel.arm(self, in: listener.keepAliveTicks)
        let head = text.finish(endStream: endStream) { worker.loop.random.next() }
        stream.begin(head, text, endStream: endStream)
        if phase == .open, isLast { drain() }
    }

    private var isLast: Bool {
        if isOld || worker.isDraining || closesAfterExchange { return true }
        guard let limit = listener.requestsPerConnection else { return false }
        return requestCount >= limit
    }

    func headersTooLarge(_ id: Int32, endStream: Bool) {
        guard let stream = streams[id] else { return }
        if case .request = blockKind {
            stream.begin(.failure(.headTooLarge), text, endStream: endStream)
        } else {
            session?.reset(id, .enhanceYourCalm)
        }
    }

    func data(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        // A stream that is slow to be taken must not keep the others of its connection from sending.
        session?.consumeConnection(bytes.count)
        guard let stream = streams[id] else { return }
        stream.dataCame(bytes)
        touch(stream)
    }

    func streamEnded(_ id: Int32) {
        guard let stream = streams[id] else { return }
        stream.inputHasEnded = true
        touch(stream)
    }

    private func touch(_ stream: HTTP2Stream) {
        guard !stream.isTouched else { return }
        stream.isTouched = true
        touched.append(stream)
    }

    func streamInvalid(_ id: Int32) { worker.metrics.http2MalformedStreams.increment() }

    func streamClosed(_ id: Int32, errorCode: HTTP2ErrorCode) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.closed(errorCode)
        streamsChanged()
        if phase == .goingAway, streams.isEmpty { schedule() }
    }

    func pullData(_ id: Int32, upTo limit: Int) -> HTTP2Body {
        streams[id]?.pull(upTo: limit) ?? .failed(.internalError)
    }

    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {
        if phase == .open || phase == .noticed { drainNow() }
    }

    func pingAcked(_ payload: UInt64) {
        if payload == Self.drainPing, phase == .noticed { drainNow() }
    }

    func settingsReceived() {}
}
