import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// What `Tests/Golden/explain/diff.md` does not show.
@Suite struct ConfigurationDiffTests {
    private func diff(_ old: GatewayModel, _ new: GatewayModel) throws -> ConfigurationDiff {
        var comparer = try ConfigurationComparer(old, new)
        return comparer.run { _, _ in }
    }

    private func placed(_ routes: RouteModel...) -> GatewayModel {
        var model = GatewayModel.routing(upstreams: [.upstream("origin", [.ip(host: "127.0.0.1", port: 80)])])
        model.routes = routes
        for index in routes.indices {
            model.routes[index].place = SourcePlace(file: "a.yaml", line: index + 1, column: 1)
        }
        return model
    }

    @Test("routes in another order, with other names and places, are the same if they decide the same")
    func sameDecisions() throws {
        let a = RouteModel.forward("a", .prefix("/a"), to: "origin")
        let b = RouteModel.forward("b", .prefix("/b"), to: "origin")
        var renamed = a
        renamed.name = "another name"
        #expect(try diff(placed(a, b), placed(b, renamed)).isEmpty)
    }

    @Test("whatever is set on a route counts")
    func everySetting() throws {
        let plain = RouteModel.forward("a", .prefix("/a"), to: "origin")
        let changes: [(String, (inout RouteModel) -> Void)] = [
            ("timeout: none -> 5s", { $0.timeout = .seconds(5) }),
            ("response_head_timeout: none -> 1s", { $0.responseHeadTimeout = .seconds(1) }),
            ("stream_idle_timeout: none -> 1s", { $0.streamIdleTimeout = .seconds(1) }),
            ("body_limit: none -> 7", { $0.bodyLimit = 7 }),
            ("upgrades: [websocket] -> []", { $0.upgrades = [] }),
            ("hash: [] -> [header(x)]", { $0.forwarding.hash = [.header("x")] }),
            (
                "filters: none -> request_id",
                {
                    $0.filters = [
                        FilterModel(name: "request_id", place: .builtIn, configuration: RequestIDConfiguration())
                    ]
                }
            ),
            ("path upstream: /a -> /b", { $0.forwarding.rewrite = .prefix("/b") }),
            ("host upstream: 127.0.0.1 -> x.test", { $0.forwarding.host = .name("x.test") }),
            ("action: forward to origin -> respond with 200", { $0.action = .respond(RespondModel()) }),
        ]
        for (text, change) in changes {
            var other = plain
            change(&other)
            let found = try diff(placed(plain), placed(other)).differences
            #expect(found.first?.changes == [text], "\(text)")
            #expect(found.first?.kind == .changed)
        }
        var retrying = plain
        retrying.forwarding.retry = RetryModel()
        let found = try diff(placed(plain), placed(retrying)).differences
        #expect(found.first?.changes.first?.hasPrefix("retry: none -> (") == true)
    }

    @Test("settings of filters are compared and never shown")
    func filterSettings() throws {
        func model(_ value: String) -> GatewayModel {
            var edits = HeaderEdits()
            edits.set = [HeaderEdits.Field("x", [value])]
            var route = RouteModel.forward("a", .prefix("/a"), to: "origin")
            route.filters = [
                FilterModel(name: "headers", place: .builtIn, configuration: HeadersConfiguration(request: edits))
            ]
            return placed(route)
        }
        let found = try diff(model("hidden one"), model("hidden two"))
        #expect(found.differences.map(\.changes) == [["filter headers: other settings"]])
        #expect(!found.text.contains("hidden") && !found.json.contains("hidden"))
        #expect(try diff(model("same"), model("same")).isEmpty)
    }

    private func filter(_ name: String) -> FilterModel {
        guard name.hasPrefix("headers") else {
            return FilterModel(name: name, place: .builtIn, configuration: RequestIDConfiguration())
        }
        var edits = HeaderEdits()
        edits.set = [HeaderEdits.Field("x", [name])]
        return FilterModel(name: "headers", place: .builtIn, configuration: HeadersConfiguration(request: edits))
    }

    @Test("a filter that was global and is the route's own now is no difference: it looked like a new one")
    func movedFilter() throws {
        var old = placed(.forward("a", .prefix("/a"), to: "origin"))
        old.filters = [filter("request_id")]
        var new = placed(.forward("a", .prefix("/a"), to: "origin"))
        new.routes[0].filters = old.filters
        let found = try diff(old, new)
        #expect(found.shared.map(\.changes) == [["filters: request_id -> none"]], "for requests without a route")
        #expect(found.differences.isEmpty)
        // The route's own takes the place of the global one: nothing new runs.
        new.filters = old.filters
        #expect(try diff(old, new).isEmpty)
    }

    @Test("a filter that may repeat runs beside the global one, which is a difference")
    func repeatedFilter() throws {
        var old = placed(.forward("a", .prefix("/a"), to: "origin"))
        old.filters = [filter("headers 1")]
        var new = old
        new.routes[0].filters = [filter("headers 2")]
        #expect(try diff(old, new).differences.map(\.changes) == [["filters: none -> headers"]])
        // Written in the route, it is one for each route.
        new.routes[0].filters = old.filters
        new.filters = []
        #expect(try diff(old, new).differences.map(\.changes) == [["filters: none -> headers"]])
    }

    @Test("headers of fixed answers are compared and never shown")
    func answerHeaders() throws {
        func model(_ value: String) -> GatewayModel {
            placed(.respond("a", .prefix("/a")) { $0.headers = [HeaderValueModel(name: "x-key", value: value)] })
        }
        let found = try diff(model("hidden one"), model("hidden two"))
        #expect(found.differences.map(\.changes) == [["headers: other names or values"]])
        #expect(!found.text.contains("hidden") && !found.json.contains("hidden"))
    }

    @Test("what upstreams share is told once, with how many requests it concerns")
    func upstreams() throws {
        let routes = (0..<50).map { RouteModel.forward("r\($0)", .prefix("/r\($0)"), to: "origin") }
        var old = placed()
        old.routes = routes
        var new = old
        new.upstreams[0].limits.pending = 3
        let found = try diff(old, new)
        #expect(found.differences.isEmpty)
        #expect(found.shared.map(\.kind) == [.upstream])
        #expect(found.shared.first?.changes == ["limits.pending: 1024 -> 3"])
        #expect(found.shared.first.map { $0.count > 100 && !$0.example.isEmpty } == true)
    }

    @Test("health checks of upstreams are compared, down to the statuses")
    func healthChecks() throws {
        func model(_ statuses: ClosedRange<Int>) -> GatewayModel {
            var model = placed(.forward("r", .prefix("/r"), to: "origin"))
            model.upstreams[0].healthCheck = HealthCheckModel(probe: .http(path: "/", host: nil, statuses: [statuses]))
            return model
        }
        #expect(try diff(model(200...299), model(200...299)).shared.isEmpty)
        let changes = try diff(model(200...299), model(200...204)).shared.first?.changes
        #expect(changes?.count == 1)
        #expect(changes?.first?.contains("200-204") == true)
    }

    @Test("listeners are paired by name, one on each side in any case")
    func listeners() throws {
        var old = placed(.respond("all", .any) { _ in })
        var new = old
        new.listeners[0].name = "renamed"
        #expect(try diff(old, new).isEmpty)
        old.listeners.append(.loopback("second"))
        new.listeners = [.loopback("main"), .loopback("third")]
        let found = try diff(old, new)
        #expect(found.shared.map { "\($0.name) \($0.changes)" } == [#"second ["removed"]"#, #"third ["added"]"#])
        new = old
        new.listeners[1].path.encodedSlash = .keep
        new.routes[0].match.listeners = ["second"]
        let at = try diff(old, new)
        #expect(at.shared.map(\.changes) == [["path.encoded_slash: refuse -> keep"]])
        #expect(at.differences.map(\.kind) == [.removed])
    }

    @Test("a route of which no request can be made is compared as it is written")
    func untried() throws {
        let odd = RouteModel.respond("odd", .regex("/a\\bb|/\\p{Han}")) { $0.body = "one" }
        #expect(try diff(placed(odd), placed(odd)).isEmpty)
        var other = odd
        other.action = .respond(RespondModel())
        let found = try diff(placed(odd), placed(other))
        #expect(found.untried.map(\.name) == ["odd", "odd"] && !found.isEmpty)
    }

    @Test("10,000 routes and as many differences stay bounded, and progress is told")
    func large() throws {
        func model(_ timeout: Int64) -> GatewayModel {
            var model = placed()
            model.routes = (0..<10_000).map { index in
                var route = RouteModel.forward("r\(index)", .prefix("/r\(index)"), to: "origin")
                route.match.hosts = ["h\(index % 100).test"]
                route.timeout = .seconds(timeout)
                return route
            }
            return model
        }
        var comparer = try ConfigurationComparer(model(1), model(2))
        var told: [Int] = []
        let found = comparer.run { done, all in
            #expect(all == 20_000 && done <= all)
            told.append(done)
        }
        #expect(found.differences.count == 1000)
        #expect(found.omitted > 9000)
        #expect(found.requests < 150_000)
        #expect(told.count > 50 && told == told.sorted())
        #expect(found.text.split(separator: "\n").count < 500)
    }
}
