import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import Synchronization
import Testing

/// Keeps what it is given.
private final class MemoryLog: LogSink {
    private let state = Mutex<(text: String, lines: Int)>(("", 0))

    func take(_ bytes: ContiguousArray<UInt8>, lines: Int) {
        state.withLock {
            $0.text += String(decoding: bytes, as: UTF8.self)
            $0.lines += lines
        }
    }

    func lost(lines: Int) { state.withLock { $0.text += "lost \(lines)\n" } }

    var text: String { state.withLock { $0.text } }
    var lines: [Substring] { text.split(separator: "\n") }
    var count: Int { state.withLock { $0.lines } }
}

@Suite("Access log") struct AccessLogTests {
    private func model(_ format: String, to origin: ListenAddress) throws -> GatewayModel {
        var log = AccessLogModel()
        switch format {
        case "json": log.format = .json
        case "text": log.format = .text
        default: log.format = try LogSyntax.parse(format).get()
        }
        return .forwarding(to: origin) { $0.telemetry.accessLog = log }
    }

    /// Sends one request to an origin that answers with its target, and gives the line of the log.
    private func line(
        _ format: String,
        _ request: String,
        change: (inout GatewayModel) -> Void = { _ in }
    ) throws -> String {
        let log = MemoryLog()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        var model = try model(format, to: origin.address)
        change(&model)
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send(request)
            _ = try client.readResponse()
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.count == 1)
        #expect(log.lines.count == 1)
        return log.text
    }

    @Test("the JSON line has all fields, and credentials are not shown")
    func json() throws {
        let line = try line(
            "json",
            "GET /a?x=1&access_token=s3cret&Api%5FKey=s3cret HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: curl/8 \"q\"\r\n\r\n"
        )
        #expect(line.hasPrefix("{\"time\":\"20"))
        #expect(line.hasSuffix("}\n"))
        #expect(line.contains("\"path\":\"/a?x=1&access_token=[redacted]&Api%5FKey=[redacted]\""))
        #expect(line.contains("\"method\":\"GET\",\"host\":\"api.example.com\""))
        #expect(line.contains("\"status\":200,\"code\":null,\"flags\":null,\"listener\":\"main\",\"route\":\"all\""))
        #expect(line.contains("\"upstream\":\"origin\",\"endpoint\":\"127.0.0.1:"))
        #expect(line.contains("\"attempts\":1"))
        #expect(line.contains("\"client\":\"127.0.0.1\""))
        #expect(line.contains("\"user_agent\":\"curl/8 \\\"q\\\"\""))
        #expect(line.contains("\"trace_id\":null"))
        #expect(!line.contains("s3cret"))
    }

    @Test("headers with credentials are never shown, whoever asks for them")
    func secretHeaders() throws {
        let line = try line(
            "%REQ(AUTHORIZATION)% %REQ(COOKIE)% %REQ(X-API-KEY)% %REQ(X-OWN)% %QUERY_PARAM(token)% %REQ(REFERER)%",
            "GET /?token=abc HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer abc\r\nCookie: sid=abc\r\nX-API-Key: abc\r\n"
                + "X-Own: abc\r\nReferer: https://x/?code=abc&y=1\r\n\r\n"
        ) { $0.telemetry.accessLog?.redact = ["x-own"] }
        #expect(
            line == "[redacted] [redacted] [redacted] [redacted] [redacted] https://x/?code=[redacted]&y=1\n"
        )
    }

    @Test("where filters look for credentials the log shows none, however long the name of the parameter")
    func namesOfFilters() throws {
        let long = String(repeating: "n", count: 65)
        let file = """
            version: 1
            routes: [{name: all, respond: {status: 200}}]
            filters:
              - jwt:
                  issuer: https://a.example
                  audiences: [a]
                  from: [{header: x-ticket}, {query: ticket}, {query: \(long)}]
                  jwks: {url: "https://a.example/keys"}
            """
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "a.yaml", text: file)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in [] }
        )
        let filters = try #require(loaded.model?.filters, "\(loaded.diagnostics.sorted.map(\.message))")
        let names = filters.reduce(into: Set<String>()) { $0.formUnion($1.configuration.needs.secretNames) }
        let line = try line(
            "%REQ(X-TICKET)% %REQ(:PATH)%",
            "GET /?ticket=abc&TICKET=abc&\(long)=abc&\(long.dropLast())%6e=abc&a=b HTTP/1.1\r\nHost: a\r\nX-Ticket: abc\r\n\r\n"
        ) { $0.telemetry.accessLog?.redact = names }
        #expect(!line.contains("abc") && line.contains("&a=b"), "\(line)")
    }

    @Test(
        "no part of a URL shows a credential",
        arguments: [
            ("https://x/cb#access_token=abc&y=1", "https://x/cb#access_token=[redacted]&y=1"),
            ("https://x/cb?y=1#access_token=abc", "https://x/cb?y=1#access_token=[redacted]"),
            ("https://x/?next=/cb?code=abc&y=1", "https://x/?next=/cb?code=[redacted]&y=1"),
            ("https://user:abc@x/?y=1", "https://[redacted]@x/?y=1"),
            ("https://x/a@b", "https://x/a@b"), ("https://x", "https://x"), ("/a:b//c@d?y", "/a:b//c@d?y"),
        ]
    )
    func urls(_ url: String, _ shown: String) throws {
        #expect(try line("%REQ(REFERER)%", "GET / HTTP/1.1\r\nHost: a\r\nReferer: \(url)\r\n\r\n") == shown + "\n")
    }

    @Test("nothing that a client sends ends a line or a text")
    func injection() throws {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\tb\"c\\d\u{7f}é\r\n\r\n"
        // A control character in a value is refused before it gets here; a tab is legal.
        let text = try line("%REQ(USER-AGENT)%", request.replacing("\u{7f}", with: ""))
        #expect(text == "a\\x09b\\x22c\\x5cd\\xc3\\xa9\n")
        let json = try line("json", request.replacing("\u{7f}", with: ""))
        #expect(json.contains("\"user_agent\":\"a\\u0009b\\\"c\\\\dé\""))
    }

    @Test("bytes that are no UTF-8 still make a JSON text")
    func badUTF8() throws {
        let log = MemoryLog()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(try model("json", to: origin.address), services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Array("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ".utf8) + [0xFF, 0xC3] + Array("\r\n\r\n".utf8)
            )
            _ = try client.readResponse()
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.text.contains("\"user_agent\":\"\u{FFFD}\u{FFFD}\""))
    }

    @Test("Envoy's default line")
    func envoyLine() throws {
        let line = try line("text", "GET /a?b=c HTTP/1.1\r\nHost: api\r\nUser-Agent: curl\r\n\r\n")
        let pattern =
            /\[20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "GET \/a\?b=c HTTP\/1\.1" 200 - 0 \d+ \d+ - "-" "curl" "-" "api" "127\.0\.0\.1:\d+"\n/
        #expect(line.wholeMatch(of: pattern) != nil, "\(line)")
    }

    @Test("a length cuts a value, and a missing one is a dash")
    func limit() throws {
        let line = try line(
            "%REQ(X-A):3%|%REQ(X-B?X-A)%|%REQ(X-B)%",
            "GET / HTTP/1.1\r\nHost: a\r\nX-A: abcdef\r\n\r\n"
        )
        #expect(line == "abc|abcdef|-\n")
    }

    @Test("requests that never reached a route or an upstream are logged with their reason")
    func refusals() throws {
        let log = MemoryLog()
        var model = GatewayModel.routing()
        var access = AccessLogModel()
        access.format = try LogSyntax.parse("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %UPSTREAM_HOST%")
            .get()
        model.telemetry.accessLog = access
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            for request in [
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET\r\n\r\n",
            ] {
                let client = try gateway.connect()
                try client.send(request)
                _ = try client.readResponse()
            }
            try gateway.onLoops { $0.flush() }
        }
        #expect(
            log.lines == ["404 no_route NR -", "400 several_hosts DPE -", "400 bad_request_line DPE -"]
        )
    }

    @Test("a client that leaves is logged without an answer")
    func clientGone() throws {
        let log = MemoryLog()
        let origin = try ScriptedOrigin()
        var model = try model("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%", to: origin.address)
        model.routes[0].timeout = .seconds(5)
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            client.reset()
            try gateway.wait(for: "the line") {
                try gateway.onLoops { $0.flush() }
                return log.count == 1
            }
        }
        #expect(log.text == "499 downstream_reset DC\n")
    }

    @Test("a route may leave its requests out, and failures are logged all the same")
    func sampling() throws {
        let log = MemoryLog()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        var model = try model("%REQ(:PATH)% %RESPONSE_CODE%", to: origin.address)
        model.routes[0].logShare = 0
        var sampled = RouteModel.forward("sampled", .prefix("/sampled"), to: "origin")
        sampled.logShare = 0.000_000_1
        var broken = RouteModel.forward("broken", .prefix("/broken"), to: "nowhere")
        broken.logShare = 0.000_000_1
        model.upstreams.append(.upstream("nowhere", []))
        model.routes = [sampled, broken] + model.routes
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            for path in ["/", "/sampled", "/broken"] {
                try client.send(Wire.get(path))
                _ = try client.readResponse()
            }
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.lines == ["/broken 503"])
    }

    @Test("many lines fill several blocks and none is lost")
    func manyLines() throws {
        let log = MemoryLog()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(try model("%REQ(:PATH)%", to: origin.address), services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            let padding = String(repeating: "x", count: 1000)
            for number in 0..<200 {
                try client.send(Wire.get("/\(number)/\(padding)"))
                _ = try client.readResponse()
            }
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.count == 200)
        #expect(log.lines.map { $0.split(separator: "/")[0] } == (0..<200).map { "\($0)" })
    }

    @Test("a reload hands the lines of the old configuration over")
    func reload() throws {
        let log = MemoryLog()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(try model("old %REQ(:PATH)%", to: origin.address), services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1"))
            _ = try client.readResponse()
            try gateway.reload(try model("new %REQ(:PATH)%", to: origin.address))
            try client.send(Wire.get("/2"))
            _ = try client.readResponse()
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.lines == ["old /1", "new /2"])
    }

    @Test("times are those of the request")
    func times() throws {
        let log = MemoryLog()
        let origin = try ScriptedOrigin()
        let clock = ManualClock()
        let format = "%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %UPSTREAM_DURATION%"
        try TestGateway.run(try model(format, to: origin.address), clock: clock, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
            let upstream = try origin.accept()
            try gateway.advance(by: .milliseconds(200))
            try client.send("b")
            _ = try upstream.readRequest()
            try gateway.advance(by: .milliseconds(300))
            try upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
            _ = try client.readHead()
            try gateway.advance(by: .milliseconds(400))
            try upstream.send("b")
            try gateway.settle()
            try gateway.onLoops { $0.flush() }
        }
        #expect(log.text == "900 200 500 400 500\n")
    }
}
