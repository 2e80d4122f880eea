import SluiceCore

/// What one loop counts about one upstream.
///
/// The series come into being with the first of their kind and are found again in a short list. Isolation: the loop.
package final class UpstreamMetrics {
    private enum Families {
        static let attempts = MetricFamily(
            "sluice_upstream_attempts_total",
            .counter,
            help: "Tries at an upstream by what came of them: a class of statuses, a reason code, or cancelled.",
            labels: ["upstream", "result"],
            seriesLimit: 50_000
        )
        static let opened = MetricFamily(
            "sluice_upstream_connections_opened_total",
            .counter,
            help: "Connections to endpoints that came about.",
            labels: ["upstream"],
            seriesLimit: 50_000
        )
        static let reused = MetricFamily(
            "sluice_upstream_connections_reused_total",
            .counter,
            help: "Requests that were sent on a connection that had served another one.",
            labels: ["upstream"],
            seriesLimit: 50_000
        )
    }

    private let shard: MetricShard
    private let upstream: String
    private var attempts: ContiguousArray<(result: UInt16, counter: Counter)> = []
    private var opened: Counter?
    private var reused: Counter?
    /// Not one of `GatewayError`'s numbers, which are below 256, nor a class of statuses.
    private static let cancelled: UInt16 = 0x200

    init(_ shard: MetricShard, upstream: String) {
        self.shard = shard
        self.upstream = upstream
    }

    /// The head of an answer came.
    @inline(__always)
    func answered(_ status: UInt16) { count(0x100 | status / 100) }

    /// No head of an answer came.
    func failed(_ error: GatewayError) { count(UInt16(error.rawValue)) }

    /// Nobody waits for the answer any more.
    func cancelled() { count(Self.cancelled) }

    @inline(__always)
    func connectionWasReused() {
        if reused == nil { reused = shard.counter(Families.reused, [upstream]) }
        reused?.increment()
    }

    func connectionOpened() {
        if opened == nil { opened = shard.counter(Families.opened, [upstream]) }
        opened?.increment()
    }

    @inline(__always)
    private func count(_ result: UInt16) {
        // Through the pointer, since an element would be copied, which counts references.
        let isKnown = attempts.withUnsafeBufferPointer { known in
            for i in known.indices where known[i].result == result {
                known[i].counter.increment()
                return true
            }
            return false
        }
        if !isKnown { add(result) }
    }

    private func add(_ result: UInt16) {
        let counter = shard.counter(Families.attempts, [upstream, Self.name(result)])
        attempts.append((result, counter))
        counter.increment()
    }

    private static func name(_ result: UInt16) -> String {
        if result == cancelled { return "cancelled" }
        if result >= 0x100 { return "\(result & 0xFF)xx" }
        return GatewayError(rawValue: UInt8(truncatingIfNeeded: result))?.code ?? "other"
    }
}
