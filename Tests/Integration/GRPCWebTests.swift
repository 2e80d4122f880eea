import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import SluiceUpstream
import Testing

/// Browsers' calls over HTTP/1.1 and HTTP/2 to a server that speaks plain gRPC over HTTP/2.
@Suite struct GRPCWebTests {
    private static func frame(_ text: String, flag: UInt8 = 0) -> [UInt8] {
        [flag, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// A frame as text, which may hold no byte above 127.
    private static func frameText(_ text: String) -> String { String(decoding: frame(text), as: UTF8.self) }

    private static func base64(_ text: String) -> String {
        String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self)
    }

    private static func base64(_ bytes: [UInt8]) -> String { String(decoding: Base64.encode(bytes), as: UTF8.self) }

    private func model(_ origin: ScriptedOrigin, _ filters: String...) throws -> GatewayModel {
        var models = try FilterText.models("grpc_web: {}")
        for text in filters { models += try FilterText.models(text) }
        return .forwarding(to: origin.address) {
            $0.upstreams[0].version = .http2
            $0.filters = models
        }
    }

    static let grpc = ("content-type", "application/grpc")
    private static let end = "grpc-status: 0\r\ngrpc-message: fine\r\n"
    private static let trailers = [("grpc-status", "0"), ("grpc-message", "fine")]

    @Test("over HTTP/1.1, in binary and in text")
    func http1() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.post("/a.B/C", body: Self.frameText("ask"), "Content-Type: application/grpc-web+proto")
            )
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let first = try upstream.request()
            #expect(first["content-type"] == "application/grpc+proto" && first["te"] == "trailers")
            #expect(first.body == Self.frame("ask"))
            try upstream.respond(
                to: first.stream,
                200,
                [Self.grpc],
                body: Self.frameText("tell"),
                trailers: Self.trailers
            )
            let binary = try client.readResponse()
            #expect(binary.status == 200 && binary["content-type"] == "application/grpc-web+proto")
            #expect(binary.body == Self.frame("tell") + Self.frame(Self.end, flag: 0x80) && binary.trailers.isEmpty)

            let text = Self.base64(Self.frameText("ask"))
            try client.send(Wire.post("/a.B/C", body: text, "Content-Type: application/grpc-web-text"))
            let second = try upstream.request()
            #expect(second.body == Self.frame("ask") && second["content-length"] == nil)
            try upstream.respond(
                to: second.stream,
                200,
                [Self.grpc],
                body: Self.frameText("tell"),
                trailers: Self.trailers
            )
            let answer = try client.readResponse()
            #expect(answer["content-type"] == "application/grpc-web-text")
            #expect(answer.text == Self.base64(Self.frame("tell")) + Self.base64(Self.frame(Self.end, flag: 0x80)))
        }
    }

    @Test("over HTTP/2, each message as soon as it is there")
    func http2() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let type = ("content-type", "application/grpc-web-text+proto")
            let stream = try client.request("POST", "/a.B/C", [type], body: "AAAA", ends: false)
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.requestHead()
            try upstream.wait { upstream.messages[request.stream]?.body == [0, 0, 0] }
            try client.send("AAFB", on: stream)
            try upstream.wait { upstream.messages[request.stream]?.body == Self.frame("A") }
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: Self.frameText("one"), ends: false)
            try client.wait { client.messages[stream]?.text == Self.base64(Self.frame("one")) }
            try upstream.send(Self.frameText("three"), on: request.stream)
            let both = Self.base64(Self.frame("one")) + Self.base64(Self.frame("three"))
            try client.wait { client.messages[stream]?.text == both }
            try client.send("", on: stream, ends: true)
            try upstream.wait { upstream.messages[request.stream]?.isWhole == true }
            try upstream.reset(request.stream, .cancel)
            #expect(try client.answer(to: stream).resetCode != .noError)
        }
    }

    @Test("a status without messages stays in the head")
    func statusOnly() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: Self.frameText("ask"), "Content-Type: application/grpc-web"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            try upstream.respond(to: request.stream, 200, [Self.grpc, ("grpc-status", "5"), ("grpc-message", "none")])
            let answer = try client.readResponse()
            #expect(
                answer["content-type"] == "application/grpc-web" && answer["grpc-status"] == "5" && answer.body.isEmpty
            )
        }
    }

    @Test("what the gateway answers itself is gRPC-Web, with what browsers need to read it")
    func localReplies() throws {
        let closed = try ClosedPort()
        var model = GatewayModel.forwarding(to: closed.address)
        model.filters = try FilterText.models(
            #"key_auth: {}"#,
            #"cors: {origins: ["https://app.example"], expose_headers: [grpc-status, grpc-message]}"#,
            "grpc_web: {}"
        )
        try TestGateway.run(model) { gateway in
            let lines = [
                "Host: a", "Content-Length: 0", "Origin: https://app.example",
                "Content-Type: application/grpc-web-text",
            ]
            let client = try gateway.connect()
            try client.send(Wire.message("POST /a.B/C HTTP/1.1", lines))
            let answer = try client.readResponse()
            #expect(answer.status == 200 && answer["grpc-status"] == "16" && answer.body.isEmpty)
            #expect(answer["content-type"] == "application/grpc-web-text")
            #expect(answer["access-control-allow-origin"] == "https://app.example")
            #expect(answer["access-control-expose-headers"]?.contains("grpc-status") == true)
        }
    }

    @Test("a browser's preflight finds the route of the call")
    func preflight() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, #"cors: {origins: ["https://app.example"]}"#)
        model.routes[0].match.path = .exact("/a.B/C")
        model.routes[0].match.headers = [FieldMatch(name: "content-type", value: .prefix("application/grpc"))]
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(
                to: Wire.message(
                    "OPTIONS /a.B/C HTTP/1.1",
                    [
                        "Host: a", "Origin: https://app.example", "Access-Control-Request-Method: POST",
                        "Access-Control-Request-Headers: content-type,x-grpc-web",
                    ]
                )
            )
            #expect(answer.status == 204 && answer["access-control-allow-headers"] == "content-type,x-grpc-web")
        }
    }

    @Test("bodies of other requests keep their length on their way through")
    func others() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin)
        model.upstreams[0].version = .http1
        try TestGateway.run(model) { gateway in
            let (request, response) = try gateway.exchange(Wire.post("/x", body: "hello"), with: origin)
            #expect(request["content-length"] == "5" && !request.wasChunked && request.text == "hello")
            #expect(response["content-length"] == "2" && !response.wasChunked)
        }
    }

    @Test("a message of a megabyte comes through as text")
    func large() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let frame: [UInt8] = [0, 0, 0x10, 0, 0] + [UInt8](repeating: 65, count: 1 << 20)
            let text = Self.base64(frame)
            let client = Handover(try gateway.connect())
            let sender = Background {
                try client.value.send(Wire.post("/a.B/C", body: text, "Content-Type: application/grpc-web-text"))
            }
            let upstream = try HTTP2Peer(serving: try origin.accept())
            #expect(try upstream.request().body == frame)
            try sender.value()
        }
    }
}
