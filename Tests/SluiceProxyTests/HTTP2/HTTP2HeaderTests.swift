import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTesting
import Testing

/// Heads between HTTP/1 and HTTP/2, both ways (RFC 9113, section 8).
@Suite struct HTTP2HeaderTests {
    // MARK: - From HTTP/2 to HTTP/1

    @Test(
        "pseudo fields become a request line and a Host; names stay in lower case; what concerns a connection is not there"
    )
    func downToOne() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].forwarding.host = .preserve
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/a/b?c=d&e", [("x-one", "1"), ("te", "trailers"), ("x-one", "2")])
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "GET /a/b?c=d&e HTTP/1.1")
            #expect(request.all("host") == ["test"])
            #expect(request["x-one"] == "1, 2")
            #expect(request["TE"] == "trailers" && request["Connection"]?.lowercased() == "te")
            #expect(request["Transfer-Encoding"] == nil && request["Content-Length"] == nil)
            #expect(!request.names.contains { $0.hasPrefix(":") })
            try upstream.send(Wire.ok())
            #expect(try client.answer(to: stream).status == 200)
        }
    }

    @Test("an answer of HTTP/1 loses its reason, its framing and what concerns the connection; names are in lower case")
    func answerOfOne() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(
                Wire.message(
                    "HTTP/1.1 418 I'm a teapot",
                    [
                        "X-UPPER: Yes", "Set-Cookie: a=1", "Set-Cookie: b=2", "Connection: X-Hop, keep-alive",
                        "X-Hop: gone", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive",
                        "Transfer-Encoding: chunked",
                    ]
                ) + Wire.chunked("tea", "pot")
            )
            let answer = try client.answer(to: stream)
            #expect(answer.status == 418 && answer.text == "teapot" && answer.isWhole)
            #expect(answer["x-upper"] == "Yes" && answer.all("set-cookie") == ["a=1", "b=2"])
            let names = Set(answer.fields.map(\.name))
            #expect(names == [":status", "x-upper", "set-cookie", "date"], "\(names)")
        }
    }

    @Test("crumbs of a cookie are put together, for HTTP/1 and for HTTP/2")
    func cookies() throws {
        let (one, two) = (try ScriptedOrigin("one"), try ScriptedOrigin("two"))
        var model = GatewayModel.forwarding(to: one.address)
        model.upstreams.append(.upstream("two", [two.address]))
        model.upstreams[1].version = .http2
        model.routes.insert(.forward("two", .prefix("/two"), to: "two"), at: 0)
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3"), ("cookie", "d=4")]
            let first = try client.request("GET", "/", crumbs)
            let upstream = try one.accept()
            #expect(try upstream.readRequest().all("cookie") == ["a=1; b=2; c=3; d=4"])
            try upstream.send(Wire.ok())
            _ = try client.answer(to: first)
            let second = try client.request("GET", "/two", crumbs)
            let upstream2 = try two.acceptHTTP2()
            let request = try upstream2.request()
            #expect(request.all("cookie") == ["a=1; b=2; c=3; d=4"])
            try upstream2.respond(to: request.stream, 200)
            _ = try client.answer(to: second)
        }
    }

    // MARK: - From HTTP/1 to HTTP/2

    @Test("a request line and Host become pseudo fields; what concerns a connection is left out")
    func oneToUp() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) { $0.routes[0].forwarding.host = .preserve }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.get(
                    "/a/b?c=d",
                    "X-Upper: Yes",
                    "Connection: X-Hop, TE",
                    "X-Hop: gone",
                    "Keep-Alive: timeout=5",
                    "TE: trailers, deflate",
                    "Proxy-Connection: close",
                    "Upgrade: h2c",
                    "HTTP2-Settings: AAMAAABkAAQAAP__"
                )
            )
            let upstream = try origin.acceptHTTP2()
            let request = try upstream.request()
            let pseudo = request.fields.filter { $0.name.hasPrefix(":") }.map { "\($0.name)=\($0.value)" }
            #expect(Set(pseudo) == [":method=GET", ":scheme=http", ":authority=a.test", ":path=/a/b?c=d"])
            #expect(request.fields.prefix(4).allSatisfy { $0.name.hasPrefix(":") })
            #expect(request["x-upper"] == "Yes" && request["te"] == "trailers")
            for name in ["connection", "x-hop", "keep-alive", "proxy-connection", "upgrade", "http2-settings", "host"] {
                #expect(request[name] == nil, "\(name)")
            }
            try upstream.respond(to: request.stream, 200, body: "ok")
            #expect(try client.readResponse().text == "ok")
        }
    }

    @Test("an answer of HTTP/2 without a length goes to HTTP/1 in chunks, with its trailers; with one, as it is")
    func answerOfTwo() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwardingHTTP2(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/"))
            let upstream = try origin.acceptHTTP2()
            var request = try upstream.request()
            try upstream.respond(to: request.stream, 200, [("x-a", "b")], body: "body", trailers: [("x-sum", "7")])
            var answer = try client.readResponse()
            #expect(answer.startLine == "HTTP/1.1 200 OK" && answer.wasChunked && answer.text == "body")
            #expect(answer.trailers.map { "\($0.name)=\($0.value)" } == ["x-sum=7"])
            try client.send(Wire.get("/"))
            request = try upstream.request()
            try upstream.respond(to: request.stream, 404, [("content-length", "4")], body: "none")
            answer = try client.readResponse()
            #expect(answer.startLine == "HTTP/1.1 404 Not Found" && !answer.wasChunked && answer.text == "none")
            #expect(answer["Content-Length"] == "4")
        }
    }

    // MARK: - Both

    /// What has no body, on HTTP/2 down and both versions up: method, status, and what the origin says beside it.
    static let bodiless: [(method: String, status: Int, field: (String, String)?)] = [
        ("HEAD", 200, ("content-length", "1000")), ("HEAD", 200, nil), ("GET", 204, nil),
        ("GET", 304, ("etag", "\"x\"")),
        ("GET", 200, ("content-length", "0")), ("DELETE", 200, ("content-length", "0")),
    ]

    @Test(arguments: bodiless.indices)
    func answersWithoutABody(index: Int) throws {
        let (method, status, field) = Self.bodiless[index]
        let (one, two) = (try ScriptedOrigin("one"), try ScriptedOrigin("two"))
        var model = GatewayModel.forwarding(to: one.address)
        model.upstreams.append(.upstream("two", [two.address]))
        model.upstreams[1].version = .http2
        model.routes.insert(.forward("two", .prefix("/two"), to: "two"), at: 0)
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = [try client.request(method, "/"), try client.request(method, "/two")]
            let upstream = try one.accept()
            _ = try upstream.readRequest()
            var lines = field.map { ["\($0.0): \($0.1)"] } ?? []
            if lines.isEmpty, method == "HEAD" { lines = ["Transfer-Encoding: chunked"] }
            try upstream.send(Wire.message("HTTP/1.1 \(status) X", lines))
            let upstream2 = try two.acceptHTTP2()
            let request = try upstream2.request()
            #expect(request.method == method)
            try upstream2.respond(to: request.stream, status, field.map { [$0] } ?? [])
            for stream in streams {
                let answer = try client.answer(to: stream)
                #expect(answer.status == status && answer.isWhole && answer.body.isEmpty)
                if let field { #expect(answer[field.0] == field.1) }
            }
            // The connections are in step.
            let again = try client.request("GET", "/again")
            #expect(try upstream.readRequest().target == "/again")
            try upstream.send(Wire.ok("again"))
            #expect(try client.answer(to: again).text == "again")
        }
    }

    @Test("OPTIONS * keeps its target in every combination")
    func asterisk() throws {
        let (one, two) = (try ScriptedOrigin("one"), try ScriptedOrigin("two"))
        for (origin, version) in [(one, UpstreamProtocol.http1), (two, .http2)] {
            let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = version }
            try TestGateway.run(model) { gateway in
                let client = try gateway.connectHTTP2()
                let stream = try client.request("OPTIONS", "*")
                if version == .http1 {
                    let upstream = try origin.accept()
                    #expect(try upstream.readRequest().startLine == "OPTIONS * HTTP/1.1")
                    try upstream.send(Wire.status(200))
                } else {
                    let upstream = try origin.acceptHTTP2()
                    let request = try upstream.request()
                    #expect(request.method == "OPTIONS" && request.path == "*")
                    try upstream.respond(to: request.stream, 200)
                    _ = try client.answer(to: stream)
                }
                #expect(try client.answer(to: stream).status == 200)
            }
        }
    }

    @Test("the route is found by :authority, and the upstream gets the Host that the route says")
    func authority() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwardingHTTP2(to: origin.address) {
            $0.routes[0].match.hosts = ["a.test"]
            $0.upstreams[0].host = .name("inner.test:81")
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            func ask(_ authority: String, host: String? = nil) throws -> Int32 {
                var list = HTTP2FieldList()
                list.pseudo(.method, "GET".utf8)
                list.pseudo(.scheme, "http".utf8)
                list.pseudo(.path, "/".utf8)
                if !authority.isEmpty { list.pseudo(.authority, authority.utf8) }
                return try client.request(&list, host.map { [("host", $0)] } ?? [])
            }
            #expect(try client.answer(to: try ask("b.test")).status == 404)
            let streams = [try ask("a.test"), try ask("A.TEST:8080"), try ask("", host: "a.test")]
            let upstream = try origin.acceptHTTP2()
            for stream in streams {
                let request = try upstream.request()
                #expect(request.all(":authority") == ["inner.test:81"] && request["host"] == nil)
                try upstream.respond(to: request.stream, 200)
                #expect(try client.answer(to: stream).status == 200)
            }
            #expect(try client.answer(to: try ask("")).resetCode == .protocolError)
        }
    }
}
