import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTesting
import SluiceUpstream
import Testing

/// Upstreams that take too long, on a clock that the test moves.
@Suite struct TimeoutTests {
    private func start(_ gateway: TestGateway, _ origin: ScriptedOrigin) throws -> (client: RawPeer, upstream: RawPeer)
    {
        let client = try gateway.connect()
        try client.send(Wire.get())
        let upstream = try origin.accept()
        _ = try upstream.readRequest()
        return (client: client, upstream: upstream)
    }

    @Test(arguments: [nil, TimeAmount.seconds(3)])
    func headOfTheAnswerIsDue(route: TimeAmount?) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].responseHeadTimeout = route }
        let limit = route ?? .seconds(15)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            try upstream.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
            #expect(try client.readResponse().status == 100)
            try gateway.advance(by: limit - .milliseconds(200))
            #expect(try client.isSilent)
            try gateway.advance(by: .milliseconds(500))
            let response = try client.readResponse()
            #expect(response.status == 504 && response.text.contains("response_head_timeout"))
            #expect(response["Connection"] == nil)
            try upstream.expectGone()
            #expect(gateway.current(.requests) == 0)
        }
    }

    @Test func timeForTheHeadBeginsWithTheEndOfTheRequest() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 2"]) + "1")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try gateway.advance(by: .minutes(1))
            try client.send("2")
            #expect(try upstream.readText(2) == "12")
            try gateway.advance(by: .seconds(14))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            #expect(try client.readResponse().status == 504)
        }
    }

    @Test func routeTimeoutCutsAnAnswerThatTakesTooLong() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].timeout = .seconds(5) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]) + "12345")
            _ = try client.readHead()
            #expect(try client.readText(5) == "12345")
            try gateway.advance(by: .milliseconds(5200))
            try client.expectGone()
            try upstream.expectGone()
            #expect(gateway.count(of: .routeTimeout) == 1)
        }
    }

    @Test func answerThatStallsIsCutAfterTheIdleTimeAndOneThatMovesIsNot() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]))
            _ = try client.readHead()
            for i in 0..<5 {
                try gateway.advance(by: .minutes(4))
                try upstream.send("\(i)")
                #expect(try client.readText(1) == "\(i)")
            }
            try gateway.advance(by: .minutes(6))
            try client.expectGone()
            try upstream.expectGone()
            #expect(gateway.count(of: .streamIdle) == 1)
        }
    }

    @Test func idleTimeOfTheRouteWinsOverTheListeners() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].streamIdleTimeout = .seconds(2) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]))
            _ = try client.readHead()
            try gateway.advance(by: .milliseconds(1800))
            try upstream.send("1")
            #expect(try client.readText(1) == "1")
            try gateway.advance(by: .milliseconds(1800))
            #expect(try client.isSilent)
            try gateway.advance(by: .milliseconds(500))
            try client.expectGone()
        }
    }

    @Test func clientThatReadsSlowlyButSteadilyIsNotIdle() throws {
        // The gateway holds the rest of the answer; only the client moves.
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].streamIdleTimeout = .seconds(10) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            let size = 4_000_000
            client.readSize = 16 * 1024
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(size)"]))
            var sent = 0
            var read = 0
            _ = try client.readHead()
            while read < size {
                sent += try upstream.sendPatternUntilStalled(from: sent, limit: size - sent, stall: .milliseconds(20))
                let piece = min(200_000, sent - read)
                // The origin was held up, not the client.
                if piece == 0 { continue }
                try client.readPattern(piece, from: read)
                read += piece
                try gateway.advance(by: .seconds(8))
            }
            #expect(gateway.count(of: .streamIdle) == 0)
        }
    }

    @Test func timeoutThatIsOffNeverComes() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].responseHeadTimeout = .zero
            $0.routes[0].streamIdleTimeout = .zero
        }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let (client, upstream) = try start(gateway, origin)
            try gateway.advance(by: .hours(5))
            #expect(try client.isSilent && upstream.isSilent)
            try upstream.send(Wire.ok("at last"))
            #expect(try client.readResponse().text == "at last")
        }
    }
}
