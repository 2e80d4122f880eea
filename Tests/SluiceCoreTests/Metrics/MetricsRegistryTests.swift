import NIOCore
import SluiceCore
import Testing

@Suite struct MetricsRegistryTests {
    private static let requests = MetricFamily(
        "test_requests_total",
        .counter,
        help: "Requests.",
        labels: ["route", "status"],
        seriesLimit: 3
    )
    private static let active = MetricFamily("test_active", .gauge, help: "Under way.")
    private static let duration = MetricFamily("test_seconds", .histogram, help: "Time.", labels: ["route"])
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func text(
        _ registry: MetricsRegistry,
        _ format: MetricFormat = .prometheus,
        at now: NIODeadline = Self.start
    ) -> String {
        String(decoding: registry.write(format, now: now), as: UTF8.self)
    }

    private func lines(_ registry: MetricsRegistry, at now: NIODeadline = Self.start) -> [String] {
        text(registry, at: now).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    @Test func shardsAreSummed() {
        let registry = MetricsRegistry()
        let a = registry.makeShard().counter(Self.requests, ["orders", "2xx"])
        let b = registry.makeShard().counter(Self.requests, ["orders", "2xx"])
        a.increment()
        b.increment(by: 41)
        #expect(
            text(registry) == """
                # HELP test_requests_total Requests.
                # TYPE test_requests_total counter
                test_requests_total{route="orders",status="2xx"} 42

                """
        )
    }

    @Test func theSameLabelsAreTheSameSeries() {
        let shard = MetricsRegistry().makeShard()
        let first = shard.counter(Self.requests, ["orders", "2xx"])
        let again = shard.counter(Self.requests, ["orders", "2xx"])
        let other = shard.counter(Self.requests, ["orders", "5xx"])
        first.increment()
        #expect(again.current == 1)
        #expect(other.current == 0)
    }

    @Test func gaugesMayGoDown() {
        let registry = MetricsRegistry()
        let shards = [registry.makeShard(), registry.makeShard()]
        // One loop may end more than it began, when it only ever sees the ends.
        shards[0].counter(Self.active).increment(by: 3)
        shards[1].counter(Self.active).increment(by: -2)
        #expect(lines(registry) == ["test_active 1"])
    }

    @Test func labelValuesAreEscapedAndMissingOnesEmpty() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        shard.counter(Self.requests, ["a\"b\\c\nd"]).increment()
        #expect(lines(registry) == [#"test_requests_total{route="a\"b\\c\nd",status=""} 1"#])
    }

    @Test func longLabelValuesAreCutToValidText() {
        let registry = MetricsRegistry()
        registry.makeShard().counter(Self.requests, [String(repeating: "ä", count: 1000), "2xx"]).increment()
        let line = lines(registry)[0]
        #expect(line.utf8.count < 320)
        #expect(line.contains("ä..."))
    }

    @Test func aHistogramIsCumulativeAndExact() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let histogram = shard.histogram(Self.duration, ["orders"])
        for nanoseconds in [100_000, 100_001, 250_000, 60_000_000_000, 60_000_000_001, -5] as [Int64] {
            histogram.record(nanoseconds: nanoseconds)
        }
        let lines = lines(registry)
        #expect(lines.contains(#"test_seconds_bucket{route="orders",le="0.0001"} 2"#))
        #expect(lines.contains(#"test_seconds_bucket{route="orders",le="0.00025"} 4"#))
        #expect(lines.contains(#"test_seconds_bucket{route="orders",le="30.0"} 4"#))
        #expect(lines.contains(#"test_seconds_bucket{route="orders",le="60.0"} 5"#))
        #expect(lines.contains(#"test_seconds_bucket{route="orders",le="+Inf"} 6"#))
        #expect(lines.contains(#"test_seconds_sum{route="orders"} 120.000450002"#))
        #expect(lines.contains(#"test_seconds_count{route="orders"} 6"#))
        #expect(histogram.count == 6)
    }

    @Test func everyBoundBelongsToItsBucket() {
        let shard = MetricShard()
        for (i, bound) in Histogram.bounds.enumerated() {
            let registry = MetricsRegistry()
            let histogram = registry.makeShard().histogram(Self.duration, ["\(i)"])
            histogram.record(nanoseconds: Int64(bound))
            histogram.record(nanoseconds: Int64(bound) + 1)
            let counts = lines(registry).filter { $0.contains("_bucket") }.map { $0.split(separator: " ").last }
            #expect(counts.count { $0 == "1" } == 1, "bound \(bound)")
            #expect(counts[i] == "1", "bound \(bound)")
        }
        #expect(shard.histogram(Self.duration, ["x"]).count == 0)
    }

    @Test func tooManySeriesAreCountedTogether() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        for i in 0..<10 { shard.counter(Self.requests, ["r\(i)", "2xx"]).increment() }
        let lines = lines(registry)
        #expect(lines.count { $0.hasPrefix("test_requests_total{route=\"r") } == 3)
        #expect(lines.contains(#"test_requests_total{route="other",status="other"} 7"#))
        #expect(lines.contains(#"sluice_metric_series_refused_total{family="test_requests_total"} 7"#))
    }

    @Test func aSeriesThatNobodyHoldsIsForgottenAfterAWhile() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        var held: Counter? = shard.counter(Self.requests, ["kept", "2xx"])
        shard.counter(Self.requests, ["gone", "2xx"]).increment(by: 7)
        held?.increment()
        #expect(lines(registry).count == 2)
        #expect(lines(registry, at: Self.start + .seconds(299)).count == 2)
        #expect(
            lines(registry, at: Self.start + .seconds(300)) == [#"test_requests_total{route="kept",status="2xx"} 1"#]
        )
        held = nil
        #expect(lines(registry, at: Self.start + .seconds(301)).count == 1)
        #expect(lines(registry, at: Self.start + .seconds(601)).isEmpty)
    }

    @Test func roomOfForgottenSeriesIsUsedAgain() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        for i in 0..<3 { shard.counter(Self.requests, ["old\(i)", "2xx"]).increment() }
        _ = text(registry)
        _ = text(registry, at: Self.start + .seconds(300))
        for i in 0..<3 { shard.counter(Self.requests, ["new\(i)", "2xx"]).increment() }
        let now = lines(registry, at: Self.start + .seconds(301))
        #expect(now.count == 3)
        #expect(now.allSatisfy { $0.contains("route=\"new") })
    }

    @Test func aSeriesThatIsAskedForAgainGoesOn() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        shard.counter(Self.requests, ["a", "2xx"]).increment(by: 7)
        _ = text(registry)
        shard.counter(Self.requests, ["a", "2xx"]).increment()
        // The wait begins anew.
        #expect(lines(registry, at: Self.start + .seconds(300)) == [#"test_requests_total{route="a",status="2xx"} 8"#])
    }

    @Test func whatIsConfiguredStaysWithoutAHolder() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        shard.counter(Self.requests, ["idle", "2xx"]).increment()
        shard.counter(Self.requests, ["removed", "2xx"]).increment()
        registry.configure(["route": ["idle"]], now: Self.start)
        #expect(lines(registry).count == 2)
        #expect(lines(registry, at: Self.start + .hours(1)) == [#"test_requests_total{route="idle",status="2xx"} 1"#])
        registry.configure(["route": []], now: Self.start + .hours(2))
        #expect(lines(registry, at: Self.start + .hours(3)).isEmpty)
    }

    @Test func manySeriesAreReadInSeveralSteps() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let family = MetricFamily("test_many_total", .counter, help: "Many.", labels: ["i"])
        for i in 0..<1000 { shard.counter(family, ["\(i)"]).increment() }
        #expect(Set(lines(registry)).count == 1000)
    }
}
