import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTLS
import Testing

@Suite("mtls_auth") struct MTLSAuthFilterTests {
    private func filter(_ settings: String = "{}", consumers: String) throws -> any Filter {
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0", tls: {certificates: [{cert: a.pem}], client_ca: a.pem}}]
            routes: [{name: all, respond: {status: 200}}]
            consumers: [\(consumers)]
            filters:
              - mtls_auth: \(settings)
            """
        let file = FilterFile(text: text)
        let model = try #require(file.model, "\(file.findings)")
        let resources = FilterResources(
            loop: FilterResources.forTest().loop,
            slot: 0,
            surroundings: FilterSurroundings(gateway: model)
        )
        return try #require(file.filter(resources))
    }

    private static let alice =
        "{name: alice, groups: [gold, beta], certificates: [{uri: \"spiffe://example.org/sa/alice\"}]}"

    private func exchange(_ client: MTLSPair.Client?, _ request: [(String, String)] = []) throws -> TestExchange {
        let exchange = TestExchange(request: request)
        exchange.tlsSession = try MTLSPair.session(client)
        return exchange
    }

    @Test("a caller's certificate is known by one of its names, and the upstream is told whose it is")
    func known() throws {
        let exchange = try exchange(
            .alice,
            [("X-Consumer-Name", "root"), ("x_consumer_groups", "admin"), ("a", "b")]
        )
        #expect(try filter(consumers: Self.alice).onRequest(exchange).isNext)
        #expect(exchange.consumer?.name == Array("alice".utf8))
        #expect(exchange.requestLines == ["a: b", "x-consumer-name: alice", "x-consumer-groups: gold, beta"])
    }

    @Test(
        "each way to say whose a certificate is",
        arguments: [
            ("{uri: \"spiffe://example.org/sa/alice\"}", true), ("{uri: \"spiffe://example.org/sa/other\"}", true),
            ("{uri: \"spiffe://example.org/sa/ALICE\"}", false), ("{uri: \"spiffe://example.org/sa\"}", false),
            ("{dns: alice.example.com}", true), ("{dns: ALICE.example.com}", true), ("{dns: example.com}", false),
            ("{email: Ann@example.COM}", true), ("{email: ann@example.com}", false),
            ("{subject: \"CN=alice,O=Example\"}", true), ("{subject: \"CN=alice\"}", false),
            ("{subject: \"O=Example,CN=alice\"}", false), ("{pin: \(MTLSFixtures.alicePin)}", true),
            ("{pin: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}", false),
        ]
    )
    func ways(identity: String, isKnown: Bool) throws {
        let exchange = try exchange(.alice)
        let verdict = try filter(consumers: "{name: alice, certificates: [\(identity)]}").onRequest(exchange)
        #expect(verdict.isNext == isKnown)
        #expect((exchange.consumer != nil) == isKnown)
    }

    @Test("the more particular identity decides, and of several names the first")
    func order() throws {
        let identities = [
            ("subject", "{subject: \"CN=alice,O=Example\"}"), ("email", "{email: Ann@example.com}"),
            ("dns", "{dns: alice.example.com}"), ("second", "{uri: \"spiffe://example.org/sa/alice\"}"),
            ("first", "{uri: \"spiffe://example.org/sa/other\"}"), ("pin", "{pin: \(MTLSFixtures.alicePin)}"),
        ]
        for count in identities.indices {
            let consumers = identities[...count].map { "{name: \($0), certificates: [\($1)]}" }.joined(separator: ", ")
            let exchange = try exchange(.alice)
            #expect(try filter(consumers: consumers).onRequest(exchange).isNext)
            #expect(exchange.consumer.map { String(decoding: $0.name, as: UTF8.self) } == identities[count].0)
        }
    }

    @Test("without a certificate: 401, or nobody")
    func missing() throws {
        for session in [try MTLSPair.session(nil), nil] {
            let exchange = TestExchange(request: [("x-consumer-name", "root")])
            exchange.tlsSession = session
            let reply = try filter(consumers: Self.alice).onRequest(exchange).reply
            #expect(reply?.error == .credentialMissing && reply?.status == 401)
            #expect(reply?.fields.map { String(decoding: $0.name, as: UTF8.self) } == ["WWW-Authenticate"])
            #expect(try filter("{required: false}", consumers: Self.alice).onRequest(exchange).isNext)
            #expect(exchange.consumer == nil && exchange.requestLines == [])
        }
    }

    @Test("nobody's certificate: 403, or on")
    func unknown() throws {
        let exchange = try exchange(.nobody)
        let reply = try filter(consumers: Self.alice).onRequest(exchange).reply
        #expect(reply?.error == .consumerForbidden && reply?.status == 403)
        #expect(try filter("{required: false}", consumers: Self.alice).onRequest(exchange).reply?.status == 403)
        #expect(try filter("{unknown: allow}", consumers: Self.alice).onRequest(exchange).isNext)
        #expect(exchange.consumer == nil && exchange.requestLines == [])
    }

    @Test("groups, and the log knows who was turned away")
    func groups() throws {
        #expect(try filter("{groups: [silver, gold]}", consumers: Self.alice).onRequest(exchange(.alice)).isNext)
        let exchange = try exchange(.alice)
        let reply = try filter("{groups: [silver]}", consumers: Self.alice).onRequest(exchange).reply
        #expect(reply?.error == .consumerForbidden)
        #expect(exchange.consumer?.name == Array("alice".utf8))
        #expect(exchange.requestLines == [])
    }

    @Test("who passes without a certificate, and is known to an earlier filter, is told of")
    func earlier() throws {
        let exchange = TestExchange()
        exchange.consumer = Consumer(name: Array("bob".utf8), groups: [], index: 1)
        #expect(try filter("{required: false}", consumers: Self.alice).onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["x-consumer-name: bob"])
    }

    @Test("one filter tells several certificates apart, again and again")
    func several() throws {
        let filter = try filter(consumers: Self.alice)
        for _ in 0..<3 {
            #expect(filter.onRequest(try exchange(.alice)).isNext)
            #expect(filter.onRequest(try exchange(.nobody)).reply?.status == 403)
        }
    }

    // MARK: - Limits by certificate

    @Test("a key by certificate is that of its first name, so that it outlives a renewal")
    func requestKey() throws {
        let key = RequestKey([.certificate], ipv6Prefix: 64)
        let secret = SipKey(1, 2)
        func hash(_ client: MTLSPair.Client?) throws -> [UInt64]? {
            key.hash(of: try exchange(client), secret).map { [$0.low, $0.high] }
        }
        #expect(try hash(.alice) != nil)
        #expect(try hash(.alice) == hash(.alice))
        #expect(try hash(.alice) != hash(.nobody))
        #expect(try hash(nil) == nil)
        #expect(RequestKeyPart("client_certificate")?.text == "client_certificate")
    }

    @Test(
        "what keeps nobody out, or would mix up name and groups, is an error",
        arguments: [
            ("{consumer_header: X-A, groups_header: x_a}", "are one header, 'X-A'"),
            ("{consumer_header: X-Consumer-Groups}", "are one header, 'X-Consumer-Groups'"),
            ("{required: false, groups: [gold]}", "'groups' keeps nobody out"),
            ("{unknown: allow, groups: [gold]}", "'groups' keeps nobody out"),
        ]
    )
    func settings(settings: String, finding: String) {
        let findings = FilterFile("mtls_auth: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}

/// A handshake in memory, of which the server's session remains.
enum MTLSPair {
    enum Client { case alice, nobody }

    static func session(_ client: Client?) throws -> TLSSession {
        let authority = try TLSTrustStore(bundle: Array(MTLSFixtures.authority.utf8))
        let source = source(MTLSFixtures.server, MTLSFixtures.serverKey)
        var settings = TLSServerSettings(certificates: [source])
        settings.clientAuthentication = TLSClientAuthentication(mode: .optional, trust: authority)
        settings.clock = { 1_800_000_000 }
        var clientSettings = TLSClientSettings(trust: authority)
        clientSettings.clock = { 1_800_000_000 }
        switch client {
        case .alice: clientSettings.certificate = Self.source(MTLSFixtures.alice, MTLSFixtures.aliceKey)
        case .nobody: clientSettings.certificate = Self.source(MTLSFixtures.nobody, MTLSFixtures.nobodyKey)
        case nil: break
        }
        let server = try #require(TLSSession(server: try TLSServerContext(settings)))
        let peer = try #require(TLSSession(client: try TLSClientContext(clientSettings), host: Array("api.test".utf8)))
        shakeHands(server, peer)
        try #require(server.state == .open)
        return server
    }

    private static func source(_ chain: String, _ key: String) -> TLSCertificateSource {
        TLSCertificateSource(chain: Array(chain.utf8), key: Array(key.utf8))
    }

    private static func shakeHands(_ server: TLSSession, _ client: TLSSession) {
        var (toServer, toClient, plain) = (ByteBuffer(), ByteBuffer(), ByteBuffer())
        _ = client.start(into: &toServer)
        while toServer.readableBytes > 0 {
            _ = server.receive(&toServer, plain: &plain, out: &toClient)
            _ = client.receive(&toClient, plain: &plain, out: &toServer)
        }
    }
}
