import NIOCore
import SluiceConfig
import SluiceCore
import Synchronization

/// How much may wait. Isolation: any thread.
final class SpanBudget: Sendable {
    private let limit: Int
    /// Bytes that wait or are under way.
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var bytes: Int { used.load(ordering: .relaxed) }

    /// - Returns: false when there is no room. What is larger than everything still has it when nothing else is there.
    func take(_ bytes: Int) -> Bool {
        let before = used.wrappingAdd(bytes, ordering: .relaxed).oldValue
        if before > 0, before &+ bytes > limit {
            used.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBack(_ bytes: Int) { used.wrappingSubtract(bytes, ordering: .relaxed) }
}

/// The way of encoded spans from the loops to the receiver. Isolation: any thread; sending happens on the background's
/// loop.
final class SpanQueue: Sendable {
    private let budget: SpanBudget
    private let loop: any EventLoop
    private let sender: NIOLoopBoundBox<SpanSender>

    init(_ model: TracingModel, _ background: any BackgroundServices) {
        budget = SpanBudget(limit: model.queueBytes)
        loop = background.loop
        sender = .makeBoxSendingValue(SpanSender(model, background, budget), eventLoop: background.loop)
    }

    /// - Returns: false when there is no room: the spans are lost.
    func add(_ piece: SpanPiece) -> Bool {
        guard budget.take(piece.bytes.readableBytes) else { return false }
        loop.execute { [sender] in sender.value.add(piece) }
        return true
    }

    /// Sends what is there, once, without waiting for a receiver that has trouble. `done` is called once, on the
    /// background's loop.
    func flush(within patience: TimeAmount, done: @escaping @Sendable () -> Void) {
        loop.execute { [sender] in sender.value.flush(within: patience, done: done) }
    }
}

/// Sends batches of spans. Isolation: the background's loop.
private final class SpanSender {
    private static let exported = MetricFamily(
        "sluice_trace_spans_exported_total",
        .counter,
        help: "Spans that the receiver took."
    )

    private let url: FetchURL
    private let fields: [(name: String, value: String)]
    private let timeout: TimeAmount
    private let envelope: OTLP.Envelope
    private let background: any BackgroundServices
    private let budget: SpanBudget
    private let exported: Counter
    private let failed: Counter
    private let refused: Counter
    private let rejected: Counter
    private var schedule = ExportSchedule()
    private var random = RandomSource()
    private var timer: Scheduled<Void>?
    private var onDone: (() -> Void)?
    /// What was said last about trouble; nil: there is none.
    private var trouble: String?

    init(_ model: TracingModel, _ background: any BackgroundServices, _ budget: SpanBudget) {
        self.budget = budget
        url = OTLP.url(of: model.endpoint)
        fields = [(name: "content-type", value: "application/x-protobuf")] + model.headers
        timeout = model.timeout
        envelope = OTLP.Envelope(
            attributes: [(name: "service.name", value: model.serviceName)] + model.attributes,
            scopeName: "sluice"
        )
        self.background = background
        exported = background.metrics.counter(Self.exported)
        failed = background.metrics.counter(LoopSpans.dropped, ["unreachable"])
        refused = background.metrics.counter(LoopSpans.dropped, ["refused"])
        rejected = background.metrics.counter(LoopSpans.dropped, ["rejected"])
    }

    func add(_ piece: SpanPiece) {
        schedule.add(piece)
        goOn()
    }

    private func goOn() {
        while true {
            switch schedule.next(now: background.loop.now) {
            case .send(let batch): send(batch)
            case .wait(let until): return wait(until)
            case .nothing: return finishIfDone()
            }
        }
    }

    private func wait(_ until: NIODeadline) {
        guard timer == nil else { return }
        timer = background.loop.assumeIsolated().scheduleTask(deadline: until) { [self] in
            timer = nil
            goOn()
        }
    }

    private func send(_ batch: ExportSchedule.Batch) {
        var request = FetchRequest(url)
        request.method = "POST"
        request.fields = fields
        request.body = envelope.request(batch.pieces.map(\.bytes))
        request.timeout = timeout
        request.answerLimit = 64 * 1024
        let bound = NIOLoopBound(self, eventLoop: background.loop)
        background.fetch(request) { bound.value.ended(batch, $0) }
    }

    private func ended(_ batch: ExportSchedule.Batch, _ result: Result<FetchAnswer, FetchError>) {
        let outcome = ExportAnswer.outcome(result, now: SystemClock.secondsSince1970())
        if !schedule.ended(batch, outcome, now: background.loop.now, random: &random) {
            count(batch, outcome)
            budget.giveBack(batch.bytes)
        }
        say(outcome)
        goOn()
    }

    private func count(_ batch: ExportSchedule.Batch, _ outcome: ExportSchedule.Outcome) {
        switch outcome {
        case .accepted(let count, _):
            rejected.increment(by: min(count, batch.count))
            exported.increment(by: batch.count - min(count, batch.count))
        case .later: failed.increment(by: batch.count)
        case .refused: refused.increment(by: batch.count)
        }
    }

    /// Nothing is said twice in a row, and that all is well again only after something was wrong.
    private func say(_ outcome: ExportSchedule.Outcome) {
        let text: String?
        switch outcome {
        case .accepted(let rejected, let message) where rejected > 0 || !message.isEmpty:
            text = "the receiver rejects spans: \(message.isEmpty ? "it does not say why" : message)"
        case .accepted: text = nil
        case .later(let reason, _), .refused(let reason): text = "spans cannot be sent: \(reason)"
        }
        guard text != trouble else { return }
        trouble = text
        let receiver = "\(url.isSecure ? "https" : "http")://\(url.authority)"
        background.log("tracing, \(receiver): \(text ?? "spans are sent again")")
    }

    // MARK: - The end

    func flush(within patience: TimeAmount, done: @escaping () -> Void) {
        onDone = done
        schedule.beginLast()
        timer?.cancel()
        timer = nil
        background.loop.assumeIsolated().scheduleTask(in: patience) { [self] in finish() }
        goOn()
    }

    private func finishIfDone() { if schedule.isDone { finish() } }

    private func finish() {
        let done = onDone
        onDone = nil
        done?()
    }
}

extension OTLP {
    /// Where traces are posted to: `/v1/traces` below the receiver's own path, unless that is the path already.
    static func url(of endpoint: FetchURL) -> FetchURL {
        let text = endpoint.text
        if endpoint.target.contains("?") || endpoint.target.hasSuffix("/v1/traces") { return endpoint }
        return FetchURL(text + (text.hasSuffix("/") ? "v1/traces" : "/v1/traces")) ?? endpoint
    }
}
