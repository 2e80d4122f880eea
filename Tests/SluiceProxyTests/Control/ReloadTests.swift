import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Another configuration takes over: new requests use it, old ones end as they began, connections stay.
@Suite struct ReloadTests {
    @Test func openConnectionsUseTheNewRoutes() throws {
        try TestGateway.run(.routing(.respond("old", .any) { $0.body = "old" })) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            #expect(try client.readResponse().text == "old")
            var model = gateway.model
            model.routes = [.respond("new", .any) { $0.body = "new" }]
            try gateway.reload(model)
            try client.send(Wire.get())
            #expect(try client.readResponse().text == "new")
            #expect(gateway.accepts().accepted == 1)
        }
    }

    @Test func requestUnderWayEndsAsItBegan() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.filters = [
                ProbeFilter.model { $0.onResponse = { $0.response.fields.append(name: "X-Old".utf8, value: "1".utf8) } }
            ]
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            var next = gateway.model
            next.filters = []
            try gateway.reload(next)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse()["X-Old"] == "1")
            try client.send(Wire.get())
            // The pool belongs to the upstream and not to the configuration.
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            #expect(try client.readResponse()["X-Old"] == nil)
            #expect(origin.acceptedCount == 1)
        }
    }

    @Test func idleConnectionsToEndpointsThatStayAreKeptAndOthersClosed() throws {
        let first = try ScriptedOrigin("first")
        let second = try ScriptedOrigin("second")
        let model = GatewayModel.forwarding(to: first.address) {
            $0.upstreams.append(.upstream("other", [second.address]))
            $0.routes.insert(.forward("other", .prefix("/other"), to: "other"), at: 0)
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            var peers: [RawPeer] = []
            for (target, origin) in [("/", first), ("/other", second)] {
                try client.send(Wire.get(target))
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok())
                _ = try client.readResponse()
                peers.append(upstream)
            }
            var next = gateway.model
            next.upstreams.removeLast()
            next.routes.removeFirst()
            try gateway.reload(next)
            try peers[1].expectEnd()
            try client.send(Wire.get("/again"))
            #expect(try peers[0].readRequest().target == "/again")
            #expect(gateway.current(.connections, of: "other") == 0)
        }
    }

    @Test func requestToAnUpstreamThatIsRemovedMeanwhileStillGetsItsAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            var next = gateway.model
            next.upstreams = []
            next.routes = [.respond("r", .any) { $0.body = "local" }]
            try gateway.reload(next)
            try upstream.send(Wire.ok("answer"))
            #expect(try client.readResponse().text == "answer")
            try upstream.expectEnd()
            try client.send(Wire.get())
            #expect(try client.readResponse().text == "local")
        }
    }

    @Test func requestsThatQueueForARemovedUpstreamAreAnswered() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let clients = try (0..<3).map { try gateway.connect(name: "client \($0)") }
            for (i, client) in clients.enumerated() {
                try client.send(Wire.get("/\(i)"))
                try gateway.wait(for: "request \(i)") {
                    gateway.current(.requests) == 1 && gateway.current(.pending) == i
                }
            }
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            var next = gateway.model
            next.upstreams = []
            next.routes = []
            try gateway.reload(next)
            try upstream.send(Wire.ok())
            #expect(try clients[0].readResponse().status == 200)
            for client in clients.dropFirst() {
                // They began under the old configuration, so the connection that comes free is still theirs.
                try gateway.wait(for: "a decision") { try !upstream.isSilent || !client.peek().isEmpty }
                if try !upstream.isSilent {
                    _ = try upstream.readRequest()
                    try upstream.send(Wire.ok())
                }
                #expect([200, 503].contains(try client.readResponse().status))
            }
            try gateway.settle()
            #expect(gateway.current(.pending) == 0 && gateway.current(.requests) == 0)
        }
    }

    @Test func breakersAndLimitsFollowTheNewConfiguration() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get())
            let upstream = try origin.accept()
            var next = gateway.model
            next.upstreams[0].limits.requests = 1
            try gateway.reload(next)
            // What was under way still counts.
            let second = try gateway.connect(name: "second")
            try second.send(Wire.get())
            #expect(try second.readResponse().status == 503)
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            #expect(try first.readResponse().status == 200)
        }
    }

    /// Routes name the listeners they are for; what a connection came in by must not change its meaning.
    @Test func connectionKeepsItsListenerWhenListenersChangePlaces() throws {
        var model = GatewayModel.routing(
            .respond("a", .any) { $0.body = "for a" },
            .respond("b", .any) { $0.body = "for b" }
        )
        model.listeners = [.loopback("a"), .loopback("b")]
        model.routes[0].match.listeners = ["a"]
        model.routes[1].match.listeners = ["b"]
        try TestGateway.run(model) { gateway in
            let clients = [try gateway.connect("a"), try gateway.connect("b")]
            func expectEachItsOwn() throws {
                for (client, expected) in zip(clients, ["for a", "for b"]) {
                    try client.send(Wire.get())
                    #expect(try client.readResponse().text == expected)
                }
            }
            try expectEachItsOwn()
            model.listeners.reverse()
            try gateway.reload(model)
            try expectEachItsOwn()
            model.listeners.insert(.loopback("new"), at: 0)
            try gateway.reload(model)
            try expectEachItsOwn()
        }
    }

    @Test func connectionsOfARemovedListenerEndWithTheirAnswerAndOthersStay() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners.append(.loopback("gone")) }
        try TestGateway.run(model) { gateway in
            let stays = try gateway.connect("main", name: "stays")
            let idle = try gateway.connect("gone", name: "idle")
            let busy = try gateway.connect("gone", name: "busy")
            try gateway.wait(for: "the connections") { gateway.connectionCount == 3 }
            try busy.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let address = try gateway.address(of: "gone")
            var next = gateway.model
            next.listeners.removeLast()
            try gateway.reload(next)
            try idle.expectEnd()
            #expect(throws: TestFailure.self) { try RawPeer(connectingTo: address) }
            try upstream.send(Wire.ok("last"))
            let last = try busy.readResponse()
            #expect(last.text == "last" && last["Connection"] == "close")
            try busy.expectEnd()
            try stays.send(Wire.get())
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("still here"))
            #expect(try stays.readResponse().text == "still here")
        }
    }

    @Test func newListenerServesAtOnce() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            var next = gateway.model
            next.listeners.append(.loopback("second"))
            try gateway.reload(next)
            let response = try gateway.answer(to: Wire.get(), listener: "second")
            #expect(response.text == "x")
        }
    }

    @Test func shorterListenerLimitsHoldForNewConnections() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            var next = gateway.model
            next.listeners[0].limits.uriBytes = 10
            try gateway.reload(next)
            let response = try gateway.answer(to: Wire.get("/longer/than/ten"))
            #expect(response.status == 414)
        }
    }
}
