import SluiceCore

/// What came of the gateway's own requests. Isolation: the fetcher's loop.
struct FetchMetrics {
    /// Why there was no answer.
    enum Failure: String, CaseIterable {
        /// The time was up.
        case timeout
        /// No connection, no TLS, or something that is no HTTP.
        case failed
        /// Too many were under way, or the gateway stops.
        case refused
    }

    private static let family = MetricFamily(
        "sluice_fetches_total",
        .counter,
        help: "Requests of the gateway's own, for keys and exporters, by what came of them.",
        labels: ["result"]
    )
    private static let classes = 2...5

    private let answered: [Counter]
    private let failures: [Counter]

    init(_ shard: MetricShard) {
        answered = Self.classes.map { shard.counter(Self.family, ["\($0)xx"]) }
        failures = Failure.allCases.map { shard.counter(Self.family, [$0.rawValue]) }
    }

    func answered(_ status: Int) {
        let place = status / 100 - Self.classes.lowerBound
        // A status that nobody has defined helps as little as no answer.
        if answered.indices.contains(place) { answered[place].increment() } else { count(.failed) }
    }

    func count(_ failure: Failure) {
        for (kind, counter) in zip(Failure.allCases, failures) where kind == failure { counter.increment() }
    }
}
