import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceRouting
import SluiceTLS
import SluiceUpstream

/// One request and its response on their way through the gateway: the life of a request is read here.
///
///     begin -> route -> request filters -> (whole body) -> attempt(s) -> response filters -> finish
///
/// The object is taken from its worker's free list and given back, so a request allocates none. Everything happens on
/// one loop, mostly inside one `channelRead`. Each step is an extension in a file of its own.
final class Exchange: ExchangeContext, ExchangeEngine {
    enum Phase {
        /// In the free list.
        case idle
        case readingHead
        case runningFilters
        /// A filter asked for the whole request body.
        case collectingBody
        case forwarding
        case tunnel
        /// Answered; the rest of the request body is thrown away.
        case discarding
    }

    let worker: Worker
    // The worker's, reached without counting a reference.
    let loop: LoopContext
    let wheel: TimerWheel
    var phase = Phase.idle
    /// The request asked for a tunnel in a way that makes every 2xx say that there is one.
    private(set) var needsTunnel = false
    /// nil once the client has gone.
    var connection: (any Downstream)?
    /// Where the request came from; stays to the end.
    var source: DownstreamConnection?
    var snapshot: LoopSnapshot?
    /// Place in the snapshot's routes; -1: none.
    var routeIndex = -1
    var captures = Captures()
    /// Request filters entered so far; their response side runs in reverse.
    var filtersEntered = 0
    /// The most that `filtersEntered` ever was: whose end hooks run.
    var filtersSeen = 0
    var filterChain: FilterChain? { didSet { filterWork = filterChain?.work ?? [] } }
    private(set) var filterWork = FilterChain.Work()
    var bodies = BodyPipeline()

    // The request body.
    var requestBody = BodyDecoder()
    var requestBodyIsComplete = false
    var requestTrailers: Trailers?
    /// The body's length is not known to the upstream: it goes as chunks.
    var sendsChunked = false
    /// `TE: trailers` goes upstream.
    var sendsTE = false
    var sentContinue = false
    /// The client was told to go on, by us or by the upstream.
    var sawContinue = false

    // The attempts.
    let attempt: Attempt
    var retriesMade = 0
    var tried = TriedEndpoints()
    var target: LoopUpstream?
    var stickyHash: UInt64?
    var replay = ReplayBuffer()
    /// Tries that were made once more although no policy says so.
    var resends = 0
    /// An idle connection had been closed: others may have been along with it.
    var needsFreshConnection = false
    var holdsRetryBudget = false
    var backoff: Scheduled<Void>?
    /// Bytes for the upstream that are gathered before they are written.
    var upstreamOut: ByteBuffer?
    var upgradeToken: [UInt8] = []
    /// A `Set-Cookie` value for a client that had none of a sticky choice.
    var stickyCookie: [UInt8] = []
    var mirror: Mirror?

    // What trusted proxies said.
    var forwardedFor: [UInt8] = []
    var keepsForwardedFor = false
    var keepsForwardedProto = false
    var keepsForwardedHost = false
    var tunnelHalvesEnded = 0
    var allowedMethods: MethodSet?

    // The response.
    var responseHeadSent = false
    var responseIsComplete = false
    var responseHasBody = true
    /// The upstream's answer has begun, but what the client's is to be is not known yet.
    var responseIsHeld = false
    var error: GatewayError?

    // Deadlines, in ticks.
    var routeDeadline = TimerNode.never

    // Calls of gRPC.
    var isGRPC = false
    /// When the head came, in nanoseconds; 0: nobody asked.
    var arrived: UInt64 = 0
    /// In nanoseconds; 0: none.
    var callDeadline: UInt64 = 0

    init(worker: Worker) {
        self.worker = worker
        self.loop = worker.loop
        self.wheel = worker.loop.wheel
        self.attempt = Attempt(loop: worker.loop)
        super.init()
        engine = self
        // Its connection or stream keeps it.
        attempt.serve(self, isKept: false)
    }

    deinit { attempt.orphan() }

    var tlsSession: TLSSession? { source?.tls }

    /// Whether the head is complete, so that further bytes are body.
    var isPastHead: Bool { phase != .readingHead && phase != .idle }

    override func deadlineReached() { patienceEnded() }

    // MARK: - Life

    func attach(to connection: any Downstream) {
        self.connection = connection
        needsTunnel = connection.needsTunnel
        source = connection.transport
        phase = .readingHead
        generation &+= 1
    }

    /// The head is complete: judge it, route it, run the filters.
    func begin() {
        guard connection != nil, source != nil else { return }
        snapshot = worker.snapshot
        // The connection is reading, so whoever called it keeps it; nothing replaces the worker's snapshot meanwhile.
        unretained(source) { source in unretained(worker.snapshot) { begin($0, from: source) } }
    }

    @inline(__always)
    private func begin(_ snapshot: LoopSnapshot, from source: DownstreamConnection) {
        snapshot.exchangeBegan()
        phase = .runningFilters
        worker.metrics.requests.increment()
        beginRecord(snapshot)
        if !request.keepAlive { connection?.closesAfterExchange = true }
        requestBodyIsComplete = requestBody.start(request.framing)
        if requestBodyIsComplete { record.requestEnded = record.began }
        arrived = record.began
        if arrived == 0, request.fields.present.mayHave(.grpcTimeout) { arrived = timestamp }
        if let error = preparePath(source.listener) { return refuse(error) }
        if let error = checkMethod(source.listener) { return refuse(error) }
        if request.isHTTP2, let tls = source.tls, !request.fields.withBytes(request.host, tls.covers) {
            return refuse(.misdirected)
        }
        findClient(source)
        // Before any filter looks: a client must not be able to nominate away what a filter sets.
        removeConnectionFields(source)
        route(snapshot, source)
        if isLoop { return reply(LocalReply(.loopDetected)) }
        // A limit of the route's own goes before the listener's, and holds behind the filters: see `act`.
        if routeBodyLimit == .max, case .length(let count) = request.framing,
            let limit = source.listener.bodyLimit, count > limit
        {
            return refuse(.bodyTooLarge)
        }
        connection?.watchStream(within: streamIdleTicks)
        if let redirect = source.listener.httpsRedirect { return reply(redirect.reply(to: request)) }
        if let action = worker.builtIn { return runBuiltIn(action) }
        runRequestFilters()
    }

    private func checkMethod(_ listener: LoopListener) -> GatewayError? {
        switch request.method {
        case .connect where !listener.allowConnect: .methodNotEnabled
        case .trace where !listener.allowTrace: .methodNotEnabled
        // RFC 9110, 9.3.6 and 9.3.8: neither has a body, so bytes behind it would be read two ways.
        case .connect where request.framing.hasBody: .badRequestLine
        case .trace where request.framing.hasBody: .badRequestLine
        default: nil
        }
    }

    /// Refuses a request before or during its head: the connection cannot be trusted to be in step any more.
    func refuse(_ error: GatewayError) {
        phase = .runningFilters
        if snapshot == nil {
            let current = worker.snapshot
            snapshot = current
            current.exchangeBegan()
            worker.metrics.requests.increment()
            beginRecord(current)
        }
        if client == nil { client = source?.peer.address }
        if filterChain == nil { filterChain = snapshot?.globalChain }
        connection?.closesAfterExchange = true
        requestBodyIsComplete = true
        var local = LocalReply(error)
        if error == .methodNotEnabled {
            // RFC 9110, section 15.5.6 wants a list; no route was looked at, so it names what the listener lets through.
            local.fields = [
                (name: Array("Allow".utf8), value: Array("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".utf8))
            ]
        }
        reply(local)
    }

    // What the request filters wait for, see `Exchange+Filters.swift`.

    var isWaiting = false
    var waitingCaller: UInt64 = 0
    var earlyVerdict: HeadVerdict?
    /// The request filters have passed or a reply was made.
    var hasActed = false

    // MARK: - The client

    /// The client has gone: nothing of this exchange matters any more.
    func downstreamGone(_ error: GatewayError) {
        connection = nil
        if phase == .tunnel, error == .downstreamClosed {
            // Its end is the second one of a tunnel, or as good as one: what it sent before still goes up.
            responseIsComplete = tunnelHalvesEnded > 0
            attempt.finishTunnel()
        }
        if !responseIsComplete { self.error = self.error ?? error }
        finish()
    }

    /// The client ended its direction and may or may not be listening. An interim response is harmless to one that
    /// is, and makes the system of one that is not answer with a reset, which cancels the work upstream.
    func downstreamHalfClosed() {
        guard phase == .forwarding, !responseHeadSent, request.minorVersion == 1 else { return }
        connection?.sendContinue()
    }
}
