/// What several series have in common: a name, a kind, one line of help and the names of the labels.
///
/// Declared once, as a `static let` next to what counts. Names follow Prometheus: base units (seconds, bytes), counters
/// end in `_total`. Two families of one name must be alike; they are compared by name only.
package struct MetricFamily: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// Only grows.
        case counter
        /// Goes up and down; loops count theirs with increments of either sign.
        case gauge
        /// Of durations, in the buckets of `Histogram`.
        case histogram
    }

    package let name: String
    package let kind: Kind
    package let help: String
    package let labels: [String]
    /// How many series one shard keeps. Beyond it, all that is new is counted in one series whose label values are
    /// `other`, and in `sluice_metric_series_refused_total`.
    package let seriesLimit: Int

    package init(
        _ name: StaticString,
        _ kind: Kind,
        help: StaticString,
        labels: [StaticString] = [],
        seriesLimit: Int = 10_000
    ) {
        self.name = "\(name)"
        self.kind = kind
        self.help = "\(help)"
        self.labels = labels.map { "\($0)" }
        self.seriesLimit = seriesLimit
    }

    package static func == (a: MetricFamily, b: MetricFamily) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
