import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// What a route does to a request on its way to an upstream: Host, path, choice of upstream.
@Suite struct ForwardingTests {
    // MARK: - Host

    @Test(
        arguments: [
            (HostPolicy.upstream, nil, "origin"), (.preserve, nil, "a.test"), (.name("b.test"), nil, "b.test"),
            (.upstream, .preserve, "a.test"), (.preserve, .name("c.test"), "c.test"),
            (.name("b.test"), .upstream, "origin"),
        ] as [(HostPolicy, HostPolicy?, String)]
    )
    func hostThatTheUpstreamSees(upstream: HostPolicy, route: HostPolicy?, expected: String) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.upstreams[0].host = upstream
            $0.routes[0].forwarding.host = route
        }
        guard case .ip(let host, let port) = origin.address else { return }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange(Wire.get(), with: origin).request
            #expect(request.all("Host") == [expected == "origin" ? "\(host):\(port)" : expected])
            #expect(request["X-Forwarded-Host"] == "a.test")
            #expect(request.names.first == "Host")
        }
    }

    // MARK: - Rewrite

    @Test(
        arguments: [
            (PathMatch.prefix("/v1"), RewriteModel.prefix("/v2"), "/v1/a?q=1", "/v2/a?q=1"),
            (.prefix("/v1"), .prefix("/"), "/v1/a", "/a"),
            (.prefix("/v1"), .prefix("/"), "/v1", "/"),
            (.prefix("/v1"), .prefix(""), "/v1/a", "/a"),
            (.prefix("/v1"), .prefix("/v2/"), "/v1/a", "/v2/a"),
            (.prefix("/v1/"), .prefix("/v2/"), "/v1/a", "/v2/a"),
            (.prefix("/"), .prefix("/base"), "/a", "/base/a"),
            (.exact("/old"), .prefix("/new"), "/old?x", "/new?x"),
            (
                .template("/users/{id}/files/{rest...}"), .path("/f/${path.id}/${path.rest}"), "/users/7/files/a/b",
                "/f/7/a/b"
            ),
            (.any, .path("/fixed"), "/x?q=1", "/fixed?q=1"),
            (.any, .path("/fixed?own=1"), "/x?q=1", "/fixed?own=1&q=1"),
            (.any, .path("/by-host/${request.host}"), "/x", "/by-host/a.test"),
            (.prefix("/r"), .regex(pattern: "/r/(\\d+)/(.*)", substitution: "/\\2/\\1"), "/r/12/abc?z", "/abc/12?z"),
            (.any, .regex(pattern: "nothing", substitution: "x"), "/a", "/a"),
        ] as [(PathMatch, RewriteModel, String, String)]
    )
    func rewrittenPath(match: PathMatch, rewrite: RewriteModel, target: String, expected: String) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].match.path = match
            $0.routes[0].forwarding.rewrite = rewrite
        }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange(Wire.get(target), with: origin).request
            #expect(request.target == expected)
        }
    }

    @Test(arguments: ["%2e%2e", "..%3B", "%0d%0aX:%20y", "a%20b"])
    func valueFromTheRequestCannotBreakOutOfARewrittenPath(value: String) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].forwarding.rewrite = .path("/safe/${query.x}/end")
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/?x=\(value)"))
            // One of the two hears of it: the client that it was refused, or the origin.
            for _ in 0..<5000 where try origin.isSilent && client.isSilent { try gateway.settle() }
            if origin.isSilent {
                #expect(try client.readResponse().status == 400)
                return
            }
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.target.hasPrefix("/safe/") && request["X"] == nil)
            #expect(!request.target.split(separator: "?")[0].split(separator: "/").contains(".."))
        }
    }

    @Test func secondAttemptSendsTheSameRewrittenPath() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes[0].match.path = .prefix("/v1")
            $0.routes[0].forwarding.rewrite = .prefix("/v2")
            var retry = RetryModel()
            retry.on = [.serverError]
            $0.routes[0].forwarding.retry = retry
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/a"))
            for status in [503, 200] {
                let upstream = try origin.accept()
                let request = try upstream.readRequest()
                #expect(request.target == "/v2/a" && request.all("X-Forwarded-For") == ["127.0.0.1"])
                try upstream.send(Wire.status(status))
            }
            #expect(try client.readResponse().status == 200)
        }
    }

    // MARK: - Split and canary

    @Test func splitFollowsTheWeights() throws {
        let first = try RespondingOrigin { _, peer in
            try peer.send(Wire.ok("first"))
            return true
        }
        let second = try RespondingOrigin { _, peer in
            try peer.send(Wire.ok("second"))
            return true
        }
        let never = try ClosedPort()
        defer {
            first.stop()
            second.stop()
        }
        var model = GatewayModel.routing(.forward("split", to: "first", "second", "never"))
        model.upstreams = [
            .upstream("first", [first.address]), .upstream("second", [second.address]),
            .upstream("never", [never.address]),
        ]
        for (i, weight) in [3, 1, 0].enumerated() { model.routes[0].forwarding.targets[i].weight = UInt32(weight) }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            var counts: [String: Int] = [:]
            for _ in 0..<400 {
                try client.send(Wire.get())
                counts[try client.readResponse().text, default: 0] += 1
            }
            let share = counts["first", default: 0]
            #expect(share + counts["second", default: 0] == 400)
            // 300 expected with a deviation of 8.7: six of them.
            #expect((248...352).contains(share), "\(counts)")
        }
    }

    @Test func canaryIsChosenByItsHeader() throws {
        let stable = try ScriptedOrigin()
        let canary = try ScriptedOrigin()
        var model = GatewayModel.routing(.forward("canary", to: "canary"), .forward("stable", to: "stable"))
        model.upstreams = [.upstream("stable", [stable.address]), .upstream("canary", [canary.address])]
        model.routes[0].match.headers = [FieldMatch(name: "x-canary", value: .exact("true"))]
        try TestGateway.run(model) { gateway in
            _ = try gateway.exchange(Wire.get("/", "X-Canary: true"), with: canary)
            _ = try gateway.exchange(Wire.get("/", "X-Canary: false"), with: stable)
            _ = try gateway.exchange(Wire.get(), with: stable)
            #expect(stable.acceptedCount == 2 && canary.acceptedCount == 1)
        }
    }

    @Test func upstreamWithoutEndpointsAnswers503() throws {
        try TestGateway.run(.forwarding()) { gateway in
            let response = try gateway.answer(to: Wire.get())
            #expect(response.status == 503 && response.text.contains("no_healthy_upstream"))
        }
    }

    @Test func splitWithoutAnyWeightAnswers503() throws {
        let never = try ClosedPort()
        let model = GatewayModel.forwarding(to: never.address) { $0.routes[0].forwarding.targets[0].weight = 0 }
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get())
            #expect(response.status == 503)
        }
    }
}
