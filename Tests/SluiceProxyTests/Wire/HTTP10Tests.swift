import SluiceConfig
import SluiceTesting
import Testing

/// Clients and upstreams that speak HTTP/1.0.
@Suite struct HTTP10Tests {
    @Test func clientIsClosedAfterItsAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET /x HTTP/1.0\r\n\r\n")
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "GET /x HTTP/1.1")
            #expect(request.all("Host").count == 1)
            try upstream.send(Wire.ok("hi"))
            let response = try client.readResponse()
            #expect(response.text == "hi" && response["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func clientThatAsksForKeepAliveGetsIt() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let upstream = try origin.accept()
            for target in ["/1", "/2"] {
                let request = try upstream.readRequest()
                #expect(request.target == target && request["Connection"] == nil)
                try upstream.send(Wire.ok(target))
                let response = try client.readResponse()
                #expect(response.text == target && response["Connection"] == "keep-alive")
                if target == "/1" { try client.send("GET /2 HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n") }
            }
        }
    }

    @Test(arguments: [
        Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + Wire.chunked("un", "chunked"),
        "HTTP/1.0 200 OK\r\n\r\nunchunked",
    ])
    func bodyWithoutALengthEndsWithTheConnection(answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(answer)
            upstream.close()
            let response = try client.readResponse()
            #expect(response["Transfer-Encoding"] == nil && response["Connection"] == "close")
            #expect(response.text == "unchunked")
        }
    }

    @Test func upstreamThatSaysKeepAliveIsUsedAgainAndOneThatDoesNotIsNot() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1"))
            let first = try origin.accept()
            _ = try first.readRequest()
            try first.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
            #expect(try client.readResponse()["Connection"] == nil)
            try client.send(Wire.get("/2"))
            #expect(try first.readRequest().target == "/2")
            try first.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = try client.readResponse()
            try first.expectEnd()
            try client.send(Wire.get("/3"))
            #expect(try origin.accept().readRequest().target == "/3")
        }
    }

    @Test func missingHostIsFilledInForTheUpstream() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].host = .preserve }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange("GET / HTTP/1.0\r\n\r\n", with: origin).request
            #expect(request.all("Host").count == 1 && request["Host"]?.isEmpty == false)
            #expect(request["X-Forwarded-Host"] == nil)
        }
    }

    @Test func cutAnswerIsNotTakenForACompleteOne() throws {
        // The end of the connection is the end of the body here, so only a reset says that something is missing.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\n\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + "5\r\nhello\r\n")
            _ = try client.readHead()
            #expect(try client.readText(5) == "hello")
            upstream.close()
            try client.expectReset()
        }
    }
}
