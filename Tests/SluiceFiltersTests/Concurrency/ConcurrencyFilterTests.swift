import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("concurrency") struct ConcurrencyFilterTests {
    private func configuration(_ settings: String) throws -> ConcurrencyConfiguration {
        let file = FilterFile("concurrency: \(settings)")
        return try #require(file.model?.filters.first?.configuration as? ConcurrencyConfiguration, "\(file.findings)")
    }

    private func filter(_ settings: String, _ resources: FilterResources = .forTest()) throws -> any Filter {
        try configuration(settings).makeFilter(resources)
    }

    private func exchange(_ address: String? = "10.0.0.1", _ change: (TestExchange) -> Void = { _ in }) -> TestExchange
    {
        let exchange = TestExchange(slots: 1)
        exchange.client = address.flatMap { IPAddress($0) }
        change(exchange)
        return exchange
    }

    @Test("beyond the limit: 503, and when to come back; one that ends makes room for one")
    func refuses() throws {
        let filter = try filter("{limit: 2, retry_after: 3s}")
        #expect(filter.wantsEnd)
        let under = [exchange(), exchange()]
        for exchange in under { #expect(filter.onRequest(exchange).isNext) }
        let refused = exchange()
        let reply = try #require(filter.onRequest(refused).reply)
        #expect(reply.status == 503 && reply.error == .concurrencyExceeded)
        #expect(reply.fields.map { String(decoding: $0.name + [0x3A] + $0.value, as: UTF8.self) } == ["Retry-After:3"])
        // The end of one that was not let in makes no room.
        filter.onEnd(refused)
        #expect(filter.onRequest(exchange()).reply != nil)
        filter.onEnd(under[0])
        #expect(filter.onRequest(exchange()).isNext)
        #expect(filter.onRequest(exchange()).reply != nil)
    }

    @Test("an end that is told twice counts once")
    func endsOnce() throws {
        let filter = try filter("{limit: 1}")
        let first = exchange()
        #expect(filter.onRequest(first).isNext)
        filter.onEnd(first)
        filter.onEnd(first)
        #expect(filter.onRequest(exchange()).isNext)
        #expect(filter.onRequest(exchange()).reply != nil)
    }

    @Test("each route has its own count by default, whoever asks")
    func routes() throws {
        let filter = try filter("{limit: 1}")
        func of(_ route: String, _ address: String) -> TestExchange {
            exchange(address) { $0.variables[.routeName] = route }
        }
        #expect(filter.onRequest(of("a", "10.0.0.1")).isNext)
        #expect(filter.onRequest(of("a", "10.0.0.2")).reply != nil)
        #expect(filter.onRequest(of("b", "10.0.0.1")).isNext)
    }

    @Test("callers, claims and headers; without them the address counts, nobody passes, or everybody does")
    func keys() throws {
        let alice = Consumer(name: Array("alice".utf8), groups: [], index: 0)
        let byConsumer = try filter("{by: consumer, limit: 1}")
        for (consumer, address, passes) in [
            (alice, "10.0.0.1", true), (alice, "10.0.0.2", false), (nil, "10.0.0.1", true), (nil, "10.0.0.1", false),
            (nil, "10.0.0.2", true), (nil, nil, true), (nil, nil, false),
        ] as [(Consumer?, String?, Bool)] {
            #expect(byConsumer.onRequest(exchange(address) { $0.consumer = consumer }).isNext == passes)
        }
        let byHeader = try filter("{by: header.x-tenant, limit: 1, missing: refuse}")
        #expect(byHeader.onRequest(exchange()).reply?.error == .consumerForbidden)
        for (tenant, passes) in [("a", true), ("b", true), ("a", false)] {
            let exchange = exchange { $0.request.fields.append(name: "X-Tenant".utf8, value: tenant.utf8) }
            #expect(byHeader.onRequest(exchange).isNext == passes)
        }
        let skipping = try filter("{by: jwt.sub, limit: 1, missing: skip}")
        for _ in 0..<3 { #expect(skipping.onRequest(exchange()).isNext) }
    }

    @Test("the instances of several loops, and of a reload with another limit, count together")
    func shared() throws {
        let surroundings = FilterSurroundings()
        func instance(_ settings: String) throws -> any Filter {
            let loop = FilterResources.forTest().loop
            let resources = FilterResources(
                loop: loop,
                slot: 0,
                identity: "global/concurrency",
                surroundings: surroundings
            )
            return try filter(settings, resources)
        }
        let loops = [try instance("{by: ip, limit: 2}"), try instance("{by: ip, limit: 2}")]
        let under = [exchange(), exchange()]
        for (filter, exchange) in zip(loops, under) { #expect(filter.onRequest(exchange).isNext) }
        for filter in loops { #expect(filter.onRequest(exchange()).reply != nil) }
        let reloaded = try instance("{by: ip, limit: 3}")
        #expect(reloaded.onRequest(exchange()).isNext)
        #expect(reloaded.onRequest(exchange()).reply != nil)
        // Those of the old configuration end in the old instance, and count for the new one.
        for (filter, exchange) in zip(loops, under) { filter.onEnd(exchange) }
        for passes in [true, true, false] { #expect(reloaded.onRequest(exchange()).isNext == passes) }
    }

    @Test("tells what it needs and what it does")
    func needs() throws {
        #expect(try configuration("{by: [consumer, jwt.sub], limit: 5}").needs.identities == [.consumer, .claims])
        #expect(try configuration("{by: [route, ip, header.a], limit: 5}").needs.identities.isEmpty)
        #expect(
            try configuration("{by: [route, ip], limit: 5, status: 429}").effects == [
                "request: refuse with 429 while 5 others of the same route and ip are under way"
            ]
        )
    }

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "SL011 filter 'concurrency' needs 'limit'"), ("{limit: 0}", "SL015"),
            ("{limit: 1, by: []}", "SL013"),
            (
                "{limit: 1, by: user}",
                "SL013 'by' of filter 'concurrency' is nothing that requests can be told apart by: 'user'"
            ),
            ("{limit: 1, by: [ip, jwt.]}", "SL013"),
            (
                "{limit: 1, retry_after: 1500ms}",
                "SL013 'retry_after' of filter 'concurrency' must be whole seconds, not '1500ms'"
            ),
            ("{limit: 1, retry_after: 0}", "SL015"),
            ("{limit: 1, missing: skip}", "SL013 'missing' has no effect: every request has that"),
            ("{limit: 1, status: 200}", "SL015"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("concurrency: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
