import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// Requests that are larger than they say, or say nothing.
@Suite("Attacks on request_size") struct RequestSizeAttackTests {
    private func model(_ origin: ScriptedOrigin, _ settings: String) throws -> GatewayModel {
        let filters = try FilterText.models("request_size: \(settings)")
        return .forwarding(to: origin.address) { $0.filters = filters }
    }

    private let chunkedHead = Wire.message("POST / HTTP/1.1", ["Host: a.test", "Transfer-Encoding: chunked"])

    @Test(
        "a length beyond the limit is refused before anything is read",
        arguments: ["11", "1000000000000", "100000000000000000"]
    )
    func length(count: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{body: 10B}")) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("POST / HTTP/1.1", ["Host: a.test", "Content-Length: \(count)", "Expect: 100-continue"])
            )
            // The first answer is the refusal, and no go-ahead.
            let answer = try client.readResponse()
            #expect(answer.status == 413 && answer.text.contains("body_too_large") && answer["Connection"] == "close")
            try client.expectEnd()
            #expect(origin.isSilent)
        }
    }

    @Test("a body of the length that was told goes up as it came, not in chunks")
    func untouched() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{body: 10B}")) { gateway in
            let seen = try gateway.exchange(Wire.post(body: "1234567890"), with: origin).request
            #expect(seen.text == "1234567890" && seen["Content-Length"] == "10" && !seen.wasChunked)
            let chunked = try gateway.exchange(chunkedHead + Wire.chunked("12345", "67890"), with: origin).request
            #expect(chunked.text == "1234567890" && chunked.wasChunked)
        }
    }

    @Test(
        "the byte beyond the limit ends the request, wherever its chunk begins",
        arguments: [
            ["b\r\n12345678901\r\n"], ["a\r\n1234567890\r\n", "1\r\n1\r\n"], (0..<11).map { "1\r\n\($0 % 10)\r\n" },
        ]
    )
    func chunks(pieces: [String]) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{body: 10B}")) { gateway in
            let client = try gateway.connect()
            try client.send(chunkedHead)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            for piece in pieces { try client.send(piece) }
            try client.send("0\r\n\r\n")
            let answer = try client.readResponse()
            #expect(answer.status == 413 && answer["Connection"] == "close")
            try client.expectGone()
            try upstream.expectGone()
            // The upstream must not take what it got for a whole request.
            #expect(!upstream.sawText("0\r\n\r\n"))
        }
    }

    @Test("with an answer under way, a body that grows too large cuts the connection")
    func answeredAlready() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{body: 10B}")) { gateway in
            let client = try gateway.connect()
            try client.send(chunkedHead + "5\r\n12345\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
            #expect(try client.readHead().status == 200)
            try client.send("6\r\n678901\r\n")
            try client.expectGone()
            #expect(!client.sawText("0\r\n\r\n"))
            try upstream.expectGone()
        }
    }

    @Test("the limit of one route is none for the next request on the same connection")
    func noLeak() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{body: 4B}")
        model.routes = [
            .forward("large", .exact("/large"), to: "origin"), .forward("small", .prefix("/"), to: "origin"),
        ]
        model.routes[0].filters = try FilterText.models("request_size: {body: 64B}")
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for (target, body) in [
                ("/small", "1234"), ("/large", String(repeating: "x", count: 64)), ("/small", "1234"),
            ] {
                let head = Wire.message("POST \(target) HTTP/1.1", ["Host: a.test", "Transfer-Encoding: chunked"])
                try client.send(head + Wire.chunked(body))
                let upstream = try origin.accept()
                #expect(try upstream.readRequest().text == body)
                try upstream.send(Wire.ok("ok", "Connection: close"))
                #expect(try client.readResponse().status == 200)
            }
            try client.send(
                Wire.message("POST /small HTTP/1.1", ["Host: a.test", "Transfer-Encoding: chunked"]) + "5\r\n12345\r\n"
            )
            #expect(try client.readResponse().status == 413)
        }
    }

    @Test("a filter that wants the whole body gets none beyond the limit")
    func wholeBody() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{body: 10B}")
        model.filters.append(ProbeFilter.model { $0.requestBody = .whole(limit: 1000) })
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(chunkedHead + "b\r\n12345678901\r\n")
            #expect(try client.readResponse().status == 413)
            #expect(origin.isSilent)
            let seen = try gateway.exchange(chunkedHead + Wire.chunked("1234567890"), with: origin).request
            #expect(seen.text == "1234567890")
        }
    }

    @Test("a body without a length is refused where one is required, and is not taken for the next request")
    func lengthRequired() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{require_content_length: true}")) { gateway in
            let client = try gateway.connect()
            try client.send(chunkedHead + Wire.chunked("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
            let answer = try client.readResponse()
            #expect(answer.startLine == "HTTP/1.1 411 Length Required" && answer.text.contains("length_required"))
            try client.expectEnd()
            #expect(origin.isSilent)
            #expect(try gateway.exchange(Wire.get(), with: origin).response.status == 200)
        }
    }

    @Test(
        "heads",
        arguments: [
            (Wire.get("/", "X: " + String(repeating: "v", count: 64)), 431),
            (Wire.get("/", "A: b", "C: d", "E: f", "G: h"), 431),
            (Wire.get("/?" + String(repeating: "q", count: 17)), 414),
            (Wire.get("/?" + String(repeating: "q", count: 16)), 200),
            (Wire.get("/", "X: " + String(repeating: "v", count: 63), "Connection: x, keep-alive"), 200),
        ]
    )
    func heads(request: String, status: Int) throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        // `Host: a.test` takes 14 bytes.
        model.filters = try FilterText.models("request_size: {header: 64B, headers: 90B, query: 16B}")
        if request.contains("A: b") {
            model.filters = try FilterText.models("request_size: {header: 20B, headers: 37B}")
        }
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: request)
            #expect(answer.status == status)
        }
    }
}
