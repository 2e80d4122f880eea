import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import Testing

/// Spans on their way from a whole gateway to a collector.
@Suite struct TraceExportTests {
    private static let trace = FilterModel(name: "trace", place: .builtIn, configuration: TraceConfiguration())

    private static func model(
        _ tracing: TracingModel,
        to addresses: ListenAddress...,
        change: (inout GatewayModel) -> Void = { _ in }
    ) -> GatewayModel {
        var model = GatewayModel.forwarding(to: addresses[0])
        model.upstreams = [.upstream("origin", addresses)]
        model.filters = [trace]
        model.telemetry.tracing = tracing
        change(&model)
        return model
    }

    /// Runs a gateway and stops it, which sends what is there.
    private func run(_ model: GatewayModel, lines: Lines = Lines(), _ body: (Gateway) throws -> Void) throws {
        var options = Gateway.Options()
        options.workers = 2
        options.log = lines.write
        let gateway = try Gateway(options)
        do {
            try gateway.start(model)
            try body(gateway)
        } catch {
            gateway.stop()
            throw error
        }
        gateway.stop()
    }

    private func expect(_ status: Int, at path: String, of gateway: Gateway) throws {
        #expect(try gateway.get(path).status == status)
    }

    @Test func spansOfBothSidesOfTheGatewayFitTogether() throws {
        let (receiver, origin) = (try OTLPReceiver(), try ScriptedOrigin())
        defer { receiver.stop() }
        var told = ""
        try run(Self.model(try receiver.model(), to: origin.address)) { gateway in
            let client = try gateway.connect()
            let context = "00-12345678901234567890123456789012-1234567890123456-01"
            try client.send(Wire.get("/a?b=c", "traceparent: \(context)"))
            let upstream = try origin.accept()
            told = try upstream.readRequest()["traceparent"] ?? ""
            try upstream.send(Wire.ok("hello"))
            #expect(try client.readResponse().status == 200)
        }
        let spans = receiver.spans
        try #require(spans.count == 2)
        #expect(spans[0].parent == "1234567890123456" && spans[1].parent == spans[0].id)
        #expect(spans.allSatisfy { $0.traceID == "12345678901234567890123456789012" })
        #expect(told == "00-12345678901234567890123456789012-\(spans[1].id)-01")
        #expect(spans[0].name == "GET all" && spans[0].texts["url.path"] == "/a")
        #expect(spans[0].texts["client.address"] == "127.0.0.1")
        #expect(spans[1].texts["network.peer.address"] == "127.0.0.1")
        #expect(spans[1].texts["url.full"] == "http://127.0.0.1:\(origin.address.port)/a")
        #expect(spans[0].start <= spans[1].start && spans[1].end <= spans[0].end && spans[0].start < spans[0].end)
        let now = UInt64(SystemClock.secondsSince1970())
        #expect((now - 60...now + 60).contains(spans[0].start / 1_000_000_000))
        #expect(receiver.requests.first?.startLine == "POST /v1/traces HTTP/1.1")
        #expect(receiver.requests.first?["content-type"] == "application/x-protobuf")
    }

    @Test func aRetryIsASpanOfItsOwn() throws {
        let (receiver, closed, origin) = (try OTLPReceiver(), try ClosedPort(), try ScriptedOrigin())
        defer { receiver.stop() }
        var told: [String] = []
        let model = Self.model(try receiver.model(), to: closed.address, origin.address) { model in
            var retry = RetryModel()
            retry.on = [.connectFailure, .serverError]
            retry.attempts = 3
            retry.backoffBase = .milliseconds(1)
            model.routes[0].forwarding.retry = retry
        }
        try run(model) { gateway in
            let client = try gateway.connect()
            // Two requests, so that one of them meets the closed port first.
            for _ in 0..<2 {
                try client.send(Wire.get("/"))
                let upstream = try origin.accept()
                told.append(try upstream.readRequest()["traceparent"] ?? "")
                try upstream.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                let again = try origin.accept()
                told.append(try again.readRequest()["traceparent"] ?? "")
                try again.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
        }
        let servers = receiver.spans.filter { $0.name == "GET all" }
        let clients = receiver.spans.filter { $0.name == "GET" }
        #expect(servers.count == 2)
        #expect(Set(clients.map(\.id)).count == clients.count)
        // Each request that an origin saw had the id of a try of its own.
        let ids = told.map { String($0.dropFirst(36).prefix(16)) }
        #expect(Set(ids).count == 4 && Set(ids).isSubset(of: Set(clients.map(\.id))))
        #expect(clients.filter { $0.texts["error.type"] == "503" }.count == 2)
        #expect(clients.contains { $0.texts["error.type"] == "connect_failed" })
        #expect(clients.allSatisfy { client in servers.contains { $0.id == client.parent } })
    }

    @Test func answersOfTheGatewayItselfHaveASpanToo() throws {
        let (receiver, closed) = (try OTLPReceiver(), try ClosedPort())
        defer { receiver.stop() }
        let model = Self.model(try receiver.model(), to: closed.address) { $0.routes[0].match.path = .prefix("/a") }
        try run(model) { gateway in
            try expect(503, at: "/a", of: gateway)
            try expect(404, at: "/b", of: gateway)
        }
        let spans = receiver.spans
        #expect(spans.count == 3)
        #expect(spans.contains { $0.name == "GET" && $0.texts["error.type"] == "no_route" && $0.parent == "" })
        #expect(spans.contains { $0.name == "GET all" && $0.texts["error.type"] == "connect_failed" })
    }

    @Test func aReceiverThatIsBusyGetsThemLater() throws {
        let receiver = try OTLPReceiver { number in
            number == 0 ? "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n" : Wire.ok("")
        }
        defer { receiver.stop() }
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let lines = Lines()
        try run(Self.model(try receiver.model(), to: origin.address), lines: lines) { gateway in
            try expect(200, at: "/x", of: gateway)
            try GatewayKit.eventually("the spans are sent again") { receiver.requestCount >= 2 }
        }
        let bodies = receiver.requests.map(\.body)
        #expect(bodies.count == 2 && bodies[0] == bodies[1])
        #expect(lines.all.contains { $0.hasSuffix("spans cannot be sent: the answer was 503") })
        #expect(lines.all.contains { $0.hasSuffix("spans are sent again") })
    }

    @Test func aReceiverThatRefusesIsReportedAndRequestsGoOn() throws {
        let receiver = try OTLPReceiver { _ in "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n" }
        defer { receiver.stop() }
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let lines = Lines()
        try run(Self.model(try receiver.model(), to: origin.address), lines: lines) { gateway in
            for _ in 0..<20 { try expect(200, at: "/x", of: gateway) }
        }
        #expect(lines.all.filter { $0.hasSuffix("spans cannot be sent: the answer was 401") }.count == 1)
    }

    @Test func aReceiverThatIsGoneHoldsNothingUp() throws {
        let closed = try ClosedPort()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let lines = Lines()
        let began = SystemClock.monotonic()
        var tracing = try OTLPReceiver.model(closed.address)
        tracing.timeout = .seconds(60)
        try run(Self.model(tracing, to: origin.address), lines: lines) { gateway in
            try expect(200, at: "/x", of: gateway)
        }
        #expect(SystemClock.monotonic() - began < .seconds(30))
        #expect(lines.all.contains { $0.contains("spans cannot be sent") && $0.hasSuffix("Connection refused") })
    }

    @Test func aReceiverThatSaysNothingHoldsTheEndUpForAWhileOnly() throws {
        let silent = try ScriptedOrigin("receiver")
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let began = SystemClock.monotonic()
        var tracing = try OTLPReceiver.model(silent.address)
        tracing.timeout = .seconds(60)
        try run(Self.model(tracing, to: origin.address)) { gateway in
            try expect(200, at: "/x", of: gateway)
        }
        #expect(SystemClock.monotonic() - began < .seconds(30))
    }

    @Test func aReloadKeepsWhatWasNotSentYet() throws {
        let receiver = try OTLPReceiver()
        defer { receiver.stop() }
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let model = Self.model(try receiver.model(), to: origin.address)
        try run(model) { gateway in
            try expect(200, at: "/x", of: gateway)
            try gateway.reload(model)
            try expect(200, at: "/x", of: gateway)
            var without = model
            without.telemetry.tracing = nil
            try gateway.reload(without)
            // Nobody keeps them back any more: their second is what they wait for.
            try GatewayKit.eventually("all spans came") { receiver.spans.count == 4 }
        }
    }

    @Test func theTraceIsInTheAccessLog() throws {
        let folder = try TemporaryFolder()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        var log = AccessLogModel()
        log.target = .file(folder.path("access.log"))
        var model = GatewayModel.forwarding(to: origin.address)
        model.filters = [Self.trace]
        model.telemetry.accessLog = log
        try run(model) { gateway in
            let client = try gateway.connect()
            let context = "00-12345678901234567890123456789012-1234567890123456-01"
            try client.send(Wire.get("/x", "traceparent: \(context)"))
            #expect(try client.readResponse().status == 200)
        }
        let text = try TextFile.read(folder.path("access.log"))
        #expect(text.contains("\"trace_id\":\"12345678901234567890123456789012\""))
    }
}
