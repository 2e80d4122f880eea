import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import Testing

/// What pretends to be gRPC-Web.
@Suite("Attacks on grpc_web") struct GRPCWebAttackTests {
    private func model(_ origin: ScriptedOrigin) throws -> GatewayModel {
        let filters = try FilterText.models("grpc_web: {}")
        return .forwarding(to: origin.address) { $0.filters = filters }
    }

    private func head(_ type: String) -> String {
        Wire.message("POST /a.B/C HTTP/1.1", ["Host: a", "Content-Type: \(type)", "Transfer-Encoding: chunked"])
    }

    @Test(
        "text that is no base64 gets 400 and ends the request upstream",
        arguments: [
            ["AAAA", "?"], ["AAAA", "A"], ["=A=="], ["AAAA", "AA=A"], ["AAAA\r\n"], ["AAAA", "\u{0}\u{0}\u{0}\u{0}"],
            ["AA", "=", "A"],
        ]
    )
    func noBase64(pieces: [String]) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(head("application/grpc-web-text"))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try client.send(pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined() + "0\r\n\r\n")
            let answer = try client.readResponse()
            #expect(answer.status == 400 && answer.text.contains("bad_grpc_web"))
            try upstream.expectGone()
            try gateway.wait(for: "the count") { gateway.count(of: .badGRPCWeb) == 1 }
        }
    }

    @Test("after the answer has begun, it cuts the connection")
    func late() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(head("application/grpc-web-text") + "4\r\nAAAA\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(
                Wire.message("HTTP/1.1 200 OK", ["Content-Type: application/grpc", "Transfer-Encoding: chunked"])
            )
            #expect(try client.readHead()["content-type"] == "application/grpc-web-text")
            try client.send("1\r\n?\r\n")
            try client.expectGone()
            try upstream.expectGone()
        }
    }

    @Test("a request that says it is gRPC-Web and gRPC is the first of its lines, for all who look")
    func twoTypes() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let (request, _) = try gateway.exchange(
                Wire.post(
                    "/a.B/C",
                    body: "AAAA",
                    "Content-Type: application/grpc-web-text",
                    "Content-Type: text/plain"
                ),
                with: origin,
                answer: Wire.ok("", "Content-Type: application/grpc", "grpc-status: 0")
            )
            #expect(request.all("content-type") == ["application/grpc"] && request.body == [0, 0, 0])
        }
    }

    @Test("a service cannot put more lines into the last frame than its trailers have")
    func trailers() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "", "Content-Type: application/grpc-web"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let trailers = [("grpc-status", "0"), ("x", "a, grpc-status: 1")]
            try upstream.respond(
                to: request.stream,
                200,
                [("content-type", "application/grpc")],
                body: "",
                trailers: trailers
            )
            let lines = "grpc-status: 0\r\nx: a, grpc-status: 1\r\n"
            #expect(try client.readResponse().body == [0x80, 0, 0, 0, UInt8(lines.utf8.count)] + Array(lines.utf8))
        }
    }

    @Test("frames of nothing, a hundred thousand of them, cost no more than their text")
    func emptyFrames() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "AAAA", "Content-Type: application/grpc-web-text"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let count = 100_000
            try upstream.send(
                Wire.message("HTTP/1.1 200 OK", ["Content-Type: application/grpc", "Content-Length: \(count * 5)"])
            )
            let handed = Handover(upstream)
            let sender = Background { try handed.value.send([UInt8](repeating: 0, count: count * 5)) }
            let answer = try client.readResponse()
            try sender.value()
            #expect(answer.body.count == count * 8 && answer.text.hasPrefix("AAAAAAA=AAAAAAA="))
        }
    }
}
