import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// The end of an exchange, and how the object gets ready for the next one.
extension Exchange {
    /// Ends the exchange, however it went, and gives the object back.
    func finish() {
        guard phase != .idle else { return }
        let cutShort = responseHeadSent && !responseIsComplete
        if cutShort {
            // What there is goes out. The write may find the client gone, which ends this exchange from within.
            let ours = generation
            flushDownstream()
            guard generation == ours, phase != .idle else { return }
        }
        // What is left of a body must never be read as the next request.
        if !requestBodyIsComplete { connection?.closesAfterExchange = true }
        disarm()
        attempt.cancel()
        if backoff != nil { backoff?.cancel() }
        releaseRetryBudget()
        if let error { worker.metrics.count(error) }
        endRecord()
        let connection = self.connection.take()
        // Without a length, an orderly end would make a part look like the whole.
        let isUnmarked = responseHasBody && response.framing.isUnbounded
        reset()
        worker.giveBack(self)
        if cutShort { connection?.cut(isUnmarked: isUnmarked) } else { connection?.exchangeFinished() }
    }

    private func reset() {
        generation &+= 1
        phase = .idle
        connection = nil
        source = nil
        let snapshot = self.snapshot.take()
        snapshot?.exchangeEnded()
        routeIndex = -1
        filtersEntered = 0
        filtersSeen = 0
        if filterChain != nil {
            filterChain = nil
            bodies.reset()
            for i in slots.indices { slots[i] = nil }
        }
        if !requestID.isEmpty { requestID = [] }
        client = nil
        // Free exchanges must not keep the memory of large heads.
        if request.fields.bytes.capacity > 8 * 1024 { request.fields.reset() }
        if response.fields.bytes.capacity > 8 * 1024 { response.fields.reset() }
        record.reset()
        if consumer != nil { consumer = nil }
        if claims != nil { claims = nil }
        requestBodyLimit = .max
        limitNotice = nil
        traceID = TraceID(high: 0, low: 0)
        requestBodyIsComplete = false
        if requestTrailers != nil { requestTrailers = nil }
        sendsChunked = false
        sendsTE = false
        sentContinue = false
        sawContinue = false
        forgetAttempts()
        allowedMethods = nil
        responseHeadSent = false
        responseIsComplete = false
        responseHasBody = true
        responseIsHeld = false
        if translation != nil { translation = nil }
        if upstreamLine != nil { upstreamLine = nil }
        error = nil
        routeDeadline = TimerNode.never
        isGRPC = false
        callDeadline = 0
        if responseTrailers != nil { responseTrailers = nil }
        endWaiting()
        if earlyVerdict != nil { earlyVerdict = nil }
        hasActed = false
    }

    private func forgetAttempts() {
        retriesMade = 0
        tried = TriedEndpoints()
        target = nil
        stickyHash = nil
        replay.reset()
        resends = 0
        needsFreshConnection = false
        backoff = nil
        upstreamOut = nil
        if !upgradeToken.isEmpty { upgradeToken = [] }
        if !stickyCookie.isEmpty { stickyCookie = [] }
        mirror = nil
        if !forwardedFor.isEmpty { forwardedFor = [] }
        keepsForwardedFor = false
        keepsForwardedProto = false
        keepsForwardedHost = false
        passes = 0
        tunnelHalvesEnded = 0
    }
}
