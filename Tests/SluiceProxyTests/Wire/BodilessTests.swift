import SluiceConfig
import SluiceTesting
import Testing

/// RFC 9112, section 6.3, rules 1 and 2: answers that have no body whatever their fields say.
@Suite struct BodilessTests {
    @Test(arguments: [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
    ])
    func bothConnectionsGoOnBehindAnAnswerWithoutBody(method: String, answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().startLine == "\(method) / HTTP/1.1")
            try upstream.send(answer)
            let response = try client.readResponse(to: method)
            #expect(answer.hasPrefix(response.startLine))
            #expect(answer.contains("1000") == (response["Content-Length"] == "1000"))
            #expect(response["Connection"] == nil)
            try client.send(Wire.get("/next"))
            #expect(try upstream.readRequest().target == "/next")
            try upstream.send(Wire.ok("next"))
            #expect(try client.readResponse().text == "next")
        }
    }

    @Test func answerToHEADOfAnHTTP10ClientNamesNoTransferCoding() throws {
        // RFC 9112, section 6.1: no Transfer-Encoding unless the request says HTTP/1.1.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            let (_, response) = try gateway.exchange("HEAD / HTTP/1.0\r\n\r\n", with: origin, answer: answer)
            #expect(response["Transfer-Encoding"] == nil)
        }
    }

    @Test(arguments: ["HEAD", "GET"])
    func bodyWhereNoneMayBeIsNotTakenForTheNextAnswer(method: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let head =
                method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n"
            try upstream.send(head + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
            #expect(try client.readResponse(to: method).status == (method == "HEAD" ? 200 : 204))
            try upstream.expectGone()
            try client.send(Wire.get())
            let second = try origin.accept()
            _ = try second.readRequest()
            try second.send(Wire.ok("good"))
            #expect(try client.readResponse().text == "good")
        }
    }

    @Test func localAnswerToHEADHasTheLengthButNotTheBody() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "hello" })) { gateway in
            let client = try gateway.connect()
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + Wire.get())
            #expect(try client.readResponse(to: "HEAD")["Content-Length"] == "5")
            #expect(try client.readResponse().text == "hello")
        }
    }

    @Test func answer204NamesNoLength() throws {
        // RFC 9110, section 8.6: a server must not send Content-Length in a 204.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let answer = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
            let response = try gateway.exchange(Wire.get(), with: origin, answer: answer).response
            #expect(response["Content-Length"] == nil)
        }
    }
}
