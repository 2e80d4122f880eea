import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// `grpc-timeout` and the route's own timeout, on a clock that the test moves.
@Suite struct GRPCDeadlineTests {
    /// A call whose body goes on, as that of a stream.
    private func call(_ timeout: String?, _ gateway: TestGateway) throws -> RawPeer {
        let client = try gateway.connect()
        let lines = ["Host: a", "Content-Type: application/grpc", "TE: trailers", "Transfer-Encoding: chunked"]
        try client.send(Wire.message("POST /a.B/C HTTP/1.1", lines + (timeout.map { ["grpc-timeout: \($0)"] } ?? [])))
        try client.send("3\r\nabc\r\n")
        return client
    }

    static let cases: [(client: String?, route: TimeAmount?, told: String?, milliseconds: Int64)] = [
        ("2S", nil, "2000000u", 2000), ("2S", .seconds(5), "2000000u", 2000), ("8S", .seconds(5), "5000000u", 5000),
        (nil, .seconds(5), "5000000u", 5000), ("1500m", nil, "1500000u", 1500), ("3M", nil, "180000m", 180_000),
    ]

    @Test("the shorter of both holds from the head on, and the upstream is told", arguments: cases)
    func expires(client timeout: String?, route: TimeAmount?, told: String?, milliseconds: Int64) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].timeout = route
            $0.listeners[0].timeouts.streamIdle = .hours(1)
        }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try call(timeout, gateway)
            let upstream = try origin.accept()
            let head = try upstream.readHead()
            #expect(head.all("grpc-timeout") == (told.map { [$0] } ?? []))
            try gateway.advance(by: .milliseconds(milliseconds - 100))
            #expect(try client.isSilent)
            try gateway.advance(by: .milliseconds(250))
            let answer = try client.readResponse()
            #expect(
                answer.status == 200 && answer["grpc-status"] == "4" && answer["x-sluice-reason"] == "route_timeout"
            )
            try upstream.expectGone()
            client.close()
            try gateway.wait(for: "the count") { gateway.count(of: .routeTimeout) == 1 }
        }
    }

    @Test(
        "what is no timeout is left to the upstream to judge, as with Envoy",
        arguments: ["", "5", "5s", "-1S", "123456789S"]
    )
    func malformed(value: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try call(value, gateway)
            let upstream = try origin.accept()
            #expect(try upstream.readHead().all("grpc-timeout") == [value])
            try gateway.advance(by: .minutes(2))
            #expect(try client.isSilent)
        }
    }

    @Test("a malformed one gives way to the route's")
    func malformedWithRoute() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].timeout = .seconds(5) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try call("soon", gateway)
            #expect(try origin.accept().readHead().all("grpc-timeout") == ["5000000u"])
            client.close()
        }
    }

    @Test("no time at all is answered at once, without an attempt")
    func zero() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try call("0m", gateway)
            #expect(try client.readResponse()["grpc-status"] == "4")
            #expect(gateway.total(\.attempts) == 0)
        }
    }

    @Test("another try has less")
    func retries() throws {
        let origin = try ScriptedOrigin()
        let model = RetryTests.model(origin.address, on: .unavailable)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc", "grpc-timeout: 2S"))
            let first = try origin.accept()
            #expect(try first.readRequest()["grpc-timeout"] == "2000000u")
            try gateway.advance(by: .milliseconds(500))
            try first.send(Wire.status(200, "Content-Type: application/grpc", "grpc-status: 14"))
            let second = try origin.accept()
            #expect(try second.readRequest().all("grpc-timeout") == ["1500000u"])
            try gateway.advance(by: .milliseconds(1700))
            #expect(try client.readResponse()["grpc-status"] == "4")
        }
    }

    @Test("an answer that has begun is cut")
    func cut() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try call("2S", gateway)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
            )
            #expect(try client.readHead().status == 200)
            try gateway.advance(by: .milliseconds(2200))
            try client.expectGone()
            #expect(gateway.count(of: .routeTimeout) == 1)
        }
    }

    @Test("the upstream's patience for a head is not for streams, whose head comes with their first message")
    func headOfAStream() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners[0].timeouts.streamIdle = .minutes(10) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.advance(by: .minutes(5))
            #expect(try client.isSilent)
            try upstream.send(Wire.ok("late", "Content-Type: application/grpc"))
            #expect(try client.readResponse().text == "late")
        }
    }

    @Test("but one that a route sets is")
    func headOfARoute() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].responseHeadTimeout = .seconds(3) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "x", "Content-Type: application/grpc"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.advance(by: .milliseconds(3300))
            #expect(try client.readResponse()["grpc-status"] == "4")
            try upstream.expectGone()
        }
    }

    @Test("other requests keep the header and their own rules")
    func others() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].timeout = .seconds(5) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/", body: "x", "Content-Type: application/json", "grpc-timeout: 1S"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest()["grpc-timeout"] == "1S")
            try gateway.advance(by: .seconds(3))
            #expect(try client.isSilent)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().text == "ok")
        }
    }
}
