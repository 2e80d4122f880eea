import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

/// A gateway with TLS, its files, and what happens to those who are connected when they change.
@Suite struct TLSGatewayTests {
    private static let before = "02"
    private static let renewed = "03"

    private func text(_ tls: String = "", body: String = "one", more: String = "") -> String {
        """
        version: 1
        listeners:
          - {name: main, address: "127.0.0.1:0", tls: {certificates: [{cert: api.pem, key: api.key}]\(tls)}}
          - {name: plain, address: "127.0.0.1:0", http_redirect: {port: 844}}
        consumers:
          - {name: alice, certificates: [{uri: "spiffe://example.org/sa/alice"}]}
        routes:
          - {name: all, match: {prefix: /}, respond: {body: \(body)}\(more)}

        """
    }

    @Test("new files are for those who come, and nobody who is there is disturbed")
    func renewal() throws {
        let kit = try TLSKit()
        try GatewayKit.run(try kit.model(text())) { gateway in
            let early = try TLSPeer(gateway.address())
            #expect(early.serial == Self.before)
            #expect(try early.get().hasSuffix("one"))
            try kit.replace("api.pem", TLSFixtures.renewed)
            try kit.replace("api.key", TLSFixtures.renewedKey)
            try GatewayKit.eventually("the new certificate is shown") {
                gateway.lookAtCertificates()
                return try TLSPeer(gateway.address()).serial == Self.renewed
            }
            #expect(try early.get().hasSuffix("one"))
            #expect(gateway.statistics.errors.isEmpty)
        }
    }

    @Test("a certificate without its key is not shown, and operators are told")
    func torn() throws {
        let kit = try TLSKit()
        let lines = Lines()
        try GatewayKit.run(try kit.model(text()), lines: lines) { gateway in
            try kit.replace("api.pem", TLSFixtures.renewed)
            try GatewayKit.eventually("it was looked at") {
                gateway.lookAtCertificates()
                return lines.all.contains { $0.hasPrefix("TLS: what was read before stays") }
            }
            #expect(try TLSPeer(gateway.address()).serial == Self.before)
        }
    }

    @Test("a reload takes over new files with the configuration, and a bad file is its end")
    func reload() throws {
        let kit = try TLSKit()
        try GatewayKit.run(try kit.model(text())) { gateway in
            let early = try TLSPeer(gateway.address())
            try kit.replace("api.key", TLSFixtures.renewedKey)
            let next = try kit.model(text(body: "two"))
            #expect(throws: StartError.self) { try gateway.reload(next) }
            #expect(try early.get().hasSuffix("one"))
            #expect(try TLSPeer(gateway.address()).serial == Self.before)
            try kit.replace("api.pem", TLSFixtures.renewed)
            try gateway.reload(next)
            let late = try TLSPeer(gateway.address())
            #expect(late.serial == Self.renewed)
            #expect(try late.get().hasSuffix("two"))
            #expect(try early.get().hasSuffix("two"))
        }
    }

    @Test("a client is known by its certificate")
    func mutual() throws {
        let kit = try TLSKit()
        let model = try kit.model(text(", client_ca: ca.pem, client_auth: optional", more: ", filters: [mtls_auth]"))
        try GatewayKit.run(model) { gateway in
            let nobody = try TLSPeer(gateway.address())
            #expect(try nobody.get().hasPrefix("HTTP/1.1 401 "))
            let alice = try TLSPeer(gateway.address(), client: (TLSFixtures.client, TLSFixtures.clientKey))
            #expect(try alice.get().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("without TLS: to https")
    func redirect() throws {
        let kit = try TLSKit()
        try GatewayKit.run(try kit.model(text())) { gateway in
            let answer = try gateway.get("/a?b=c", listener: "plain")
            #expect(answer.status == 308)
            #expect(answer["Location"]?.hasSuffix(":844/a?b=c") == true)
        }
    }

    @Test("a configuration whose certificates cannot be read does not start")
    func start() throws {
        let kit = try TLSKit()
        try kit.remove("api.key")
        let model = try kit.model(text())
        let error = #expect(throws: StartError.self) { try GatewayKit.run(model) { _ in } }
        #expect(error?.message.contains("api.key' cannot be opened") == true)
    }
}
