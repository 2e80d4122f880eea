import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// A copy of a request for another upstream, sent once the request is complete; its answer is read and thrown away.
///
/// Bounded: a body beyond the buffer limit is not mirrored (and counted), and each loop has only so many at a time.
final class Mirror: TimerNode, AttemptDelegate {
    static let limitPerLoop = 256

    private let worker: Worker
    private let attempt: Attempt
    private let head: ByteBuffer
    private var body = ByteBuffer()
    private let chunked: Bool

    init(worker: Worker, head: ByteBuffer, chunked: Bool) {
        self.worker = worker
        self.attempt = Attempt(loop: worker.loop)
        self.head = head
        self.chunked = chunked
        super.init()
        // Nobody waits for it.
        attempt.serve(self, isKept: true)
    }

    deinit { attempt.orphan() }

    /// - Returns: false when the body has become too large to be mirrored.
    func keep(_ piece: ByteBuffer) -> Bool {
        guard body.readableBytes + piece.readableBytes <= Worker.bufferLimit else { return false }
        body.writeImmutableBuffer(piece)
        return true
    }

    func start(_ upstream: LoopUpstream, method: Method) {
        guard worker.mirrorsUnderWay < Self.limitPerLoop else { return worker.metrics.mirrorsSkipped.increment() }
        worker.mirrorsUnderWay += 1
        worker.metrics.mirrored.increment()
        // Nobody waits for a mirror, so nobody else would notice that it never ends.
        worker.loop.wheel.arm(self, in: upstream.responseHeadTicks * 4)
        var settings = AttemptSettings()
        settings.method = method
        settings.responseHeadTicks = upstream.responseHeadTicks
        settings.perTryTicks = upstream.responseHeadTicks
        attempt.start(upstream, hash: nil, excluding: TriedEndpoints(), settings: settings)
    }

    func attemptIsConnected(_ attempt: Attempt) {
        var out = head
        let framed = chunked && !attempt.isStream
        if framed, body.readableBytes > 0 { out.writeChunkHead(body.readableBytes) }
        out.writeImmutableBuffer(body)
        if framed {
            if body.readableBytes > 0 { out.writeStaticString("\r\n") }
            out.writeStaticString("0\r\n\r\n")
        }
        attempt.writeEnd(out)
    }

    func attemptBecameWritable(_ attempt: Attempt) {}
    func attempt(_ attempt: Attempt, interim head: inout ResponseHead) {}
    func attempt(_ attempt: Attempt, head: inout ResponseHead, opensTunnel: Bool) {}
    func attempt(_ attempt: Attempt, body: ByteBuffer) {}
    func attemptReadDone(_ attempt: Attempt) {}
    func attemptFinished(_ attempt: Attempt, trailers: Trailers?) { ended() }
    func attemptFailed(_ attempt: Attempt, _ error: GatewayError) { ended() }

    override func deadlineReached() {
        attempt.cancel()
        ended()
    }

    private func ended() {
        worker.loop.wheel.remove(self)
        worker.mirrorsUnderWay -= 1
        // At once, or the wheel would keep the attempt until its slot comes round.
        worker.loop.wheel.remove(attempt)
    }

    func attemptTunnelEnded(_ attempt: Attempt) {}
}

extension Exchange {
    /// Begins a copy if the draw says so. The method, path and fields are those that go upstream.
    func startMirror(_ plan: MirrorPlan) {
        guard !request.wantsUpgrade, request.method != .connect, loop.random.next() >> 32 < plan.threshold else {
            return
        }
        guard let upstream = snapshot?.upstream(at: plan.upstream) else { return }
        var head = ByteBuffer()
        // The Host of a mirror is its upstream's name: which of its endpoints takes the copy is not known yet.
        let host = upstream.endpoints.first?.hostField ?? []
        let leadsHome = upstream.endpoints.contains { $0.leadsHome }
        guard writeRequestHead(to: &head, hostField: host, policy: .upstream, leadsHome: leadsHome) else { return }
        mirror = Mirror(worker: worker, head: head, chunked: sendsChunked)
        // A body that a filter collected is complete by now.
        if let body = replay.kept { mirrorPiece(body) }
        if requestBodyIsComplete { finishMirror() }
    }

    /// Notes one piece of the body.
    func mirrorPiece(_ piece: ByteBuffer) {
        guard let mirror, !mirror.keep(piece) else { return }
        self.mirror = nil
        worker.metrics.mirrorsSkipped.increment()
    }

    /// The request is complete: off it goes.
    func finishMirror() {
        guard let mirror, let snapshot, let plan = snapshot.routes[routeIndex].forward?.mirror else { return }
        self.mirror = nil
        guard let upstream = snapshot.upstream(at: plan.upstream) else { return }
        mirror.start(upstream, method: upstreamLine?.method ?? request.method)
    }
}
