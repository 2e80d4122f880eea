import NIOCore
import Synchronization

/// The series of one writer: one shard per loop, and one for work in the background.
///
/// `counter` and `histogram` take a lock and compare strings, so they are called when a filter or an upstream is made,
/// or when a combination of labels is seen for the first time, and the handle is kept. Nothing is freed while a handle
/// exists. A series without a handle is dropped by the registry: see `MetricsRegistry`.
///
/// Isolation: any thread; what the handles are used for is said at each.
package final class MetricShard: Sendable {
    private struct Key: Hashable {
        let family: String
        let values: [String]
    }

    private struct Slot {
        let family: MetricFamily
        var series: MetricSeries
        /// Since a scrape found that nobody holds a handle any more.
        var unusedSince: NIODeadline?
    }

    private struct State {
        var places: [Key: Int] = [:]
        /// Never moved, so that a scrape can look at some, let go of the lock, and go on.
        var slots: [Slot?] = []
        var free: [Int] = []
        var counts: [String: Int] = [:]
    }

    static let refused = MetricFamily(
        "sluice_metric_series_refused_total",
        .counter,
        help: "Series that were folded into one named other, because their family has too many.",
        labels: ["family"]
    )
    /// How many series a scrape looks at without letting go of the lock, which a loop may be waiting for.
    private static let batch = 256

    private let state = Mutex(State())

    /// A shard that no registry knows; what is counted is seen through the handles only.
    package init() {}

    /// Makes or finds a counter, or this shard's part of a gauge.
    ///
    /// `labelValues` are in the order of the family's labels; missing ones are empty.
    package func counter(_ family: MetricFamily, _ labelValues: [String] = []) -> Counter {
        Counter(series(family, labelValues))
    }

    /// Makes or finds a histogram.
    package func histogram(_ family: MetricFamily, _ labelValues: [String] = []) -> Histogram {
        assert(family.kind == .histogram, "\(family.name) is no histogram")
        return Histogram(series(family, labelValues))
    }

    // MARK: - Series

    private func series(_ family: MetricFamily, _ labelValues: [String]) -> MetricSeries {
        var values = labelValues.prefix(family.labels.count).map { MetricText.bounded($0) }
        while values.count < family.labels.count { values.append("") }
        let key = Key(family: family.name, values: values)
        return state.withLock { state in
            if let known = Self.find(key, &state) { return known }
            guard state.counts[family.name, default: 0] < family.seriesLimit else {
                return Self.overflow(family, &state)
            }
            return Self.add(family, key, &state)
        }
    }

    private static func find(_ key: Key, _ state: inout State) -> MetricSeries? {
        guard let place = state.places[key], state.slots.indices.contains(place) else { return nil }
        state.slots[place]?.unusedSince = nil
        return state.slots[place]?.series
    }

    private static func add(_ family: MetricFamily, _ key: Key, _ state: inout State) -> MetricSeries {
        let series = MetricSeries(family: family, values: key.values)
        let slot = Slot(family: family, series: series)
        if let place = state.free.popLast() {
            state.slots[place] = slot
            state.places[key] = place
        } else {
            state.places[key] = state.slots.count
            state.slots.append(slot)
        }
        state.counts[family.name, default: 0] += 1
        return series
    }

    /// Too many: what is new is counted together.
    private static func overflow(_ family: MetricFamily, _ state: inout State) -> MetricSeries {
        let others = Key(family: family.name, values: family.labels.map { _ in "other" })
        let refusals = Key(family: refused.name, values: [family.name])
        Counter(find(refusals, &state) ?? add(refused, refusals, &state)).increment()
        return find(others, &state) ?? add(family, others, &state)
    }

    // MARK: - Reading

    /// Calls `body` with all series, a few at a time.
    func visit(_ body: (MetricFamily, MetricSeries) -> Void) {
        var next = 0
        var some: [(family: MetricFamily, series: MetricSeries)] = []
        some.reserveCapacity(Self.batch)
        while true {
            let isLast = state.withLock { state in
                let end = min(next + Self.batch, state.slots.count)
                for slot in state.slots[next..<end] {
                    if let slot { some.append((slot.family, slot.series)) }
                }
                next = end
                return end == state.slots.count
            }
            for (family, series) in some { body(family, series) }
            some.removeAll(keepingCapacity: true)
            if isLast { return }
        }
    }

    /// Drops what nobody holds.
    ///
    /// - Parameters:
    ///   - patience: for how long nobody must have held it.
    ///   - isKept: keeps a series all the same.
    func dropUnused(now: NIODeadline, patience: TimeAmount, isKept: (MetricFamily, [String]) -> Bool) {
        var next = 0
        var isLast = false
        while !isLast {
            state.withLock { state in
                let end = min(next + Self.batch, state.slots.count)
                for place in next..<end { Self.age(place, now, patience, isKept, &state) }
                next = end
                isLast = end == state.slots.count
            }
        }
    }

    private static func age(
        _ place: Int,
        _ now: NIODeadline,
        _ patience: TimeAmount,
        _ isKept: (MetricFamily, [String]) -> Bool,
        _ state: inout State
    ) {
        // Taken out first: only then is the reference in `slot` the only one that this shard has.
        guard var slot = state.slots[place] else { return }
        state.slots[place] = nil
        guard isKnownUniquelyReferenced(&slot.series), !isKept(slot.family, slot.series.values) else {
            slot.unusedSince = nil
            state.slots[place] = slot
            return
        }
        let since = slot.unusedSince ?? now
        slot.unusedSince = since
        guard now - since >= patience else {
            state.slots[place] = slot
            return
        }
        state.places[Key(family: slot.family.name, values: slot.series.values)] = nil
        state.counts[slot.family.name, default: 1] -= 1
        state.free.append(place)
    }
}
