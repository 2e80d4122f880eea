import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceSockets

/// One stream of an HTTP/2 connection: a request and its answer.
///
/// Isolation: one loop. Bounds: the request waits in at most the window that the client was given, the answer in 64 KiB
/// and one piece; an exchange that has more pauses its upstream. How answers are written is in
/// `HTTP2Stream+Answer.swift`.
final class HTTP2Stream: TimerNode, Downstream {
    let id: Int32
    /// A constant, since reading a variable would count a reference each time.
    let home: HTTP2Connection
    /// Until the stream closes, or its connection.
    private(set) var isOpen = true
    private(set) var exchange: Exchange?

    // The request.
    /// What waits of its body; an empty buffer in place of nil would count a reference.
    private var input: ByteBuffer?
    private var trailers: Trailers?
    /// END_STREAM came.
    var inputHasEnded = false
    /// It has something that `process` was not called for yet.
    var isTouched = false
    private var isPaused = false
    private(set) var isProcessing = false
    var opensWebSocket = false
    var isTunnel = false

    // The answer.
    var output = HTTP2PieceQueue()
    var outputBytes = 0
    enum Answer { case none, began, ended, broken }
    var answer = Answer.none
    var outTrailers: Trailers?
    var lastActivity: UInt64 = 0
    /// The session has asked for more of the answer in vain.
    var isDeferred = false
    /// The upstream is being told that there is room.
    var isWaking = false
    var closesAfterExchange = false

    init(_ id: Int32, of connection: HTTP2Connection) {
        self.id = id
        home = connection
        super.init()
        lastActivity = connection.now
    }

    var transport: DownstreamConnection { home }
    var worker: Worker { home.worker }
    var listener: LoopListener { home.listener }

    /// Calls `body` with the session, which its connection keeps; nil where the stream is over.
    @inline(__always)
    @discardableResult
    func withSession<R>(_ body: (HTTP2Session) -> R) -> R? {
        isOpen ? unretained(home.session, body) : nil
    }

    // MARK: - The request

    /// What `begin` begins with: where its connection has the head.
    private var head: Result<ByteRange, GatewayError>?

    /// The head is whole, or will never be.
    func headCame(_ head: Result<ByteRange, GatewayError>, opensWebSocket: Bool, endStream: Bool) {
        self.head = head
        self.opensWebSocket = opensWebSocket
        inputHasEnded = endStream
    }

    /// Begins the request, if nobody has taken it back by now.
    func begin() {
        guard let head, isOpen else { return }
        self.head = nil
        exchange = worker.takeExchange()
        // As in `process`.
        unretained(exchange) { begin($0, with: head) }
    }

    private func begin(_ exchange: Exchange, with head: Result<ByteRange, GatewayError>) {
        exchange.attach(to: self)
        switch head {
        case .failure(let error):
            exchange.request.reset()
            exchange.request.isHTTP2 = true
            exchange.refuse(error)
        case .success(let range):
            var parser = RequestParser()
            let bytes = home.text.head(range)
            let result = parser.parse(bytes, into: &exchange.request, limits: listener.parserLimits)
            exchange.request.isHTTP2 = true
            switch result {
            case .complete(Int(range.count)): exchange.begin()
            case .invalid(let error): exchange.refuse(error)
            // The head was put together here, so this cannot be; two requests in one would be worse than none.
            case .complete, .incomplete: exchange.refuse(.badRequestLine)
            }
        }
    }

    func dataCame(_ bytes: UnsafeRawBufferPointer) {
        guard exchange != nil || head != nil else {
            withSession { $0.consume(id, bytes.count) }
            return
        }
        if isOpen { lastActivity = home.now }
        if input == nil { input = home.loop.takePiece() }
        input?.writeBytes(bytes)
    }

    func trailersCame(_ table: HeaderTable) { trailers = Trailers(table) }

    func process() {
        guard !isProcessing else { return }
        // One that ends lives on until the end of the turn, see `Worker.giveBack`.
        unretained(exchange, process)
    }

    private func process(_ exchange: Exchange) {
        guard exchange.isPastHead else { return }
        isProcessing = true
        if exchange.phase != .tunnel { processBody(exchange) }
        if serves(exchange), exchange.phase == .tunnel { processTunnel(exchange) }
        isProcessing = false
        // What was written to the upstream of a body that is not whole leaves now.
        unretained(self.exchange) {
            if $0.phase == .forwarding, !$0.requestBodyIsComplete { $0.flushUpstream() }
        }
    }

    /// Whether that one is still under way.
    @inline(__always)
    private func serves(_ exchange: Exchange) -> Bool { unretained(self.exchange) { $0 === exchange } ?? false }

    private func processBody(_ exchange: Exchange) {
        while serves(exchange), exchange.takesBody, let piece = takeInput() {
            exchange.requestData(piece)
        }
        guard serves(exchange), inputHasEnded, input == nil else { return }
        if exchange.takesBody, !exchange.requestBodyIsComplete {
            exchange.requestTrailers = trailers
            trailers = nil
            exchange.requestEnded()
        }
    }

    private var toldEnd = false

    private func processTunnel(_ exchange: Exchange) {
        if !isPaused, let piece = takeInput() { exchange.tunnelBytesFromDownstream(piece) }
        guard serves(exchange), inputHasEnded, input == nil, !toldEnd else { return }
        toldEnd = true
        exchange.tunnelEndedByDownstream()
    }

    /// All that waits; the client may send as much again.
    private func takeInput() -> ByteBuffer? {
        guard let piece = input.take() else { return nil }
        withSession {
            $0.consume(id, piece.readableBytes)
            if $0.wantsWrite { home.schedule() }
        }
        return piece
    }

    func pauseReading() { isPaused = true }

    func resumeReading() {
        isPaused = false
        process()
    }

    // MARK: - Patience

    func touch() { lastActivity = home.wheel.now }

    func watchStream(within limit: UInt64) {
        let wheel = home.wheel
        if deadline > wheel.now &+ limit &+ 1 { wheel.arm(self, in: limit) }
    }

    func watchStream() {
        let limit = exchange?.streamIdleTicks ?? listener.streamIdleTicks
        guard limit != TimerNode.never else { return }
        let wheel = home.wheel
        // Where the whole connection is slow, a stream that waits for its turn is not idle.
        if isOpen, outputBytes > 0, !home.isWritable { lastActivity = max(lastActivity, home.lastProgress) }
        guard wheel.now - lastActivity > limit else { return wheel.arm(self, at: lastActivity + limit + 1) }
        guard let exchange else { return reset(.cancel) }
        exchange.streamIdle()
        // A client that is told why gets time to read that. One that takes no more of its answer will not begin to.
        if case .broken = answer { reset(.cancel) }
    }

    override func deadlineReached() { watchStream() }

    // MARK: - Ends

    func exchangeFinished() {
        exchange = nil
        if isTunnel, case .ended = answer, !inputHasEnded, isOpen { home.endedBeforeRequest(id) }
        if case .began = answer { answer = .ended }
        input = nil
        // The client may still be taking the answer.
        lastActivity = home.wheel.now
        flushResponse()
        if isOpen { watchStream() } else { home.wheel.remove(self) }
    }

    func cut(isUnmarked: Bool) {
        exchange = nil
        input = nil
        lastActivity = home.wheel.now
        let wasBegun = if case .none = answer { false } else { true }
        answer = .broken
        guard isOpen, let session = home.session else { return }
        // What there is of it goes first, but does not wait for the client to open its windows.
        let isBlocked = session.remoteWindow(id) <= 0 || session.remoteConnectionWindow <= 0
        if !wasBegun || output.isEmpty && isBlocked { return reset(.internalError) }
        flushResponse()
        watchStream()
    }

    func cutShort() {
        guard let exchange, exchange.isPastHead, !exchange.responseHeadSent else { return reset(.cancel) }
        exchange.cutShort()
    }

    private func reset(_ code: HTTP2ErrorCode) {
        guard isOpen else { return }
        home.session?.reset(id, code)
        home.schedule()
    }

    /// The stream is over, whoever ended it.
    func closed(_ code: HTTP2ErrorCode) {
        guard code == .noError, inputHasEnded else { return over(.downstreamReset) }
        // The client's last bytes came with what ended it, and were not handed over yet.
        isPaused = false
        process()
        over(.downstreamClosed)
    }

    /// Its connection is gone.
    func connectionGone(_ error: GatewayError) { over(error) }

    private func over(_ error: GatewayError) {
        isOpen = false
        home.wheel.remove(self)
        output.removeAll()
        outputBytes = 0
        if head != nil {
            // It never began, which is all that there is to tell of it.
            head = nil
            worker.metrics.count(error)
        }
        guard let exchange else { return }
        self.exchange = nil
        exchange.downstreamGone(error)
    }
}
