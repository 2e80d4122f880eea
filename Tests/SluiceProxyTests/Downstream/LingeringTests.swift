import NIOCore
import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

/// RFC 9112, section 9.6: a connection that ends with an answer is closed in stages, or the answer is lost to a reset.
@Suite struct LingeringTests {
    @Test func clientThatStillSendsCanReadItsRefusal() throws {
        let model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n")
            try gateway.settle()
            for _ in 0..<20 { try client.send(String(repeating: "more ", count: 1000)) }
            try gateway.settle()
            let response = try client.readResponse()
            #expect(response.status == 400 && response["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func clientWithATooLargeBodyCanReadItsRefusalWhileItSends() throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        model.listeners[0].limits.bodyBytes = 1000
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 200000"]))
            try gateway.settle()
            try client.sendPattern(200_000)
            try gateway.settle()
            #expect(try client.readResponse().status == 413)
            try client.expectEnd()
        }
    }

    @Test func clientThatNeverEndsItsDirectionIsCutAfterAWhile() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" }), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: close"))
            #expect(try client.readResponse().status == 200)
            try client.expectEnd()
            #expect(gateway.connectionCount == 1)
            try gateway.advance(by: .seconds(3))
            #expect(gateway.connectionCount == 0)
        }
    }

    @Test func lastAnswerIsNotCutWhileASlowClientStillReadsIt() throws {
        // The time for lingering starts when everything is written, not when the gateway has nothing more to say.
        let size = 8_000_000
        var model = GatewayModel.routing()
        model.filters = [ProbeFilter.responding(Pattern.bytes(size))]
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096)
            try client.send(Wire.get("/", "Connection: close"))
            try gateway.wait(for: "the request") { gateway.total(\.requests) == 1 }
            var left = size
            let head = try client.readHead()
            #expect(head["Content-Length"] == "\(size)")
            for _ in 0..<4 {
                _ = try client.read(100_000)
                left -= 100_000
                try gateway.advance(by: .seconds(3))
            }
            _ = try client.read(left)
            try client.expectEnd()
        }
    }

    @Test func clientThatSendsAndTakesNothingIsNotWaitedForForEver() throws {
        var model = GatewayModel.routing()
        model.filters = [ProbeFilter.responding(Pattern.bytes(8_000_000))]
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096)
            try client.send(Wire.get("/", "Connection: close"))
            try gateway.wait(for: "the request") { gateway.total(\.requests) == 1 }
            for _ in 0..<2 {
                #expect(gateway.connectionCount == 1)
                try client.send("more")
                try gateway.advance(by: .minutes(4))
            }
            #expect(gateway.connectionCount == 0)
        }
    }

    @Test func endlessStreamBehindARefusalIsNotReadForEver() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            let client = try gateway.connect()
            try client.send("BAD\r\n\r\n")
            let limit = 64 * 1024 * 1024
            let sent = (try? client.sendPatternUntilStalled(limit: limit)) ?? 0
            #expect(sent < limit)
            try gateway.wait(for: "the end of the connection") { gateway.connectionCount == 0 }
        }
    }
}
