import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import SluiceUpstream
import Testing

/// Answers that the gateway makes itself, to clients of gRPC: a status and nothing else.
@Suite struct GRPCLocalReplyTests {
    static let grpc = ("content-type", "application/grpc+proto")

    @Test("over HTTP/2 it is one header block")
    func overHTTP2() throws {
        let closed = try ClosedPort()
        try TestGateway.run(.forwarding(to: closed.address)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request("POST", "/a.B/C", [Self.grpc, ("te", "trailers")], body: "\0\0\0\0\0")
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer.isWhole && answer.body.isEmpty && answer.trailers.isEmpty)
            #expect(answer["content-type"] == "application/grpc+proto")
            #expect(answer["grpc-status"] == "14")
            #expect(answer["grpc-message"] == "The service could not be reached.")
            #expect(answer["x-sluice-reason"] == "connect_failed")
            #expect(answer["x-request-id"]?.isEmpty == false)
            #expect(answer["content-length"] == nil)
        }
    }

    @Test("over HTTP/1.1 the connection goes on")
    func overHTTP1() throws {
        let model = GatewayModel.routing(.respond("there", .exact("/there")) { _ in })
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"))
                let answer = try client.readResponse()
                #expect(answer.status == 200 && answer["grpc-status"] == "12" && answer["content-length"] == "0")
                #expect(answer["content-type"] == "application/grpc" && answer["x-sluice-reason"] == "no_route")
            }
        }
    }

    @Test(
        "others get what they always get",
        arguments: [
            nil, "application/json", "application/grpc-web", "application/grpc-web-text+proto", "application/grpcx",
        ]
    )
    func others(type: String?) throws {
        let model = GatewayModel.routing(.respond("there", .exact("/there")) { _ in })
        try TestGateway.run(model) { gateway in
            let lines = type.map { ["Content-Type: \($0)"] } ?? []
            let client = try gateway.connect()
            try client.send(Wire.message("POST /a.B/C HTTP/1.1", ["Host: a", "Content-Length: 0"] + lines))
            let answer = try client.readResponse()
            #expect(answer.status == 404 && answer["grpc-status"] == nil)
            #expect(answer["content-type"] == "application/json" && answer.text.contains("\"code\":\"no_route\""))
        }
    }

    @Test("what a route says itself is said as it is")
    func direct() throws {
        var model = GatewayModel.routing(
            .respond("there", .exact("/there")) {
                $0.status = 503
                $0.body = "closed"
            }
        )
        model.routes.append(.redirect("moved", .exact("/moved")) { $0.to = "/there" })
        try TestGateway.run(model) { gateway in
            let type = "Content-Type: application/grpc"
            let answer = try gateway.answer(to: Wire.post("/there", body: "x", type))
            #expect(answer.status == 503 && answer.text == "closed" && answer["grpc-status"] == nil)
            #expect(try gateway.answer(to: Wire.post("/moved", body: "x", type)).status == 308)
        }
    }

    @Test("the answer of a filter is turned too, and keeps its headers")
    func filters() throws {
        var model = GatewayModel.routing(.respond("there", .any) { _ in })
        model.filters = [
            ProbeFilter.model {
                $0.onRequest = { _ in
                    var local = LocalReply(.rateLimited)
                    local.fields = [(name: Array("Retry-After".utf8), value: Array("7".utf8))]
                    return .respond(local)
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"))
            #expect(answer.status == 200 && answer["grpc-status"] == "14" && answer["retry-after"] == "7")
            #expect(answer["x-sluice-reason"] == "rate_limited")
            try gateway.wait(for: "the count") { gateway.count(of: .rateLimited) == 1 }
        }
    }

    @Test("a body of the filter's own is the message, encoded")
    func message() throws {
        var model = GatewayModel.routing(.respond("there", .any) { _ in })
        model.filters = [
            ProbeFilter.model {
                $0.onRequest = { _ in
                    .respond(LocalReply(status: 401, body: Array("näh\n100%".utf8), error: .credentialMissing))
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"))
            #expect(answer["grpc-status"] == "16" && answer["grpc-message"] == "n%C3%A4h%0A100%25")
        }
    }

    @Test("a body that is too large")
    func tooLarge() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].bodyLimit = 4 }
        try TestGateway.run(model) { gateway in
            let type = "Content-Type: application/grpc"
            #expect(try gateway.answer(to: Wire.post("/a.B/C", body: "12345", type))["grpc-status"] == "8")
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request("POST", "/a.B/C", [Self.grpc], body: "12", ends: false)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try client.send("345", on: stream)
            let answer = try client.answer(to: stream)
            #expect(answer["grpc-status"] == "8", "\(answer)")
            try upstream.expectGone()
        }
    }

    @Test("an answer that breaks off resets the stream")
    func broken() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request("POST", "/a.B/C", [Self.grpc], body: "x")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            try upstream.respond(to: request.stream, 200, [Self.grpc], body: "\0\0\0\0\u{9}a", ends: false)
            try client.wait { client.messages[stream]?.body.isEmpty == false }
            try upstream.reset(request.stream, .internalError)
            let answer = try client.answer(to: stream)
            #expect(!answer.isWhole && answer.resetCode != nil && answer.resetCode != .noError)
        }
    }

    @Test("an upstream's answer without a status of gRPC passes as it is")
    func foreign() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (_, answer) = try gateway.exchange(
                Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"),
                with: origin,
                answer: Wire.message("HTTP/1.1 503 X", ["Content-Type: text/html", "Content-Length: 4"]) + "busy"
            )
            #expect(answer.status == 503 && answer.text == "busy" && answer["grpc-status"] == nil)
        }
    }
}
