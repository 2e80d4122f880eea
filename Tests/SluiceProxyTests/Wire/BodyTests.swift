import NIOCore
import SluiceConfig
import SluiceFilters
import SluiceTesting
import SluiceUpstream
import Testing

/// RFC 9112, sections 6 and 7: how long bodies are, both ways.
@Suite struct BodyTests {
    @Test func bodyOfKnownLengthPassesBothWays() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (request, response) = try gateway.exchange(Wire.post(body: "up"), with: origin, answer: Wire.ok("down"))
            #expect(request.text == "up" && request["Content-Length"] == "2" && request["Transfer-Encoding"] == nil)
            #expect(
                response.text == "down" && response["Content-Length"] == "4" && response["Transfer-Encoding"] == nil
            )
        }
    }

    @Test func chunksAndTrailersPassBothWays() throws {
        let origin = try ScriptedOrigin()
        let lines = ["Host: a", "Transfer-Encoding: chunked", "Trailer: X-Sum, X-More"]
        let trailers = ["X-Sum: 1", "X-More: two"]
        let body = Wire.chunked("first", "second", trailers: trailers)
        let answer = Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked", "Trailer: X-Sum, X-More"]) + body
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(Wire.message("POST / HTTP/1.1", lines) + body, with: origin, answer: answer)
            for message in [seen.request, seen.response] {
                #expect(message.wasChunked && message.text == "firstsecond" && message["Content-Length"] == nil)
                #expect(message["Trailer"] == "X-Sum, X-More")
                #expect(message.trailers.map { "\($0.name): \($0.value)" } == trailers)
            }
        }
    }

    @Test func chunkExtensionsAreNotPassedOn() throws {
        // RFC 9112, section 7.1.1.
        let origin = try ScriptedOrigin()
        let body = "3;name=value\r\nabc\r\n0;last\r\n\r\n"
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(
                Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + body,
                with: origin,
                answer: Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + body
            )
            #expect(seen.request.text == "abc" && seen.response.text == "abc")
        }
    }

    @Test(arguments: ["Content-Length: 0", "Transfer-Encoding: chunked"])
    func emptyBodyStaysEmpty(framing: String) throws {
        let origin = try ScriptedOrigin()
        let end = framing.hasPrefix("T") ? "0\r\n\r\n" : ""
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(
                Wire.message("POST / HTTP/1.1", ["Host: a", framing]) + end,
                with: origin,
                answer: Wire.message("HTTP/1.1 200 OK", [framing]) + end
            )
            #expect(seen.request.body.isEmpty && seen.response.body.isEmpty && seen.response.status == 200)
        }
    }

    @Test func answerWithoutALengthGoesToHTTP11InChunks() throws {
        // RFC 9112, section 6.3, rule 8: the upstream's end of the connection is the end of the body.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.get())
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send("HTTP/1.0 200 OK\r\n\r\nfirst ")
                #expect(try client.readHead()["Transfer-Encoding"] == "chunked")
                #expect(try client.readText(11) == "6\r\nfirst \r\n")
                try upstream.send("second")
                #expect(try client.readText(11) == "6\r\nsecond\r\n")
                upstream.close()
                #expect(try client.readText(5) == "0\r\n\r\n")
            }
        }
    }

    @Test func requestThatComesByteByByteIsTheSame() throws {
        let origin = try ScriptedOrigin()
        let lines = ["Host: a", "Transfer-Encoding: chunked", "X-Empty:"]
        let request = Wire.message("POST /a?b HTTP/1.1", lines) + Wire.chunked("body", trailers: ["X: y"])
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            for byte in request.utf8 {
                try client.send([byte])
                try gateway.settle()
            }
            let upstream = try origin.accept()
            let seen = try upstream.readRequest()
            #expect(seen.startLine == "POST /a?b HTTP/1.1" && seen.text == "body" && seen.trailers.count == 1)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func answerThatComesByteByByteIsTheSame() throws {
        let origin = try ScriptedOrigin()
        let answer =
            Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + Wire.chunked("body", trailers: ["X: y"])
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            for byte in answer.utf8 {
                try upstream.send([byte])
                try gateway.settle()
            }
            let response = try client.readResponse()
            #expect(response.text == "body" && response.trailers.count == 1)
        }
    }

    @Test func bodyIsPassedOnWhileItStillComes() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 10"]) + "12345")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            #expect(try upstream.readText(5) == "12345")
            try client.send("67890")
            #expect(try upstream.readText(5) == "67890")
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 4"]) + "ab")
            _ = try client.readHead()
            #expect(try client.readText(2) == "ab")
            try upstream.send("cd")
            #expect(try client.readText(2) == "cd")
        }
    }

    @Test func bodyThatComesBeforeTheUpstreamIsConnectedIsNotLost() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let second = try gateway.connect(name: "second")
            let length = 300_000
            try second.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: \(length)"]))
            var sent = try second.sendUntilStalled(Pattern.bytes(length)[...], stall: .milliseconds(20))
            try upstream.send(Wire.ok())
            _ = try first.readResponse()
            _ = try upstream.readHead()
            var read = 0
            while read < length {
                let piece = min(16 * 1024, sent - read)
                try upstream.readPattern(piece, from: read)
                read += piece
                sent += try second.sendUntilStalled(Pattern.bytes(length - sent, from: sent)[...], stall: .zero)
            }
            try upstream.send(Wire.ok("done"))
            #expect(try second.readResponse().text == "done")
        }
    }

    /// What ends a body of known length is a count and no byte of its own: once the last piece fills the upstream's
    /// buffer, nothing more arrives that would make the gateway look again.
    @Test(arguments: [65_600, 70_000, 100_000], [false, true])
    func endOfALongBodyIsSeenWithItsLastByte(length: Int, isFiltered: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.upstreams[0].limits.connections = 1
            if isFiltered { $0.filters = [ProbeFilter.model { $0.requestBody = .stream }] }
        }
        try TestGateway.run(model) { gateway in
            // The body waits as a whole until the one connection is free.
            let other = try gateway.connect(name: "other")
            try other.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: \(length)"]))
            try gateway.wait(for: "the request to queue") { gateway.current(.pending) == 1 }
            try client.sendPattern(length)
            try gateway.settle()
            try upstream.send(Wire.ok())
            #expect(try upstream.readRequest().body.count == length)
            try upstream.send(Wire.ok("done"))
            #expect(try client.readResponse().text == "done")
            // Whoever knows that the request is complete can go on with both connections.
            try client.send(Wire.get("/next"))
            #expect(try upstream.readRequest().target == "/next")
        }
    }
}
