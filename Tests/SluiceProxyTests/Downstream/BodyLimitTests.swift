import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// 413: bodies larger than the listener or the route allows, by what they say and by what they are.
@Suite struct BodyLimitTests {
    enum Place: CaseIterable { case listener, route }

    private func model(_ place: Place, _ origin: ScriptedOrigin) -> GatewayModel {
        .forwarding(to: origin.address) {
            switch place {
            case .listener: $0.listeners[0].limits.bodyBytes = 10
            case .route: $0.routes[0].bodyLimit = 10
            }
        }
    }

    @Test(arguments: Place.allCases)
    func lengthBeyondTheLimitIsRefusedBeforeAnythingIsForwarded(place: Place) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(place, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "12345678901"))
            let response = try client.readResponse()
            #expect(response.status == 413 && response.text.contains("body_too_large"))
            #expect(response["Connection"] == "close")
            try client.expectEnd()
            #expect(origin.isSilent)
        }
    }

    @Test(arguments: Place.allCases)
    func chunksBeyondTheLimitEndTheExchange(place: Place) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(place, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + "a\r\n1234567890\r\n"
            )
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try client.send("1\r\n1\r\n0\r\n\r\n")
            #expect(try client.readResponse().status == 413)
            try client.expectEnd()
            try upstream.expectGone()
            // The upstream must not take what it got for a whole request.
            #expect(!upstream.sawText("0\r\n\r\n"))
        }
    }

    @Test("what a route allows goes before what the listener allows, whichever is more", arguments: [true, false])
    func routeGoesBeforeListener(isChunked: Bool) throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].limits.bodyBytes = 10
            $0.routes[0].match.path = .prefix("/large")
            $0.routes[0].bodyLimit = 20
        }
        model.routes.append(.forward("small", .prefix("/small"), to: "origin"))
        func request(_ path: String, _ body: String) -> String {
            let chunked = Wire.message("POST \(path) HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
            return isChunked ? chunked + Wire.chunked(body) : Wire.post(path, body: body)
        }
        try TestGateway.run(model) { gateway in
            let text = String(repeating: "x", count: 20)
            let seen = try gateway.exchange(request("/large", text), with: origin)
            #expect(seen.request.text == text && seen.response.status == 200)
            #expect(try gateway.answer(to: request("/large", text + "y")).status == 413)
            #expect(try gateway.answer(to: request("/small", "12345678901")).status == 413)
        }
    }

    @Test(arguments: Place.allCases)
    func bodyOfExactlyTheLimitPasses(place: Place) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(place, origin)) { gateway in
            let seen = try gateway.exchange(Wire.post(body: "1234567890"), with: origin)
            #expect(seen.request.text == "1234567890" && seen.response.status == 200)
            let chunked = Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
            let again = try gateway.exchange(chunked + Wire.chunked("12345", "67890"), with: origin)
            #expect(again.request.text == "1234567890" && again.response.status == 200)
        }
    }
}
