import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Routes whose upstream is the gateway itself.
@Suite struct LoopTests {
    /// How often a request is taken in before it is refused: once from the client, and as often as it may come back.
    private static let turns = 7

    /// The model with `origin` being a listener of the gateway; which port that has is known only now.
    private func pointHome(_ gateway: TestGateway, _ model: GatewayModel, to listener: String = "main") throws {
        var model = model
        let home = UpstreamModel.upstream("origin", [try gateway.address(of: listener)])
        model.upstreams[0].endpoints = home.endpoints
        try gateway.reload(model)
    }

    @Test("a request that comes back is refused after a few turns", arguments: [UpstreamProtocol.http1, .http2])
    func loop(version: UpstreamProtocol) throws {
        let model = GatewayModel.forwarding { $0.upstreams[0].version = version }
        try TestGateway.run(model) { gateway in
            try pointHome(gateway, model)
            let client = try gateway.connect()
            for round in 1...3 {
                try client.send(Wire.get("/\(round)"))
                let answer = try client.readResponse()
                #expect(answer.status == 508 && answer.text.contains("loop_detected"))
                try gateway.wait(for: "the count") { gateway.count(of: .loopDetected) == round }
                #expect(gateway.total(\.requests) == Self.turns * round)
            }
        }
    }

    @Test("so it is over a Unix socket, and over HTTP/2 from the client on")
    func unixSocket() throws {
        let model = GatewayModel.forwarding { $0.upstreams[0].version = .http2 }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            try pointHome(gateway, model)
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/", [])
            #expect(try client.answer(to: stream).status == 508)
            #expect(gateway.total(\.requests) == Self.turns)
        }
    }

    @Test("a listener on the wildcard is found by whatever address of the machine")
    func wildcard() throws {
        var model = GatewayModel.forwarding()
        model.listeners[0].address = .ip(host: "0.0.0.0", port: 0)
        try TestGateway.run(model) { gateway in
            guard case .ip(_, let port) = try gateway.address() else { throw TestFailure("no port") }
            var pointed = model
            pointed.upstreams[0].endpoints =
                UpstreamModel.upstream("origin", [.ip(host: "127.0.0.1", port: port)]).endpoints
            try gateway.reload(pointed)
            let client = try RawPeer(connectingTo: .ip(host: "127.0.0.1", port: port))
            try client.send(Wire.get())
            #expect(try client.readResponse().status == 508)
        }
    }

    @Test("a policy that tries 5xx again does not multiply the turns")
    func retries() throws {
        var retry = RetryModel()
        retry.on = [.serverError, .gatewayError]
        retry.attempts = 3
        let model = GatewayModel.forwarding { $0.routes[0].forwarding.retry = retry }
        try TestGateway.run(model) { gateway in
            try pointHome(gateway, model)
            let client = try gateway.connect()
            try client.send(Wire.post(body: "once"))
            #expect(try client.readResponse().status == 508)
            #expect(gateway.total(\.requests) == Self.turns)
        }
    }

    @Test("a mirror that is the gateway itself ends as well")
    func mirror() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        var model = GatewayModel.forwarding()
        model.upstreams.append(.upstream("target", [origin.address]))
        model.routes = [.forward("all", to: "target")]
        model.routes[0].forwarding.mirror = MirrorModel(upstream: "origin", place: .builtIn)
        try TestGateway.run(model) { gateway in
            try pointHome(gateway, model)
            let client = try gateway.connect()
            try client.send(Wire.get("/x"))
            #expect(try client.readResponse().text == "/x")
            try gateway.wait(for: "the last copy to be refused") { gateway.count(of: .loopDetected) == 1 }
            // The first copy is made before anybody knows where it leads.
            #expect(gateway.total(\.requests) <= Self.turns + 1)
        }
    }

    @Test("listeners behind one another are no loop, and the upstream behind them sees nothing of it")
    func chain() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: .ip(host: "127.0.0.1", port: 1))
        model.listeners.append(.loopback("inner"))
        model.upstreams.append(.upstream("target", [origin.address]))
        model.routes = [.forward("outer", to: "origin"), .forward("inner", to: "target")]
        model.routes[0].match.listeners = ["main"]
        model.routes[1].match.listeners = ["inner"]
        try TestGateway.run(model) { gateway in
            try pointHome(gateway, model, to: "inner")
            let client = try gateway.connect()
            for lie in ["3", "x", "", "33"] {
                try client.send(Wire.get("/", "Sluice-Passes: \(lie)"))
                let upstream = try origin.accept()
                #expect(try upstream.readRequest().all("sluice-passes").isEmpty)
                try upstream.send(Wire.ok("through", "Connection: close"))
                #expect(try client.readResponse().text == "through")
            }
            // Who says that he has come back too often is believed.
            try client.send(Wire.get("/", "sluice-passes: 6"))
            #expect(try client.readResponse().status == 508)
            try gateway.wait(for: "the count") { gateway.count(of: .loopDetected) == 1 }
        }
    }
}
