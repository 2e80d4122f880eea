package import NIOCore
import SluiceConfig
package import SluiceCore
import SluiceHTTP

/// A request that a filter makes through an upstream of the configuration: introspection, external authorization,
/// keys, moderation.
///
/// It uses the loop's pool and counts against the upstream's breakers and outlier detection like every other request.
/// One that met a connection which had just been closed is sent once more where that is safe; there are no other
/// retries. `completion` is called exactly once per `start`, perhaps before `start` returns, unless `cancel` came
/// first; by then the object is free for another `start`.
///
/// Isolation: one loop. Allocates: itself, its attempt, the answer.
package final class Callout: TimerNode, AttemptDelegate {
    package typealias Completion = (Result<CalloutAnswer, GatewayError>) -> Void

    private let loop: LoopContext
    private let attempt: Attempt
    private var request = CalloutRequest(target: [])
    private var upstream: LoopUpstream?
    private var completion: Completion?
    private var answer = CalloutAnswer()
    /// In ticks of the wheel.
    private var finalDeadline = TimerNode.never
    private var resends = 0
    private var needsFreshConnection = false

    package init(loop: LoopContext) {
        self.loop = loop
        self.attempt = Attempt(loop: loop)
        super.init()
        // Whoever asked may forget it while it is under way.
        attempt.serve(self, isKept: true)
    }

    deinit { attempt.orphan() }

    package var isActive: Bool { completion != nil }

    // MARK: - For the filter

    /// Sends a request. It fails at once while the target is not bound, which it is before the first exchange.
    package func start(_ request: CalloutRequest, to target: CalloutTarget, _ completion: @escaping Completion) {
        guard let upstream = target.upstream else { return completion(.failure(.noHealthyUpstream)) }
        start(request, at: upstream, completion)
    }

    /// Sends a request. One that is not sound, and a second one before the first is done, fail with `.internalError`.
    package func start(_ request: CalloutRequest, at upstream: LoopUpstream, _ completion: @escaping Completion) {
        guard !isActive, request.isSound else { return completion(.failure(.internalError)) }
        self.request = request
        self.request.removeOwnFields()
        self.upstream = upstream
        self.completion = completion
        resends = 0
        needsFreshConnection = false
        finalDeadline = loop.wheel.now &+ TimerWheel.ticks(nanoseconds: request.timeout.nanoseconds) &+ 1
        startAttempt(upstream)
    }

    /// Gives up; `completion` is not called.
    package func cancel() {
        guard isActive else { return }
        attempt.cancel()
        reset()
    }

    // MARK: - Life

    private func startAttempt(_ upstream: LoopUpstream) {
        var settings = AttemptSettings()
        settings.method = request.interned
        settings.needsFreshConnection = needsFreshConnection
        // The attempt watches over the time up to the head, so that an endpoint that is too slow counts as failed.
        settings.perTryTicks = finalDeadline > loop.wheel.now &+ 1 ? finalDeadline &- loop.wheel.now &- 1 : 0
        attempt.start(upstream, hash: request.hash, excluding: TriedEndpoints(), settings: settings)
    }

    /// The head came in time, the body did not.
    package override func deadlineReached() { fail(.perTryTimeout) }

    private func fail(_ error: GatewayError) {
        attempt.cancel()
        complete(.failure(error))
    }

    private func complete(_ result: Result<CalloutAnswer, GatewayError>) {
        guard let completion else { return }
        reset()
        completion(result)
    }

    private func reset() {
        completion = nil
        upstream = nil
        request = CalloutRequest(target: [])
        answer = CalloutAnswer()
        // Callouts come and go: the wheel must not keep those that are over until their slot comes round.
        loop.wheel.remove(self)
        loop.wheel.remove(attempt)
    }

    // MARK: - From the attempt

    package func attemptIsConnected(_ attempt: Attempt) {
        var out = loop.takeScratch()
        request.write(to: &out, host: host(attempt), leadsHome: attempt.endpoint?.leadsHome == true)
        attempt.writeEnd(out)
        loop.giveBack(out)
    }

    private func host(_ attempt: Attempt) -> [UInt8] {
        if let host = request.host { return host }
        if case .name(let name)? = upstream?.host { return name }
        return attempt.endpoint?.hostField ?? []
    }

    package func attempt(_ attempt: Attempt, head: inout ResponseHead, opensTunnel: Bool) {
        if opensTunnel { return fail(.upstreamProtocolError) }
        let limit = UInt64(max(0, request.answerLimit))
        if case .length(let count) = head.framing, count > limit { return fail(.bufferLimit) }
        loop.wheel.arm(self, at: finalDeadline)
        HopByHop.remove(from: &head.fields, nominated: head.nominatesFields)
        head.fields.remove(.transferEncoding)
        answer.status = head.status
        swap(&answer.fields, &head.fields)
    }

    package func attempt(_ attempt: Attempt, body: ByteBuffer) {
        guard body.readableBytes <= request.answerLimit - answer.body.readableBytes else { return fail(.bufferLimit) }
        answer.body.writeImmutableBuffer(body)
    }

    package func attemptFinished(_ attempt: Attempt, trailers: Trailers?) {
        if let trailers { answer.trailers = trailers.fields }
        complete(.success(answer))
    }

    package func attemptFailed(_ attempt: Attempt, _ error: GatewayError) {
        let isUndone = error == .upstreamRefusedStream || error == .staleConnection && request.interned.isIdempotent
        guard isUndone, attempt.mayResend(after: resends), let upstream else {
            return complete(.failure(error))
        }
        resends += 1
        needsFreshConnection = error == .staleConnection
        startAttempt(upstream)
    }

    package func attemptBecameWritable(_ attempt: Attempt) {}
    package func attempt(_ attempt: Attempt, interim head: inout ResponseHead) {}
    package func attemptReadDone(_ attempt: Attempt) {}
    package func attemptTunnelEnded(_ attempt: Attempt) {}
}
