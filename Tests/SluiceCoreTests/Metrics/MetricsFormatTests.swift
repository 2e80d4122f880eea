import NIOCore
import SluiceCore
import Testing

@Suite struct MetricsFormatTests {
    private static let counter = MetricFamily("test_things_total", .counter, help: "A \"thing\"\\\nor two.")
    private static let gauge = MetricFamily("test_size_bytes", .gauge, help: "Size.", labels: ["what"])

    private func text(_ format: MetricFormat, _ fill: @escaping MetricsRegistry.Provider) -> String {
        let registry = MetricsRegistry()
        registry.provide(fill)
        return String(decoding: registry.write(format, now: .uptimeNanoseconds(0)), as: UTF8.self)
    }

    @Test func prometheusText() {
        let text = text(.prometheus) { samples in
            samples.add(Self.counter, [], 3)
            samples.add(Self.gauge, ["b"], 1.5)
            samples.add(Self.gauge, ["a"], 2)
        }
        #expect(
            text == #"""
                # HELP test_size_bytes Size.
                # TYPE test_size_bytes gauge
                test_size_bytes{what="b"} 1.5
                test_size_bytes{what="a"} 2
                # HELP test_things_total A "thing"\\\nor two.
                # TYPE test_things_total counter
                test_things_total 3

                """#
        )
    }

    @Test func openMetricsText() {
        let text = text(.openMetrics) { $0.add(Self.counter, [], 3) }
        #expect(
            text == #"""
                # HELP test_things A \"thing\"\\\nor two.
                # TYPE test_things counter
                test_things_total 3
                # EOF

                """#
        )
    }

    @Test(
        arguments: [
            (0.1, "0.1"), (1.0, "1"), (-3.0, "-3"), (1e300, "1e+300"), (5e-324, "5e-324"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"), (.nan, "NaN"), (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1_700_000_000.123456, "1700000000.123456"),
        ] as [(Double, String)]
    )
    func numbersReadBackAsTheyWere(_ value: Double, _ text: String) {
        let written = self.text(.prometheus) { $0.add(Self.gauge, ["x"], value) }
        #expect(written.hasSuffix("test_size_bytes{what=\"x\"} \(text)\n"))
        if !value.isNaN, value.isFinite { #expect(Double(text) == value) }
    }

    @Test(
        arguments: [
            ("", MetricFormat.prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
            ("application/openmetrics-text", .openMetrics),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics),
            ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.9", .prometheus),
            ("application/openmetrics-text;version=0.0.1", .prometheus),
            ("application/openmetrics-text;q=0", .prometheus), ("application/openmetrics-text;q=x", .prometheus),
            ("Application/OpenMetrics-Text", .openMetrics), (";;;,,,", .prometheus),
        ]
    )
    func theFormatIsTheOneAskedFor(_ accept: String, _ format: MetricFormat) {
        #expect(MetricFormat(accept: accept) == format)
    }
}
