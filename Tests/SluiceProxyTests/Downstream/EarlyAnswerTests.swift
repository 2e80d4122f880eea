import NIOCore
import SluiceConfig
import SluiceTesting
import Testing

/// RFC 9112, section 7.5 of 9110 and 9.3: an answer that comes while the request is still being sent.
@Suite struct EarlyAnswerTests {
    private let head = Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 10"])

    @Test func clientGetsItAndItsConnectionGoesOnBehindTheRestOfTheBody() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(head + "12345")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            _ = try upstream.read(5)
            try upstream.send(Wire.ok("early"))
            #expect(try client.readResponse().text == "early")
            // Half a request went to that connection: nobody may use it again.
            try upstream.expectEnd()
            try client.send("67890" + Wire.get("/next"))
            let second = try origin.accept()
            let next = try second.readRequest()
            #expect(next.target == "/next")
            try second.send(Wire.ok("next"))
            #expect(try client.readResponse().text == "next")
        }
    }

    @Test func restOfAChunkedBodyIsThrownAwayToo() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + "5\r\n12345\r\n"
            )
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.status(403))
            #expect(try client.readResponse().status == 403)
            try client.send("3\r\nabc\r\n0\r\nX: y\r\n\r\n" + Wire.get("/next"))
            let next = try origin.accept().readRequest()
            #expect(next.target == "/next")
        }
    }

    @Test func clientThatNeverSendsTheRestIsClosed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(head + "12345")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.ok("early"))
            #expect(try client.readResponse().text == "early")
            try gateway.advance(by: .seconds(4))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            try client.expectEnd()
        }
    }

    @Test func bothDirectionsStreamAtTheSameTime() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let upload = Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
            try client.send(upload + "1\r\na\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            #expect(try upstream.readText(6) == "1\r\na\r\n")
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + "1\r\nA\r\n")
            _ = try client.readHead()
            #expect(try client.readText(6) == "1\r\nA\r\n")
            try client.send("1\r\nb\r\n")
            #expect(try upstream.readText(6) == "1\r\nb\r\n")
            try upstream.send("1\r\nB\r\n")
            #expect(try client.readText(6) == "1\r\nB\r\n")
            try client.send("0\r\n\r\n")
            #expect(try upstream.readText(5) == "0\r\n\r\n")
            try upstream.send("0\r\n\r\n")
            #expect(try client.readText(5) == "0\r\n\r\n")
            // Complete on both sides, so both connections are as good as new.
            try client.send(Wire.get("/next"))
            let next = try upstream.readRequest()
            #expect(next.target == "/next")
        }
    }

    @Test func answerReachesTheClientWhenTheUpstreamLeavesTheRestUnread() throws {
        // The usual way of servers to say 413: answer, close, and the kernel sends a reset for what comes after.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 1000000"]) + "some")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.status(413, "Connection: close"))
            upstream.close()
            #expect(try client.readResponse().status == 413)
        }
    }
}
