package import NIOCore
import Synchronization

/// All metrics of the process: hands out shards, asks providers, and writes what a scraper reads.
///
/// A series that nobody holds any more (its route left the configuration, its filter was taken out) is still shown for
/// `patience`, so that the last scrapes see what it came to, and then forgotten. One whose labels are all those of the
/// running configuration is kept: a route that had no request since the last reload has not gone.
///
/// Isolation: any thread; scrapes take turns. Writing takes milliseconds, so never a loop that serves requests.
package final class MetricsRegistry: Sendable {
    /// Says what it knows when asked.
    package typealias Provider = @Sendable (inout MetricSamples) -> Void

    private struct State {
        var shards: [MetricShard] = []
        var providers: [Provider] = []
        /// By the name of a label: the values that the running configuration has.
        var configured: [String: Set<String>] = [:]
    }

    private static let patience = TimeAmount.minutes(5)

    private let state = Mutex(State())
    private let turn = Mutex(())
    /// For work that belongs to no loop: only ever written by one thread at a time, which the writer sees to.
    package let background = MetricShard()

    package init() { state.withLock { $0.shards.append(background) } }

    /// The shard of one more loop.
    package func makeShard() -> MetricShard {
        let shard = MetricShard()
        state.withLock { $0.shards.append(shard) }
        return shard
    }

    /// Asks `provider` at each scrape, on the scrape's thread.
    package func provide(_ provider: @escaping Provider) { state.withLock { $0.providers.append(provider) } }

    /// Says which values of some labels (`route`, `upstream`) belong to the running configuration, and lets go of what
    /// nobody has held for a while.
    package func configure(_ values: [String: Set<String>], now: NIODeadline) {
        state.withLock { $0.configured = values }
        dropUnused(now: now)
    }

    /// Gathers and writes everything.
    package func write(_ format: MetricFormat, now: NIODeadline) -> [UInt8] {
        dropUnused(now: now)
        let (shards, providers) = state.withLock { ($0.shards, $0.providers) }
        var samples = MetricSamples()
        for provider in providers { provider(&samples) }
        for shard in shards { shard.visit { samples.add($0, $1) } }
        return MetricsWriter.write(samples, format)
    }

    private func dropUnused(now: NIODeadline) {
        let (shards, configured) = state.withLock { ($0.shards, $0.configured) }
        turn.withLock { _ in
            for shard in shards {
                shard.dropUnused(now: now, patience: Self.patience) { family, values in
                    var isTracked = false
                    for (name, value) in zip(family.labels, values) {
                        guard let known = configured[name] else { continue }
                        if !known.contains(value) { return false }
                        isTracked = true
                    }
                    return isTracked
                }
            }
        }
    }
}
