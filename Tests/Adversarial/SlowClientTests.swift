import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTesting
import SluiceUpstream
import Testing

/// Clients that hold on to what they can get without doing anything.
@Suite struct SlowClientTests {
    @Test func manySlowHeadsDoNotKeepOthersWaitingAndAllEndInTime() throws {
        let count = 300
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" }), clock: ManualClock()) { gateway in
            let slow = try (0..<count).map { try gateway.connect(name: "slow \($0)") }
            for peer in slow { try peer.send("GET / HTTP/1.1\r\nX-Slow") }
            #expect(try gateway.answer(to: Wire.get()).text == "x")
            try gateway.advance(by: .seconds(9))
            for peer in slow { try peer.send("-er") }
            #expect(gateway.connectionCount >= count)
            try gateway.advance(by: .seconds(2))
            for peer in slow { #expect(try peer.readResponse().status == 408) }
            // They do not even take the end of the connection.
            try gateway.advance(by: .seconds(3))
            #expect(gateway.connectionCount == 0)
        }
    }

    @Test func manySlowBodiesHoldNoMoreThanTheLimitOfTheUpstream() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.upstreams[0].limits.requests = 10
            $0.routes[0].streamIdleTimeout = .seconds(30)
        }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let slow = try (0..<10).map { try gateway.connect(name: "slow \($0)") }
            var upstreams: [RawPeer] = []
            for peer in slow {
                try peer.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 100"]) + "x")
                upstreams.append(try origin.accept())
            }
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            try gateway.advance(by: .seconds(31))
            for peer in slow { #expect(try peer.readResponse().status == 408) }
            for upstream in upstreams { try upstream.expectGone() }
            let served = try gateway.exchange(Wire.get(), with: origin)
            #expect(served.response.status == 200)
        }
    }

    @Test func clientThatNeverReadsIsCutAfterTheIdleTime() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].streamIdleTimeout = .seconds(30) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 100000000"]))
            _ = try upstream.sendPatternUntilStalled(limit: 100_000_000)
            try gateway.advance(by: .seconds(29))
            #expect(gateway.connectionCount == 1)
            try gateway.advance(by: .seconds(2))
            try gateway.advance(by: .seconds(3))
            #expect(gateway.connectionCount == 0 && gateway.current(.requests) == 0)
            try upstream.expectGone()
        }
    }

    /// The last answer is complete for the gateway, but its client takes nothing of it.
    @Test func clientThatNeverReadsItsLastAnswerIsCutToo() throws {
        var model = GatewayModel.routing()
        model.filters = [ProbeFilter.responding(Pattern.bytes(8_000_000))]
        model.listeners[0].timeouts.streamIdle = .seconds(30)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: close"))
            for _ in 0..<8 { try gateway.advance(by: .seconds(10)) }
            #expect(gateway.connectionCount == 0)
            try client.expectGone()
        }
    }
}
