import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP

/// The request filters, one after the other, and behind them what the route says.
extension Exchange {
    func runRequestFilters() {
        guard let chain = filterChain else { return act() }
        while filtersEntered < chain.filters.count {
            let place = filtersEntered
            filtersEntered += 1
            filtersSeen = filtersEntered
            var verdict = chain.filters[place].onRequest(self)
            if case .wait = verdict, let early = earlyVerdict { verdict = early }
            earlyVerdict = nil
            switch verdict {
            case .next: continue
            case .respond(let local): return reply(local)
            case .wait: return beginWaiting()
            }
        }
        act()
    }

    /// Bounded: each that waits holds a connection and its buffers.
    func beginWaiting(_ patience: UInt64 = Worker.filterTicks) {
        // The filter may find out who it is while it waits: the place is given back under the same name.
        waitingCaller = tenant
        if let error = worker.waiting.take(waitingCaller) {
            // The filter's ticket is void.
            generation &+= 1
            return reply(LocalReply(error))
        }
        isWaiting = true
        wheel.arm(self, in: patience)
    }

    /// A ticket's verdict has come. It counts once: the generation moves on, so that a second one of the same filter
    /// cannot be taken for that of the next.
    func resume(_ verdict: HeadVerdict) {
        guard phase == .runningFilters, !hasActed else { return }
        generation &+= 1
        guard isWaiting else {
            // The filter has not even returned `.wait` yet: what it asked failed or was there at once.
            earlyVerdict = verdict
            return
        }
        endWaiting()
        disarm()
        switch verdict {
        case .next: runRequestFilters()
        case .respond(let local): reply(local)
        case .wait: beginWaiting()
        }
    }

    func endWaiting() {
        guard isWaiting else { return }
        isWaiting = false
        worker.waiting.leave(waitingCaller)
    }

    // MARK: - The action

    /// All request filters have passed: do what the route says.
    func act() {
        hasActed = true
        guard snapshot != nil else { return }
        guard routeIndex >= 0 else { return reply(routeMiss) }
        let limit = routeBodyLimit
        if limit != .max, case .length(let count) = request.framing, count > limit {
            return reply(LocalReply(.bodyTooLarge))
        }
        switch unretained(snapshot) { $0.routes[routeIndex].action } {
        case nil: break
        case .forward:
            if let local = translation?.refusal(of: self) { return reply(local) }
            if let limit = filterChain?.wholeRequestLimit {
                bodies.collectLimit = limit
            } else if !holdsRequest {
                // A server of another protocol would not know what to say to that.
                if translation != nil, request.expectsContinue { sendContinue() }
                return forward()
            }
            phase = .collectingBody
            if request.expectsContinue { sendContinue() }
            if requestBodyIsComplete { requestBodyCollected() } else { connection?.process() }
        case .respond: if let plan = snapshot?.routes[routeIndex].respond { reply(respond(plan)) }
        case .redirect: if let plan = snapshot?.routes[routeIndex].redirect { reply(redirect(plan)) }
        }
    }

    /// The client waits for a go-ahead that no upstream will give.
    func sendContinue() {
        guard !sentContinue else { return }
        sentContinue = true
        sawContinue = true
        request.expectsContinue = false
        request.fields.remove(.expect)
        connection?.sendContinue()
    }
}
