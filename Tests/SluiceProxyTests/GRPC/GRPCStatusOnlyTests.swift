import SluiceConfig
import SluiceCore
import SluiceTesting
import SluiceUpstream
import Testing

/// Answers of HTTP/2 that end with their head, which over HTTP/1.1 is not enough to end them.
@Suite struct GRPCStatusOnlyTests {
    @Test(
        "a client of HTTP/1.1 is told that nothing follows",
        arguments: [
            ("POST", 200, "0"), ("GET", 404, "0"), ("GET", 204, nil), ("GET", 304, nil), ("HEAD", 200, nil),
        ]
    )
    func length(method: String, status: Int, length: String?) throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let line = Wire.message("\(method) /a.B/C HTTP/1.1", ["Host: a", "Content-Length: 0"])
            try client.send(line)
            let upstream = try HTTP2Peer(serving: try origin.accept())
            try upstream.respond(to: try upstream.request().stream, status, [("grpc-status", "5")])
            let answer = try client.readResponse(to: method)
            #expect(answer.status == status && answer["grpc-status"] == "5" && answer["content-length"] == length)
            // The connection goes on.
            try client.send(line)
            try upstream.respond(to: try upstream.request().stream, 204)
            #expect(try client.readResponse(to: method).status == 204)
        }
    }
}
