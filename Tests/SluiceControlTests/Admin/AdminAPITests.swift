import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@Suite struct AdminAPITests {
    private let model = AdminKit.model(.routing(.respond("all", .prefix("/")) { $0.body = "traffic" }))

    @Test("it answers on its own listener only, and traffic goes on the others only")
    func apart() throws {
        try AdminKit.run(model) { gateway in
            let live = try gateway.ask("/live")
            #expect(live.status == 200)
            #expect(live.text == "{\"status\": \"live\"}\n")
            #expect(live["Content-Type"] == "application/json")
            for path in ["/live", "/metrics", "/config"] { #expect(try gateway.get(path).text == "traffic") }
            let missing = try gateway.ask("/anything")
            #expect(missing.status == 404)
            #expect(missing["Content-Type"] == "application/json")
            #expect(missing.text.contains("\"code\":\"no_route\""))
        }
    }

    @Test(
        "a wrong method gets 405 and the right ones",
        arguments: [
            ("POST", "/live", "GET, HEAD"), ("DELETE", "/metrics", "GET, HEAD"), ("GET", "/reload", "POST"),
            ("GET", "/drain", "POST"), ("TRACE", "/routes", "GET, HEAD"), ("OPTIONS", "/config", "GET, HEAD"),
        ]
    )
    func methods(_ method: String, _ path: String, _ allow: String) throws {
        try AdminKit.run(model) { gateway in
            let answer = try gateway.ask(method, path)
            #expect(answer.status == 405)
            #expect(answer["Allow"] == allow)
        }
    }

    @Test("HEAD says what GET would, without saying it")
    func head() throws {
        try AdminKit.run(model) { gateway in
            let answer = try gateway.ask("HEAD", "/routes")
            #expect(answer.status == 200)
            #expect(answer["Content-Length"].flatMap { Int($0) } ?? 0 > 10)
            #expect(answer.body.isEmpty)
        }
    }

    @Test("it is ready until it drains, and can be asked to the end")
    func readiness() throws {
        let origin = try ScriptedOrigin()
        try AdminKit.run(AdminKit.model(.forwarding(to: origin.address))) { gateway in
            #expect(try gateway.ask("/ready").status == 200)
            let client = try gateway.connect()
            try client.send(Wire.get("/slow"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let drained = Background { gateway.drain(timeout: .seconds(60)) }
            try GatewayKit.eventually("it drains") { try gateway.ask("/ready").status == 503 }
            #expect(try gateway.ask("/ready").text == "{\"status\": \"draining\"}\n")
            #expect(try gateway.ask("/live").status == 200)
            #expect(try gateway.metric("sluice_draining") == "1")
            // An open connection of the admin API does not hold the drain up.
            let idle = try gateway.connect(AdminModel.listenerName)
            try upstream.send(Wire.ok("late"))
            #expect(try client.readResponse().text == "late")
            #expect(try drained.value() == 0)
            idle.close()
        }
    }

    @Test("a reload is carried out and answered")
    func reload() throws {
        let answers = Mutex([
            ReloadAnswer(isDone: false, message: "not reloaded: 1 error", diagnostics: #"[{"code": "SL012"}]"#),
            ReloadAnswer(isDone: true, message: "reloaded: 1 route"),
        ])
        try AdminKit.run(model, reload: { answers.withLock { $0.removeFirst() } }) { gateway in
            let bad = try gateway.ask("POST", "/reload")
            #expect(bad.status == 422)
            #expect(bad.text.contains(#""diagnostics": [{"code": "SL012"}]"#))
            let good = try gateway.ask("POST", "/reload", host: "127.0.0.1", "Content-Length: 0")
            #expect(good.status == 200)
            #expect(good.text.contains(#""outcome": "reloaded""#))
        }
    }

    @Test("a drain is begun and answered")
    func drain() throws {
        let isAsked = Mutex(false)
        try AdminKit.run(model, drain: { isAsked.withLock { $0 = true } }) { gateway in
            let answer = try gateway.ask("POST", "/drain")
            #expect(answer.status == 202)
            #expect(isAsked.withLock { $0 })
        }
    }

    @Test("the running configuration is shown, without secrets")
    func configuration() throws {
        var model = AdminKit.model(.forwarding(), token: AdminKit.token)
        model.routes[0].match.headers = [
            FieldMatch(name: "x-api-key", value: .exact("hunter2")), FieldMatch(name: "x-plain", value: .exact("seen")),
        ]
        model.telemetry.tracing = FetchURL("http://127.0.0.1:1/spans?k=hunter2").map { url in
            var tracing = TracingModel(endpoint: url)
            tracing.headers = [(name: "x-team", value: "hunter2")]
            return tracing
        }
        try AdminKit.run(model) { gateway in
            let text = try gateway.ask("GET", "/config", host: "x", "Authorization: Bearer \(AdminKit.token)").text
            #expect(text.contains("\"x-plain\""))
            #expect(text.contains("seen"))
            #expect(!text.contains("hunter2"))
            #expect(!text.contains(AdminKit.token))
            #expect(text.contains("\"token\": \"***\""))
            #expect(text.contains("\"http://127.0.0.1:1/spans?***\""))
            #expect(text.contains("\"x-team\""))
            #expect(text.contains("\"max_ejection\"") == false)
            #expect(text.contains("\"request_head\": \"10s\""))
        }
    }

    @Test("routes and upstreams are shown as they are")
    func lists() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try AdminKit.run(AdminKit.model(.forwarding(to: origin.address))) { gateway in
            #expect(try gateway.get("/x").status == 200)
            let upstreams = try gateway.ask("/upstreams").text
            #expect(upstreams.contains("\"address\": \"\(origin.address.text)\""))
            #expect(upstreams.contains("\"health\": \"unchecked\""))
            #expect(upstreams.contains("\"connections\": 1"))
            #expect(upstreams.contains("\"current\": 1"))
            let routes = try gateway.ask("/routes").text
            #expect(routes.contains("\"action\": \"forward\""))
            #expect(routes.contains("\"upstream\": \"origin\""))
        }
    }

    @Test(
        "a request is explained",
        arguments: [
            ("url=http://a.test/x%2520y&header=x-a:+1&method=POST", 200, #""outcome": "route""#),
            ("url=/x", 200, #""outcome": "route""#), ("", 400, "'url' is missing"), ("url=", 400, "'url' is missing"),
            ("url=/x&header=nothing", 400, "is no header"), ("url=/x&client=nobody", 400, "is no address"),
            ("url=/x&listener=nowhere", 400, "nowhere"), ("url=/x&verbose=1", 400, "no parameter 'verbose'"),
            ("url=/x%0d%0ax-injected:%201", 400, "line end"), ("url=%FF%FE%00", 200, "\"outcome\""),
            ("url=ftp://a/", 400, "scheme"),
        ]
    )
    func explain(_ query: String, _ status: Int, _ part: String) throws {
        try AdminKit.run(model) { gateway in
            let answer = try gateway.ask("/explain?\(query)")
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.text.contains(part), "\(answer.text)")
        }
    }

    @Test("it can be added and taken away by a reload")
    func comesAndGoes() throws {
        let plain = GatewayModel.routing(.respond("all", .prefix("/")) { $0.body = "traffic" })
        try AdminKit.run(plain) { gateway in
            #expect(gateway.listeners.map(\.name) == ["main"])
            try gateway.reload(AdminKit.model(plain))
            #expect(try gateway.ask("/ready").status == 200)
            let open = try gateway.connect(AdminModel.listenerName)
            #expect(try open.get("/live").status == 403)
            try gateway.reload(plain)
            #expect(gateway.listeners.map(\.name) == ["main"])
            try open.expectEnd()
            #expect(try gateway.get("/x").text == "traffic")
        }
    }
}
