import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Upstreams that answer nonsense, too much, too little, or twice.
@Suite struct UpstreamFailureTests {
    /// RFC 9112: what is a 400 from a client is a 502 from an upstream.
    @Test(arguments: [
        "garbage\r\n\r\n", "HTTP/1.1\r\nX: y\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n",
        "HTTP/1.1 000 X\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\u{0}\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "\0\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d",
    ])
    func nonsenseIsA502(answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(answer)
            let response = try client.readResponse()
            #expect(response.status == 502 && response.text.contains("upstream_protocol_error"))
            // Nothing of what the upstream said, and nothing of where it is.
            #expect(!response.rawHead.contains("127.0.0.1") && !response.text.contains("127.0.0.1"))
            try upstream.expectGone()
            // The client did nothing wrong: its connection goes on.
            try client.send(Wire.get("/next"))
            let next = try origin.accept()
            #expect(try next.readRequest().target == "/next")
        }
    }

    @Test(arguments: [
        "X: " + String(repeating: "v", count: 70_000), (0..<300).map { "X-\($0): v" }.joined(separator: "\r\n"),
    ])
    func headThatIsTooLargeIsA502(lines: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\(lines)\r\n\r\n"
            let response = try gateway.exchange(Wire.get(), with: origin, answer: answer).response
            #expect(response.status == 502 && response.text.contains("upstream_head_too_large"))
        }
    }

    @Test("interim answers without end are a 502, as many as are allowed are not", arguments: [100, 102, 103], [0, 1])
    func endlessInterimAnswers(status: Int, tooMany: Int) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.get())
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                let count = ResponseHead.interimLimit + tooMany
                let interim = String(repeating: "HTTP/1.1 \(status) Wait\r\n\r\n", count: count)
                try upstream.send(interim + Wire.ok("done", "Connection: close"))
                for _ in 0..<ResponseHead.interimLimit { #expect(try client.readHead().status == status) }
                let response = try client.readResponse()
                #expect(response.status == (tooMany > 0 ? 502 : 200))
                #expect(response.text.contains(tooMany > 0 ? "upstream_protocol_error" : "done"))
                try upstream.expectGone()
            }
            try gateway.wait(for: "the count") { gateway.count(of: .upstreamProtocolError) == 2 * tooMany }
        }
    }

    @Test("so it is over HTTP/2: of the stream, not of its connection")
    func endlessInterimAnswersOverHTTP2() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = .http2 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let stream = try upstream.requestHead().stream
            for _ in 0...ResponseHead.interimLimit { try upstream.interim(on: stream, 103) }
            for _ in 0..<ResponseHead.interimLimit { #expect(try client.readHead().status == 103) }
            let response = try client.readResponse()
            #expect(response.status == 502 && response.text.contains("upstream_protocol_error"))
            try client.send(Wire.get("/next"))
            let next = try upstream.requestHead()
            try upstream.respond(to: next.stream, 200, body: "next")
            #expect(try client.readResponse().text == "next")
        }
    }

    @Test func endlessHeadIsNotReadForEver() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send("HTTP/1.1 200 OK\r\nX: ")
            let sent = (try? upstream.sendUntilStalled([UInt8](repeating: 0x61, count: 30_000_000)[...])) ?? 0
            #expect(sent < 30_000_000)
            #expect(try client.readResponse().status == 502)
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nConte"], [true, false])
    func endBeforeTheHeadIsA502(start: String, byReset: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            if !start.isEmpty { try upstream.send(start) }
            try gateway.settle()
            if byReset { upstream.reset() } else { upstream.close() }
            let response = try client.readResponse()
            #expect(response.status == 502)
            #expect(response.text.contains(byReset ? "upstream_reset" : "upstream_closed"))
            #expect(response["Connection"] == nil)
        }
    }

    /// The client must be able to tell that something is missing.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345678\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\nBad Name: x\r\n\r\n",
    ])
    func cutBodyIsCutForTheClientToo(answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get() + Wire.get("/never"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(answer)
            upstream.endOutput()
            let head = try client.readHead()
            #expect(head.status == 200)
            try client.expectGone()
            #expect(!client.sawText("0\r\n\r\n") && !client.sawText("HTTP/1.1"))
            try gateway.settle()
            #expect(origin.isSilent, "the request behind it must not be served on a connection that is out of step")
        }
    }

    @Test func bodyWithoutALengthThatEndsInAResetIsCutForTheClientToo() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send("HTTP/1.1 200 OK\r\n\r\n12345")
            _ = try client.readHead()
            #expect(try client.readText(10) == "5\r\n12345\r\n")
            upstream.reset()
            try client.expectGone()
            #expect(!client.sawText("0\r\n\r\n"))
        }
    }

    @Test(arguments: [Wire.ok("second"), "junk"])
    func whatComesBehindAnAnswerIsNoAnswerToTheNextRequest(extra: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("first") + extra)
            #expect(try client.readResponse().text == "first")
            try upstream.expectGone()
            try client.send(Wire.get("/2"))
            let second = try origin.accept()
            _ = try second.readRequest()
            try second.send(Wire.ok("right"))
            #expect(try client.readResponse().text == "right")
        }
    }

    @Test func answerBeforeAnyRequestIsNoAnswer() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].forwarding.retry = nil }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("one"))
            _ = try client.readResponse()
            // Two unasked answers on the idle connection.
            try upstream.send(Wire.ok("poison") + Wire.ok("poison"))
            try upstream.expectGone()
            try client.send(Wire.get())
            let fresh = try origin.accept()
            _ = try fresh.readRequest()
            try fresh.send(Wire.ok("two"))
            #expect(try client.readResponse().text == "two")
        }
    }

    @Test func endlessInterimResponsesEndWithTheTimeForTheHead() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            for _ in 0..<7 {
                try upstream.send("HTTP/1.1 102 Processing\r\n\r\n")
                #expect(try client.readResponse().status == 102)
                try gateway.advance(by: .seconds(2))
            }
            try gateway.advance(by: .seconds(2))
            #expect(try client.readResponse().status == 504)
        }
    }

    @Test func outlierIsReportedAfterARowOfFailures() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].outlier = OutlierModel() }
        try TestGateway.run(model, loops: 2) { gateway in
            for i in 0..<5 {
                #expect(gateway.reportedOutliers.isEmpty, "\(i)")
                _ = try gateway.exchange(Wire.get(), with: origin, answer: Wire.status(500))
            }
            // Five failures of the process, whichever loops met them.
            #expect(gateway.reportedOutliers.count == 1)
        }
    }
}
