import NIOCore
import SluiceConfig
import SluiceControl
import SluiceProxy
import SluiceTesting
import Testing

@Suite struct ReloadTests {
    /// `/v` says which configuration answers, everything else goes to the origin.
    private func model(_ version: String, to origin: ListenAddress) -> GatewayModel {
        .forwarding(to: origin) { model in
            model.routes.insert(.respond("version", .exact("/v")) { $0.body = version }, at: 0)
        }
    }

    @Test("a reload under load loses no request and closes no connection, of clients or of the pools")
    func underLoad() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(model("0", to: origin.address)) { gateway in
            let load = Load(8, .keepAlive, to: try gateway.address())
            for version in 1...10 {
                let before = load.answered
                try gateway.reload(model("\(version)", to: origin.address))
                #expect(try gateway.get("/v").text == "\(version)")
                try GatewayKit.eventually("clients go on") { load.answered > before + 50 }
            }
            let outcome = try load.stop()
            #expect(outcome.lost == [])
            #expect(outcome.connections == 8)
            #expect(gateway.statistics.connectionsAccepted == 18)
            #expect(origin.acceptedCount <= 8)
            try GatewayKit.eventually("old configurations are gone") { gateway.retiredCount == 0 }
        }
    }

    @Test("a reload that changes the endpoints moves the requests, for clients that stay too")
    func otherEndpoints() throws {
        let first = try RespondingOrigin()
        let second = try RespondingOrigin()
        defer {
            first.stop()
            second.stop()
        }
        try GatewayKit.run(model("1", to: first.address)) { gateway in
            let client = try gateway.connect()
            #expect(try client.get("/x").text == "/x")
            try gateway.reload(model("2", to: second.address))
            for _ in 0..<5 { #expect(try client.get("/x").text == "/x") }
            #expect(first.requestCount == 1)
            #expect(second.requestCount == 5)
            try gateway.reload(model("3", to: first.address))
            #expect(try client.get("/x").text == "/x")
            #expect(first.requestCount == 2)
        }
    }

    @Test("a configuration that cannot be compiled changes nothing")
    func cannotBeCompiled() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(model("old", to: origin.address)) { gateway in
            let client = try gateway.connect()
            var bad = model("new", to: origin.address)
            bad.routes.append(.respond("broken", .regex("(")) { $0.body = "" })
            #expect(throws: StartError.self) { try gateway.reload(bad) }
            #expect(try client.get("/v").text == "old")
            #expect(gateway.retiredCount == 0)
        }
    }

    @Test("an address that is taken rejects the whole reload, and names the holder")
    func addressIsTaken() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(model("old", to: origin.address)) { gateway in
            let address = try gateway.address()
            var bad = model("new", to: origin.address)
            bad.listeners.append(.loopback("free"))
            bad.listeners.append(ListenerModel(name: "taken", place: .builtIn, address: origin.address))
            let error = #expect(throws: StartError.self) { try gateway.reload(bad) }
            #expect(error?.message.contains("listener 'taken': cannot listen on \(origin.address.text)") == true)
            #expect(error?.message.contains("held by") == true)
            #expect(gateway.listeners.map(\.name) == ["main"])
            #expect(try gateway.address() == address)
            #expect(try gateway.get("/v").text == "old")
            try gateway.reload(model("new", to: origin.address))
            #expect(try gateway.get("/v").text == "new")
        }
    }

    @Test("a listener that is added serves; one that is removed refuses, and only its connections end")
    func listenersComeAndGo() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let one = model("1", to: origin.address)
        var two = model("2", to: origin.address)
        two.listeners.append(.loopback("second"))
        try GatewayKit.run(one) { gateway in
            let stays = try gateway.connect()
            #expect(try stays.get("/v").text == "1")
            try gateway.reload(two)
            let second = try gateway.address(of: "second")
            let goes = try gateway.connect("second")
            #expect(try goes.get("/v").text == "2")
            try gateway.reload(one)
            try goes.expectEnd()
            #expect(throws: TestFailure.self) { try RawPeer(connectingTo: second) }
            #expect(try stays.get("/v").text == "1")
        }
    }

    @Test("a request that a removed listener took in is answered, and the connection ends with the answer")
    func removedListenerAnswers() throws {
        let origin = try ScriptedOrigin()
        let one = model("1", to: origin.address)
        var two = one
        two.listeners.append(.loopback("second"))
        try GatewayKit.run(two) { gateway in
            let client = try gateway.connect("second")
            try client.send(Wire.get("/slow"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.reload(one)
            try upstream.send(Wire.ok("late"))
            let answer = try client.readResponse()
            #expect(answer.text == "late")
            #expect(answer["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test("another name for the same address keeps socket and connections")
    func renamedListener() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(model("old", to: origin.address)) { gateway in
            let address = try gateway.address()
            let client = try gateway.connect()
            #expect(try client.get("/v").text == "old")
            var renamed = model("new", to: origin.address)
            renamed.listeners[0].name = "public"
            try gateway.reload(renamed)
            #expect(try gateway.address(of: "public") == address)
            #expect(try client.get("/v").text == "new")
            #expect(try gateway.get("/v", listener: "public").text == "new")
        }
    }

    @Test("another address for the same name ends the connections of the old one")
    func movedListener() throws {
        let folder = try TemporaryFolder()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(model("old", to: origin.address)) { gateway in
            let old = try gateway.address()
            let client = try gateway.connect()
            #expect(try client.get("/v").text == "old")
            var moved = model("new", to: origin.address)
            moved.listeners[0].address = .unix(path: folder.path("gateway"))
            try gateway.reload(moved)
            try client.expectEnd()
            #expect(throws: TestFailure.self) { try RawPeer(connectingTo: old) }
            #expect(try gateway.get("/v").text == "new")
        }
    }

    @Test("limits hold over a reload: what is under way still counts")
    func breakersAreKept() throws {
        let origin = try ScriptedOrigin()
        var limited = model("1", to: origin.address)
        limited.upstreams[0].limits.requests = 1
        try GatewayKit.run(limited, workers: 1) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/slow"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.reload(limited)
            #expect(try gateway.get("/second").status == 503)
            try upstream.send(Wire.ok("late"))
            #expect(try client.readResponse().text == "late")
        }
    }

    @Test("an old configuration stays as long as a request uses it, and is gone after the answer")
    func retiredConfigurations() throws {
        let origin = try ScriptedOrigin()
        try GatewayKit.run(model("1", to: origin.address), workers: 1) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/slow"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.reload(model("2", to: origin.address))
            #expect(gateway.retiredCount == 1)
            try upstream.send(Wire.ok("late"))
            #expect(try client.readResponse().text == "late")
            try GatewayKit.eventually("the old configuration is gone") { gateway.retiredCount == 0 }
        }
    }
}
