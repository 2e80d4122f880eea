import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// Clients that claim to be somebody else. The test's own address is 127.0.0.1.
@Suite("Attacks on ip_access") struct IPAccessAttackTests {
    private func model(
        _ origin: ScriptedOrigin,
        _ settings: String,
        trusting proxies: [String] = []
    ) throws -> GatewayModel {
        let filters = try FilterText.models("ip_access: \(settings)")
        return .forwarding(to: origin.address) {
            $0.filters = filters
            $0.listeners[0].trustedProxies = proxies.compactMap { CIDR($0) }
        }
    }

    static let claims = [
        "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.1, 127.0.0.1", "X-Real-IP: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
        "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.1", "Client-IP: 10.0.0.1", "True-Client-IP: 10.0.0.1",
        "X-Forwarded-For: ::ffff:10.0.0.1", "X-Client-IP: 10.0.0.1",
    ]

    @Test("what a stranger says about the address counts nothing", arguments: claims)
    func claimed(lines: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{allow: [10.0.0.0/8]}")) { gateway in
            let answer = try gateway.answer(to: Wire.get("/", lines))
            #expect(answer.status == 403 && answer.text.contains("address_forbidden"))
            // Nothing about who may.
            #expect(!answer.text.contains("10.0.0") && !answer.text.contains("127.0.0.1"))
            #expect(origin.isSilent)
        }
    }

    @Test(
        "behind a trusted proxy the client's own address counts, and what it put in front of it does not",
        arguments: [
            ("10.0.0.1", true), ("203.0.113.5", false), ("10.0.0.1, 203.0.113.5", false),
            ("203.0.113.5, 10.0.0.1", true),
            ("10.0.0.1, 203.0.113.5, 127.0.0.1", false), ("::ffff:10.0.0.1", true), ("nonsense", false),
            ("10.0.0.1:80", true),
            ("10.66.0.1", false),
        ]
    )
    func trustedProxy(forwarded: String, isAllowed: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin, "{allow: [10.0.0.0/8], deny: [10.66.0.0/16]}", trusting: ["127.0.0.1"])
        try TestGateway.run(model) { gateway in
            let request = Wire.get("/", "X-Forwarded-For: \(forwarded)")
            let answer = try isAllowed ? gateway.exchange(request, with: origin).response : gateway.answer(to: request)
            #expect(answer.status == (isAllowed ? 200 : 403) && origin.isSilent)
        }
    }

    @Test("a refusal leaves the connection in step, whatever was sent behind the head")
    func bodies() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{allow: [10.0.0.0/8]}")
        model.routes.insert(.respond("open", .exact("/open")) { $0.body = "open" }, at: 0)
        model.routes[1].filters = model.filters
        model.filters = []
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/", body: "GET /smuggled HTTP/1.1\r\n\r\n") + Wire.get("/open"))
            #expect(try client.readResponse().status == 403)
            #expect(try client.readResponse().text == "open")
            #expect(try client.isSilent && origin.isSilent)
        }
    }

    @Test("a client of a Unix socket is on no list")
    func unixSocket() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin()
        for (settings, isAllowed) in [
            ("{allow: [0.0.0.0/0, '::/0']}", false), ("{deny: [0.0.0.0/0, '::/0']}", true),
            ("{allow: [10.0.0.0/8], unix: allow}", true), ("{deny: [10.0.0.0/8], unix: deny}", false),
        ] {
            var model = try model(origin, settings)
            model.listeners[0].address = .unix(path: folder.path("gateway"))
            try TestGateway.run(model) { gateway in
                let request = Wire.get("/", "X-Forwarded-For: 10.0.0.1")
                let answer =
                    try isAllowed ? gateway.exchange(request, with: origin).response : gateway.answer(to: request)
                #expect(answer.status == (isAllowed ? 200 : 403))
            }
        }
    }

    @Test("several lists on the way must all agree")
    func severalLists() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin, "{deny: [127.0.0.0/8]}")
        model.routes[0].filters = try FilterText.models("ip_access: {allow: [127.0.0.1]}")
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: Wire.get())
            #expect(answer.status == 403 && origin.isSilent)
        }
    }
}
