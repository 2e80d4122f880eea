import NIOCore
import SluiceCore

/// The spans of one loop that were not handed over yet: encoded, one behind the other.
///
/// Handing over costs a lock and a wake-up of the background's loop, so it is done for many at once.
///
/// Isolation: its loop.
// SAFETY: made on another thread, which does nothing else with it, and used on its loop only.
final class LoopSpans: TimerNode, @unchecked Sendable {
    static let dropped = MetricFamily(
        "sluice_trace_spans_dropped_total",
        .counter,
        help: "Spans that were lost: the queue was full, or the receiver did not take them.",
        labels: ["reason"]
    )
    /// Bytes that are handed over at once.
    static let pieceBytes = 64 * 1024
    /// A span is at most so old when it is handed over.
    private static let patience = TimeAmount.seconds(1)

    let loop: LoopContext
    private let queue: SpanQueue
    private let lost: Counter
    private var encoder: SpanEncoder
    private var out = ProtobufWriter()
    private var count = 0

    init(_ queue: SpanQueue, loop: LoopContext, metrics: MetricShard) {
        self.queue = queue
        self.loop = loop
        lost = metrics.counter(Self.dropped, ["queue_full"])
        encoder = SpanEncoder(loop: loop)
        super.init()
    }

    func add(_ spans: ExchangeSpans, of exchange: ExchangeContext) {
        if count == 0 { loop.wheel.arm(self, in: TimerWheel.ticks(nanoseconds: Self.patience.nanoseconds)) }
        count += encoder.write(spans, of: exchange, to: &out)
        if out.bytes.readableBytes >= Self.pieceBytes { flush() }
    }

    override func deadlineReached() { flush() }

    /// Hands over what there is.
    func flush() {
        guard count > 0 else { return }
        // An armed node would keep this and its loop alive beyond the end.
        loop.wheel.remove(self)
        let piece = SpanPiece(bytes: out.bytes, count: count)
        // The memory goes along.
        out = ProtobufWriter()
        count = 0
        if !queue.add(piece) { lost.increment(by: piece.count) }
    }
}

/// Encoded spans, each as a field `spans`.
struct SpanPiece: Equatable, Sendable {
    var bytes: ByteBuffer
    /// How many.
    var count: Int
}
