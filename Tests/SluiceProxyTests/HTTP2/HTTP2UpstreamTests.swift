import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Connections of HTTP/2 to upstreams: who shares them, when there are more, and how they end.
@Suite struct HTTP2UpstreamTests {
    private func settings(maxStreams: UInt32) -> HTTP2Settings {
        var settings = HTTP2Settings()
        settings.maxConcurrentStreams = maxStreams
        return settings
    }

    // MARK: - Requests that were not worked on

    @Test("a refused stream is sent once more, whatever its method, without any retry policy")
    func refused() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 0"]))
            let upstream = try origin.acceptHTTP2()
            let first = try upstream.request()
            try upstream.reset(first.stream, .refusedStream)
            let second = try upstream.request()
            try upstream.respond(to: second.stream, 200, body: "second")
            #expect(try client.readResponse().text == "second")
            #expect(gateway.total(\.resends) == 1)
            // Only once.
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 0"]))
            for _ in 0..<2 { try upstream.reset(try upstream.request().stream, .refusedStream) }
            let answer = try client.readResponse()
            #expect(answer.status == 503 && answer.text.contains("upstream_refused_stream"))
        }
    }

    @Test("a refused stream whose body is gone is not sent again")
    func refusedWithBody() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connect()
            // More than the 64 KiB that are kept.
            try client.send(Wire.post("/", body: String(repeating: "b", count: 150_000)))
            let upstream = try origin.acceptHTTP2()
            try upstream.reset(try upstream.request().stream, .refusedStream)
            #expect(try client.readResponse().status == 503)
            #expect(gateway.total(\.resends) == 0)
        }
    }

    @Test("streams above the last one of a GOAWAY go to another connection, those below it are served to their end")
    func goAway() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<4).map { try client.request("POST", "/\($0)") }
            let first = try origin.acceptHTTP2()
            let requests = try (0..<4).map { _ in try first.request() }
            // The library says that it has seen all of them; two have not been worked on.
            try first.sendRaw(HTTP2Frames.goAway(last: requests[1].stream, .noError))
            let second = try origin.acceptHTTP2()
            for _ in 2..<4 {
                let request = try second.request()
                try second.respond(to: request.stream, 200, body: "second \(request.path)")
            }
            for request in requests[..<2] { try first.respond(to: request.stream, 200, body: "first \(request.path)") }
            for (i, stream) in streams.enumerated() {
                #expect(try client.answer(to: stream).text == "\(i < 2 ? "first" : "second") /\(i)")
            }
            // The connection is of no use any more.
            try first.waitForEnd()
            #expect(gateway.total(\.resends) == 2)
            try gateway.wait(for: "the place") { gateway.current(.connections) == 1 }
        }
    }

    @Test("a connection that is closed without a GOAWAY: what cannot hurt is sent again", arguments: ["GET", "POST"])
    func stale(method: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            let warm = try client.request("GET", "/warm")
            let first = try origin.acceptHTTP2()
            try first.respond(to: try first.request().stream, 200)
            _ = try client.answer(to: warm)
            try gateway.advance(by: .seconds(1))
            let streams = try (0..<3).map { try client.request(method, "/\($0)") }
            try gateway.settle()
            // It had gone before they came.
            first.peer.close()
            if method == "POST" {
                for stream in streams { #expect(try client.answer(to: stream).status == 502) }
                #expect(origin.isSilent)
                return
            }
            let second = try origin.acceptHTTP2()
            for _ in streams {
                let request = try second.request()
                try second.respond(to: request.stream, 200, body: request.path)
            }
            for (i, stream) in streams.enumerated() { #expect(try client.answer(to: stream).text == "/\(i)") }
            try gateway.settle()
            #expect(origin.isSilent, "all of them share one fresh connection")
        }
    }

    @Test("a server that went without a word is not asked again, one that is only slow with one request is")
    func silence() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        let model = GatewayModel.forwardingHTTP2(to: origin.address) {
            $0.upstreams[0].timeouts.responseHead = .seconds(10)
        }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            let slow = try client.request("GET", "/slow")
            let first = try origin.acceptHTTP2()
            _ = try first.request()
            try gateway.advance(by: .seconds(6))
            let quick = try client.request("GET", "/quick")
            try first.respond(to: try first.request().stream, 200)
            #expect(try client.answer(to: quick).status == 200)
            try gateway.advance(by: .seconds(6))
            #expect(try client.answer(to: slow).status == 504)
            // Something came meanwhile: it is alive.
            let silent = try client.request("GET", "/silent")
            _ = try first.request()
            try gateway.advance(by: .seconds(11))
            #expect(try client.answer(to: silent).status == 504)
            // Nothing came.
            let next = try client.request("GET", "/next")
            let second = try origin.acceptHTTP2()
            try second.respond(to: try second.request().stream, 200, body: "second")
            #expect(try client.answer(to: next).text == "second")
            try first.waitForEnd()
            #expect(gateway.current(.connections) == 1)
        }
    }

    // MARK: - RST_STREAM

    static let resets: [(HTTP2ErrorCode, status: Int, GatewayError)] = [
        (.internalError, 502, .upstreamReset), (.cancel, 502, .upstreamReset), (.enhanceYourCalm, 502, .upstreamReset),
        (.http11Required, 502, .upstreamReset),
    ]

    @Test(arguments: resets.indices)
    func resetBeforeTheAnswer(index: Int) throws {
        let (code, status, error) = Self.resets[index]
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.acceptHTTP2()
            try upstream.reset(try upstream.request().stream, code)
            #expect(try client.answer(to: stream).status == status)
            try gateway.wait(for: "the count") { gateway.count(of: error) == 1 }
            // The connection is as good as before.
            let next = try client.request("GET", "/")
            try upstream.respond(to: try upstream.request().stream, 200)
            #expect(try client.answer(to: next).status == 200)
        }
    }

    /// Heads that a client of HTTP/2 must not take (RFC 9113, section 8).
    static let malformed: [(name: String, block: [UInt8])] = [
        ("no status", HTTP2Frames.block([("x", "y")])),
        ("a status twice", HTTP2Frames.block([(":status", "200"), (":status", "200")])),
        ("a status that is none", HTTP2Frames.block([(":status", "2OO")])),
        ("101", HTTP2Frames.block([(":status", "101")])),
        ("a request's field", HTTP2Frames.block([(":status", "200"), (":path", "/")])),
        ("a name in capitals", HTTP2Frames.block([(":status", "200"), ("X-A", "b")])),
        ("a connection's field", HTTP2Frames.block([(":status", "200"), ("connection", "close")])),
        ("transfer-encoding", HTTP2Frames.block([(":status", "200"), ("transfer-encoding", "chunked")])),
        ("a line break", HTTP2Frames.block([(":status", "200"), ("x", "a\r\nb: c")])),
        ("two lengths", HTTP2Frames.block([(":status", "200"), ("content-length", "1"), ("content-length", "2")])),
    ]

    @Test(arguments: malformed.indices)
    func malformedAnswer(index: Int) throws {
        let (name, block) = Self.malformed[index]
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.acceptHTTP2()
            let request = try upstream.request()
            try upstream.sendRaw(HTTP2Frames.headers(request.stream, block, endStream: true))
            let answer = try client.readResponse()
            #expect(answer.status == 502 && answer.text.contains("upstream_protocol_error"), "\(name)")
        }
    }

    @Test("an answer whose body is not as long as it said is not whole")
    func answerLength() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.acceptHTTP2()
            try upstream.respond(to: try upstream.request().stream, 200, [("content-length", "5")], body: "abc")
            let answer = try client.answer(to: stream)
            #expect(!answer.isWhole && answer.status != 502 || answer.status == 502)
            #expect(answer.resetCode != .noError || answer.status == 502)
        }
    }

    @Test("garbage in place of HTTP/2 is the origin's fault")
    func garbage() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            try upstream.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            #expect(try client.readResponse().status == 502)
            try gateway.wait(for: "the place") { gateway.current(.connections) == 0 }
        }
    }

    // MARK: - Room

    @Test("no more streams are opened than the server lets, and the others wait")
    func serversLimit() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let warm = try client.request("GET", "/warm")
            let upstream = try origin.acceptHTTP2(settings: settings(maxStreams: 3))
            try upstream.respond(to: try upstream.request().stream, 200)
            _ = try client.answer(to: warm)
            let streams = try (0..<10).map { try client.request("GET", "/\($0)") }
            for i in 0..<10 {
                let request = try upstream.request()
                #expect(request.path == "/\(i)")
                if i == 0 {
                    try gateway.settle()
                    try upstream.poll()
                    #expect(upstream.messages.count == 4, "the warm one and three")
                    #expect(gateway.current(.pending) == 7)
                }
                try upstream.respond(to: request.stream, 200, body: "\(i)")
            }
            for (i, stream) in streams.enumerated() { #expect(try client.answer(to: stream).text == "\(i)") }
            #expect(origin.isSilent && gateway.total(\.resends) == 0)
        }
    }

    @Test("requests that came before the server's limit was known are refused by it and sent again")
    func limitThatComesLate() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<20).map { try client.request("GET", "/\($0)") }
            let upstream = try origin.acceptHTTP2(settings: settings(maxStreams: 2))
            for _ in 0..<20 {
                let request = try upstream.request()
                try upstream.respond(to: request.stream, 200, body: request.path)
            }
            for (i, stream) in streams.enumerated() { #expect(try client.answer(to: stream).text == "/\(i)") }
        }
    }

    @Test("when a connection is full another one is opened, within the limit, and each is counted once")
    func severalConnections() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) {
            $0.upstreams[0].http2.maxStreams = 2
            $0.upstreams[0].limits.connections = 2
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<5).map { try client.request("GET", "/\($0)") }
            let ups = [try origin.acceptHTTP2(), try origin.acceptHTTP2()]
            var held: [(HTTP2Peer, Int32)] = []
            for up in ups { for _ in 0..<2 { held.append((up, try up.request().stream)) } }
            try gateway.settle()
            #expect(gateway.current(.connections) == 2 && gateway.current(.requests) == 4)
            #expect(gateway.current(.pending) == 1 && origin.isSilent)
            try held[0].0.respond(to: held[0].1, 200)
            let last = try held[0].0.request()
            try held[0].0.respond(to: last.stream, 200)
            for (up, stream) in held.dropFirst() { try up.respond(to: stream, 200) }
            for stream in streams { #expect(try client.answer(to: stream).status == 200) }
            try gateway.wait(for: "the places") { gateway.current(.requests) == 0 && gateway.current(.pending) == 0 }
            #expect(gateway.current(.connections) == 2)
            for up in ups { up.peer.close() }
            try gateway.wait(for: "the places") { gateway.current(.connections) == 0 }
        }
    }

    @Test("an endpoint that does not answer connects keeps nobody from another one")
    func deadEndpoint() throws {
        // Its queue of connections is full, so that connecting to it takes until the timeout.
        let dead = try ScriptedOrigin("dead", backlog: 0)
        let plug = try RawPeer(connectingTo: dead.address)
        let live = try ScriptedOrigin("live")
        var model = GatewayModel.forwardingHTTP2(to: dead.address, live.address)
        model.upstreams[0].timeouts.connect = .seconds(30)
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<10).map { try client.request("GET", "/\($0)") }
            let upstream = try live.acceptHTTP2()
            // Half of them, by turns.
            for _ in 0..<5 { try upstream.respond(to: try upstream.request().stream, 200) }
            try client.wait { streams.filter { client.messages[$0]?.isWhole == true }.count >= 5 }
        }
        withExtendedLifetime(plug) {}
    }

    @Test("an idle connection of one endpoint makes room for another one")
    func idleMakesRoom() throws {
        let (a, b) = (try ScriptedOrigin("a"), try ScriptedOrigin("b"))
        let model = GatewayModel.forwardingHTTP2(to: a.address, b.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            var last: ScriptedOrigin?
            // Not closed by us.
            var held: [HTTP2Peer] = []
            defer { withExtendedLifetime(held) {} }
            for round in 0..<4 {
                let stream = try client.request("GET", "/\(round)")
                // Which one comes first is chance; then they take turns.
                try gateway.wait(for: "a connection") { !a.isSilent || !b.isSilent }
                let origin = a.isSilent ? b : a
                #expect(last !== origin)
                last = origin
                let upstream = try origin.acceptHTTP2()
                held.append(upstream)
                try upstream.respond(to: try upstream.request().stream, 200)
                #expect(try client.answer(to: stream).status == 200)
                #expect(gateway.current(.connections) == 1)
            }
        }
    }

    @Test("where all places are taken by another endpoint's connection in use, its streams do as well")
    func otherEndpointsStreams() throws {
        let (a, b) = (try ScriptedOrigin("a"), try ScriptedOrigin("b"))
        let model = GatewayModel.forwardingHTTP2(to: a.address, b.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<4).map { try client.request("GET", "/\($0)") }
            // Which one comes first is chance.
            try gateway.wait(for: "a connection") { !a.isSilent || !b.isSilent }
            let (used, other) = a.isSilent ? (b, a) : (a, b)
            let upstream = try used.acceptHTTP2()
            let requests = try streams.map { _ in try upstream.request() }
            #expect(other.isSilent)
            for request in requests { try upstream.respond(to: request.stream, 200) }
            for stream in streams { #expect(try client.answer(to: stream).status == 200) }
        }
    }

    @Test("a caller that asks for much does not keep another one out")
    func fairness() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) {
            $0.upstreams[0].http2.maxStreams = 1
            $0.upstreams[0].limits.connections = 1
            $0.listeners[0].trustedProxies = [CIDR("127.0.0.0/8")].compactMap { $0 }
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            for i in 0..<10 { _ = try client.request("GET", "/greedy/\(i)", [("x-forwarded-for", "192.0.2.1")]) }
            _ = try client.request("GET", "/other", [("x-forwarded-for", "192.0.2.2")])
            let upstream = try origin.acceptHTTP2()
            var paths: [String] = []
            for _ in 0..<11 {
                let request = try upstream.request()
                paths.append(request.path)
                try upstream.respond(to: request.stream, 200)
            }
            #expect((paths.firstIndex(of: "/other") ?? 99) <= 2, "\(paths)")
        }
    }

    // MARK: - Reload

    @Test(
        "a reload that changes the protocol: streams under way end, new requests speak the new one",
        arguments: [false, true]
    )
    func protocolChanges(toTwo: Bool) throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = toTwo ? .http1 : .http2 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let old = try client.request("GET", "/old")
            let before = try Side.origin(origin, isTwo: !toTwo)
            try before.readHead()
            model.upstreams[0].version = toTwo ? .http2 : .http1
            try gateway.reload(model)
            let new = try client.request("GET", "/new")
            let after = try Side.origin(origin, isTwo: toTwo)
            try after.readHead()
            try after.begin()
            try after.end()
            #expect(try client.answer(to: new).status == 200)
            try before.begin()
            try before.end()
            #expect(try client.answer(to: old).status == 200)
            try gateway.wait(for: "the old connection's end") { gateway.current(.connections) == 1 }
        }
    }

    @Test("a reload keeps connections and streams that still belong")
    func reload() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address)
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("POST", "/", body: "a", ends: false)
            let upstream = try origin.acceptHTTP2()
            let request = try upstream.requestHead()
            for _ in 0..<3 { try gateway.reload(model) }
            try client.send("b", on: stream, ends: true)
            try upstream.wait { try upstream.message(request.stream).isWhole }
            #expect(try upstream.message(request.stream).text == "ab")
            try upstream.respond(to: request.stream, 200, body: "c")
            #expect(try client.answer(to: stream).text == "c")
            let next = try client.request("GET", "/next")
            try upstream.respond(to: try upstream.request().stream, 200)
            #expect(try client.answer(to: next).status == 200)
            // An upstream that leaves the configuration takes its connections with it.
            try gateway.reload(.routing(.respond("all", .any) { $0.body = "gone" }))
            try upstream.waitForEnd()
        }
    }

    // MARK: - What else uses upstreams

    @Test("a mirror of HTTP/2 gets bodies without chunks")
    func mirror() throws {
        let (origin, shadow) = (try ScriptedOrigin(), try ScriptedOrigin("shadow"))
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams.append(.upstream("shadow", [shadow.address]))
        model.upstreams[1].version = .http2
        model.routes[0].forwarding.mirror = MirrorModel(upstream: "shadow", place: .builtIn)
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("POST /a HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + Wire.chunked("ab", "cd")
            )
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().text == "abcd")
            try upstream.send(Wire.ok())
            _ = try client.readResponse()
            let copy = try shadow.acceptHTTP2()
            let request = try copy.request()
            #expect(request.method == "POST" && request.path == "/a" && request.text == "abcd")
            try copy.respond(to: request.stream, 200)
        }
    }
}
