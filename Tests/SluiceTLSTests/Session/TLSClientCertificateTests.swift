import NIOCore
import SluiceTLS
import Testing

/// mTLS: what a listener makes of clients' certificates.
@Suite struct TLSClientCertificateTests {
    static let authority = TestAuthority.shared
    static let server = authority.leaf("api.test")
    static let client = authority.leaf("client.test") { settings in
        settings.name = "client"
        settings.names = [
            .dns("client.test"), .uri("spiffe://example.org/ns/prod/sa/web"), .email("web@Example.org"),
            .ip([192, 0, 2, 7]),
        ]
    }

    private func connect(
        _ certificate: TestCertificate?,
        mode: TLSClientAuthentication.Mode = .require,
        version: TLSVersion = .tls13,
        trust: TLSTrustStore? = nil,
        change: (inout TLSClientAuthentication) -> Void = { _ in }
    ) throws -> TestPair {
        let server = try TLSServerContext.test(Self.server) { settings in
            settings.minimumVersion = version
            settings.maximumVersion = version
            settings.clientAuthentication.mode = mode
            settings.clientAuthentication.trust = trust
            change(&settings.clientAuthentication)
        }
        let client = try TLSClientContext.test { $0.certificate = certificate?.source }
        return TestPair(server, client).handshake()
    }

    private func failure(
        _ certificate: TestCertificate?,
        change: (inout TLSClientAuthentication) -> Void = { _ in }
    ) throws -> TLSFailure? {
        try connect(certificate, trust: try Self.authority.store, change: change).serverFailure
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func aGoodCertificateIsAnIdentity(version: TLSVersion) throws {
        let pair = try connect(Self.client, version: version, trust: try Self.authority.store)
        try #require(pair.isOpen, "\(pair.server.state) \(pair.client.state)")
        let peer = try #require(pair.server.peer)
        #expect(peer.isVerified)
        #expect(peer.chain.count == 2)
        #expect(peer.certificate.der == Self.client.der)
        #expect(peer.certificate.subject == Array("CN=client".utf8))
        #expect(peer.certificate.issuer == Array("CN=Test Intermediate".utf8))
        #expect(peer.certificate.uris == [Array("spiffe://example.org/ns/prod/sa/web".utf8)])
    }

    @Test func withoutAPolicyNobodyIsAsked() throws {
        let pair = try connect(Self.client, mode: .none)
        #expect(pair.isOpen)
        #expect(pair.server.peer == nil)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func optionalLetsThoseWithoutIn(version: TLSVersion) throws {
        let store = try Self.authority.store
        let pair = try connect(nil, mode: .optional, version: version, trust: store)
        #expect(pair.isOpen)
        #expect(pair.server.peer == nil)
        #expect(try connect(Self.client, mode: .optional, version: version, trust: store).server.peer != nil)
    }

    @Test func optionalRefusesABadOne() throws {
        let stranger = TestAuthority(name: "Other").leaf("client.test")
        let pair = try connect(stranger, mode: .optional, trust: try Self.authority.store)
        #expect(pair.serverFailure?.reason == .certificateUnknownCA)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func requireRefusesThoseWithout(version: TLSVersion) throws {
        let pair = try connect(nil, version: version, trust: try Self.authority.store)
        #expect(pair.serverFailure?.reason == .noCertificate)
        #expect(pair.clientFailure?.reason == .peerAlert)
    }

    @Test func unverifiedOnesAreLetInWhenAsked() throws {
        let stranger = TestAuthority(name: "Other").leaf("client.test")
        let pair = try connect(stranger, trust: try Self.authority.store) { $0.acceptsUnverified = true }
        #expect(pair.isOpen)
        #expect(pair.server.peer?.isVerified == false)
        #expect(pair.server.peer?.certificate.der == stranger.der)
        let good = try connect(Self.client, trust: try Self.authority.store) { $0.acceptsUnverified = true }
        #expect(good.server.peer?.isVerified == true)
    }

    @Test func anUnknownAuthorityIsRefused() throws {
        let failure = try failure(TestAuthority(name: "Other").leaf("client.test"))
        #expect(failure?.reason == .certificateUnknownCA)
        #expect(failure?.detail.hasPrefix("unable to get local issuer certificate") == true)
        let selfSigned = try self.failure(TestCertificate { $0.name = "me" })
        #expect(selfSigned?.reason == .certificateUnknownCA)
    }

    @Test func alertsSayWhy() throws {
        let store = try Self.authority.store
        let expired = Self.authority.leaf("client.test") { $0.notAfter = testNow - 1 }
        #expect(try connect(expired, trust: store).clientFailure?.detail == "the peer refused: certificate expired")
        let stranger = TestAuthority(name: "Other").leaf("client.test")
        #expect(try connect(stranger, trust: store).clientFailure?.detail == "the peer refused: unknown CA")
    }

    @Test func datesAreChecked() throws {
        let expired = try failure(Self.authority.leaf("client.test") { $0.notAfter = testNow - 1 })
        #expect(expired?.reason == .certificateExpired)
        #expect(expired?.detail == "certificate has expired: CN=client.test")
        let early = try failure(Self.authority.leaf("client.test") { $0.notBefore = testNow + 60 })
        #expect(early?.reason == .certificateNotYetValid)
        #expect(try failure(Self.authority.leaf("client.test") { $0.notAfter = testNow + 1 }) == nil)
    }

    @Test func aServersCertificateIsNoClients() throws {
        let failure = try failure(Self.authority.leaf("client.test") { $0.purposes = "serverAuth" })
        #expect(failure?.reason == .certificateWrongPurpose)
        #expect(try self.failure(Self.authority.leaf("client.test") { $0.purposes = nil }) == nil)
    }

    @Test func aLeafSignsNothing() throws {
        let signer = Self.authority.leaf("client.test") { $0.usage = "critical,digitalSignature,keyCertSign" }
        let leaf = TestCertificate(by: signer) { $0.name = "below a leaf" }
        #expect(try failure(leaf)?.reason == .certificateInvalid)
    }

    @Test func depthIsLimited() throws {
        #expect(try failure(Self.client) { $0.maximumDepth = 1 } == nil)
        let failure = try failure(Self.client) { $0.maximumDepth = 0 }
        #expect(failure?.reason == .certificateInvalid || failure?.reason == .certificateUnknownCA)
    }

    @Test func anIntermediateCanBeTrusted() throws {
        let store = try TLSTrustStore(bundle: Self.authority.intermediate.pem)
        #expect(try connect(Self.client, trust: store).isOpen)
        let other = TestCertificate(by: Self.authority.root) { $0.name = "beside the intermediate" }
        #expect(try connect(other, trust: store).serverFailure?.reason == .certificateUnknownCA)
    }

    @Test func weakKeysAreRefused() throws {
        let failure = try failure(Self.authority.leaf("client.test") { $0.key = .weakRSA })
        #expect(failure?.reason == .certificateInvalid)
        #expect(failure?.detail == "a certificate of the chain has an RSA key of 1024 bits")
    }

    @Test(arguments: [TestKey.rsa, .elliptic(NID.p384), .elliptic(NID.p521), .ed25519()])
    func otherKeysWork(key: TestKey) throws {
        let client = Self.authority.leaf("client.test") { $0.key = key }
        let pair = try connect(client, trust: try Self.authority.store)
        #expect(pair.isOpen, "\(client.facts.keyKind) \(pair.server.state) \(pair.client.state)")
    }

    @Test func aNulInANameIsRefused() throws {
        for tag: UInt8 in [0x81, 0x82, 0x86] {
            let evil = TestCertificate(by: Self.authority.root) { settings in
                settings.names = [.dns("good.test"), .raw(tag: tag, Array("good.test\0.evil.test".utf8))]
            }
            #expect(evil.facts.hasMalformedNames)
            let failure = try failure(evil)
            #expect(failure?.reason == .certificateInvalid)
        }
    }

    @Test func namesTwiceAreRefused() throws {
        let twice = TestCertificate(by: Self.authority.root) { settings in
            settings.names = [.dns("good.test")]
            settings.namesTwice = true
        }
        #expect(try failure(twice)?.reason == .certificateInvalid)
    }

    @Test(arguments: [true, false])
    func authoritiesAreNamedInTheRequest(isNamed: Bool) throws {
        let clients = TestAuthority(name: "Clients of the test")
        let context = try TLSServerContext.test(Self.server) { settings in
            // What the server says is not encrypted there.
            settings.maximumVersion = .tls12
            settings.clientAuthentication.mode = .require
            settings.clientAuthentication.trust = try? clients.store
            settings.clientAuthentication.namesAuthorities = isNamed
        }
        let server = TLSSession(server: context)!
        let client = TLSSession(client: try TLSClientContext.test(), host: Array("api.test".utf8))!
        var there = ByteBuffer()
        var back = ByteBuffer()
        var plain = ByteBuffer()
        #expect(client.start(into: &there) == .handshaking)
        #expect(server.receive(&there, plain: &plain, out: &back) == .handshaking)
        let name = Array("Clients of the test Root".utf8)
        let bytes = Array(back.readableBytesView)
        let isFound = (0..<bytes.count - name.count).contains { bytes[$0..<$0 + name.count].elementsEqual(name) }
        #expect(isFound == isNamed)
    }

    static let rules: [(TLSPeerRules.Name, Bool)] = [
        (.init(.dns, .exact(Array("CLIENT.test".utf8))), true),
        (.init(.dns, .exact(Array("test".utf8))), false),
        (.init(.dns, .prefix(Array("Client.".utf8))), true),
        (.init(.dns, .suffix(Array(".TEST".utf8))), true),
        (.init(.dns, .suffix(Array(".org".utf8))), false),
        (.init(.uri, .exact(Array("spiffe://example.org/ns/prod/sa/web".utf8))), true),
        (.init(.uri, .exact(Array("spiffe://EXAMPLE.org/ns/prod/sa/web".utf8))), false),
        (.init(.uri, .prefix(Array("spiffe://example.org/ns/prod/".utf8))), true),
        (.init(.uri, .prefix(Array("spiffe://example.org/ns/dev/".utf8))), false),
        (.init(.uri, .suffix(Array("/sa/web".utf8))), true),
        (.init(.email, .exact(Array("web@example.ORG".utf8))), true),
        (.init(.email, .exact(Array("WEB@example.org".utf8))), false),
        (.init(.ip, .exact(Array("192.0.2.7".utf8))), true),
        (.init(.ip, .exact(Array("192.0.2.8".utf8))), false),
        // A name of one kind is none of another.
        (.init(.dns, .exact(Array("192.0.2.7".utf8))), false),
        (.init(.uri, .exact(Array("client.test".utf8))), false),
    ]

    @Test(arguments: rules)
    func namesAreMatchedByKind(rule: TLSPeerRules.Name, isMet: Bool) throws {
        let failure = try failure(Self.client) { $0.rules.names = [rule] }
        #expect(failure?.reason == (isMet ? nil : .sanMismatch))
    }

    @Test func oneNameOfSeveralIsEnough() throws {
        let names = Self.rules.map(\.0)
        #expect(try failure(Self.client) { $0.rules.names = names } == nil)
        let none = Self.rules.filter { !$0.1 }.map(\.0)
        #expect(try failure(Self.client) { $0.rules.names = none }?.reason == .sanMismatch)
    }

    @Test func aWildcardInACertificateIsOneLabel() throws {
        let wild = TestCertificate(by: Self.authority.root) { $0.names = [.dns("*.shop.test")] }
        for (name, isMet) in [("a.shop.test", true), ("a.b.shop.test", false), ("shop.test", false)] {
            let failure = try failure(wild) { $0.rules.names = [.init(.dns, .exact(Array(name.utf8)))] }
            #expect((failure == nil) == isMet)
        }
    }

    @Test func pinsAndHashes() throws {
        let facts = Self.client.facts
        let pin = Array(base64: facts.publicKeyPin)
        let hash = Array(hexadecimal: facts.fingerprint)
        let wrong = [UInt8](repeating: 9, count: 32)
        #expect(try failure(Self.client) { $0.rules.publicKeyPins = [wrong, pin] } == nil)
        #expect(try failure(Self.client) { $0.rules.publicKeyPins = [wrong] }?.reason == .pinMismatch)
        #expect(try failure(Self.client) { $0.rules.certificateHashes = [hash] } == nil)
        #expect(try failure(Self.client) { $0.rules.certificateHashes = [wrong] }?.reason == .pinMismatch)
        // One of both is enough; the pin of the issuer is none.
        let both = try failure(Self.client) { rules in
            rules.rules.publicKeyPins = [wrong]
            rules.rules.certificateHashes = [hash]
        }
        #expect(both == nil)
        let issuer = Array(base64: Self.authority.intermediate.facts.publicKeyPin)
        #expect(try failure(Self.client) { $0.rules.publicKeyPins = [issuer] }?.reason == .pinMismatch)
    }
}

/// Curves by the numbers that the library has for them.
enum NID {
    static let p384: Int32 = 715
    static let p521: Int32 = 716
}

extension [UInt8] {
    init(base64 text: [UInt8]) {
        var bits: UInt32 = 0
        var count = 0
        self = []
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for letter in text where letter != UInt8(ascii: "=") {
            bits = bits << 6 | UInt32(letters.firstIndex(of: letter)!)
            count += 6
            if count >= 8 {
                count -= 8
                append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
    }

    init(hexadecimal text: [UInt8]) {
        self = stride(from: 0, to: text.count, by: 2).map {
            UInt8(String(decoding: text[$0..<$0 + 2], as: UTF8.self), radix: 16)!
        }
    }
}
