import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Testing

/// Bodies, trailers and interim answers where HTTP/2 is on one side or both.
@Suite struct HTTP2BodyTests {
    @Test("a body without a length goes to HTTP/1 in chunks, with its trailers; with one, as it is")
    func requestBodies() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let upstream: RawPeer
            do {
                let stream = try client.request(
                    "POST",
                    "/",
                    [("trailer", "x-sum")],
                    body: "one",
                    trailers: [("x-sum", "9")]
                )
                upstream = try origin.accept()
                let request = try upstream.readRequest()
                #expect(request.wasChunked && request.text == "one" && request.trailers.map(\.value) == ["9"])
                try upstream.send(Wire.ok())
                _ = try client.answer(to: stream)
            }
            do {
                let stream = try client.request("POST", "/", [("content-length", "3")], body: "two")
                let request = try upstream.readRequest()
                #expect(request["Content-Length"] == "3" && !request.wasChunked && request.text == "two")
                try upstream.send(Wire.ok())
                _ = try client.answer(to: stream)
            }
            do {
                // END_STREAM comes alone.
                let stream = try client.request("POST", "/", [("content-length", "0")], body: "")
                let request = try upstream.readRequest()
                #expect(request["Content-Length"] == "0" && request["Transfer-Encoding"] == nil)
                try upstream.send(Wire.ok())
                #expect(try client.answer(to: stream).status == 200)
            }
        }
    }

    @Test(
        "pieces of a body are passed on as they come, both ways, in each combination",
        arguments: [false, true],
        [false, true]
    )
    func streaming(isTwoDown: Bool, isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try Side.client(gateway, isTwo: isTwoDown)
            try client.begin("POST", "/echo")
            let upstream = try Side.origin(origin, isTwo: isTwoUp)
            try upstream.readHead()
            for i in 0..<5 {
                try client.send("ping \(i)")
                try upstream.expect("ping \(i)")
                if i == 0 { try upstream.begin() }
                try upstream.send("pong \(i)")
                if i == 0 { try client.readHead() }
                try client.expect("pong \(i)")
            }
            try client.end()
            try upstream.expectEnd()
            try upstream.send("last")
            try upstream.end()
            try client.expect("last")
            try client.expectEnd()
        }
    }

    @Test("trailers that steer a message are dropped; others pass, in both directions")
    func trailers() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let bad = [
                ("x-good", "1"), ("authorization", "Bearer x"), ("content-type", "text/plain"),
                ("x-forwarded-for", "1.2.3.4"),
            ]
            let stream = try client.request("POST", "/", body: "b", trailers: bad)
            let upstream = try origin.acceptHTTP2()
            let request = try upstream.request()
            #expect(request.trailers.map(\.name) == ["x-good"])
            try upstream.respond(to: request.stream, 200, body: "c", trailers: bad + [("grpc-status", "0")])
            #expect(try client.answer(to: stream).trailers.map(\.name) == ["x-good", "grpc-status"])
        }
    }

    @Test("a body that is not as long as it said is no body", arguments: [1, 5])
    func lengthMismatch(length: Int) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("POST", "/", [("content-length", "\(length)")], body: "abc")
            let answer = try client.answer(to: stream)
            #expect(answer.resetCode == .protocolError && !answer.isWhole)
            #expect(gateway.total(\.http2MalformedStreams) == 1)
            // What was seen of it went nowhere.
            let next = try client.request("GET", "/next")
            let upstream = try origin.acceptBusy()
            #expect(try upstream.readRequest().target == "/next")
            try upstream.send(Wire.ok())
            #expect(try client.answer(to: next).status == 200)
        }
    }

    // MARK: - Interim answers

    @Test("100 and 103 pass in each combination", arguments: [false, true], [false, true])
    func interim(isTwoDown: Bool, isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let lines = [("expect", "100-continue"), ("content-length", "4")]
            let two = isTwoDown ? try gateway.connectHTTP2() : nil
            let one = isTwoDown ? nil : try gateway.connect()
            let stream = try two?.request("PUT", "/", lines, ends: false) ?? 0
            try one?.send(Wire.message("PUT / HTTP/1.1", ["Host: a"] + lines.map { "\($0.0): \($0.1)" }))
            let up = try origin.accept()
            let up2 = isTwoUp ? try HTTP2Peer(serving: up) : nil
            let upStream: Int32
            if let up2 {
                let request = try up2.requestHead()
                #expect(request["expect"] == "100-continue")
                upStream = request.stream
                try up2.interim(on: upStream, 100)
                try up2.interim(on: upStream, 103, [("link", "</a.css>; rel=preload")])
            } else {
                upStream = 0
                #expect(try up.readHead()["expect"] == "100-continue")
                try up.send("HTTP/1.1 100 Continue\r\n\r\n")
                try up.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            }
            if let one {
                #expect(try one.readHead().status == 100)
                let hints = try one.readHead()
                #expect(hints.status == 103 && hints["Link"] == "</a.css>; rel=preload")
                try one.send("body")
            } else if let two {
                try two.wait { try two.message(stream).interim.count == 2 }
                let interim = try two.message(stream).interim
                #expect(interim[0].map(\.value) == ["100"])
                #expect(interim[1].map(\.value) == ["103", "</a.css>; rel=preload"])
                try two.send("body", on: stream, ends: true)
            }
            if let up2 {
                try up2.wait { try up2.message(upStream).isWhole }
                #expect(try up2.message(upStream).text == "body")
                try up2.respond(to: upStream, 200, body: "done")
            } else {
                #expect(try up.readText(4) == "body")
                try up.send(Wire.ok("done"))
            }
            let text = try one?.readResponse().text ?? two?.answer(to: stream).text
            #expect(text == "done")
        }
    }

    // MARK: - Answers that come early

    @Test("an answer that is whole before its request ends the stream with NO_ERROR, its trailers included")
    func earlyAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            var connection: HTTP2Peer?
            for (body, trailers) in [
                (nil, []), ("no", []), (String(repeating: "x", count: 50_000), [("grpc-status", "8")]),
            ] {
                let stream = try client.request("POST", "/", body: "begin", ends: false)
                let upstream = try connection ?? origin.acceptHTTP2()
                connection = upstream
                let request = try upstream.requestHead()
                try upstream.respond(to: request.stream, 403, body: body, trailers: trailers)
                let answer = try client.answer(to: stream)
                #expect(answer.status == 403 && answer.isWhole && answer.text == body ?? "")
                #expect(answer.trailers.count == trailers.count)
                try client.wait { try client.message(stream).resetCode != nil }
                #expect(try client.message(stream).resetCode == .noError)
                // Nobody waits for the rest there either.
                try upstream.wait { try upstream.message(request.stream).resetCode != nil }
                #expect(try upstream.message(request.stream).resetCode == .cancel)
            }
        }
    }

    @Test("a client that cancels a stream cancels the work upstream, and nothing else", arguments: [false, true])
    func cancel(isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/slow")
            let other = try client.request("GET", "/other")
            if isTwoUp {
                let upstream = try origin.acceptHTTP2()
                let slow = try upstream.request()
                let second = try upstream.request()
                try upstream.respond(to: slow.stream, 200, body: "some", ends: false)
                _ = try client.head(of: stream)
                try client.reset(stream)
                try upstream.wait { try upstream.message(slow.stream).resetCode == .cancel }
                try upstream.respond(to: second.stream, 200, body: "fine")
            } else {
                let slow = try origin.accept()
                _ = try slow.readRequest()
                let second = try origin.accept()
                _ = try second.readRequest()
                try slow.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
                _ = try client.head(of: stream)
                try client.reset(stream)
                try slow.expectGone()
                try second.send(Wire.ok("fine"))
            }
            #expect(try client.answer(to: other).text == "fine")
            try gateway.wait(for: "the count") { gateway.count(of: .downstreamReset) == 1 }
        }
    }

    @Test("an answer that breaks off is reset, not ended", arguments: [false, true])
    func truncated(isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            if isTwoUp {
                let upstream = try origin.acceptHTTP2()
                let request = try upstream.request()
                try upstream.respond(to: request.stream, 200, body: "some", ends: false)
                try client.wait { try client.message(stream).text == "some" }
                try upstream.reset(request.stream, .internalError)
            } else {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
                try client.wait { try client.message(stream).text == "some" }
                upstream.close()
            }
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && !answer.isWhole && answer.resetCode == .internalError)
            try gateway.wait(for: "the count") { gateway.count(of: .upstreamTruncated) == 1 }
        }
    }

    @Test("a head that HTTP/2 cannot carry is refused, and its body is no part of what goes up behind it")
    func headThatCannotBeSent() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) { $0.listeners[0].limits.headBytes = 256 * 1024 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let long = "X-Long: " + String(repeating: "v", count: 66_000)
            var upstream: HTTP2Peer?
            for _ in 0..<2 {
                // The second request comes in the same breath.
                try client.send(Wire.message("POST /one HTTP/1.1", ["Host: a", long, "Content-Length: 4"]) + "lost")
                try client.send(Wire.message("POST /two HTTP/1.1", ["Host: a", "Content-Length: 4"]) + "kept")
                #expect(try client.readResponse().status == 500)
                let up = try upstream ?? origin.acceptHTTP2()
                upstream = up
                let request = try up.request()
                #expect(request.path == "/two")
                try up.wait { try up.message(request.stream).text == "kept" }
                try up.respond(to: request.stream, 200, body: "done")
                #expect(try client.readResponse().text == "done")
            }
        }
    }
}
