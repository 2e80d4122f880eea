import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// `X-Forwarded-*`, `Forwarded` (RFC 7239) and `trusted_proxies`.
@Suite struct ForwardedFieldsTests {
    private static let spoof = [
        "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Real-IP: 192.0.2.2",
        "Forwarded: for=192.0.2.3;proto=https;host=evil.test",
    ]

    private static let tellsClient = [HeaderValueModel(name: "X-Client", value: "${client.ip}")]

    private func model(_ origin: ScriptedOrigin, trusting networks: String...) -> GatewayModel {
        .forwarding(to: origin.address) { $0.listeners[0].trustedProxies = networks.compactMap { CIDR($0) } }
    }

    @Test func upstreamLearnsWhoTheClientIs() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin)) { gateway in
            let request = try gateway.exchange(Wire.get(), with: origin).request
            #expect(request.all("X-Forwarded-For") == ["127.0.0.1"])
            #expect(request.all("X-Forwarded-Proto") == ["http"])
            #expect(request.all("X-Forwarded-Host") == ["a.test"])
            #expect(request["Forwarded"] == nil)
        }
    }

    @Test func whatAStrangerClaimsIsNotPassedOn() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin)) { gateway in
            let request = try gateway.exchange(
                Wire.message("GET / HTTP/1.1", ["Host: a.test"] + Self.spoof),
                with: origin
            ).request
            #expect(request.all("X-Forwarded-For") == ["127.0.0.1"])
            #expect(request.all("X-Forwarded-Proto") == ["http"])
            #expect(request.all("X-Forwarded-Host") == ["a.test"])
            #expect(request["Forwarded"] == nil && request["X-Real-IP"] == nil)
        }
    }

    @Test func whatATrustedProxySaysIsKeptAndItsAddressAdded() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin, trusting: "127.0.0.0/8")) { gateway in
            let request = try gateway.exchange(
                Wire.message("GET / HTTP/1.1", ["Host: a.test"] + Self.spoof),
                with: origin
            ).request
            #expect(request.all("X-Forwarded-For") == ["192.0.2.1, 127.0.0.1"])
            #expect(request.all("X-Forwarded-Proto") == ["https"])
            #expect(request.all("X-Forwarded-Host") == ["evil.test"])
            let forwarded = try #require(request["Forwarded"])
            #expect(forwarded.hasPrefix("for=192.0.2.3;proto=https;host=evil.test, for=127.0.0.1;proto=http;host="))
        }
    }

    @Test func severalLinesOfATrustedProxyAreJoinedInOrder() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin, trusting: "127.0.0.1/32")) { gateway in
            let request = try gateway.exchange(
                Wire.get("/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2, 192.0.2.3"),
                with: origin
            ).request
            #expect(request.all("X-Forwarded-For") == ["192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"])
        }
    }

    /// The client is the rightmost address that is no trusted proxy: everything left of it may be invented.
    @Test(
        arguments: [
            ([], "127.0.0.1"),
            (["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
            (["X-Forwarded-For: 192.0.2.66, 192.0.2.1"], "192.0.2.1"),
            (["X-Forwarded-For: 192.0.2.1, 10.1.2.3"], "192.0.2.1"),
            (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.1.2.3, 10.9.9.9"], "192.0.2.1"),
            (["X-Forwarded-For: 10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            (["X-Forwarded-For: 192.0.2.1:4711"], "192.0.2.1"),
            (["X-Forwarded-For: [2001:db8::1]:4711"], "2001:db8::1"),
            (["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"),
            (["X-Forwarded-For: 192.0.2.1, unknown, 10.1.2.3"], "10.1.2.3"),
            (["X-Forwarded-For: junk"], "127.0.0.1"),
            (["Forwarded: for=192.0.2.1;proto=https"], "192.0.2.1"),
            (["Forwarded: proto=https;for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
            (["Forwarded: for=192.0.2.66, for=192.0.2.1, FOR=10.1.1.1"], "192.0.2.1"),
            (["Forwarded: for=_hidden"], "127.0.0.1"),
            (["Forwarded: for=192.0.2.2", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        ] as [([String], String)]
    )
    func clientBehindTrustedProxies(lines: [String], expected: String) throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.headers = Self.tellsClient })
        model.listeners[0].trustedProxies = ["127.0.0.1/32", "10.0.0.0/8"].compactMap { CIDR($0) }
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.message("GET / HTTP/1.1", ["Host: a"] + lines))
            #expect(response["X-Client"] == expected)
        }
    }

    @Test func strangerIsTheClientWhateverItClaims() throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.headers = Self.tellsClient })
        model.listeners[0].trustedProxies = [CIDR("10.0.0.0/8")].compactMap { $0 }
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get("/", "X-Forwarded-For: 10.1.2.3"))
            #expect(response["X-Client"] == "127.0.0.1")
        }
    }

    @Test func routesMatchTheClientAndNotTheProxy() throws {
        var model = GatewayModel.routing(
            .respond("office", .any) { $0.body = "office" },
            .respond("rest", .any) { $0.body = "rest" }
        )
        model.routes[0].match.source = [CIDR("192.0.2.0/24")].compactMap { $0 }
        model.listeners[0].trustedProxies = [CIDR("127.0.0.1/32")].compactMap { $0 }
        try TestGateway.run(model) { gateway in
            #expect(try gateway.answer(to: Wire.get("/", "X-Forwarded-For: 192.0.2.7")).text == "office")
            let other = try gateway.answer(to: Wire.get("/", "X-Forwarded-For: 192.0.2.7, 198.51.100.1"))
            #expect(other.text == "rest")
        }
    }

    @Test func veryLongListIsReadFromItsNearEnd() throws {
        var model = GatewayModel.routing(.respond("r", .any) { $0.headers = Self.tellsClient })
        model.listeners[0].trustedProxies = [CIDR("127.0.0.1/32")].compactMap { $0 }
        let list = (0..<2000).map { "10.\($0 / 256).\($0 % 256).1" }.joined(separator: ",")
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get("/", "X-Forwarded-For: \(list), 192.0.2.1"))
            #expect(response["X-Client"] == "192.0.2.1")
        }
    }

    @Test func overAUnixSocketThereIsNoAddressToTell() throws {
        let origin = try ScriptedOrigin()
        let folder = try TemporaryFolder()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
            $0.listeners[0].trustedProxies = [CIDR("0.0.0.0/0")].compactMap { $0 }
        }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange(
                Wire.message("GET / HTTP/1.1", ["Host: a.test"] + Self.spoof),
                with: origin
            ).request
            #expect(request["X-Forwarded-For"] == nil)
            #expect(request.all("X-Forwarded-Proto") == ["http"] && request.all("X-Forwarded-Host") == ["a.test"])
        }
    }
}
