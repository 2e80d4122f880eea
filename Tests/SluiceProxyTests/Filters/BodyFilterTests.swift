import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Synchronization
import Testing

/// Filters that look at bodies: whole ones, piece by piece, and held back.
@Suite struct BodyFilterTests {
    private func model(_ origin: ScriptedOrigin, _ filters: FilterModel...) -> GatewayModel {
        .forwarding(to: origin.address) { $0.filters = filters }
    }

    @Test(arguments: ["Content-Length: 4", "Transfer-Encoding: chunked"])
    func wholeRequestBodyMayChangeItsLength(framing: String) throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.requestBody = .whole(limit: 100)
            $0.onRequestBody = { body, isLast, _ in
                body.writeString(isLast ? " and more" : " not yet")
                return .pass
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            let body = framing.hasPrefix("C") ? "body" : Wire.chunked("bo", "dy")
            for byte in (Wire.message("POST / HTTP/1.1", ["Host: a", framing]) + body).utf8 { try client.send([byte]) }
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.text == "body and more" && request.all("Content-Length") == ["13"] && !request.wasChunked)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func wholeRequestBodyIsBounded() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model { $0.requestBody = .whole(limit: 10) }
        try TestGateway.run(model(origin, filter)) { gateway in
            let exact = try gateway.exchange(Wire.post(body: "1234567890"), with: origin)
            #expect(exact.request.text == "1234567890")
            for request in [
                Wire.post(body: "12345678901"),
                Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
                    + Wire.chunked("12345678", "901"),
            ] {
                let response = try gateway.answer(to: request)
                #expect(response.status == 413 && response["Connection"] == "close")
            }
            #expect(origin.isSilent)
        }
    }

    @Test func wholeBodyIsSentAgainAsTheFilterLeftIt() throws {
        let origin = try ScriptedOrigin()
        var model = RetryTests.model(origin.address, on: .serverError)
        model.filters = [
            ProbeFilter.model {
                $0.requestBody = .whole(limit: 100)
                $0.onRequestBody = { body, _, _ in
                    body.writeString("!")
                    return .pass
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body"))
            for status in [503, 200] {
                let upstream = try origin.accept()
                #expect(try upstream.readRequest().text == "body!")
                try upstream.send(Wire.status(status))
            }
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func filterMayRefuseAWholeBody() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.requestBody = .whole(limit: 100)
            $0.onRequestBody = { _, _, _ in .fail(.filterFailed) }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body"))
            #expect(try client.readResponse().status == 500)
            #expect(origin.isSilent)
            // The body was read to its end, so the connection is still in step.
            try client.send(Wire.post(body: "body"))
            #expect(try client.readResponse().status == 500)
        }
    }

    @Test func requestWithoutABodyPassesAFilterThatWantsItWhole() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model { $0.requestBody = .whole(limit: 100) }
        try TestGateway.run(model(origin, filter)) { gateway in
            let request = try gateway.exchange(Wire.get(), with: origin).request
            #expect(request["Content-Length"] == nil && request["Transfer-Encoding"] == nil)
        }
    }

    @Test func piecesMayChangeOnTheirWayUp() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.requestBody = .stream
            $0.onRequestBody = { piece, isLast, _ in
                let text = String(decoding: piece.readableBytesView, as: UTF8.self)
                piece = ByteBuffer(string: text.uppercased() + (isLast ? "." : ""))
                return .pass
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 6"]) + "abc")
            let upstream = try origin.accept()
            let head = try upstream.readHead()
            #expect(head["Content-Length"] == nil && head["Transfer-Encoding"] == "chunked")
            #expect(try upstream.readText(8) == "3\r\nABC\r\n")
            try client.send("def")
            #expect(try upstream.readText(19) == "3\r\nDEF\r\n1\r\n.\r\n0\r\n\r\n")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func piecesMayChangeOnTheirWayDown() throws {
        let origin = try ScriptedOrigin()
        let filters = ["1", "2"].map { name in
            ProbeFilter.model {
                $0.responseBody = .stream
                $0.onResponseBody = { piece, isLast, _ in
                    if isLast { piece.writeString(name) }
                    return .pass
                }
            }
        }
        try TestGateway.run(model(origin, filters[0], filters[1])) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.get())
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok("body", "Connection: close"))
                let response = try client.readResponse()
                // In reverse, as all of the response side.
                #expect(response.text == "body21" && response.wasChunked && response["Content-Length"] == nil)
            }
        }
    }

    @Test func piecesThatAFilterHoldsComeBackWithTheNext() throws {
        let origin = try ScriptedOrigin()
        let seen = Mutex<[String]>([])
        let filter = ProbeFilter.model {
            $0.responseBody = .stream
            $0.onResponseBody = { piece, isLast, _ in
                let text = String(decoding: piece.readableBytesView, as: UTF8.self)
                seen.withLock { $0.append(text) }
                return text.hasSuffix(";") || isLast ? .pass : .buffer
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 9"]))
            _ = try client.readHead()
            for piece in ["ab", "c;", "de;", "fg"] {
                try upstream.send(piece)
                try gateway.wait(for: "the filter") { seen.withLock { $0.last?.hasSuffix(piece) == true } }
            }
            #expect(try client.readText(24) == "4\r\nabc;\r\n3\r\nde;\r\n2\r\nfg\r\n")
            #expect(try client.readText(5) == "0\r\n\r\n")
            #expect(seen.withLock { $0 } == ["ab", "abc;", "de;", "fg", "fg"])
        }
    }

    @Test func filterThatFailsInTheMiddleOfAnAnswerCutsIt() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.responseBody = .stream
            $0.onResponseBody = { piece, _, _ in
                piece.readableBytesView.contains(UInt8(ascii: "!")) ? .fail(.filterFailed) : .pass
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 20"]) + "fine")
            _ = try client.readHead()
            #expect(try client.readText(9) == "4\r\nfine\r\n")
            try upstream.send("bad!")
            try client.expectGone()
            #expect(!client.sawText("0\r\n\r\n"))
            try upstream.expectGone()
        }
    }

    @Test func localAnswersAndBodilessOnesDoNotConfuseBodyFilters() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.responseBody = .stream
            $0.onResponseBody = { piece, isLast, _ in
                if isLast { piece.writeString("tail") }
                return .pass
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let head = try gateway.exchange(
                "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
                with: origin,
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
            )
            #expect(head.response.status == 200)
            let none = try gateway.exchange(Wire.get(), with: origin, answer: "HTTP/1.1 204 No Content\r\n\r\n")
            #expect(none.response["Transfer-Encoding"] == nil)
            let refused = try gateway.answer(to: "GET / HTTP/1.1\r\n\r\n")
            #expect(refused.status == 400 && !refused.wasChunked)
        }
    }

    @Test func wholeResponseBodyIsShownOnceAndBounded() throws {
        let origin = try ScriptedOrigin()
        let filter = ProbeFilter.model {
            $0.responseBody = .whole(limit: 10)
            $0.onResponseBody = { piece, _, _ in
                piece = ByteBuffer(bytes: piece.readableBytesView.reversed())
                return .pass
            }
        }
        try TestGateway.run(model(origin, filter)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let answer =
                Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + Wire.chunked("abc", "def", "g")
            for byte in answer.utf8 {
                try upstream.send([byte])
                try gateway.settle()
            }
            #expect(try client.readResponse().text == "gfedcba")
            try client.send(Wire.get())
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("12345678901"))
            try client.expectGone()
            #expect(!client.sawText("10987654321") && !client.sawText("0\r\n\r\n"))
        }
    }
}
