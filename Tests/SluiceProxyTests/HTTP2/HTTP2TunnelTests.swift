import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTesting
import SluiceUpstream
import Testing

/// WebSockets (RFC 6455, RFC 8441) and CONNECT where HTTP/2 is on one side or both.
@Suite struct HTTP2TunnelTests {
    /// One end of a tunnel that stands.
    private enum End {
        case one(RawPeer)
        case two(HTTP2Peer, Int32)

        func send(_ text: String) throws {
            switch self {
            case .one(let peer): try peer.send(text)
            case .two(let peer, let stream): try peer.send(text, on: stream)
            }
        }

        /// Everything since the tunnel stood, which must be this.
        func expect(_ text: String) throws {
            switch self {
            case .one(let peer):
                let got = try peer.readText(text.utf8.count)
                if got != text { throw TestFailure("'\(got)' in place of '\(text)'") }
            case .two(let peer, let stream):
                try peer.wait { try peer.message(stream).text.hasSuffix(text) }
            }
        }

        /// Ends its own direction.
        func end() throws {
            switch self {
            case .one(let peer): peer.endOutput()
            case .two(let peer, let stream): try peer.send("", on: stream, ends: true)
            }
        }

        /// The other side has ended its direction properly.
        func expectEnd() throws {
            switch self {
            case .one(let peer): try peer.expectEnd()
            case .two(let peer, let stream):
                try peer.wait { try peer.message(stream).isWhole || peer.message(stream).resetCode != nil }
                if try !peer.message(stream).isWhole { throw TestFailure("the stream was reset, not ended") }
            }
        }

        /// Nothing is left of it, without an error.
        func expectOver() throws {
            guard case .two(let peer, let stream) = self else { return }
            try peer.wait { try peer.message(stream).resetCode != nil }
            let code = try peer.message(stream).resetCode
            if code != .noError, code != .cancel {
                throw TestFailure("the stream was reset with \(code?.rawValue ?? 0)")
            }
        }
    }

    private static func run(
        isTwoDown: Bool,
        isTwoUp: Bool,
        _ body: (_ client: End, _ upstream: End, TestGateway) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let two = isTwoDown ? try gateway.connectHTTP2() : nil
            let one = isTwoDown ? nil : try gateway.connect()
            let stream = try two?.webSocket("/chat", [("sec-websocket-protocol", "a, b")]) ?? 0
            try one?.send(
                Wire.get(
                    "/chat",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    "Sec-WebSocket-Protocol: a, b"
                )
            )
            let upstream = try accept(at: origin, isTwo: isTwoUp)
            let client = try opened(two, stream, one)
            try body(client, upstream, gateway)
        }
    }

    /// Takes the handshake of the gateway.
    private static func accept(at origin: ScriptedOrigin, isTwo: Bool) throws -> End {
        if isTwo {
            let peer = try origin.acceptHTTP2()
            let request = try peer.requestHead()
            #expect(request.method == "CONNECT" && request[":protocol"] == "websocket" && request.path == "/chat")
            #expect(request["sec-websocket-version"] == "13" && request["sec-websocket-protocol"] == "a, b")
            #expect(request["sec-websocket-key"] == nil && request["upgrade"] == nil && !request.isWhole)
            try peer.respond(to: request.stream, 200, [("sec-websocket-protocol", "b")], ends: false)
            return .two(peer, request.stream)
        } else {
            let peer = try origin.accept()
            let request = try peer.readHead()
            #expect(request.startLine == "GET /chat HTTP/1.1" && request["Upgrade"]?.lowercased() == "websocket")
            #expect(request["Connection"]?.lowercased() == "upgrade" && request["Sec-WebSocket-Version"] == "13")
            #expect(request["Sec-WebSocket-Key"]?.count == 24)
            try peer.send(agree(to: request, "Sec-WebSocket-Protocol: b"))
            return .one(peer)
        }
    }

    /// The answer of an origin that has understood the handshake.
    private static func agree(to request: HTTPMessage, _ fields: String...) -> String {
        let key = WebSocketKey.accept(forHead: ByteBuffer(string: request.rawHead))
        let proof = "Sec-WebSocket-Accept: \(String(decoding: key, as: UTF8.self))"
        return Wire.message(
            "HTTP/1.1 101 Switching Protocols",
            ["Connection: Upgrade", "Upgrade: websocket", proof] + fields
        )
    }

    /// What the client got for an answer.
    private static func opened(_ two: HTTP2Peer?, _ stream: Int32, _ one: RawPeer?) throws -> End {
        if let two {
            let head = try two.head(of: stream)
            #expect(head.status == 200 && head["sec-websocket-protocol"] == "b")
            #expect(head["sec-websocket-accept"] == nil && head["upgrade"] == nil && head["content-length"] == nil)
            return .two(two, stream)
        } else if let one {
            let head = try one.readHead()
            #expect(head.status == 101 && head["Sec-WebSocket-Protocol"] == "b")
            // RFC 6455, section 1.3.
            #expect(head["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(head["Upgrade"] == "websocket" && head["Transfer-Encoding"] == nil)
            return .one(one)
        }
        throw TestFailure("no client")
    }

    @Test("a WebSocket passes both ways and is closed by the client first", arguments: [false, true], [false, true])
    func clientCloses(isTwoDown: Bool, isTwoUp: Bool) throws {
        try Self.run(isTwoDown: isTwoDown, isTwoUp: isTwoUp) { client, upstream, _ in
            for i in 0..<3 {
                try client.send("ping \(i)\r\n\r\n")
                try upstream.expect("ping \(i)\r\n\r\n")
                try upstream.send("pong \(i)")
                try client.expect("pong \(i)")
            }
            try client.send("bye")
            try client.end()
            try upstream.expect("bye")
            try upstream.expectEnd()
            // The other direction goes on.
            try upstream.send("bye, too")
            try client.expect("bye, too")
            try upstream.end()
            try client.expectEnd()
            try client.expectOver()
            try upstream.expectOver()
        }
    }

    @Test("a WebSocket is closed by the upstream first", arguments: [false, true], [false, true])
    func upstreamCloses(isTwoDown: Bool, isTwoUp: Bool) throws {
        try Self.run(isTwoDown: isTwoDown, isTwoUp: isTwoUp) { client, upstream, gateway in
            try upstream.send("bye")
            try upstream.end()
            try client.expect("bye")
            try client.expectEnd()
            try client.send("bye, too")
            try client.end()
            try upstream.expect("bye, too")
            try upstream.expectEnd()
            try client.expectOver()
            try upstream.expectOver()
            try gateway.settle()
            #expect(gateway.count(of: .downstreamReset) == 0)
        }
    }

    @Test("a client that is gone takes the other side with it", arguments: [false, true], [false, true])
    func clientVanishes(isTwoDown: Bool, isTwoUp: Bool) throws {
        try Self.run(isTwoDown: isTwoDown, isTwoUp: isTwoUp) { client, upstream, gateway in
            try client.send("last words")
            try upstream.expect("last words")
            switch client {
            case .one(let peer): peer.reset()
            case .two(let peer, let stream): try peer.reset(stream)
            }
            switch upstream {
            case .one(let peer): try peer.expectGone()
            case .two(let peer, let stream): try peer.wait { try peer.message(stream).resetCode != nil }
            }
            try gateway.wait(for: "the end") { gateway.current(.requests) == 0 }
        }
    }

    @Test("what the client sends ahead of the answer waits for it")
    func early() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.webSocket("/chat")
            try client.send("early", on: stream)
            let upstream = try origin.accept()
            let request = try upstream.readHead()
            try client.roundTrip()
            #expect(try upstream.isSilent)
            try upstream.send(Self.agree(to: request) + "early, too")
            #expect(try upstream.readText(5) == "early")
            try client.wait { try client.message(stream).text == "early, too" }
            upstream.close()
        }
    }

    @Test("an upgrade that is refused is an ordinary answer, unless that would look like a tunnel")
    func refused() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            for (answer, status) in [
                (Wire.status(403), 403), (Wire.ok("hello"), 502), (Wire.status(302, "Location: /"), 302),
            ] {
                let stream = try client.webSocket("/chat")
                let upstream = try origin.accept()
                _ = try upstream.readHead()
                try upstream.send(answer)
                let message = try client.answer(to: stream)
                #expect(message.status == status && message.isWhole)
                upstream.close()
                try gateway.settle()
            }
        }
    }

    @Test(
        "an origin that does not prove the gateway's key has not understood the handshake (RFC 6455, section 4.1)",
        arguments: ["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "X: y"]
    )
    func unproven(proof: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.webSocket("/chat")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            let fields = ["Connection: Upgrade", "Upgrade: websocket", proof]
            try upstream.send(Wire.message("HTTP/1.1 101 Switching Protocols", fields))
            let answer = try client.answer(to: stream)
            #expect(answer.status == 502 && answer.isWhole)
            try upstream.expectGone()
        }
    }

    @Test("an upgrade that nobody could make is refused without a tunnel")
    func impossible() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes.insert(.respond("hello", .prefix("/hello")) { $0.body = "hello" }, at: 0)
            var plain = RouteModel.forward("plain", .prefix("/plain"), to: "origin")
            plain.upgrades = []
            $0.routes.insert(plain, at: 0)
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            for path in ["/hello", "/plain"] {
                let answer = try client.answer(to: try client.webSocket(path))
                #expect(answer.status == 501 && answer.isWhole)
            }
            // A protocol that is not known, and a length.
            for (name, fields, status) in [("connect-udp", [], 501), ("websocket", [("content-length", "0")], 400)] {
                var list = HTTP2FieldList()
                list.pseudo(.method, "CONNECT".utf8)
                list.pseudo(.protocol, name.utf8)
                list.pseudo(.scheme, "http".utf8)
                list.pseudo(.authority, "test".utf8)
                list.pseudo(.path, "/".utf8)
                let answer = try client.answer(to: try client.request(&list, fields, ends: false))
                #expect(answer.status == status, "\(name)")
            }
            #expect(origin.isSilent)
        }
    }

    @Test("an HTTP/2 origin without extended CONNECT cannot be asked for a WebSocket; the answer says so")
    func upstreamWithoutExtendedConnect() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.webSocket("/chat")
            var settings = HTTP2Settings()
            settings.enableConnectProtocol = false
            let upstream = try origin.acceptHTTP2(settings: settings)
            try upstream.wait { upstream.settingsCount > 0 }
            #expect(try client.answer(to: stream).status == 502)
            let next = try client.request("GET", "/")
            let request = try upstream.request()
            try upstream.respond(to: request.stream, 200)
            #expect(try client.answer(to: next).status == 200)
        }
    }

    // MARK: - Servers that have not said yet what they take

    /// Runs a WebSocket whose server has taken the connection and nothing more.
    private func withSilentServer(
        clock: ManualClock? = nil,
        _ body: (_ client: HTTP2Peer, _ stream: Int32, _ server: RawPeer, TestGateway) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address), clock: clock) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.webSocket("/chat")
            let server = try origin.accept()
            _ = try server.read(HTTP2Frames.preface.count)
            #expect(try server.readFrame().type == HTTP2Frames.Kind.settings.rawValue)
            try gateway.settle()
            try body(client, stream, server, gateway)
            try gateway.wait(for: "the end") { gateway.current(.requests) == 0 }
        }
    }

    @Test("an upgrade waits until the server has said that it takes such requests, others do not")
    func waitsForSettings() throws {
        try withSilentServer { client, stream, server, gateway in
            let other = try client.request("GET", "/other")
            let head = try server.readFrame { $0.type == HTTP2Frames.Kind.headers.rawValue }
            try gateway.settle()
            #expect(head.stream == 1 && !server.sawText("/chat"))
            try server.send(HTTP2Frames.settings([(id: 8, value: 1)]))
            let upgrade = try server.readFrame { $0.type == HTTP2Frames.Kind.headers.rawValue }
            #expect(upgrade.stream == 3)
            try server.send(HTTP2Frames.headers(3, [0x88], endStream: false))
            try server.send(HTTP2Frames.headers(1, [0x88], endStream: true))
            #expect(try client.answer(to: other).status == 200)
            #expect(try client.head(of: stream).status == 200)
            try client.send("hello", on: stream)
            let data = try server.readFrame { $0.type == HTTP2Frames.Kind.data.rawValue }
            #expect(data.stream == 3 && data.payload == Array("hello".utf8))
            try client.reset(stream)
        }
    }

    @Test("a server that never says it costs the upgrade its time, and nothing is left of it")
    func neverSays() throws {
        try withSilentServer(clock: ManualClock()) { client, stream, server, gateway in
            try gateway.advance(by: .seconds(16))
            let answer = try client.answer(to: stream)
            #expect(answer.status == 504 && answer.text.contains("response_head_timeout"))
            // Too late: nobody waits any more.
            try server.send(HTTP2Frames.settings([(id: 8, value: 1)]))
            _ = try server.readFrame { $0.type == HTTP2Frames.Kind.settings.rawValue }
            try gateway.settle()
            #expect(try server.isSilent)
        }
    }

    @Test("a server that says no, or ends the connection, is an answer at once", arguments: ["no", "end", "reset"])
    func saysNo(how: String) throws {
        try withSilentServer { client, stream, server, gateway in
            switch how {
            case "no": try server.send(HTTP2Frames.settings())
            case "end": server.close()
            default: server.reset()
            }
            let answer = try client.answer(to: stream)
            #expect(answer.status == 502 && answer.isWhole, "\(answer.text)")
        }
    }

    @Test("a client that leaves while its upgrade waits takes it back")
    func clientLeavesWaiting() throws {
        try withSilentServer { client, stream, server, gateway in
            try client.reset(stream)
            try client.roundTrip()
            try gateway.settle()
            try server.send(HTTP2Frames.settings([(id: 8, value: 1)]))
            let next = try client.request("GET", "/next")
            let head = try server.readFrame { $0.type == HTTP2Frames.Kind.headers.rawValue }
            #expect(head.stream == 1)
            try server.send(HTTP2Frames.headers(1, [0x88], endStream: true))
            #expect(try client.answer(to: next).status == 200)
        }
    }

    @Test("Upgrade: h2c on HTTP/1 is ignored")
    func h2c() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = Wire.get(
                "/",
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABk"
            )
            let (seen, answer) = try gateway.exchange(request, with: origin)
            #expect(answer.status == 200)
            for name in ["Upgrade", "HTTP2-Settings", "Connection"] { #expect(seen[name] == nil, "\(name)") }
        }
    }

    // MARK: - CONNECT

    @Test(
        "CONNECT opens a tunnel in each combination, where the listener lets it",
        arguments: [false, true],
        [false, true]
    )
    func connect(isTwoDown: Bool, isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.upstreams[0].version = isTwoUp ? .http2 : .http1
            $0.listeners[0].allowConnect = true
        }
        try TestGateway.run(model) { gateway in
            let two = isTwoDown ? try gateway.connectHTTP2() : nil
            let one = isTwoDown ? nil : try gateway.connect()
            var list = HTTP2FieldList()
            list.pseudo(.method, "CONNECT".utf8)
            list.pseudo(.authority, "db.test:5432".utf8)
            let stream = try two?.request(&list, ends: false) ?? 0
            try one?.send("CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n")
            let upstream: End
            if isTwoUp {
                let peer = try origin.acceptHTTP2()
                let request = try peer.requestHead()
                let pseudo = request.fields.filter { $0.name.hasPrefix(":") }.map(\.name)
                #expect(Set(pseudo) == [":method", ":authority"] && request[":authority"] == "db.test:5432")
                try peer.respond(to: request.stream, 200, ends: false)
                upstream = .two(peer, request.stream)
            } else {
                let peer = try origin.accept()
                #expect(try peer.readHead().startLine == "CONNECT db.test:5432 HTTP/1.1")
                try peer.send("HTTP/1.1 200 OK\r\n\r\n")
                upstream = .one(peer)
            }
            let client: End
            if let two {
                #expect(try two.head(of: stream).status == 200)
                client = .two(two, stream)
            } else if let one {
                #expect(try one.readHead().status == 200)
                client = .one(one)
            } else {
                return
            }
            try client.send("hello")
            try upstream.expect("hello")
            try upstream.send("world")
            try client.expect("world")
            try client.end()
            try upstream.expectEnd()
            try upstream.end()
            try client.expectEnd()
        }
    }

    @Test("CONNECT is refused where the listener does not let it")
    func connectIsOff() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            var list = HTTP2FieldList()
            list.pseudo(.method, "CONNECT".utf8)
            list.pseudo(.authority, "db.test:5432".utf8)
            #expect(try client.answer(to: try client.request(&list, ends: false)).status == 405)
        }
    }
}
