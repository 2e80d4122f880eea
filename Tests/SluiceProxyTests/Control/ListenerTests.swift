import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Addresses that the gateway listens on and connects to, and how connections reach their loops.
@Suite struct ListenerTests {
    @Test func unixSocketsWorkOnBothSides() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
        }
        try TestGateway.run(model) { gateway in
            let seen = try gateway.exchange(Wire.post(body: "body"), with: origin)
            #expect(seen.request.text == "body" && seen.response.text == "ok")
            #expect(seen.request.all("Host").count == 1)
        }
    }

    @Test func ipv6WorksOnBothSides() throws {
        let origin = try ScriptedOrigin(at: .ip(host: "::1", port: 0))
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .ip(host: "::1", port: 0)
        }
        guard case .ip(_, let port) = origin.address else { return }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange(Wire.get(), with: origin).request
            #expect(request["Host"] == "[::1]:\(port)" && request["X-Forwarded-For"] == "::1")
        }
    }

    @Test func connectionsBeyondTheLimitAreTurnedAway() throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        model.listeners[0].limits.connections = 2
        try TestGateway.run(model) { gateway in
            var clients = [try gateway.connect(), try gateway.connect()]
            try gateway.wait(for: "both") { gateway.accepts().accepted == 2 }
            let third = try gateway.connect(name: "third")
            try third.expectGone()
            #expect(gateway.accepts().rejected == 1)
            #expect(gateway.refusedConnections(.tooManyConnections) == 1)
            clients.removeLast().close()
            try gateway.wait(for: "room") { gateway.connectionCount == 1 }
            #expect(try gateway.answer(to: Wire.get()).text == "x")
            try clients[0].send(Wire.get())
            #expect(try clients[0].readResponse().text == "x")
        }
    }

    @Test func connectionsAreSpreadOverTheLoops() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" }), loops: 3) { gateway in
            var clients: [RawPeer] = []
            for i in 0..<9 {
                clients.append(try gateway.connect(name: "client \(i)"))
                try gateway.wait(for: "the connection") { gateway.connectionCount == i + 1 }
            }
            #expect(try gateway.onLoops { $0.connectionCount } == [3, 3, 3])
            // Those that leave make room on their loop.
            let first = try gateway.onLoops { $0.connectionCount }
            clients.removeAll()
            try gateway.wait(for: "all to leave") { gateway.connectionCount == 0 }
            #expect(first.reduce(0, +) == 9)
        }
    }

    @Test func addressInUseNamesItsHolder() throws {
        let origin = try ScriptedOrigin()
        do {
            _ = try ListeningSocket(binding: origin.address)
            Issue.record("two listen on one address")
        } catch {
            #expect(error.message.contains("in use") && error.message.contains("this process"), "\(error.message)")
        }
    }

    @Test func socketFileThatACrashLeftBehindIsNotInTheWay() throws {
        let folder = try TemporaryFolder()
        let address = ListenAddress.unix(path: folder.path("socket"))
        let first = try ListeningSocket(binding: address)
        first.closeKeepingFile()
        let second = try ListeningSocket(binding: address)
        #expect(throws: ListenError.self) { try ListeningSocket(binding: address) }
        second.close()
    }

    @Test func routesMayBeForOneListenerOnly() throws {
        var model = GatewayModel.routing(.respond("inside", .any) { $0.body = "inside" })
        model.listeners = [.loopback("public"), .loopback("private")]
        model.routes[0].match.listeners = ["private"]
        try TestGateway.run(model) { gateway in
            #expect(try gateway.answer(to: Wire.get(), listener: "private").text == "inside")
            let outside = try gateway.answer(to: Wire.get(), listener: "public")
            #expect(outside.status == 404)
        }
    }
}
