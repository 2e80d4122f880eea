import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTesting
import SluiceUpstream
import Testing

/// RFC 9110, section 7.8: `Upgrade`, and 9.3.6: CONNECT. Afterwards bytes pass both ways as they come.
@Suite struct TunnelTests {
    static let ask = Wire.get("/chat", "Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: x")
    static let agree = Wire.message(
        "HTTP/1.1 101 Switching Protocols",
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: y"]
    )

    /// Both ends of a tunnel that stands.
    static func open(_ gateway: TestGateway, _ origin: ScriptedOrigin) throws -> (client: RawPeer, upstream: RawPeer) {
        let client = try gateway.connect()
        try client.send(ask)
        let upstream = try origin.accept()
        _ = try upstream.readHead()
        try upstream.send(agree)
        let response = try client.readHead()
        guard response.status == 101 else { throw TestFailure("no tunnel: \(response.startLine)") }
        return (client: client, upstream: upstream)
    }

    // MARK: - The handshake

    @Test func handshakePassesBothWaysAndBytesFollow() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Self.ask)
            let upstream = try origin.accept()
            let request = try upstream.readHead()
            #expect(request.startLine == "GET /chat HTTP/1.1" && request["Sec-WebSocket-Key"] == "x")
            #expect(request["Connection"]?.lowercased() == "upgrade" && request["Upgrade"]?.lowercased() == "websocket")
            try upstream.send(Self.agree)
            let response = try client.readHead()
            #expect(response.status == 101 && response["Sec-WebSocket-Accept"] == "y")
            #expect(
                response["Connection"]?.lowercased() == "upgrade" && response["Upgrade"]?.lowercased() == "websocket"
            )
            #expect(response["Transfer-Encoding"] == nil && response["Content-Length"] == nil)
            for i in 0..<3 {
                // Looks like the next request, which it no longer is.
                let ping = "ping \(i)\r\n\r\nGET / HTTP/1.1\r\n\r\n"
                try client.send(ping)
                #expect(try upstream.readText(ping.utf8.count) == ping)
                try upstream.send("pong \(i)")
                #expect(try client.readText(6) == "pong \(i)")
            }
        }
    }

    @Test func bytesThatCameTooEarlyAreNotLost() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Self.ask + "early from the client")
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try gateway.settle()
            #expect(try upstream.isSilent, "what follows the head is nothing before the upstream has agreed")
            try upstream.send(Self.agree + "early from the upstream")
            #expect(try upstream.readText(21) == "early from the client")
            _ = try client.readHead()
            #expect(try client.readText(23) == "early from the upstream")
        }
    }

    @Test func refusedUpgradeIsAnOrdinaryAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Self.ask)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.status(403, "Upgrade: websocket"))
            let response = try client.readResponse()
            #expect(response.status == 403 && response["Upgrade"] == nil)
            try client.send(Wire.get("/next"))
            #expect(try upstream.readRequest().target == "/next")
        }
    }

    @Test(arguments: ["h2c", "websocket, h2c", "Websocket/13", "evil"])
    func tokenThatIsNotAllowedIsNotPassedOn(token: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = Wire.get("/", "Connection: Upgrade", "Upgrade: \(token)")
            let seen = try gateway.exchange(request, with: origin)
            #expect(seen.request["Upgrade"] == nil && seen.request["Connection"] == nil)
            #expect(seen.response.status == 200)
        }
    }

    @Test func routeMayAllowOtherTokens() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.routes[0].upgrades = ["spdy/3.1"] }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: Upgrade", "Upgrade: SPDY/3.1"))
            let upstream = try origin.accept()
            #expect(try upstream.readHead()["Upgrade"]?.lowercased() == "spdy/3.1")
            try upstream.send("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhi")
            #expect(try client.readHead().status == 101)
            #expect(try client.readText(2) == "hi")
        }
    }

    @Test(arguments: [
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n",
    ])
    func switchToSomethingElseIsRefused(answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Self.ask)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(answer)
            #expect(try client.readResponse().status == 502)
            try upstream.expectGone()
        }
    }

    @Test(arguments: [
        Wire.get("/", "Upgrade: websocket"), Wire.get("/", "Connection: Upgrade"),
        "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        Wire.post(body: "body", "Connection: Upgrade", "Upgrade: websocket"),
    ])
    func requestThatIsNoProperUpgradeIsForwardedAsAPlainOne(request: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(request, with: origin)
            #expect(seen.request["Upgrade"] == nil && seen.request["Connection"] == nil && seen.response.status == 200)
        }
    }

    @Test func interimResponseMayComeBeforeTheSwitch() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Self.ask)
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send("HTTP/1.1 103 Early Hints\r\n\r\n" + Self.agree + "hi")
            #expect(try client.readHead().status == 103)
            #expect(try client.readHead().status == 101)
            #expect(try client.readText(2) == "hi")
        }
    }

    // MARK: - CONNECT

    @Test func connectOpensATunnelWhereEnabled() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners[0].allowConnect = true }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
            let upstream = try origin.accept()
            #expect(try upstream.readHead().startLine == "CONNECT a.test:443 HTTP/1.1")
            try upstream.send("HTTP/1.1 200 OK\r\n\r\nfrom the upstream")
            let response = try client.readHead()
            #expect(response.status == 200 && response["Transfer-Encoding"] == nil && response["Content-Length"] == nil)
            #expect(try client.readText(17) == "from the upstream")
            try client.send("from the client")
            #expect(try upstream.readText(15) == "from the client")
        }
    }

    @Test func refusedConnectEndsTheConnection() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners[0].allowConnect = true }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(
                "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            )
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.status(403))
            let response = try client.readResponse()
            #expect(response.status == 403 && response["Connection"] == "close")
            try client.expectEnd()
            #expect(try upstream.peek().isEmpty && origin.isSilent)
        }
    }
}
