package import NIOCore
package import SluiceCore
package import SluiceHTTP

/// What an attempt needs to know of its request besides the bytes.
package struct AttemptSettings: Sendable {
    package var method = Method.get
    /// An Upgrade is being forwarded, so a 101 is a legal answer.
    package var mayUpgrade = false
    /// A failure on a connection that had answered before must not meet another such connection.
    package var needsFreshConnection = false
    /// What a PROXY protocol header is to say, for upstreams that want one.
    package var proxied: ProxiedEnds?
    /// Whose request it is, so that one caller does not keep others out.
    package var tenant: UInt64 = 0
    package var maximumHead = 64 * 1024
    package var maximumFields = 200
    /// In ticks of the wheel; `TimerNode.never`: none.
    package var perTryTicks = TimerNode.never
    package var responseHeadTicks = TimerNode.never

    package init() {}
}

/// Who runs an attempt: the exchange, a mirror, a callout. All calls come on the loop.
package protocol AttemptDelegate: AnyObject {
    /// A connection is there: write the head (and what is at hand of the body) with `Attempt.write`.
    func attemptIsConnected(_ attempt: Attempt)
    /// More of the body may be written.
    func attemptBecameWritable(_ attempt: Attempt)
    /// A 1xx head other than 101.
    func attempt(_ attempt: Attempt, interim head: inout ResponseHead)
    /// The final head; swap it out to keep it. With `opensTunnel`, bytes follow both ways without framing.
    func attempt(_ attempt: Attempt, head: inout ResponseHead, opensTunnel: Bool)
    func attempt(_ attempt: Attempt, body: ByteBuffer)
    /// All that was readable for now has been delivered: the moment to flush.
    func attemptReadDone(_ attempt: Attempt)
    /// The answer is complete and the connection is given back.
    func attemptFinished(_ attempt: Attempt, trailers: Trailers?)
    func attemptFailed(_ attempt: Attempt, _ error: GatewayError)
    /// The upstream ended its direction of a tunnel.
    func attemptTunnelEnded(_ attempt: Attempt)
}

/// One try of one request at one upstream: leases a connection, sends, and passes on what comes back.
///
/// Reused: an exchange keeps one and starts it again for each try. Whatever happens, exactly one of `attemptFinished`
/// and `attemptFailed` is called per start, unless `cancel` came first.
///
/// Isolation: one loop. Allocates: never.
package final class Attempt: TimerNode {
    private enum State { case idle, waiting, sending, receiving }

    /// What it holds in its upstream's breakers.
    enum Place { case none, pending, request }

    private let wheel: TimerWheel
    private var state = State.idle
    private var connection: (any UpstreamLease)?
    /// The same, where it is one.
    // SAFETY: not counted once more; set and forgotten together with `connection`, which keeps it.
    private var stream: Unmanaged<UpstreamStream>?
    package private(set) var upstream: LoopUpstream?
    /// The endpoint chosen last, an index into the upstream's list at that time.
    package private(set) var endpoint: LoopEndpoint?
    package private(set) var settings = AttemptSettings()
    /// Leads to the owner.
    private var link: AttemptLink?
    /// The owner needs to be kept while a try is under way, and is then.
    private var keepsOwner = false
    private var keeper: AnyObject?
    package private(set) var requestIsComplete = false
    private var trailers: Trailers?
    /// 1xx heads of this try.
    private var interimCount = 0
    private var perTryDeadline = TimerNode.never
    /// Tells whether this object still serves the same try after a call that may have ended it.
    private var tryNumber: UInt64 = 0
    /// Whether the connection had answered another request, or been idle, before.
    package private(set) var isReused = false
    /// What a sticky choice is computed from.
    private(set) var hash: UInt64?
    /// It failed because its connection was about to end, and was not worked on: the next try meets another one.
    var wasTurnedAway = false
    /// The tick in which the try began.
    private(set) var startedAt: UInt64 = 0
    /// The upstream gives it and takes it back.
    var place = Place.none
    /// It is counted among its caller's requests.
    var isTenantCounted = false
    /// The connection being opened for this attempt.
    var pending: PendingConnection?

    package init(loop: LoopContext) {
        self.wheel = loop.wheel
        super.init()
    }

    /// Says whose attempt this is. To be called once, before the first try.
    ///
    /// - Parameter isKept: nobody else keeps the owner while a try is under way. Where somebody does, no reference is
    ///   counted; the owner then calls `orphan` at its end.
    package func serve(_ owner: some AttemptDelegate, isKept: Bool) {
        link = AttemptDirectLink(owner)
        keepsOwner = isKept
    }

    /// The owner is gone: nobody hears of what still comes.
    package func orphan() { link = nil }

    /// Tells the owner something of the try under way. One that is kept stays for as long as that takes.
    @inline(__always)
    private func tell(_ body: (AttemptLink) -> Void) {
        guard state != .idle else { return }
        let keeper = self.keeper
        unretained(link, body)
        withExtendedLifetime(keeper) {}
    }

    package var isActive: Bool { state != .idle }
    package var isWritable: Bool {
        // Asked for each piece: an existential would be counted each time.
        if let stream { return stream._withUnsafeGuaranteedRef { $0.isWritable } }
        return connection?.isWritable ?? false
    }
    package var isConnected: Bool { connection != nil }
    /// It has a stream of HTTP/2: bodies go without chunks around them, trailers by `writeTrailers`.
    package var isStream: Bool { stream != nil }

    /// Whether a request that was not worked on may be sent once more, as far as the number goes.
    ///
    /// A server that says no is asked again once. One that ends a connection after so many requests, as most do, says no
    /// to all that are on their way then, and may meet the same request again on the next connection.
    package func mayResend(after resends: Int) -> Bool { resends < (wasTurnedAway ? 8 : 1) }

    // MARK: - For the delegate

    /// Begins a try; one that is still under way is given up.
    package func start(
        _ upstream: LoopUpstream,
        hash: UInt64?,
        excluding tried: TriedEndpoints,
        settings: AttemptSettings
    ) {
        cancel()
        self.upstream = upstream
        // Of an earlier try, perhaps of another request: what fails from here on is not its fault.
        endpoint = nil
        tryNumber &+= 1
        self.hash = hash
        self.settings = settings
        if keepsOwner { keeper = link?.owner }
        requestIsComplete = false
        isReused = false
        interimCount = 0
        state = .waiting
        startedAt = wheel.now
        wasTurnedAway = false
        if settings.perTryTicks != TimerNode.never {
            perTryDeadline = wheel.now &+ settings.perTryTicks &+ 1
            wheel.arm(self, at: perTryDeadline)
        } else {
            perTryDeadline = TimerNode.never
        }
        upstream.lease(for: self, excluding: tried)
    }

    /// - Returns: false when the try ended in here; this object may serve another one by now.
    @inline(__always)
    @discardableResult
    package func write(_ buffer: ByteBuffer) -> Bool {
        let ours = tryNumber
        // One that has a number is kept by its connection; another one may come to its end in here.
        if let stream, stream._withUnsafeGuaranteedRef({ $0.isSent }) {
            stream._withUnsafeGuaranteedRef { $0.write(buffer) }
        } else {
            connection?.write(buffer)
        }
        return ours == tryNumber
    }

    @inline(__always)
    package func writeAndFlush(_ buffer: ByteBuffer) { connection?.writeAndFlush(buffer) }

    package func flush() {
        if let stream { stream._withUnsafeGuaranteedRef { $0.flush() } } else { connection?.flush() }
    }

    /// Sends the end of the request, or only what is queued if there is nothing more: the answer's head is due.
    package func writeEnd(_ buffer: ByteBuffer?) {
        let ours = tryNumber
        connection?.writeEnd(buffer, trailers: trailers)
        // The write may have failed inside of the call, and this object may serve another try by now.
        if ours == tryNumber { requestEnded() }
    }

    /// Goes behind the body of a stream, at its end.
    package func writeTrailers(_ trailers: Trailers?) { self.trailers = trailers }

    private func requestEnded() {
        requestIsComplete = true
        guard state == .sending, settings.responseHeadTicks != TimerNode.never else { return }
        let headDeadline = wheel.now &+ settings.responseHeadTicks &+ 1
        wheel.arm(self, at: min(headDeadline, perTryDeadline))
    }

    package func pauseReading() { connection?.pauseReading() }
    package func resumeReading() { connection?.resumeReading() }

    /// The client's direction of a tunnel ended.
    package func closeTunnelOutput() {
        connection?.closeTunnelOutput()
    }

    /// Gives up; the delegate hears no more of this try.
    package func cancel() { cancel(isLate: false) }

    private func cancel(isLate: Bool) {
        guard state != .idle else { return }
        let held = connection
        if state == .waiting { upstream?.forget(self) }
        if state != .receiving { upstream?.metrics.cancelled() }
        done()
        if isLate { held?.timeOut() } else { held?.abandon() }
    }

    /// Gives up because the upstream took too long, which counts as its failure.
    package func timeOut() {
        if connection != nil, let endpoint { upstream?.recordFailure(at: endpoint) }
        cancel(isLate: true)
    }

    /// Both directions of a tunnel have ended: what is queued for the upstream still goes out.
    package func finishTunnel() {
        guard state != .idle, let held = connection else { return cancel() }
        done()
        held.closeAfterWrites()
    }

    package override func deadlineReached() {
        guard state != .idle else { return }
        let error: GatewayError
        if wheel.now >= perTryDeadline {
            error = .perTryTimeout
        } else {
            error = .responseHeadTimeout
        }
        let held = connection
        if state == .waiting { upstream?.forget(self) }
        let number = detach()
        held?.timeOut()
        failed(error, in: number)
    }

    // MARK: - From the pool

    func connected(_ connection: any UpstreamLease, isReused: Bool, stream: UpstreamStream? = nil) {
        // SAFETY: see the property; the next line keeps it.
        self.stream = stream.map { Unmanaged.passUnretained($0) }
        self.connection = connection
        self.endpoint = connection.endpoint
        self.isReused = isReused
        state = .sending
        connection.lease(to: self)
        tell { $0.connected(self) }
    }

    /// The pool chose an endpoint but no connection is there yet.
    func isConnecting(to endpoint: LoopEndpoint) { self.endpoint = endpoint }

    // MARK: - From the connection

    /// - Returns: false when there were too many of them: the connection is to end.
    func received(interim head: inout ResponseHead) -> Bool {
        guard interimCount < ResponseHead.interimLimit else { return false }
        interimCount += 1
        tell { $0.received(interim: &head, self) }
        return true
    }

    func received(head: inout ResponseHead, from endpoint: LoopEndpoint, opensTunnel: Bool) {
        guard state != .idle else { return }
        state = .receiving
        disarm()
        // The endpoint keeps it.
        unretained(upstream) { $0.record(status: head.status, at: endpoint) }
        tell { $0.received(head: &head, opensTunnel: opensTunnel, self) }
    }

    @inline(__always)
    func received(body: ByteBuffer) { tell { $0.received(body: body, self) } }

    @inline(__always)
    func readDone() { tell { $0.readDone(self) } }

    func becameWritable() { tell { $0.becameWritable(self) } }

    func tunnelReceived(_ bytes: ByteBuffer) { tell { $0.received(body: bytes, self) } }

    func tunnelEnded() { tell { $0.tunnelEnded(self) } }

    // MARK: - Ends

    /// The first half of an end: connection and place are not this attempt's any more, so that whoever waits can have
    /// them. That may run anything, and this object may serve another try before the second half comes.
    ///
    /// - Returns: what to give to `finished` or `failed`.
    func detach() -> UInt64 {
        // Counts only.
        unretained(upstream) { $0.leave(self) }
        connection = nil
        stream = nil
        return tryNumber
    }

    func finished(trailers: Trailers?, in number: UInt64) {
        guard number == tryNumber else { return }
        let keeper = self.keeper
        done()
        unretained(link) { $0.finished(trailers, self) }
        withExtendedLifetime(keeper) {}
    }

    func failed(_ error: GatewayError, in number: UInt64) {
        if number == tryNumber { failed(error) }
    }

    func failed(_ error: GatewayError) {
        guard state != .idle else { return }
        let keeper = self.keeper
        if let endpoint, error.source == .upstream { upstream?.recordFailure(at: endpoint) }
        // With the head of the answer it was counted already.
        if state != .receiving { upstream?.metrics.failed(error) }
        done()
        unretained(link) { $0.failed(error, self) }
        withExtendedLifetime(keeper) {}
    }

    private func done() {
        disarm()
        unretained(upstream) { $0.leave(self) }
        state = .idle
        tryNumber &+= 1
        connection = nil
        stream = nil
        if trailers != nil { trailers = nil }
        if keeper != nil { keeper = nil }
    }
}
