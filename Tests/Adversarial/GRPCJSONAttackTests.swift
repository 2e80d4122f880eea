import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Testing

/// Clients and services that lie to the filter between them.
@Suite("Attacks on grpc_json") struct GRPCJSONAttackTests {
    private static let descriptor: [UInt8] = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return (try? ConfigFiles.read(parts.joined(separator: "/") + "/Fixtures/transcoding/all.pb")) ?? []
    }()

    private func model(_ origin: ScriptedOrigin, _ settings: String = "") throws -> GatewayModel {
        let filters = try FilterText.models(
            "grpc_json: {descriptor: api.pb, services: [sluice.library.Library]\(settings)}",
            bytes: ["api.pb": Self.descriptor]
        )
        return .forwarding(to: origin.address) {
            $0.upstreams[0].version = .http2
            $0.filters = filters
        }
    }

    private static let grpc = ("content-type", "application/grpc")

    // MARK: - Clients

    @Test(
        "bad JSON is refused with its place, and the service never hears of it",
        arguments: [
            (#"{"title":"#, "at byte 9"), (#"{"title":1}"#, "$.title"), (#"{"pages":"1e400"}"#, "$.pages"),
            (#"{"pages":9223372036854775808}"#, "$.pages"), (#"{"titel":""}"#, "titel"), ("[]", "at byte 0"),
            (#"{"tags":[1]}"#, "$.tags[0]"), (#"{"title":"a","title":"b"}"#, "title"),
            (#"{"title":"\ud800"}"#, "at byte"), (#"{"paper":"a","digital":"b"}"#, "oneof"),
            (#"{"title":"a"} x"#, "at byte"), ("\u{0}", "at byte 0"), ("nan", "at byte"),
            (#"{"author":"# + String(repeating: #"{"editor":"#, count: 200) + "{}", "deep"),
        ]
    )
    func badJSON(body: String, says: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/v1/shelves/1/books", body: body))
            let answer = try client.readResponse()
            #expect(answer.status == 400 && answer.text.contains(says), "\(answer.text)")
            #expect(answer.text.contains(#"{"code":3,"#) && answer.text.contains("UNTRANSLATABLE_REQUEST"))
            #expect(gateway.total(\.attempts) == 0)
            try gateway.wait(for: "the count") { gateway.count(of: .untranslatableRequest) == 1 }
        }
    }

    @Test(
        "bad queries and paths are refused",
        arguments: ["/v1/books/7?nope=1", "/v1/books/7?filter.year=x", "/v1/books/7?name=8", "/v1/books/%zz"]
    )
    func badURL(target: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let answer = try gateway.answer(to: Wire.get(target))
            #expect(answer.status == 400 && answer["content-type"] == "application/json")
            #expect(gateway.total(\.attempts) == 0)
        }
    }

    @Test("a body must not change what the path names")
    func contradiction() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let body = #"{"book":{"name":"shelves/1/books/2"}}"#
            let line = "PATCH /v1/shelves/1/books/1 HTTP/1.1"
            let answer = try gateway.answer(
                to: Wire.message(line, ["Host: a", "Content-Length: \(body.utf8.count)"]) + body
            )
            #expect(answer.status == 400 && answer.text.contains("book.name"))
            #expect(gateway.total(\.attempts) == 0)
        }
    }

    @Test("a message beyond the limit is 413, whatever its JSON says")
    func large() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, ", max_message: 1KiB")) { gateway in
            let client = try gateway.connect()
            let body = #"{"title":""# + String(repeating: "x", count: 2000) + #""}"#
            try client.send(Wire.post("/v1/shelves/1/books", body: body))
            let answer = try client.readResponse()
            #expect(answer.status == 413 && answer.text.contains(#""code":8"#))
        }
    }

    @Test("a body in a coding is 415")
    func encoded() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/v1/shelves/1/books", body: "{}", "Content-Encoding: gzip"))
            #expect(try client.readResponse().status == 415)
        }
    }

    @Test("a stream of requests that breaks off in the middle ends the call")
    func brokenStream() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            let lines = ["Host: a", "Transfer-Encoding: chunked"]
            try client.send(Wire.message("POST /v1/books:import HTTP/1.1", lines) + "e\r\n[{\"name\":\"a\"},\r\n")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.requestHead()
            try upstream.wait { upstream.messages[request.stream]?.body.isEmpty == false }
            try client.send("1\r\n?\r\n0\r\n\r\n")
            let answer = try client.readResponse()
            #expect(answer.status == 400 && answer.text.contains("at byte 14"))
            try upstream.wait { upstream.messages[request.stream]?.resetCode == .cancel }
        }
    }

    // MARK: - Services

    @Test(
        "a service that answers nonsense is 502, and says nothing of the inside",
        arguments: [
            ("\u{0}\u{0}\u{0}\u{0}\u{3}\u{0A}\u{5}x", "0"),  // a field longer than its message
            ("\u{0}\u{0}\u{0}\u{0}\u{9}\u{0A}", "0"),  // half a message
            ("\u{1}\u{0}\u{0}\u{0}\u{1}x", "0"),  // compressed
            ("\u{7}\u{0}\u{0}\u{0}\u{0}", "0"),  // a flag that nobody knows
            ("\u{0}\u{7F}\u{7F}\u{7F}\u{7F}", "0"),  // two gigabytes
            ("", "0"),  // no message
            ("\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", "0"),  // two messages
            ("\u{0}\u{0}\u{0}\u{0}\u{0}", ""),  // no status
        ]
    )
    func lies(body: String, status: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let trailers = status.isEmpty ? [("x", "y")] : [("grpc-status", status)]
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: body, trailers: trailers)
            let answer = try client.readResponse()
            #expect(answer.status == 502 && answer.text.contains(#"{"code":14,"message":"The service"#))
            try gateway.wait(for: "the count") {
                gateway.count(of: .untranslatableResponse) + gateway.count(of: .upstreamProtocolError) == 1
            }
        }
    }

    @Test(
        "an answer without gRPC is an error with its status, its body goes nowhere",
        arguments: [(503, 503), (200, 502)]
    )
    func foreign(status: Int, shown: Int) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            try upstream.respond(to: request.stream, status, [("content-type", "text/html")], body: "<secret>")
            let answer = try client.readResponse()
            #expect(answer.status == shown && !answer.text.contains("secret"))
            #expect(answer["content-type"] == "application/json")
        }
    }

    @Test("the body of an answer without gRPC is not read for ever", arguments: [(500, 500), (200, 502)])
    func endless(status: Int, shown: Int) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, ", max_message: 16KiB")) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let first = try upstream.request()
            try upstream.respond(to: first.stream, status, [("content-type", "text/html")], ends: false)
            try upstream.send(String(repeating: "x", count: 16 * 1024), on: first.stream)
            try upstream.roundTrip()
            #expect(try client.isSilent)
            try upstream.send("x", on: first.stream)
            let answer = try client.readResponse()
            #expect(answer.status == shown && answer.text.contains("answered without gRPC, with HTTP status \(status)"))
            try upstream.wait { upstream.messages[first.stream]?.resetCode == .cancel }
            // Both connections go on.
            try client.send(Wire.message("HEAD /v1/books/7 HTTP/1.1", ["Host: a"]))
            let second = try upstream.request()
            try upstream.respond(to: second.stream, status, [("content-type", "text/html")], ends: false)
            try upstream.send(String(repeating: "x", count: 20_000), on: second.stream)
            let head = try client.readResponse(to: "HEAD")
            #expect(head.status == shown && head["content-type"] == "application/json")
            try upstream.wait { upstream.messages[second.stream]?.resetCode == .cancel }
        }
    }

    @Test("a service cannot change the framing by its trailers")
    func trailers() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let trailers = [("grpc-status", "0"), ("content-encoding", "gzip"), ("content-type", "text/html")]
            let body = "\u{0}\u{0}\u{0}\u{0}\u{0}"
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: body, trailers: trailers)
            let answer = try client.readResponse()
            #expect(answer.text == "{}" && answer.all("content-type") == ["application/json"])
            #expect(answer["content-encoding"] == nil && answer.all("content-length") == ["2"])
        }
    }

    @Test("a service that resets after its head is an error, not half an answer")
    func reset() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let body = "\u{0}\u{0}\u{0}\u{0}\u{0}"
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: body, ends: false)
            try gateway.settle()
            try upstream.reset(request.stream, .internalError)
            let answer = try client.readResponse()
            #expect(answer.status == 502 && answer.text.contains(#""code":14"#))
        }
    }

    @Test("messages of nothing, ten thousand of them, cost no more than their text")
    func emptyMessages() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/shelves/1/books:watch"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let count = 10_000
            let body = String(repeating: "\u{0}", count: 5 * count)
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: body, trailers: [("grpc-status", "0")])
            let answer = try client.readResponse()
            #expect(answer.body.count == count * 3 + 1 && answer.text.hasSuffix("{},{}]"))
        }
    }
}
