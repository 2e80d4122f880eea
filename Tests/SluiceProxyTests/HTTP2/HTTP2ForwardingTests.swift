import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTesting
import Testing

/// Requests over HTTP/2 on either side, or both.
@Suite struct HTTP2ForwardingTests {
    @Test("a request over HTTP/2 reaches an HTTP/1 origin as any other, and its answer comes back")
    func downToOne() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request(
                "POST",
                "/orders?a=b",
                [("cookie", "a=1"), ("cookie", "b=2")],
                body: "hello"
            )
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.target == "/orders?a=b" && request.text == "hello")
            #expect(request["cookie"] == "a=1; b=2")
            try upstream.send(Wire.ok("world"))
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer.text == "world" && answer.isWhole)
        }
    }

    @Test("an HTTP/1 client reaches an HTTP/2 origin, with a body and trailers both ways")
    func oneToTwo() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/orders", body: "hello"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            #expect(request.method == "POST" && request.path == "/orders" && request.text == "hello")
            try upstream.respond(
                to: request.stream,
                201,
                [("content-type", "text/plain")],
                body: "world",
                trailers: [("x-sum", "1")]
            )
            let answer = try client.readResponse()
            #expect(answer.status == 201 && answer.text == "world")
            // The same connection serves the next one.
            try client.send(Wire.get("/again"))
            let again = try upstream.request()
            try upstream.respond(to: again.stream, 204)
            #expect(try client.readResponse().status == 204)
        }
    }

    @Test("many streams share one connection on both sides")
    func manyStreams() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let streams = try (0..<50).map { try client.request("GET", "/\($0)") }
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let requests = try (0..<50).map { _ in try upstream.request() }
            for request in requests.reversed() { try upstream.respond(to: request.stream, 200, body: request.path) }
            for (i, stream) in streams.enumerated() { #expect(try client.answer(to: stream).text == "/\(i)") }
            #expect(origin.isSilent)
        }
    }
}
