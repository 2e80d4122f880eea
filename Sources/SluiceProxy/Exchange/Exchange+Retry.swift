import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceUpstream

/// Whether a failed attempt is followed by another one.
extension Exchange {
    /// An answer came: is it one that the route wants to try again?
    func retries(after head: inout ResponseHead) -> Bool {
        guard let plan = forwardPlan, plan.mayRetryAnswers else { return false }
        if plan.retries.looksAtGRPC, let status = head.grpcStatus, plan.retries.covers(.grpc(status: status)) {
            return retries(after: .grpc(status: status), status: head.status, plan)
        }
        guard plan.retries.covers(.response(status: Int(head.status))) else { return false }
        let asked = head.fields.value(of: .retryAfter).flatMap { range in
            head.fields.withBytes(range) { RetryAfter.parse($0, now: worker.secondsSince1970()) }
        }
        return retries(after: .response(status: Int(head.status), retryAfter: asked), status: head.status, plan)
    }

    private func retries(after outcome: AttemptOutcome, status: UInt16, _ plan: ForwardPlan) -> Bool {
        guard case .retry(let wait) = decide(outcome, plan), takeRetryBudget() else { return false }
        endAttemptRecord(.answer(status: status))
        attempt.cancel()
        scheduleAttempt(plan, after: wait)
        return true
    }

    /// No answer came.
    func retries(after error: GatewayError) -> Bool {
        guard connection != nil, !responseIsHeld, let plan = forwardPlan, let outcome = AttemptOutcome(error) else {
            return false
        }
        switch decide(outcome, plan, wasStale: error == .staleConnection) {
        case .no: return false
        case .resend:
            resends += 1
            needsFreshConnection = error == .staleConnection
            worker.metrics.resends.increment()
            startAttempt(plan)
            return true
        case .retry(let wait):
            guard takeRetryBudget() else { return false }
            scheduleAttempt(plan, after: wait)
            return true
        }
    }

    private func decide(_ outcome: AttemptOutcome, _ plan: ForwardPlan, wasStale: Bool = false) -> RetryDecision {
        let failed = FailedAttempt(
            outcome,
            retriesMade: retriesMade,
            isIdempotent: request.method.isIdempotent || upstreamLine?.method.isIdempotent == true,
            isReplayable: !responseHeadSent && replay.isWhole,
            wasReused: wasStale,
            // A request whose end was never sent cannot have been carried out; of a call each message may have been.
            sentNothing: !requestBodyIsComplete && !isGRPC,
            wasResent: !attempt.mayResend(after: resends)
        )
        return plan.retries.decide(failed, random: &loop.random)
    }

    var forwardPlan: ForwardPlan? {
        guard routeIndex >= 0 else { return nil }
        return snapshot?.routes[routeIndex].forward
    }

    private func takeRetryBudget() -> Bool {
        guard let target else { return false }
        if holdsRetryBudget { return true }
        let limits = target.settings.limits
        holdsRetryBudget = target.budget.tryStart(share: limits.retryBudget, minimum: limits.minRetries)
        if !holdsRetryBudget { worker.metrics.count(.retryBudgetExhausted) }
        return holdsRetryBudget
    }

    /// The retry is over, one way or the other.
    func releaseRetryBudget() {
        guard holdsRetryBudget else { return }
        holdsRetryBudget = false
        target?.budget.finish()
    }

    private func scheduleAttempt(_ plan: ForwardPlan, after wait: TimeAmount) {
        if let endpoint = attempt.endpoint { tried.insert(endpoint.id) }
        retriesMade += 1
        worker.metrics.retries.increment()
        guard wait > .zero else { return startAttempt(plan) }
        let generation = self.generation
        // Held strongly on purpose: a weak reference would slow down every later retain of this object.
        backoff = loop.loop.assumeIsolated().scheduleTask(in: wait) { [self] in
            guard self.generation == generation, phase == .forwarding else { return }
            self.backoff = nil
            self.startAttempt(plan)
        }
    }
}

extension ResponseHead {
    /// The status of an answer of gRPC that is nothing but one (trailers only).
    var grpcStatus: Int? {
        guard let range = fields.value(of: .grpcStatus) else { return nil }
        return fields.withBytes(range) { value in
            guard value.count > 0, value.count < 3, value.allSatisfy(ASCII.isDigit) else { return nil }
            return value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
    }
}

extension AttemptOutcome {
    /// How the retry policy sees an attempt that ended without an answer; nil: nothing to try again for.
    init?(_ error: GatewayError) {
        switch error {
        case .connectFailed, .connectTimeout, .upstreamTLSFailed: self = .connectFailure
        case .upstreamRefusedStream: self = .refusedStream
        case .upstreamReset, .upstreamClosedEarly, .staleConnection, .upstreamProtocolError: self = .resetBeforeResponse
        case .perTryTimeout, .responseHeadTimeout: self = .perTryTimeout
        default: return nil
        }
    }
}
