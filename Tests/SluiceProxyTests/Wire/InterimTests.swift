import SluiceConfig
import SluiceFilters
import SluiceTesting
import Testing

/// RFC 9110, sections 10.1.1 and 15.2: `Expect: 100-continue` and interim responses.
@Suite struct InterimTests {
    private let head = Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 4", "Expect: 100-continue"])

    @Test func expectationGoesToTheUpstreamAndItsGoAheadToTheClient() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(head)
            let upstream = try origin.accept()
            #expect(try upstream.readHead()["Expect"] == "100-continue")
            try gateway.settle()
            #expect(try client.isSilent, "the go-ahead is the upstream's to give")
            try upstream.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try client.readResponse().startLine == "HTTP/1.1 100 Continue")
            try client.send("body")
            #expect(try upstream.readText(4) == "body")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func refusalInPlaceOfTheGoAheadReachesTheClientAndNothingIsConfusedAfterwards() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(head)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.status(403))
            #expect(try client.readResponse().status == 403)
            // The client may now send the body or another request: only the end of the connection is not ambiguous.
            try upstream.expectEnd()
            try client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func localAnswerToAnExpectationSaysThatTheConnectionEnds() throws {
        try TestGateway.run(.routing(.respond("r", .exact("/x")) { $0.body = "x" })) { gateway in
            let client = try gateway.connect()
            try client.send(head)
            let response = try client.readResponse()
            #expect(response.status == 404 && response["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func expectationThatIsNotKnownIsRefused() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            let response = try gateway.answer(to: Wire.get("/", "Expect: magic"))
            #expect(response.status == 417 && response.text.contains("unknown_expectation"))
        }
    }

    @Test func severalInterimResponsesPassWithTheirFields() throws {
        // RFC 8297: 103 Early Hints.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let hints = [
                "Link: </a.css>; rel=preload", "Connection: X-Private", "X-Private: 1", "Keep-Alive: timeout=5",
            ]
            try upstream.send(Wire.message("HTTP/1.1 103 Early Hints", hints))
            let interim = try client.readResponse()
            #expect(interim.rawHead == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            try upstream.send("HTTP/1.1 102 Processing\r\n\r\n" + Wire.ok("done"))
            #expect(try client.readResponse().status == 102)
            #expect(try client.readResponse().text == "done")
            // The connection is still good for another request.
            try client.send(Wire.get("/2"))
            #expect(try upstream.readRequest().target == "/2")
        }
    }

    @Test func interimResponsesDoNotGoToHTTP10() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\n\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func gatewayGivesTheGoAheadWhenAFilterWantsTheWholeBody() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.filters = [ProbeFilter.model { $0.requestBody = .whole(limit: 100) }]
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(head)
            #expect(try client.readResponse().status == 100)
            try client.send("body")
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.text == "body" && request["Expect"] == nil)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func switchThatNobodyAskedForIsNonsense() throws {
        // RFC 9110, section 15.2.2.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            let (_, response) = try gateway.exchange(Wire.get(), with: origin, answer: answer)
            #expect(response.status == 502)
        }
    }
}
