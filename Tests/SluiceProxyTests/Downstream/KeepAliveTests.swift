import NIOCore
import SluiceConfig
import SluiceTesting
import SluiceUpstream
import Testing

/// RFC 9112, section 9.3: persistence on both sides.
@Suite struct KeepAliveTests {
    @Test func requestsOfOneClientShareOneConnectionUpstream() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/0"))
            let upstream = try origin.accept()
            for i in 0..<3 {
                #expect(try upstream.readRequest().target == "/\(i)")
                try upstream.send(Wire.ok("\(i)"))
                #expect(try client.readResponse().text == "\(i)")
                try client.send(Wire.get("/\(i + 1)"))
            }
            #expect(origin.acceptedCount == 1 && origin.isSilent)
        }
    }

    @Test func clientThatAsksForTheEndGetsIt() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: close"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest()["Connection"] == nil)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse()["Connection"] == "close")
            try client.expectEnd()
            // What the client wants says nothing about the other connection.
            try gateway.settle()
            #expect(try upstream.isSilent)
        }
    }

    @Test func connectionEndsAfterAsManyRequestsAsTheListenerAllows() throws {
        let model = GatewayModel.forwarding(to: try ClosedPort().address) {
            $0.listeners[0].limits.requestsPerConnection = 2
            $0.routes = [.respond("r", .any) { $0.body = "hi" }]
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            #expect(try client.readResponse()["Connection"] == nil)
            try client.send(Wire.get())
            #expect(try client.readResponse()["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func answerThatEndsTheUpstreamConnectionDoesNotEndTheClients() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            for i in 0..<2 {
                try client.send(Wire.get())
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok("\(i)", "Connection: close"))
                let response = try client.readResponse()
                #expect(response.text == "\(i)" && response["Connection"] == nil)
                try upstream.expectEnd()
            }
        }
    }

    @Test func idleClientIsClosedAfterTheKeepAliveTimeAndNotBefore() throws {
        let model = GatewayModel.routing(.respond("r", .any) { $0.body = "hi" })
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            _ = try client.readResponse()
            try gateway.advance(by: .seconds(59))
            #expect(try client.isSilent)
            try client.send(Wire.get())
            _ = try client.readResponse()
            try gateway.advance(by: .seconds(59))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            try client.expectEnd()
        }
    }

    @Test func clientThatNeverSendsAByteIsClosedWithoutAnAnswer() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "hi" }), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try gateway.wait(for: "the connection") { gateway.connectionCount == 1 }
            try gateway.advance(by: .seconds(11))
            try client.expectEnd()
        }
    }

    @Test func oldConnectionEndsWithItsNextAnswer() throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "hi" })
        model.listeners[0].timeouts.keepAlive = .hours(3)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            #expect(try client.readResponse()["Connection"] == nil)
            try gateway.advance(by: .minutes(53))
            try client.send(Wire.get())
            #expect(try client.readResponse()["Connection"] == nil)
            try gateway.advance(by: .minutes(8))
            try client.send(Wire.get())
            #expect(try client.readResponse()["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func idleUpstreamConnectionIsClosedAfterItsTime() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            _ = try client.readResponse()
            try gateway.advance(by: .seconds(54))
            #expect(try upstream.isSilent)
            #expect(gateway.current(.connections) == 1)
            try gateway.advance(by: .seconds(2))
            try upstream.expectEnd()
            #expect(gateway.current(.connections) == 0)
        }
    }

    @Test func upstreamThatSaysHowLongItKeepsAConnectionIsNotUsedUpToThatMoment() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("ok", "Keep-Alive: timeout=5, max=100"))
            #expect(try client.readResponse()["Keep-Alive"] == nil)
            try gateway.advance(by: .milliseconds(3500))
            #expect(try upstream.isSilent)
            try gateway.advance(by: .seconds(1))
            try upstream.expectEnd()
        }
    }

    @Test func emptyLineBeforeTheRequestLineIsForgiven() throws {
        // RFC 9112, section 2.2.
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "hi" })) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send("\r\n" + Wire.get())
                #expect(try client.readResponse().text == "hi")
            }
        }
    }
}
