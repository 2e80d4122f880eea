import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// How tunnels end: each side's end is passed on at once, and nothing that was sent before it is lost.
@Suite struct TunnelEndTests {
    private func run(
        clock: ManualClock? = nil,
        change: (inout GatewayModel) -> Void = { _ in },
        _ body: (TestGateway, _ client: RawPeer, _ upstream: RawPeer) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address, change: change), clock: clock) { gateway in
            let (client, upstream) = try TunnelTests.open(gateway, origin)
            try body(gateway, client, upstream)
        }
    }

    @Test func endOfTheClientIsPassedOnAndTheOtherDirectionGoesOn() throws {
        try run { gateway, client, upstream in
            try client.send("last words")
            client.endOutput()
            #expect(try upstream.readToEnd() == Array("last words".utf8))
            try upstream.send("answer")
            #expect(try client.readText(6) == "answer")
            try upstream.send("end")
            upstream.endOutput()
            #expect(try client.readToEnd() == Array("end".utf8))
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 && gateway.current(.requests) == 0 }
        }
    }

    @Test func endOfTheUpstreamIsPassedOnAndTheOtherDirectionGoesOn() throws {
        try run { gateway, client, upstream in
            try upstream.send("last words")
            upstream.endOutput()
            #expect(try client.readToEnd() == Array("last words".utf8))
            try client.send("answer")
            #expect(try upstream.readText(6) == "answer")
            try client.send("end")
            client.endOutput()
            #expect(try upstream.readToEnd() == Array("end".utf8))
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 && gateway.current(.requests) == 0 }
        }
    }

    @Test func resetOfTheClientEndsTheUpstreamAtOnce() throws {
        try run { gateway, client, upstream in
            client.reset()
            try upstream.expectGone()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 && gateway.current(.connections) == 0 }
        }
    }

    @Test func resetOfTheUpstreamEndsTheClientAtOnce() throws {
        try run { gateway, client, upstream in
            upstream.reset()
            try client.expectGone()
            client.close()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 && gateway.current(.connections) == 0 }
        }
    }

    @Test func closedClientEndsTheUpstreamEvenWhenItStillSends() throws {
        try run { gateway, client, upstream in
            client.close()
            try upstream.expectGone()
            upstream.close()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 && gateway.current(.connections) == 0 }
        }
    }

    /// What a side sent before its end must arrive, however slowly the other one reads.
    @Test(arguments: [false, true])
    func bytesBeforeTheLastEndReachASlowUpstream(upstreamEndedFirst: Bool) throws {
        try run { gateway, client, upstream in
            if upstreamEndedFirst {
                upstream.endOutput()
                try client.expectEnd()
            }
            let sent = try client.sendPatternUntilStalled(limit: 30_000_000)
            client.endOutput()
            try gateway.settle()
            try upstream.readPattern(sent)
            try upstream.expectEnd()
        }
    }

    @Test(arguments: [false, true])
    func bytesBeforeTheLastEndReachASlowClient(clientEndedFirst: Bool) throws {
        try run { gateway, client, upstream in
            if clientEndedFirst {
                client.endOutput()
                try upstream.expectEnd()
            }
            let sent = try upstream.sendPatternUntilStalled(limit: 30_000_000)
            upstream.endOutput()
            try gateway.settle()
            try client.readPattern(sent)
            try client.expectEnd()
        }
    }

    @Test func slowUpstreamStallsTheClient() throws {
        try run { _, client, upstream in
            let limit = 60_000_000
            let sent = try client.sendPatternUntilStalled(limit: limit)
            #expect(sent < limit / 2, "the gateway and the kernel took \(sent) bytes that nobody read")
            let sender = Background { [client = Handover(client)] in try client.value.sendPattern(1_000_000, from: sent)
            }
            try upstream.readPattern(sent + 1_000_000)
            try sender.value()
        }
    }

    @Test func slowClientStallsTheUpstream() throws {
        try run { _, client, upstream in
            let limit = 60_000_000
            let sent = try upstream.sendPatternUntilStalled(limit: limit)
            #expect(sent < limit / 2, "the gateway and the kernel took \(sent) bytes that nobody read")
            let sender = Background { [upstream = Handover(upstream)] in
                try upstream.value.sendPattern(1_000_000, from: sent)
            }
            try client.readPattern(sent + 1_000_000)
            try sender.value()
        }
    }

    @Test func tunnelInWhichNothingMovesEndsAfterTheIdleTime() throws {
        try run(clock: ManualClock()) { gateway, client, upstream in
            for i in 0..<3 {
                try gateway.advance(by: .minutes(4))
                try client.send("\(i)")
                #expect(try upstream.readText(1) == "\(i)")
                try gateway.advance(by: .minutes(4))
                try upstream.send("\(i)")
                #expect(try client.readText(1) == "\(i)")
            }
            try gateway.advance(by: .minutes(6))
            try client.expectGone()
            try upstream.expectGone()
        }
    }

    @Test func routeTimeoutDoesNotEndATunnelThatStands() throws {
        try run(clock: ManualClock(), change: { $0.routes[0].timeout = .seconds(5) }) { gateway, client, upstream in
            try gateway.advance(by: .seconds(60))
            try client.send("still here")
            #expect(try upstream.readText(10) == "still here")
        }
    }

    @Test func idleTimeOfTheRouteHoldsForItsTunnels() throws {
        try run(clock: ManualClock(), change: { $0.routes[0].streamIdleTimeout = .seconds(3) }) {
            gateway,
            client,
            upstream in
            try gateway.advance(by: .seconds(2))
            try client.send("x")
            _ = try upstream.read(1)
            try gateway.advance(by: .seconds(2))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            try client.expectGone()
            try upstream.expectGone()
        }
    }
}
