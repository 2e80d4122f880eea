import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceSockets

/// Ends: of exchanges, of our direction, of patience.
extension HTTP1Connection {
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
    func discard(_ count: Int) {
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

    /// Whether the answer under way is the last, as far as can be told when its head is written.
    var endsAfterThis: Bool {
        if closesAfterExchange || worker.isDraining { return true }
        if inputHasEnded, input == nil, !isProcessing { return true }
        if let limit = listener.requestsPerConnection, requestCount >= limit { return true }
        return isOld
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
