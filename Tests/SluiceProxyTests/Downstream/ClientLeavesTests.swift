import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Clients that end their direction, close or cut the connection, at every stage of an exchange.
@Suite struct ClientLeavesTests {
    @Test(arguments: [0, 4, 100_000])
    func clientThatEndsItsDirectionGetsItsAnswer(bodySize: Int) throws {
        let request = bodySize == 0 ? Wire.get() : Wire.post(body: String(repeating: "b", count: bodySize))
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(request)
            client.endOutput()
            let upstream = try origin.accept()
            let seen = try upstream.readRequest()
            #expect(seen.body.count == bodySize)
            try gateway.settle()
            try upstream.send(Wire.ok("answer"))
            var response = try client.readResponse()
            // An interim response is how the gateway finds out whether anybody still listens.
            if response.status == 100 { response = try client.readResponse() }
            #expect(response.text == "answer" && response["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func clientThatEndsItsDirectionWhileItsAnswerStreamsGetsTheWholeAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096)
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 1000000"]))
            var sent = try upstream.sendPatternUntilStalled(limit: 1_000_000)
            client.endOutput()
            try gateway.settle()
            _ = try client.readHead()
            var read = 0
            while read < 1_000_000 {
                let piece = min(10_000, sent - read)
                try client.readPattern(piece, from: read)
                read += piece
                sent += try upstream.sendPatternUntilStalled(from: sent, limit: 1_000_000 - sent, stall: .zero)
            }
            try client.expectEnd()
        }
    }

    @Test func answerStillQueuedIsNotLostWhenTheClientEndsItsDirection() throws {
        // The answer is complete for the gateway and goes out at the client's pace, which only then ends its direction.
        var model = GatewayModel.routing()
        model.filters = [ProbeFilter.responding(Pattern.bytes(8_000_000))]
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096)
            try client.send(Wire.get())
            try gateway.wait(for: "the request") { gateway.total(\.requests) == 1 }
            client.endOutput()
            try gateway.settle()
            let response = try client.readResponse()
            #expect(response.body.count == 8_000_000)
        }
    }

    @Test(arguments: [true, false])
    func upstreamWorkIsCancelledAtOnceWhenTheClientHasGone(byReset: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            if byReset { client.reset() } else { client.close() }
            try upstream.expectGone()
            try gateway.wait(for: "the end of the request") { gateway.current(.requests) == 0 }
            try gateway.settle()
            let counted = gateway.count(of: .downstreamReset) + gateway.count(of: .downstreamClosed)
            #expect(counted == 1)
        }
    }

    @Test(
        arguments: [
            ("Content-Length: 10", "12345", "12345"),
            ("Transfer-Encoding: chunked", "5\r\n12345\r\n", "5\r\n12345\r\n"),
            ("Transfer-Encoding: chunked", "5\r\n12345\r\n3", "5\r\n12345\r\n"),
            ("Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\nX:", "5\r\n12345\r\n"),
        ],
        [true, false]
    )
    func upstreamWorkIsCancelledWhenTheClientLeavesInTheMiddleOfItsBody(
        parts: (framing: String, sent: String, passed: String),
        isHalfClosed: Bool
    ) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", parts.framing]) + parts.sent)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            #expect(try upstream.readText(parts.passed.utf8.count) == parts.passed)
            if isHalfClosed { client.endOutput() } else { client.close() }
            try upstream.expectGone()
            #expect(!upstream.sawText("0\r\n\r\n"))
        }
    }

    @Test func upstreamWorkIsCancelledWhenTheClientLeavesInTheMiddleOfItsAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]) + "12345")
            _ = try client.readHead()
            client.reset()
            try upstream.expectGone()
        }
    }

    @Test func clientThatLeavesWhileItsRequestWaitsForAConnectionLeavesNoTrace() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get("/1"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let second = try gateway.connect(name: "second")
            try second.send(Wire.get("/2"))
            let third = try gateway.connect(name: "third")
            try third.send(Wire.get("/3"))
            try gateway.wait(for: "both to queue") { gateway.current(.pending) == 2 }
            second.reset()
            try gateway.wait(for: "one to leave") { gateway.current(.pending) == 1 }
            try upstream.send(Wire.ok())
            _ = try first.readResponse()
            #expect(try upstream.readRequest().target == "/3")
            try upstream.send(Wire.ok("3"))
            #expect(try third.readResponse().text == "3")
        }
    }

    @Test func clientThatLeavesInTheMiddleOfAHeadLeavesNoTrace() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            for cut in [true, false] {
                let client = try gateway.connect()
                try client.send("GET / HTTP/1.1\r\nHo")
                if cut { client.reset() } else { client.close() }
            }
            try gateway.wait(for: "both to be gone") { gateway.accepts().accepted == 2 && gateway.connectionCount == 0 }
            #expect(origin.isSilent)
        }
    }
}
