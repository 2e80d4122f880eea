import NIOCore
import SluiceConfig
import SluiceCore
import Synchronization

/// Where all trace filters with the same receiver leave their spans; kept over reloads. Isolation: any thread.
final class SpanExporter: FlushingState {
    private let queue: SpanQueue
    private let loops = Mutex<[ObjectIdentifier: LoopSpans]>([:])

    private init(_ queue: SpanQueue) { self.queue = queue }

    /// That of the configuration; nil: it has none.
    static func of(_ resources: FilterResources) -> SpanExporter? {
        guard let model = resources.gateway.telemetry.tracing else { return nil }
        return resources.shared(key(model)) { SpanExporter(SpanQueue(model, resources.background)) }
    }

    /// What makes it another receiver.
    private static func key(_ model: TracingModel) -> String {
        "tracing \(model.endpoint.text) \(model.serviceName) \(model.attributes) \(model.headers) "
            + "\(model.timeout.nanoseconds) \(model.queueBytes)"
    }

    /// The spans of one loop, which all its filters share.
    func spans(of resources: FilterResources) -> LoopSpans {
        let loop = resources.loop
        let metrics = resources.metrics
        let made = LoopSpans(queue, loop: loop, metrics: metrics)
        return loops.withLock { loops in
            if let known = loops[ObjectIdentifier(loop)] { return known }
            loops[ObjectIdentifier(loop)] = made
            return made
        }
    }

    func flush(within patience: TimeAmount, done: @escaping @Sendable () -> Void) {
        let all = loops.withLock { Array($0.values) }
        let flushed = all.map { spans in spans.loop.loop.submit { spans.flush() } }
        guard let first = flushed.first else { return queue.flush(within: patience, done: done) }
        EventLoopFuture.andAllComplete(flushed, on: first.eventLoop).whenComplete { [queue] _ in
            queue.flush(within: patience, done: done)
        }
    }
}
