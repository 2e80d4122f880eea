import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

/// A trace filter with a receiver that the test plays.
private final class Kit {
    let receiver = FakeReceiver()
    let clock: ManualTime
    let loop: LoopContext
    let filter: any Filter
    let shared = SharedStates()
    let metrics = MetricShard()

    init(_ yaml: String = "trace", change: (inout TracingModel) -> Void = { _ in }) throws {
        let time = ManualTime()
        clock = time
        loop = LoopContext(
            loop: EmbeddedEventLoop(),
            random: RandomSource(seed: 7),
            clock: { .uptimeNanoseconds(time.now) },
            wallClock: { 1_700_000_000 },
            nanoClock: { 1_700_000_000_000_000_000 + Int64(time.now) }
        )
        var gateway = GatewayModel()
        gateway.telemetry.tracing = FakeReceiver.model(change: change)
        let surroundings = FilterSurroundings(
            gateway: gateway,
            metrics: metrics,
            background: receiver,
            shared: shared
        )
        filter = try #require(
            FilterFile(yaml).filter(FilterResources(loop: loop, slot: 0, surroundings: surroundings))
        )
    }

    /// Time of the loop, in nanoseconds.
    final class ManualTime: @unchecked Sendable {
        // One thread only: the loops here are embedded ones.
        var now: UInt64 = 1_000_000_000
    }

    /// A request as the engine would have parsed it.
    func exchange(_ fields: [(String, String)] = []) -> TestExchange {
        let exchange = TestExchange(request: fields, slots: 1)
        exchange.request.methodRange = exchange.request.fields.store("GET".utf8)
        exchange.request.target = exchange.request.fields.store("/v1/orders/7?token=secret".utf8)
        exchange.request.path = exchange.request.fields.store("/orders/7".utf8)
        exchange.request.authority = exchange.request.fields.store("API.example.com:8443".utf8)
        exchange.request.host = exchange.request.fields.store("api.example.com".utf8)
        exchange.variables = [.routeName: "orders", .upstreamName: "origin"]
        exchange.client = IPAddress("192.0.2.7")
        return exchange
    }

    func pass(milliseconds: UInt64) { clock.now += milliseconds * 1_000_000 }

    /// Everything that the loop would do in that time, and what the receiver is sent.
    func tick(_ amount: TimeAmount = .seconds(2)) {
        clock.now += UInt64(amount.nanoseconds)
        loop.tick()
        receiver.embedded.run()
    }

    /// The spans of the next request to the receiver.
    func sent(_ status: Int = 200) throws -> [WireSpan] {
        tick()
        return WireSpan.all(in: try #require(receiver.answer(status)).body)
    }

    func finish(_ exchange: TestExchange, status: UInt16? = 200, error: GatewayError? = nil) {
        if let status {
            exchange.response.status = status
            filter.onResponse(exchange)
        }
        exchange.record.ended = clock.now
        exchange.record.error = error
        filter.onEnd(exchange)
    }
}

@Suite struct SpanExportTests {
    @Test func aForwardedRequestHasASpanAndOneForItsTry() throws {
        let kit = try Kit()
        let exchange = kit.exchange([
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "congo=t61"),
            ("User-Agent", "curl/8.5.0 \u{e4}"),
        ])
        #expect(kit.filter.onRequest(exchange).isNext)
        #expect(exchange.record.isTimed)
        kit.pass(milliseconds: 5)
        kit.filter.onAttempt(exchange)
        exchange.record.answered = kit.clock.now
        exchange.record.requestBytes = 3
        exchange.requestID = Array("r-1".utf8)
        kit.pass(milliseconds: 10)
        kit.finish(exchange)
        #expect(exchange.slots[0] == nil)

        let spans = try kit.sent()
        #expect(spans.count == 2)
        let (server, client) = (spans[0], spans[1])
        #expect(server.name == "GET orders" && server.kind == 2 && !server.isFailed)
        #expect(server.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && server.parent == "00f067aa0ba902b7")
        #expect(server.message.text(3) == "congo=t61")
        #expect(server.message.number(7) == 1_700_000_001_000_000_000)
        #expect(server.message.number(8) == 1_700_000_001_015_000_000)
        #expect(server.message.number(16) == 0x301)
        #expect(
            server.attributes == [
                "http.request.method": "GET", "url.scheme": "http", "url.path": "/v1/orders/7", "http.route": "orders",
                "server.address": "api.example.com", "server.port": "8443", "network.protocol.version": "1.1",
                "client.address": "192.0.2.7", "user_agent.original": "curl/8.5.0 \u{e4}",
                "http.request.body.size": "3", "http.response.status_code": "200", "sluice.upstream": "origin",
                "sluice.request_id": "r-1",
            ]
        )
        #expect(client.kind == 3 && client.parent == server.id && client.traceID == server.traceID)
        #expect(client.message.number(16) == 0x101)
        #expect(client.message.number(7) == 1_700_000_001_005_000_000)
        #expect(client.attributes["http.response.status_code"] == "200")
        // What the upstream was told is the try's span.
        let told = exchange.values("traceparent", of: exchange.request.fields)
        #expect(told == ["00-4bf92f3577b34da6a3ce929d0e0e4736-\(client.id)-01"])
    }

    @Test func saysWhoSendsAndToWhom() throws {
        let kit = try Kit {
            $0.serviceName = "edge"
            $0.attributes = [("deployment.environment.name", "test")]
            $0.headers = [("x-key", "k")]
        }
        let exchange = kit.exchange()
        _ = kit.filter.onRequest(exchange)
        kit.finish(exchange)
        kit.tick()
        let request = try #require(kit.receiver.answer(200))
        #expect(request.method == "POST" && request.url.text == "http://127.0.0.1:4318/v1/traces")
        #expect(request.fields.map(\.name) == ["content-type", "x-key"])
        #expect(request.fields[0].value == "application/x-protobuf")
        let resource = try #require(WireMessage(request.body)?.messages(1).first)
        let attributes = resource.messages(1).first?.attributes(1)
        #expect(attributes == ["service.name": "edge", "deployment.environment.name": "test"])
        #expect(resource.messages(2).first?.messages(1).first?.text(1) == "sluice")
    }

    @Test func everyTryHasASpanOfItsOwnAndTheUpstreamIsToldWhich() throws {
        let kit = try Kit()
        let exchange = kit.exchange([("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")])
        _ = kit.filter.onRequest(exchange)
        var told: [String] = []
        for end in [AttemptEnd.failure(.connectFailed), .answer(status: 503)] {
            kit.filter.onAttempt(exchange)
            told += exchange.values("traceparent", of: exchange.request.fields).map {
                String($0.dropFirst(36).prefix(16))
            }
            kit.pass(milliseconds: 2)
            kit.filter.onAttemptEnd(exchange, end)
            kit.pass(milliseconds: 50)
        }
        kit.filter.onAttempt(exchange)
        told += exchange.values("traceparent", of: exchange.request.fields).map { String($0.dropFirst(36).prefix(16)) }
        #expect(exchange.values("b3", of: exchange.request.fields) == ["4bf92f3577b34da6a3ce929d0e0e4736-\(told[2])-1"])
        exchange.record.answered = kit.clock.now
        kit.finish(exchange)
        let spans = try kit.sent()
        #expect(spans.count == 4)
        #expect(spans.dropFirst().map(\.id) == told)
        #expect(Set(told).count == 3)
        #expect(spans[1].isFailed && spans[1].attributes["error.type"] == "connect_failed")
        #expect(spans[1].attributes["http.response.status_code"] == nil)
        #expect(spans[2].isFailed && spans[2].attributes["error.type"] == "503")
        #expect(spans[2].attributes["http.request.resend_count"] == "1")
        // Without the wait before the next try.
        #expect((spans[2].message.number(8) ?? 0) - (spans[2].message.number(7) ?? 0) == 2_000_000)
        #expect(!spans[3].isFailed && spans[3].attributes["http.request.resend_count"] == "2")
        #expect(!spans[0].isFailed)
    }

    @Test(
        arguments: [
            (UInt16?.some(503), GatewayError?.some(.connectFailed), true, "connect_failed"),
            (502, nil, true, "502"), (401, .credentialMissing, false, "credential_missing"), (404, nil, false, nil),
            (200, .upstreamTruncated, true, "upstream_truncated"), (nil, .downstreamClosed, false, "downstream_closed"),
            (nil, .upstreamReset, true, "upstream_reset"),
        ] as [(UInt16?, GatewayError?, Bool, String?)]
    )
    func saysWhatWentWrong(_ status: UInt16?, _ error: GatewayError?, _ isFailed: Bool, _ type: String?) throws {
        let kit = try Kit()
        let exchange = kit.exchange()
        _ = kit.filter.onRequest(exchange)
        kit.finish(exchange, status: status, error: error)
        let span = try #require(try kit.sent().first)
        #expect(span.isFailed == isFailed)
        #expect(span.attributes["error.type"] == type)
        #expect(span.attributes["http.response.status_code"] == status.map { "\($0)" })
    }

    @Test func aTraceThatWasReplacedIsLinked() throws {
        let kit = try Kit("trace: {trust: restart}")
        let exchange = kit.exchange([("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")])
        _ = kit.filter.onRequest(exchange)
        kit.finish(exchange)
        let span = try #require(try kit.sent().first)
        #expect(span.traceID != "4bf92f3577b34da6a3ce929d0e0e4736" && span.parent == "")
        let link = try #require(span.message.messages(13).first)
        #expect(WireSpan.hex(link.bytes(1)) == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(WireSpan.hex(link.bytes(2)) == "00f067aa0ba902b7")
    }

    @Test func bytesThatAreNoTextAreMended() throws {
        let kit = try Kit()
        let exchange = kit.exchange()
        exchange.request.fields.append(name: "user-agent".utf8, value: [0x61, 0xFF, 0xC3])
        _ = kit.filter.onRequest(exchange)
        kit.finish(exchange)
        #expect(try kit.sent().first?.attributes["user_agent.original"] == "a\u{FFFD}\u{FFFD}")
    }

    @Test func whatIsNotRecordedIsNotSentAndNotTimed() throws {
        let kit = try Kit("trace: {sample: 0%}")
        let exchange = kit.exchange()
        _ = kit.filter.onRequest(exchange)
        #expect(!exchange.record.isTimed && exchange.slots[0] == nil)
        kit.filter.onAttempt(exchange)
        kit.filter.onAttemptEnd(exchange, .failure(.connectFailed))
        kit.finish(exchange)
        kit.tick()
        #expect(kit.receiver.waiting.isEmpty)
    }

    @Test(
        arguments: [
            ("/v1/orders/7?token=secret", "/v1/orders/7"), ("http://a.test/x/y?z", "/x/y"), ("http://a.test?z", nil),
            ("http://a.test", nil), ("*", "*"), ("/?", "/"), ("/a:b://c", "/a:b://c"),
        ] as [(String, String?)]
    )
    func thePathIsTheOneThatCame(_ target: String, _ path: String?) throws {
        let kit = try Kit()
        let exchange = kit.exchange()
        exchange.request.target = exchange.request.fields.store(target.utf8)
        _ = kit.filter.onRequest(exchange)
        kit.finish(exchange)
        #expect(try kit.sent().first?.attributes["url.path"] == path)
    }

    @Test func namesSpansByMethodAndRoute() throws {
        let kit = try Kit()
        for (method, route, name) in [
            ("GET", "orders", "GET orders"), ("GET", "GET api.test/*", "GET api.test/*"),
            ("PROPFIND", "dav", "HTTP dav"),
            ("GET", "", "GET"),
        ] {
            let exchange = kit.exchange()
            exchange.request.methodRange = exchange.request.fields.store(method.utf8)
            exchange.request.method = method == "GET" ? .get : .other
            exchange.variables[.routeName] = route
            _ = kit.filter.onRequest(exchange)
            kit.finish(exchange)
            let span = try #require(try kit.sent().first)
            #expect(span.name == name)
            #expect(span.attributes["http.request.method_original"] == (method == "GET" ? nil : method))
        }
    }

    // MARK: - Sending

    private func end(_ kit: Kit, count: Int = 1) {
        for _ in 0..<count {
            let exchange = kit.exchange()
            _ = kit.filter.onRequest(exchange)
            kit.finish(exchange)
        }
    }

    @Test func aRequestIsMadeForManySpansAfterASecondAtTheLatest() throws {
        let kit = try Kit()
        end(kit, count: 10)
        kit.tick(.milliseconds(900))
        #expect(kit.receiver.waiting.isEmpty)
        kit.tick(.milliseconds(200))
        #expect(kit.receiver.waiting.count == 1)
        #expect(WireSpan.all(in: try #require(kit.receiver.answer(200)).body).count == 10)
    }

    @Test func manySpansDoNotWaitForTheSecond() throws {
        let kit = try Kit()
        end(kit, count: 400)
        kit.receiver.embedded.run()
        #expect(!kit.receiver.waiting.isEmpty)
    }

    @Test func aReceiverThatIsBusyIsAskedAgain() throws {
        let kit = try Kit()
        end(kit)
        kit.tick()
        let first = try #require(kit.receiver.answer(503, [("Retry-After", "3")]))
        #expect(kit.receiver.waiting.isEmpty)
        kit.receiver.embedded.advanceTime(by: .milliseconds(2999))
        #expect(kit.receiver.waiting.isEmpty)
        kit.receiver.embedded.advanceTime(by: .milliseconds(1))
        let second = try #require(kit.receiver.answer(200))
        #expect(first.body == second.body)
        let receiver = "tracing, http://127.0.0.1:4318: "
        #expect(
            kit.receiver.lines == [
                receiver + "spans cannot be sent: the answer was 503", receiver + "spans are sent again",
            ]
        )
    }

    @Test func aReceiverThatRefusesIsNotAskedAgainAndThatIsSaidOnce() throws {
        let kit = try Kit()
        for _ in 0..<3 {
            end(kit)
            kit.tick()
            #expect(kit.receiver.answer(400) != nil)
            kit.receiver.embedded.advanceTime(by: .hours(1))
            #expect(kit.receiver.waiting.isEmpty)
        }
        #expect(kit.receiver.lines == ["tracing, http://127.0.0.1:4318: spans cannot be sent: the answer was 400"])
        let refused = kit.receiver.metrics.counter(LoopSpans.dropped, ["refused"])
        #expect(refused.current == 3)
    }

    @Test func spansThatFindNoRoomAreCountedAndGone() throws {
        let kit = try Kit { $0.queueBytes = 64 * 1024 }
        // Nobody answers: what is under way takes all the room.
        end(kit, count: 2000)
        kit.tick()
        let dropped = kit.metrics.counter(LoopSpans.dropped, ["queue_full"]).current
        #expect(dropped > 1000)
        var taken = 0
        while let request = kit.receiver.answer(200) { taken += WireSpan.all(in: request.body).count }
        #expect(taken + dropped == 2000)
        // With room again, spans go through again.
        end(kit)
        #expect(try kit.sent().count == 1)
    }

    @Test func theEndSendsWhatIsThereAndDoesNotWaitForTrouble() throws {
        let kit = try Kit()
        end(kit)
        kit.tick()
        #expect(kit.receiver.answer(503) != nil)
        end(kit)
        let isDone = Flag()
        for state in kit.shared.flushing { state.flush(within: .seconds(2)) { isDone.set() } }
        (kit.loop.loop as? EmbeddedEventLoop)?.run()
        // What failed before and what is new: one try each, and one request at a time after a failure.
        #expect(kit.receiver.answer(503) != nil)
        #expect(!isDone.isSet)
        #expect(kit.receiver.answer(200) != nil)
        #expect(isDone.isSet)
    }

    @Test func theEndDoesNotWaitForAReceiverThatSaysNothing() throws {
        let kit = try Kit()
        end(kit)
        let isDone = Flag()
        for state in kit.shared.flushing { state.flush(within: .seconds(2)) { isDone.set() } }
        (kit.loop.loop as? EmbeddedEventLoop)?.run()
        kit.receiver.embedded.run()
        #expect(kit.receiver.waiting.count == 1)
        kit.receiver.embedded.advanceTime(by: .milliseconds(1999))
        #expect(!isDone.isSet)
        kit.receiver.embedded.advanceTime(by: .milliseconds(1))
        #expect(isDone.isSet)
    }

    private final class Flag: @unchecked Sendable {
        // One thread only.
        private(set) var isSet = false
        func set() { isSet = true }
    }

    @Test func filtersOfOneLoopShareABufferAndAReloadKeepsIt() throws {
        let kit = try Kit()
        var gateway = GatewayModel()
        gateway.telemetry.tracing = FakeReceiver.model()
        let surroundings = FilterSurroundings(
            gateway: gateway,
            metrics: kit.metrics,
            background: kit.receiver,
            shared: kit.shared
        )
        let resources = FilterResources(loop: kit.loop, slot: 0, surroundings: surroundings)
        let exporter = try #require(SpanExporter.of(resources))
        #expect(exporter.spans(of: resources) === exporter.spans(of: resources))
        #expect(SpanExporter.of(resources) === exporter)
        #expect(kit.shared.count == 1)
    }
}
