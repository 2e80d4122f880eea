import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// Strangers' scripts, preflights without credentials, and upstreams that talk about CORS themselves.
@Suite("Attacks on cors") struct CORSAttackTests {
    private static let own = "https://app.example.com"
    private static let evil = "https://evil.example"

    private func preflight(_ target: String, _ origin: String, method: String = "PUT", _ lines: String...) -> String {
        let fields = ["Host: a.test", "Origin: \(origin)", "Access-Control-Request-Method: \(method)"] + lines
        return Wire.message("OPTIONS \(target) HTTP/1.1", fields)
    }

    private func model(_ origin: ScriptedOrigin, _ settings: String, _ others: String...) throws -> GatewayModel {
        let filters = try FilterText.models("cors: \(settings)") + others.flatMap { try FilterText.models($0) }
        return .forwarding(to: origin.address) { $0.filters = filters }
    }

    @Test("authentication never sees a preflight, and cannot be passed by one")
    func beforeAuthentication() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{origins: ['\(Self.own)']}")
        model.filters = try FilterText.models("key_auth") + model.filters
        model.consumers = [ConsumerModel(name: "a", place: .builtIn)]
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: preflight("/x", Self.own, "Access-Control-Request-Headers: x-api-key"))
            #expect(answer.status == 204 && answer["Access-Control-Allow-Origin"] == Self.own)
            #expect(answer["Access-Control-Allow-Headers"] == "x-api-key" && answer["Content-Length"] == nil)
            // Without the field that makes it one, it is an OPTIONS request like others.
            let plain = Wire.message("OPTIONS /x HTTP/1.1", ["Host: a.test", "Origin: \(Self.own)"])
            #expect(try gateway.answer(to: plain).status == 401)
            let refused = try gateway.answer(to: Wire.get("/x", "Origin: \(Self.own)"))
            #expect(refused.status == 401 && refused["Access-Control-Allow-Origin"] == Self.own)
            #expect(origin.isSilent)
        }
    }

    @Test(
        "a preflight meets the route of the method that it asks for; where there is no route, the general policy answers"
    )
    func routeOfTheMethod() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{origins: ['https://general.example']}")
        model.routes = [.forward("write", .prefix("/x"), to: "origin"), .forward("read", .prefix("/x"), to: "origin")]
        model.routes[0].match.methods = ["PUT"]
        model.routes[0].filters = try FilterText.models("cors: {origins: ['\(Self.own)'], methods: [PUT]}")
        model.routes[1].match.methods = ["GET"]
        try TestGateway.run(model) { gateway in
            for (target, method, who, isAllowed) in [
                ("/x", "PUT", Self.own, true), ("/x", "PUT", "https://general.example", false),
                ("/x", "GET", Self.own, false), ("/x", "GET", "https://general.example", true),
                ("/x", "DELETE", Self.own, false), ("/nowhere", "GET", "https://general.example", true),
            ] {
                let answer = try gateway.answer(to: preflight(target, who, method: method))
                #expect(answer.status == 204, "\(target) \(method)")
                #expect((answer["Access-Control-Allow-Origin"] == who) == isAllowed, "\(target) \(method) \(who)")
            }
            #expect(origin.isSilent)
        }
    }

    @Test("whatever fails, the script may read why, and a stranger's may not")
    func errorsCarryTheFields() throws {
        let closed = try ClosedPort()
        var model = GatewayModel.forwarding(to: closed.address) { $0.routes[0].match.path = .prefix("/down") }
        model.filters = try FilterText.models("cors: {origins: ['\(Self.own)']}", "request_size: {query: 5B}")
        try TestGateway.run(model) { gateway in
            for (target, status) in [("/down", 503), ("/nowhere", 404), ("/down?much=too-much", 414)] {
                let answer = try gateway.answer(to: Wire.get(target, "Origin: \(Self.own)"))
                #expect(answer.status == status && answer["Access-Control-Allow-Origin"] == Self.own)
                #expect(answer["Vary"] == "Origin")
                let stranger = try gateway.answer(to: Wire.get(target, "Origin: \(Self.evil)"))
                #expect(stranger["Access-Control-Allow-Origin"] == nil && stranger["Vary"] == "Origin")
            }
        }
    }

    @Test("an upstream cannot let a stranger in, nor say anything twice")
    func upstreamFields() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{origins: ['\(Self.own)']}")) { gateway in
            let said = Wire.ok(
                "x",
                "Access-Control-Allow-Origin: \(Self.evil)",
                "access-control-allow-credentials: true",
                "Vary: Accept-Encoding"
            )
            for (who, allowed) in [(Self.evil, nil), (Self.own, Self.own)] {
                let answer = try gateway.exchange(Wire.get("/", "Origin: \(who)"), with: origin, answer: said).response
                #expect(
                    answer["Access-Control-Allow-Origin"] == allowed
                        && answer["Access-Control-Allow-Credentials"] == nil
                )
                #expect(answer.all("Vary") == ["Accept-Encoding, Origin"])
            }
        }
    }

    @Test("what was decided about one request is no matter of the next on the same connection")
    func noLeak() throws {
        let origin = try ScriptedOrigin()
        let filters = try FilterText.models("cors: {origins: ['\(Self.own)', 'https://*.example.org']}")
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        model.filters = filters
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let order = [Self.own, Self.evil, "https://a.example.org", nil, "https://b.example.org", "null", Self.own]
            for _ in 0..<2 {
                try client.send(order.map { $0.map { Wire.get("/", "Origin: \($0)") } ?? Wire.get("/") }.joined())
                for who in order {
                    let answer = try client.readResponse()
                    let isKnown = who == Self.own || who?.hasSuffix(".example.org") == true
                    #expect(answer["Access-Control-Allow-Origin"] == (isKnown ? who : nil))
                }
            }
            #expect(origin.isSilent)
        }
    }

    @Test("a preflight with a body leaves the connection in step")
    func preflightWithABody() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{origins: ['\(Self.own)']}")) { gateway in
            let client = try gateway.connect()
            try client.send(
                preflight("/", Self.own, "Content-Length: 27") + "GET /smuggled HTTP/1.1\r\n\r\nx"
                    + preflight("/", Self.own)
            )
            for _ in 0..<2 {
                let answer = try client.readResponse()
                #expect(answer.status == 204 && answer["Access-Control-Allow-Origin"] == Self.own)
            }
            #expect(try client.isSilent && origin.isSilent)
        }
    }

    @Test("enforcement keeps other sites from opening a WebSocket, which browsers do not")
    func webSockets() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{origins: ['\(Self.own)'], enforce: true}")) { gateway in
            func ask(_ who: String) -> String {
                Wire.get("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Origin: \(who)")
            }
            for who in [Self.evil, "null", "https://a.test.evil"] {
                let answer = try gateway.answer(to: ask(who))
                #expect(answer.status == 403 && answer.text.contains("origin_forbidden"))
            }
            #expect(origin.isSilent)
            for who in [Self.own, "https://a.test"] {
                let client = try gateway.connect()
                try client.send(ask(who))
                let upstream = try origin.accept()
                _ = try upstream.readHead()
                try upstream.send(
                    Wire.message("HTTP/1.1 101 Switching Protocols", ["Connection: Upgrade", "Upgrade: websocket"])
                )
                #expect(try client.readHead().status == 101)
            }
        }
    }

    @Test("a continued preflight is a request like others: it needs what others need")
    func continued() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{origins: ['\(Self.own)'], continue_preflight: true}", "key_auth")
        model.consumers = [ConsumerModel(name: "a", place: .builtIn)]
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: preflight("/", Self.own))
            #expect(answer.status == 401 && origin.isSilent)
        }
        try TestGateway.run(try self.model(origin, "{origins: ['\(Self.own)'], continue_preflight: true}")) { gateway in
            let said = Wire.status(200, "Access-Control-Allow-Methods: PURGE", "Access-Control-Allow-Origin: *")
            let seen = try gateway.exchange(preflight("/", Self.own, method: "PURGE"), with: origin, answer: said)
            #expect(
                seen.request.startLine == "OPTIONS / HTTP/1.1"
                    && seen.request["Access-Control-Request-Method"] == "PURGE"
            )
            #expect(seen.response["Access-Control-Allow-Methods"] == "PURGE")
            #expect(seen.response["Access-Control-Allow-Origin"] == Self.own)
        }
    }
}
