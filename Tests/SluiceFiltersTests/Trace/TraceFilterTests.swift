import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite struct TraceFilterTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"
    private static let sampled = ("traceparent", "00-\(id)-\(parent)-01")
    private static let unsampled = ("traceparent", "00-\(id)-\(parent)-00")

    private func filter(_ yaml: String = "trace") throws -> any Filter {
        let file = FilterFile(yaml)
        return try #require(file.filter(), "\(file.findings)")
    }

    /// The request as it goes on.
    private func pass(_ fields: [(String, String)], _ yaml: String = "trace") throws -> TestExchange {
        let exchange = TestExchange(request: fields, slots: 1)
        #expect(try filter(yaml).onRequest(exchange).isNext)
        return exchange
    }

    /// The parts of the only `traceparent`.
    private func parts(_ exchange: TestExchange) throws -> (id: String, span: String, flags: String) {
        let values = exchange.values("traceparent", of: exchange.request.fields)
        let value = try #require(values.count == 1 ? values.first : nil)
        let parts = value.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        #expect(parts.map(\.count) == [2, 32, 16, 2] && parts[0] == "00")
        return (parts[1], parts[2], parts[3])
    }

    // MARK: - Trust

    @Test func goesOnWithTheTraceOfTheCaller() throws {
        let exchange = try pass([("accept", "*/*"), Self.sampled, ("tracestate", "congo=t61rcWkgMzE"), ("b", "c")])
        let parts = try parts(exchange)
        #expect(parts.id == Self.id && parts.flags == "01")
        #expect(parts.span != Self.parent && parts.span != "0000000000000000")
        // The head stays in one piece.
        #expect(exchange.requestLines[0] == "accept: */*" && exchange.requestLines[3] == "b: c")
        #expect(exchange.requestLines[2] == "tracestate: congo=t61rcWkgMzE")
        #expect(exchange.traceID == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
    }

    @Test func beginsATraceWhereThereIsNone() throws {
        let exchange = try pass([("accept", "*/*"), ("tracestate", "foo=1")])
        let parts = try parts(exchange)
        #expect(parts.id != String(repeating: "0", count: 32))
        // All of the id is random, and says so.
        #expect(parts.flags == "03")
        #expect(exchange.requestLines == ["accept: */*", "traceparent: 00-\(parts.id)-\(parts.span)-03"])
        #expect(exchange.traceID.isValid)
    }

    @Test(arguments: ["00", "01", "02", "03"])
    func theRandomFlagStaysWithTheID(_ flags: String) throws {
        let exchange = try pass([("traceparent", "00-\(Self.id)-\(Self.parent)-\(flags)")])
        #expect(try parts(exchange).flags == flags)
    }

    @Test func unknownFlagsAreNotPassedOn() throws {
        let exchange = try pass([("traceparent", "00-\(Self.id)-\(Self.parent)-fd")])
        #expect(try parts(exchange).flags == "01")
    }

    @Test func aHigherVersionGoesOnAsThisOne() throws {
        let exchange = try pass([("traceparent", "cc-\(Self.id)-\(Self.parent)-01-future")])
        #expect(try parts(exchange).id == Self.id)
    }

    @Test func namesGoOnInLowerCase() throws {
        let exchange = try pass([("TraceParent", Self.sampled.1), ("TRACESTATE", "a=1")])
        #expect(try parts(exchange).id == Self.id)
        #expect(exchange.requestLines.map { $0.prefix { $0 != ":" } } == ["traceparent", "tracestate"])
    }

    @Test func twoParentsAreNone() throws {
        let exchange = try pass([Self.sampled, Self.sampled, ("tracestate", "a=1")])
        #expect(try parts(exchange).id != Self.id)
        #expect(exchange.values("tracestate", of: exchange.request.fields) == [])
    }

    @Test func restartBelievesNothing() throws {
        let fields = [
            Self.sampled, ("tracestate", "a=1"), ("b3", "0"), ("x-b3-traceid", Self.id), ("x-b3-spanid", Self.parent),
            ("x-b3-sampled", "1"), ("x-b3-flags", "1"), ("x-b3-parentspanid", Self.parent),
        ]
        let exchange = try pass(fields, "trace: {trust: restart, sample: 0%}")
        let parts = try parts(exchange)
        #expect(parts.id != Self.id && parts.flags == "02")
        #expect(exchange.requestLines.count == 1)
    }

    @Test func resampleKeepsTheTraceAndDecidesItself() throws {
        let none = try pass([Self.sampled, ("tracestate", "a=1")], "trace: {trust: resample, sample: 0%}")
        #expect(try parts(none).id == Self.id)
        #expect(try parts(none).flags == "00")
        #expect(none.values("tracestate", of: none.request.fields) == ["a=1"])
        let all = try pass([Self.unsampled], "trace: {trust: resample}")
        #expect(try parts(all).flags == "01")
    }

    // MARK: - Sampling

    @Test func theCallerDecidesWhetherItsTraceIsRecorded() throws {
        #expect(try parts(pass([Self.unsampled], "trace: {sample: 100%}")).flags == "00")
        #expect(try parts(pass([Self.sampled], "trace: {sample: 0%}")).flags == "01")
    }

    @Test func aShareOfNewTracesIsRecorded() throws {
        let filter = try filter("trace: {sample: 10%}")
        var count = 0
        for _ in 0..<2000 {
            let exchange = TestExchange(slots: 1)
            _ = filter.onRequest(exchange)
            if try parts(exchange).flags == "03" { count += 1 }
        }
        #expect((140...260).contains(count), "\(count) of 2000")
    }

    @Test func everyTraceAndSpanHasItsOwnID() throws {
        let filter = try filter()
        var ids: Set<String> = []
        for _ in 0..<100 {
            let exchange = TestExchange(slots: 1)
            _ = filter.onRequest(exchange)
            let parts = try parts(exchange)
            ids.formUnion([parts.id, parts.span])
        }
        #expect(ids.count == 200)
    }

    // MARK: - B3

    @Test func aTraceThatCameAsB3GoesOnAsB3AndW3C() throws {
        let single = try pass([("b3", "\(Self.id)-\(Self.parent)-1"), ("a", "b")])
        let span = try parts(single).span
        #expect(try parts(single).id == Self.id)
        #expect(single.values("b3", of: single.request.fields) == ["\(Self.id)-\(span)-1"])

        let several = try pass([("X-B3-TraceId", Self.id), ("X-B3-SpanId", Self.parent), ("X-B3-Sampled", "0")])
        let other = try parts(several)
        #expect(other.flags == "00")
        #expect(several.values("x-b3-traceid", of: several.request.fields) == [Self.id])
        #expect(several.values("x-b3-spanid", of: several.request.fields) == [other.span])
        #expect(several.values("x-b3-sampled", of: several.request.fields) == ["0"])
    }

    @Test func w3cWinsAndNoOldParentStays() throws {
        let exchange = try pass([("b3", "11111111111111111111111111111111-2222222222222222-0"), Self.sampled])
        #expect(try parts(exchange).id == Self.id)
        #expect(exchange.values("b3", of: exchange.request.fields) == [])
    }

    @Test func theOrderOfAcceptDecides() throws {
        let b3 = ("b3", "11111111111111111111111111111111-2222222222222222-0")
        let exchange = try pass([b3, Self.sampled], "trace: {accept: [b3, w3c]}")
        #expect(try parts(exchange).id == "11111111111111111111111111111111")
    }

    @Test func whatIsNotAcceptedPassesUntouched() throws {
        let b3 = ("b3", "11111111111111111111111111111111-2222222222222222-0")
        let exchange = try pass([b3], "trace: {accept: [w3c]}")
        #expect(exchange.requestLines.first == "b3: \(b3.1)")
        #expect(try parts(exchange).id != "11111111111111111111111111111111")
    }

    @Test func writesTheFormatsThatAreAskedFor() throws {
        let exchange = try pass([Self.sampled], "trace: {emit: [b3, b3multi]}")
        #expect(exchange.values("traceparent", of: exchange.request.fields) == [])
        let b3 = try #require(exchange.values("b3", of: exchange.request.fields).first)
        #expect(b3.hasPrefix("\(Self.id)-") && b3.hasSuffix("-1"))
        #expect(exchange.values("x-b3-traceid", of: exchange.request.fields) == [Self.id])
    }

    @Test func aDecisionWithoutATraceIsKeptToo() throws {
        #expect(try parts(pass([("b3", "0")])).flags == "02")
        #expect(try parts(pass([("b3", "1")], "trace: {sample: 0%}")).flags == "03")
        #expect(try parts(pass([("b3", "0")], "trace: {trust: resample}")).flags == "03")
    }

    // MARK: - Configuration

    @Test func acceptMeansNothingWithRestart() {
        let findings = FilterFile("trace: {trust: restart, accept: [b3]}").findings
        #expect(findings.count == 1 && findings[0].contains("'accept' has no effect with 'trust: restart'"))
    }

    @Test(arguments: [
        "{trust: all}", "{sample: 200%}", "{sample: 0.5}", "{accept: []}", "{emit: [jaeger]}", "{foo: 1}",
    ])
    func refusesWhatItDoesNotKnow(_ fields: String) {
        #expect(!FilterFile("trace: \(fields)").findings.isEmpty)
    }

    @Test(arguments: [
        ("tracing: 'http://127.0.0.1:4318'", true),
        ("tracing: {otlp: 'https://a.test/otlp', headers: {x-key: k}}", true),
        ("tracing: {}", false), ("tracing: 'ftp://a'", false), ("tracing: {otlp: 'a:4318'}", false),
        ("tracing: {otlp: 'http://a', headers: {host: b}}", false),
        ("tracing: {otlp: 'http://a', headers: {\"a b\": b}}", false),
        ("tracing: {otlp: 'http://a', buffer: 1KiB}", false),
    ])
    func readsWhereSpansGo(_ text: String, _ isGood: Bool) {
        let file = FilterFile(
            text: """
                version: 1
                listeners: [{name: main, address: "127.0.0.1:0"}]
                routes: [{name: all, respond: {status: 200}}]
                telemetry: {\(text)}
                """
        )
        #expect((file.model?.telemetry.tracing != nil) == isGood, "\(file.findings)")
        #expect(file.findings.isEmpty == isGood)
    }

    @Test func headersOfTheReceiverAreSecret() {
        let file = FilterFile(
            text: """
                version: 1
                telemetry: {tracing: {otlp: "http://a", headers: {x-key: "s3cr3t\\x01"}}}
                """
        )
        #expect(file.findings.contains { $0.contains("holds a byte") })
        #expect(!file.findings.contains { $0.contains("s3cr3t") })
    }
}
