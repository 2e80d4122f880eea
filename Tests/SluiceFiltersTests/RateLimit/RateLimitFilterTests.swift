import SluiceConfig
import SluiceCore
import SluiceFilters
import Testing

private final class Claims: ClaimSource {
    let values: [String: String]
    init(_ values: [String: String]) { self.values = values }
    func text(ofClaim name: String) -> [UInt8]? { values[name].map { Array($0.utf8) } }
}

@Suite("rate_limit") struct RateLimitFilterTests {
    private func filter(_ settings: String) throws -> any Filter {
        let file = FilterFile("rate_limit: \(settings)")
        return try #require(file.filter(), "\(file.findings)")
    }

    private func exchange(_ address: String = "10.0.0.1", _ request: [(String, String)] = []) -> TestExchange {
        let exchange = TestExchange(request: request, slots: 1)
        exchange.client = IPAddress(address)
        return exchange
    }

    @Test("beyond the burst: 429, and when to come back")
    func refuses() throws {
        let filter = try filter("{rate: 60/min, burst: 2}")
        for left in ["1", "0"] {
            let exchange = exchange()
            #expect(filter.onRequest(exchange).isNext)
            filter.onResponse(exchange)
            #expect(exchange.values("ratelimit-remaining", of: exchange.response.fields) == [left])
            #expect(exchange.values("ratelimit-limit", of: exchange.response.fields) == ["2"])
        }
        let reply = try #require(filter.onRequest(exchange()).reply)
        #expect(reply.status == 429 && reply.error == .rateLimited)
        #expect(reply.fields.map { String(decoding: $0.name + [0x3A] + $0.value, as: UTF8.self) } == ["Retry-After:1"])
        #expect(filter.onRequest(exchange("10.0.0.2")).isNext)
    }

    @Test("of IPv6 a /64 is one client unless the file says otherwise")
    func ipv6() throws {
        let wide = try filter("{rate: 1/min, burst: 1}")
        #expect(wide.onRequest(exchange("2001:db8::1")).isNext)
        #expect(wide.onRequest(exchange("2001:db8::2")).reply != nil)
        #expect(wide.onRequest(exchange("2001:db8:0:1::1")).isNext)
        let narrow = try filter("{rate: 1/min, burst: 1, ipv6_prefix: 128}")
        #expect(narrow.onRequest(exchange("2001:db8::1")).isNext)
        #expect(narrow.onRequest(exchange("2001:db8::2")).isNext)
        let wider = try filter("{rate: 1/min, burst: 1, ipv6_prefix: 48}")
        #expect(wider.onRequest(exchange("2001:db8:0:1::1")).isNext)
        #expect(wider.onRequest(exchange("2001:db8:0:2::1")).reply != nil)
    }

    @Test("several parts make one key, and their borders count")
    func composed() throws {
        let filter = try filter("{by: [header.a, header.b], rate: 1/min, burst: 1}")
        #expect(filter.onRequest(exchange("10.0.0.1", [("a", "x"), ("b", "yz")])).isNext)
        #expect(filter.onRequest(exchange("10.0.0.2", [("a", "x"), ("b", "yz")])).reply != nil)
        #expect(filter.onRequest(exchange("10.0.0.1", [("a", "xy"), ("b", "z")])).isNext)
    }

    @Test("callers and claims; without them the address counts, or nobody passes")
    func identity() throws {
        let byConsumer = try filter("{by: consumer, rate: 1/min, burst: 1}")
        let alice = Consumer(name: Array("alice".utf8), groups: [], index: 0)
        for (consumer, address, passes) in [
            (alice, "10.0.0.1", true), (alice, "10.0.0.2", false), (nil, "10.0.0.1", true), (nil, "10.0.0.1", false),
        ] as [(Consumer?, String, Bool)] {
            let exchange = exchange(address)
            exchange.consumer = consumer
            #expect(byConsumer.onRequest(exchange).isNext == passes)
        }
        let byClaim = try filter("{by: jwt.sub, rate: 1/min, burst: 1, missing: refuse}")
        #expect(byClaim.onRequest(exchange()).reply?.error == .consumerForbidden)
        let exchange = exchange()
        exchange.claims = Claims(["sub": "x"])
        #expect(byClaim.onRequest(exchange).isNext)
        #expect(byClaim.onRequest(exchange).reply?.status == 429)
        let skipping = try filter("{by: jwt.sub, rate: 1/min, burst: 1, missing: skip}")
        for _ in 0..<3 { #expect(skipping.onRequest(self.exchange()).isNext) }
    }

    @Test("without enforcement it only tells")
    func dryRun() throws {
        let filter = try filter("{rate: 1/min, burst: 1, enforce: false, headers: both}")
        for _ in 0..<3 {
            let exchange = exchange()
            #expect(filter.onRequest(exchange).isNext)
            filter.onResponse(exchange)
            #expect(exchange.values("x-ratelimit-remaining", of: exchange.response.fields) == ["0"])
            #expect(exchange.values("ratelimit-remaining", of: exchange.response.fields) == ["0"])
        }
    }

    @Test("of several limits the strictest is told")
    func strictest() throws {
        let file = FilterFile(
            "rate_limit: {rate: 60/min, burst: 9}",
            "rate_limit: {rate: 60/min, burst: 3}",
            "rate_limit: {rate: 60/min, burst: 5}"
        )
        let filters = try #require(file.model).filters.enumerated().compactMap { index, model in
            (model.configuration as? any RunnableFilterConfiguration)?
                .makeFilter(FilterResources(loop: FilterResources.forTest().loop, slot: index, identity: "\(index)"))
        }
        #expect(filters.count == 3)
        let exchange = TestExchange(slots: 3)
        exchange.client = IPAddress("10.0.0.1")
        for filter in filters { #expect(filter.onRequest(exchange).isNext) }
        for filter in filters.reversed() { filter.onResponse(exchange) }
        #expect(exchange.values("ratelimit-limit", of: exchange.response.fields) == ["3"])
        #expect(exchange.values("ratelimit-remaining", of: exchange.response.fields) == ["2"])
    }

    @Test(
        "mistakes in the file are told where they are",
        arguments: [
            ("{rate: 600}", "SL014 'rate' of filter 'rate_limit' is not a rate: '600'"),
            ("{rate: 0/s}", "SL014"), ("{rate: 5/week}", "SL014"), ("{}", "SL011"),
            (
                "{rate: 1/s, by: user}",
                "SL013 'by' of filter 'rate_limit' is nothing that requests can be told apart by: 'user'"
            ),
            ("{rate: 1/s, by: jwt.}", "SL013"), ("{rate: 1/s, by: []}", ""), ("{rate: 1/s, store: redis}", "SL017"),
            ("{rate: 1/s, algorithm: fixed_window, burst: 3}", "SL013 'burst' has a meaning with"),
            ("{rate: 5000000/s}", "SL013 'rate' is more than 1000000 requests a second"),
            ("{rate: 9/3500d}", "SL013 a bucket of 9 takes more than nine years to fill at this rate"),
            ("{rate: 9/day, burst: 99999}", "SL013 'burst' takes more than nine years to fill at this rate"),
            ("{rate: 9000000/day, algorithm: sliding_window}", "SL013 a sliding window counts up to"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("rate_limit: \(settings)").findings
        if finding.isEmpty { return #expect(findings.count <= 1) }
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
