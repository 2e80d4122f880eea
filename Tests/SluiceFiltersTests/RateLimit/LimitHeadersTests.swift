import SluiceConfig
import SluiceCore
import SluiceFilters
import Testing

/// What clients are told, and by which of several limits.
@Suite("rate_limit and what it tells") struct LimitHeadersTests {
    /// The filters of a list, as one chain has them.
    private func filters(_ settings: [String], metrics: MetricShard = MetricShard()) throws -> [any Filter] {
        let items = settings.map { "  - rate_limit: \($0)\n" }.joined()
        let file = FilterFile(
            text: """
                version: 1
                listeners: [{name: main, address: "127.0.0.1:0"}]
                routes: [{name: all, respond: {status: 200}}]
                filters:
                \(items)
                """
        )
        let model = try #require(file.model, "\(file.findings)")
        return model.filters.enumerated().compactMap { slot, filter in
            let resources = FilterResources(
                loop: FilterResources.forTest().loop,
                slot: slot,
                identity: "limit \(slot)",
                surroundings: FilterSurroundings(metrics: metrics)
            )
            return (filter.configuration as? any RunnableFilterConfiguration)?.makeFilter(resources)
        }
    }

    /// Runs one request through the filters the way the engine does.
    ///
    /// - Returns: the status, 0 where it passed, and the lines of the response.
    private func run(_ filters: [any Filter], upstream: [(String, String)] = []) -> (status: UInt16, lines: [String]) {
        let exchange = TestExchange(response: upstream, slots: filters.count)
        exchange.client = IPAddress("10.0.0.1")
        var entered = 0
        var status: UInt16 = 0
        for filter in filters {
            entered += 1
            if let reply = filter.onRequest(exchange).reply {
                status = reply.status
                exchange.response.fields.reset()
                for field in reply.fields { exchange.response.fields.append(name: field.name, value: field.value) }
                break
            }
        }
        for filter in filters[..<entered].reversed() { filter.onResponse(exchange) }
        return (status, exchange.responseLines)
    }

    @Test("the limit with the least left is told, once")
    func strictest() throws {
        let filters = try filters(["{rate: 60/min, burst: 9}", "{rate: 60/min, burst: 3}", "{rate: 60/min, burst: 5}"])
        #expect(run(filters).lines == ["RateLimit-Limit: 3", "RateLimit-Remaining: 2", "RateLimit-Reset: 1"])
    }

    @Test("of two with nothing left, the one that refuses is told")
    func refusing() throws {
        let filters = try filters(["{rate: 1/day, burst: 1}", "{rate: 1/min, burst: 1, status: 503}"])
        #expect(run(filters).status == 0)
        // The first one refuses from now on, and the other is not even asked.
        let refused = run(filters)
        #expect(refused.status == 429)
        #expect(
            refused.lines == [
                "Retry-After: 86400", "RateLimit-Limit: 1", "RateLimit-Remaining: 0", "RateLimit-Reset: 86400",
            ]
        )
        let tolerant = try self.filters([
            "{rate: 1/day, burst: 1, enforce: false}", "{rate: 1/min, burst: 1, status: 503}",
        ])
        #expect(run(tolerant).status == 0)
        let second = run(tolerant)
        #expect(second.status == 503)
        #expect(second.lines.first == "Retry-After: 60" && second.lines.last == "RateLimit-Reset: 60")
    }

    @Test("each style has its names")
    func styles() throws {
        #expect(run(try filters(["{rate: 1/s, headers: none}"])).lines == [])
        let legacy = ["X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1"]
        #expect(run(try filters(["{rate: 1/s, headers: legacy}"])).lines == legacy)
        let standard = ["RateLimit-Limit: 1", "RateLimit-Remaining: 0", "RateLimit-Reset: 1"]
        #expect(run(try filters(["{rate: 1/s, headers: both}"])).lines == standard + legacy)
    }

    @Test("an upstream's own limit gives way to a stricter one, and stays otherwise")
    func upstream() throws {
        let own = ["RateLimit-Limit: 5", "RateLimit-Remaining: 4", "RateLimit-Reset: 1"]
        let weaker = [("ratelimit-limit", "100"), ("ratelimit-remaining", "5"), ("ratelimit-reset", "9"), ("a", "b")]
        #expect(run(try filters(["{rate: 60/min, burst: 5}"]), upstream: weaker).lines == ["a: b"] + own)
        for useless in ["", "many", "-1", "4.5", "99999999999999999999", " "] {
            let upstream = [("RateLimit-Remaining", useless), ("RateLimit-Limit", "7")]
            #expect(run(try filters(["{rate: 60/min, burst: 5}"]), upstream: upstream).lines == own, "'\(useless)'")
        }
        let stricter = [("RateLimit-Limit", "100"), ("RateLimit-Remaining", "4"), ("RateLimit-Reset", "9")]
        let kept = stricter.map { "\($0.0): \($0.1)" }
        #expect(run(try filters(["{rate: 60/min, burst: 5}"]), upstream: stricter).lines == kept)
    }

    @Test("what a limit decided is counted, by the limit and the decision")
    func metrics() throws {
        let shard = MetricShard()
        let filters = try filters(
            [
                "{rate: 1/day, burst: 2}", "{rate: 1/day, burst: 1, enforce: false}",
                "{by: consumer, rate: 1/s, missing: refuse}",
            ],
            metrics: shard
        )
        for _ in 0..<2 { #expect(run(filters).status == 403) }
        for _ in 0..<3 { #expect(run(filters).status == 429) }
        func count(_ slot: Int, _ decision: String) -> Int {
            let family = MetricFamily(
                "sluice_rate_limit_decisions_total",
                .counter,
                help: "",
                labels: ["limit", "decision"]
            )
            return shard.counter(family, ["limit \(slot)", decision]).current
        }
        #expect(count(0, "allowed") == 2 && count(0, "limited") == 3)
        #expect(count(1, "allowed") == 1 && count(1, "tolerated") == 1 && count(1, "limited") == 0)
        #expect(count(2, "unidentified") == 2)
    }

    @Test("addresses of strangers take no places of those who have a name")
    func strangers() throws {
        let filter = try #require(try filters(["{by: consumer, rate: 3/day, burst: 3, max_keys: 8}"]).first)
        for address in 0..<1000 as Range<UInt32> {
            let exchange = TestExchange(slots: 1)
            exchange.client = IPAddress(v4: 0x0A00_0000 + address)
            _ = filter.onRequest(exchange)
        }
        for index in 0..<4 {
            for request in 0..<4 {
                let exchange = TestExchange(slots: 1)
                exchange.consumer = Consumer(name: Array("caller \(index)".utf8), groups: [], index: index)
                #expect(filter.onRequest(exchange).isNext == (request < 3), "caller \(index), request \(request)")
            }
        }
    }
}
