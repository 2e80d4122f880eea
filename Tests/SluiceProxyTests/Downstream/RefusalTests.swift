import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// What the gateway refuses by itself: status, body for people, connection, counters.
@Suite struct RefusalTests {
    private func model(_ change: (inout GatewayModel) -> Void = { _ in }) -> GatewayModel {
        var model = GatewayModel.routing(.respond("r", .prefix("/served")) { $0.body = "x" })
        model.routes[0].match.methods = ["GET", "PUT"]
        change(&model)
        return model
    }

    @Test(arguments: [
        (Wire.get("/nothing"), 404, "no_route", false),
        (Wire.post("/served", body: ""), 405, "method_not_allowed", false),
        (Wire.get("/served/%2f"), 400, "encoded_slash", true),
        (Wire.get("/" + String(repeating: "u", count: 17_000)), 414, "uri_too_long", true),
        (Wire.get("/served", "X: " + String(repeating: "v", count: 33_000)), 431, "head_too_large", true),
        (
            Wire.message("GET /served HTTP/1.1", ["Host: a"] + (0..<100).map { "X-\($0): y" }), 431, "too_many_fields",
            true
        ),
        (Wire.get("/served", "Expect: the-unexpected"), 417, "unknown_expectation", true),
        ("GET /served HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version", true),
        (
            Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: gzip"]), 501, "unknown_transfer_coding",
            true
        ),
        ("GET /served HTTP/1.1\r\n\r\n", 400, "missing_host", true),
    ])
    func refusalIsShortJSONWithReasonAndID(request: String, status: Int, code: String, ends: Bool) throws {
        try TestGateway.run(model()) { gateway in
            let client = try gateway.connect()
            try client.send(request)
            let response = try client.readResponse()
            #expect(response.status == status)
            #expect(response["Content-Type"] == "application/json")
            let id = try #require(response["X-Request-Id"])
            #expect(id.count == 36)
            #expect(response.text.hasPrefix("{\"status\":\(status),\"code\":\"\(code)\",\"message\":\""))
            #expect(response.text.hasSuffix("\",\"request_id\":\"\(id)\"}\n"))
            #expect((response["Connection"] == "close") == ends)
            if ends { try client.expectEnd() }
            try gateway.settle()
            let error = GatewayError.allCases.first { $0.code == code }
            #expect(error.map(gateway.count) == 1)
        }
    }

    @Test(arguments: [
        ("text/plain", true), ("text/*;q=0.5, image/png", true), ("*/*", false), ("text/html, */*", false),
        ("application/json, text/plain", false), ("TEXT/PLAIN", true),
    ])
    func refusalIsTextForThoseWhoAskForIt(accept: String, isText: Bool) throws {
        try TestGateway.run(model()) { gateway in
            let response = try gateway.answer(to: Wire.get("/nothing", "Accept: \(accept)"))
            #expect(response["Content-Type"] == (isText ? "text/plain; charset=utf-8" : "application/json"))
            let id = try #require(response["X-Request-Id"])
            if isText {
                #expect(response.text == "404 no_route: There is nothing at this address.\nrequest id: \(id)\n")
            }
        }
    }

    @Test func missedMethodSaysWhichOnesThereAre() throws {
        // RFC 9110, section 15.5.6.
        try TestGateway.run(model()) { gateway in
            let response = try gateway.answer(to: Wire.post("/served/x", body: ""))
            #expect(response.status == 405 && response["Allow"] == "GET, HEAD, PUT")
        }
    }

    @Test func refusalShowsNothingOfAnEarlierRequest() throws {
        // The same exchange object served a HEAD that wanted text; what is refused now was no request at all.
        try TestGateway.run(model()) { gateway in
            let first = try gateway.connect()
            try first.send("HEAD /nothing HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\nConnection: close\r\n\r\n")
            let earlier = try first.readResponse(to: "HEAD")
            try first.expectEnd()
            try gateway.settle()
            let second = try gateway.connect()
            try second.send("\rX")
            let response = try second.readResponse()
            #expect(response.status == 400 && response["Content-Type"] == "application/json")
            #expect(response.text.contains("bare_cr"))
            #expect(response["X-Request-Id"] != earlier["X-Request-Id"])
        }
    }

    @Test func slowHeadIsGivenUpAfterItsTimeHoweverSteadilyItTrickles() throws {
        try TestGateway.run(model(), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try gateway.wait(for: "the connection") { gateway.connectionCount == 1 }
            for byte in "GET /serv".utf8 {
                try client.send([byte])
                try gateway.advance(by: .seconds(1))
            }
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            let response = try client.readResponse()
            #expect(response.status == 408 && response.text.contains("request_head_timeout"))
            try client.expectEnd()
        }
    }

    @Test func slowHeadBehindAnAnswerHasItsOwnTime() throws {
        try TestGateway.run(model(), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/served"))
            _ = try client.readResponse()
            try gateway.advance(by: .seconds(50))
            try client.send("GET /served HTTP/1.1\r\n")
            try gateway.advance(by: .seconds(9))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            #expect(try client.readResponse().status == 408)
        }
    }

    @Test func slowBodyIsGivenUpAfterTheIdleTime() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 100"]) + "x")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            for _ in 0..<3 {
                try gateway.advance(by: .minutes(4))
                try client.send("x")
            }
            try gateway.advance(by: .minutes(4))
            #expect(try client.isSilent)
            try gateway.advance(by: .minutes(2))
            let response = try client.readResponse()
            #expect(response.status == 408 && response.text.contains("request_body_timeout"))
            try client.expectEnd()
            try upstream.expectGone()
        }
    }

    @Test func idleTimeShorterThanOtherTimesOfTheConnectionHolds() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].streamIdleTimeout = .seconds(2) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            let upstream = try {
                try client.send(Wire.get())
                return try origin.accept()
            }()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            _ = try client.readResponse()
            try client.send(Wire.get())
            _ = try upstream.readRequest()
            try gateway.advance(by: .milliseconds(1500))
            #expect(try client.isSilent)
            try gateway.advance(by: .milliseconds(1000))
            #expect(try client.readResponse().status == 504)
        }
    }
}
