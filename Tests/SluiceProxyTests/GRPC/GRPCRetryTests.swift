import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Answers that are nothing but a status of gRPC, and the conditions that try them again.
@Suite struct GRPCRetryTests {
    static let cases: [(condition: RetryModel.Condition, status: Int, isRetried: Bool)] = [
        (.cancelled, 1, true), (.deadlineExceeded, 4, true), (.resourceExhausted, 8, true), (.internal, 13, true),
        (.unavailable, 14, true), (.unavailable, 13, false), (.cancelled, 0, false), (.unavailable, 2, false),
        (.serverError, 14, false), (.internal, 1, false),
    ]

    @Test(arguments: cases)
    func overHTTP1(condition: RetryModel.Condition, status: Int, isRetried: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(RetryTests.model(origin.address, on: condition)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "body", "Content-Type: application/grpc"))
            let first = try origin.accept()
            _ = try first.readRequest()
            try first.send(Wire.status(200, "Content-Type: application/grpc", "grpc-status: \(status)"))
            if isRetried {
                let second = try origin.accept()
                #expect(try second.readRequest().text == "body")
                try second.send(Wire.status(200, "Content-Type: application/grpc", "grpc-status: 0"))
                #expect(try client.readResponse()["grpc-status"] == "0")
            } else {
                #expect(try client.readResponse()["grpc-status"] == "\(status)")
            }
            #expect(gateway.total(\.retries) == (isRetried ? 1 : 0))
        }
    }

    @Test func overHTTP2() throws {
        let origin = try ScriptedOrigin()
        var model = RetryTests.model(origin.address, on: .unavailable)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let type = ("content-type", "application/grpc")
            let stream = try client.request("POST", "/a.B/C", [type], body: "body")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let first = try upstream.request()
            try upstream.respond(to: first.stream, 200, [type, ("grpc-status", "14")])
            let second = try upstream.request()
            #expect(second.text == "body")
            try upstream.respond(to: second.stream, 200, [type], body: "answer", trailers: [("grpc-status", "0")])
            let answer = try client.answer(to: stream)
            #expect(answer.text == "answer" && answer.trailer("grpc-status") == "0")
        }
    }

    @Test("a status behind messages comes too late for another try")
    func behindMessages() throws {
        let origin = try ScriptedOrigin()
        var model = RetryTests.model(origin.address, on: .unavailable)
        model.upstreams[0].version = .http2
        try TestGateway.run(model) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let type = ("content-type", "application/grpc")
            let stream = try client.request("POST", "/a.B/C", [type], body: "body")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            try upstream.respond(to: request.stream, 200, [type], body: "part", trailers: [("grpc-status", "14")])
            let answer = try client.answer(to: stream)
            #expect(answer.text == "part" && answer.trailer("grpc-status") == "14")
            #expect(gateway.total(\.retries) == 0)
        }
    }
}
