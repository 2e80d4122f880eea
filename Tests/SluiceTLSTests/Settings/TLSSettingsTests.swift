import SluiceTLS
import Synchronization
import Testing

@Suite struct TLSSettingsTests {
    static let authority = TestAuthority.shared
    static let leaf = authority.leaf("api.test")

    private func expect(
        _ item: TLSSettingsError.Item,
        _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        change: (inout TLSServerSettings) throws -> Void
    ) {
        #expect(throws: TLSSettingsError(item, message), sourceLocation: sourceLocation) {
            var settings = TLSServerSettings(certificates: [Self.leaf.source])
            settings.clock = { testNow }
            try change(&settings)
            _ = try TLSServerContext(settings)
        }
    }

    private func opens(_ change: (inout TLSCertificateSource) -> Void) throws -> Bool {
        let server = try TLSServerContext.test(Self.leaf) { change(&$0.certificates[0]) }
        return TestPair(server, try TLSClientContext.test()).handshake().isOpen
    }

    @Test func certificatesMustBeThere() {
        expect(.certificate(0), "there is no certificate") { $0.certificates = [] }
        expect(.certificate(0), "the default certificate is none of the list") { $0.defaultCertificate = 1 }
        expect(.certificate(0), "the file of the chain is empty") { $0.certificates[0].chain = [] }
        let neither = "the chain is neither PEM nor a certificate in DER"
        expect(.certificate(0), neither) { $0.certificates[0].chain = Array("garbage".utf8) }
        expect(.certificate(0), neither) { $0.certificates[0].chain = Self.leaf.der + [0] }
        expect(.certificate(0), "there is no certificate in the file") { $0.certificates[0].chain = Self.leaf.key.pem }
    }

    @Test func certificatesMustBeReadable() {
        expect(.certificate(0), "certificate 2 of the chain cannot be read: decode error") { settings in
            settings.certificates[0].chain = Self.leaf.pem + broken("AAAA")
        }
        expect(.certificate(0), "the PEM file block 2 is broken: bad base64 decode") { settings in
            settings.certificates[0].chain = Self.leaf.pem + broken("!!!!")
        }
        expect(.certificate(0), "the PEM file block 1 is broken: bad end line") { settings in
            settings.certificates[0].chain = Array(Self.leaf.pem.dropLast(20))
        }
    }

    private func broken(_ body: String) -> [UInt8] {
        Array("-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n".utf8)
    }

    @Test func keysMustFitAndBeReadable() {
        let other = TestKey.elliptic()
        expect(.key(0), "the private key does not belong to the certificate") { $0.certificates[0].key = other.pem }
        expect(.key(0), "the private key does not belong to the certificate") {
            $0.certificates[0].key = TestKey.rsa.pem
        }
        expect(.key(0), "the file of the private key is empty") { $0.certificates[0].key = [] }
        expect(.key(0), "there is no private key in the file") { $0.certificates[0].key = Self.leaf.pem }
        expect(.key(0), "the private key cannot be read: decode error") { $0.certificates[0].key = [0x30, 3, 1, 2, 3] }
        expect(.key(0), "the encrypted private key needs a passphrase") { settings in
            settings.certificates[0].key = Self.leaf.key.encryptedPEM("secret")
        }
        let wrong = "the private key does not open with the passphrase, or its encryption is not supported"
        expect(.key(0), wrong) { settings in
            settings.certificates[0].key = Self.leaf.key.encryptedPEM("secret")
            settings.certificates[0].passphrase = Array("Secret".utf8)
        }
        expect(.key(0), wrong) { settings in
            settings.certificates[0].key = Self.leaf.key.encryptedTraditionalPEM("secret")
            settings.certificates[0].passphrase = Array(repeating: 0x41, count: 5000)
        }
    }

    @Test func theItemSaysWhichCertificate() {
        let other = TestKey.elliptic()
        expect(.key(1), "the private key does not belong to the certificate") { settings in
            settings.certificates.append(Self.leaf.source)
            settings.certificates[1].key = other.pem
        }
    }

    @Test func keysComeInManyForms() throws {
        let key = Self.leaf.key
        #expect(try opens { $0.key = key.pem })
        #expect(try opens { $0.key = key.traditionalPEM })
        #expect(try opens { $0.key = key.der })
        #expect(try opens { $0.key = Self.leaf.pem + key.pem }, "both in one file")
        #expect(try opens { $0.chain = key.pem + $0.chain })
        for encrypted in [key.encryptedPEM("secret"), key.encryptedTraditionalPEM("secret")] {
            #expect(
                try opens { source in
                    source.key = encrypted
                    source.passphrase = Array("secret".utf8)
                }
            )
        }
        #expect(try opens { $0.passphrase = Array("not needed".utf8) })
        let rsa = Self.authority.leaf("api.test") { $0.key = .rsa }
        for form in [rsa.key.pem, rsa.key.traditionalPEM, rsa.key.der] {
            #expect(
                try opens { source in
                    source = rsa.source
                    source.key = form
                }
            )
        }
    }

    @Test func aChainOutOfOrderIsMended() throws {
        let middle = TestCertificate(by: Self.authority.intermediate) { settings in
            settings.name = "Below"
            settings.isCA = true
        }
        let leaf = TestCertificate(by: middle) { $0.names = [.dns("api.test")] }
        let parts = [leaf.pem, middle.pem, Self.authority.intermediate.pem, Self.authority.root.pem]
        let orders: [([Int], String?)] = [
            ([0, 1, 2], nil), ([0, 1, 2, 3], nil), ([0, 2, 1], "the chain is not in order"),
            ([2, 1, 0], "the certificate of the private key is number 3 of its file"), ([0, 1, 2, 2, 1], nil),
        ]
        for (order, warning) in orders {
            let server = try TLSServerContext.test(leaf) { $0.certificates[0].chain = order.flatMap { parts[$0] } }
            #expect(server.warnings.map(\.message) == (warning.map { [$0] } ?? []))
            let pair = TestPair(server, try TLSClientContext.test()).handshake()
            #expect(pair.isOpen)
            let chain = [leaf.der, middle.der, Self.authority.intermediate.der, Self.authority.root.der]
            #expect(pair.client.peer?.chain == Array(chain.prefix(order.contains(3) ? 4 : 3)))
        }
    }

    @Test func whatHasNoPartInTheChainIsRefused() {
        let stray = TestAuthority(name: "Stray").root
        expect(.certificate(0), "'CN=Stray Root' in the file has no part in the chain") { settings in
            settings.certificates[0].chain += stray.pem
        }
    }

    @Test func oddCertificatesAreWarnedOf() throws {
        func warnings(_ change: (inout TestCertificateSettings) -> Void) throws -> [TLSWarning] {
            try TLSServerContext.test(Self.authority.leaf("api.test", change: change)).warnings
        }
        func warning(_ text: String) -> [TLSWarning] { [TLSWarning(item: .certificate(0), message: text)] }
        #expect(try warnings { $0.notAfter = testNow - 1 } == warning("the certificate has expired"))
        #expect(try warnings { $0.notBefore = testNow + 1 } == warning("the certificate is not valid yet"))
        #expect(try warnings { $0.key = .weakRSA } == warning("an RSA key of 1024 bits can be broken"))
        let staple = "the certificate asks for an OCSP response, and there is none"
        #expect(try warnings { $0.mustStaple = true } == warning(staple))
        #expect(try warnings { _ in }.isEmpty)
    }

    @Test func serverNamesMustBeNames() {
        for name in ["", "*", "*.", "a b", "a.*.b", "*x.test"] {
            expect(.serverName(0), "'\(name)' is neither a host name nor '*.' before one") { settings in
                settings.certificates[0].serverNames = [Array("good.test".utf8), Array(name.utf8)]
            }
        }
    }

    @Test func versionsCiphersAndCurves() {
        expect(.versions, "the lowest version is above the highest") { settings in
            settings.minimumVersion = .tls13
            settings.maximumVersion = .tls12
        }
        let names = "names are OpenSSL's, such as ECDHE-RSA-AES128-GCM-SHA256"
        for cipher in ["NOPE", "ALL:!aNULL", "@SECLEVEL=2", "", "[A|B]"] {
            expect(.ciphers, "'\(cipher)' is no known cipher suite; \(names)") { $0.ciphers = [cipher] }
        }
        expect(.ciphers, "'TLS_AES_128_GCM_SHA256' is of TLS 1.3, where all suites are on") { settings in
            settings.ciphers = ["TLS_AES_128_GCM_SHA256"]
        }
        expect(.ciphers, "the list of cipher suites is empty") { $0.ciphers = [] }
        let known = "known are X25519MLKEM768, X25519, P-256, P-384 and P-521"
        expect(.curves, "'X448' is no known group; \(known)") { $0.curves = ["X25519", "X448"] }
        expect(.curves, "'P-256:P-384' is no known group; \(known)") { $0.curves = ["P-256:P-384"] }
        expect(.curves, "the list of groups is empty, or names one twice") { $0.curves = [] }
        expect(.curves, "the list of groups is empty, or names one twice") { $0.curves = ["P-256", "P-256"] }
    }

    @Test func protocolsHaveALength() {
        let text = "a protocol's name has between 1 and 255 bytes"
        expect(.protocols, text) { $0.protocols = [[]] }
        expect(.protocols, text) { $0.protocols = [[UInt8](repeating: 0x61, count: 256)] }
    }

    @Test func clientAuthenticationNeedsTrust() {
        expect(.clientAuthentication, "clients' certificates are asked for, and no CA is trusted") { settings in
            settings.clientAuthentication.mode = .optional
        }
    }

    @Test func rulesMustMakeSense() {
        func rules(_ message: String, _ rules: TLSPeerRules) {
            expect(.peerRules, message) { settings in
                settings.clientAuthentication.mode = .require
                settings.clientAuthentication.trust = try Self.authority.store
                settings.clientAuthentication.rules = rules
            }
        }
        rules("'a b' is no host name", TLSPeerRules(names: [.init(.dns, .exact(Array("a b".utf8)))]))
        rules("'x' is no email address", TLSPeerRules(names: [.init(.email, .exact(Array("x".utf8)))]))
        rules("'1.2.3' is no IP address", TLSPeerRules(names: [.init(.ip, .exact(Array("1.2.3".utf8)))]))
        rules("an IP address can only be compared as a whole", TLSPeerRules(names: [.init(.ip, .prefix([0x31]))]))
        rules("an empty text matches every name", TLSPeerRules(names: [.init(.uri, .prefix([]))]))
        rules(
            "a pin or hash has 20 bytes; SHA-256 has 32",
            TLSPeerRules(publicKeyPins: [.init(repeating: 0, count: 20)])
        )
    }

    @Test func trustStores() throws {
        func expect(_ item: TLSSettingsError.Item, _ message: String, _ bundle: [UInt8], _ lists: [[UInt8]] = []) {
            #expect(throws: TLSSettingsError(item, message)) {
                try TLSTrustStore(bundle: bundle, revocationLists: lists)
            }
        }
        let root = Self.authority.root.pem
        expect(.trust, "the file of the bundle is empty", [])
        expect(.trust, "there is no certificate in the file", TestKey.rsa.pem)
        expect(.trust, "certificate 2 of the bundle cannot be read: decode error", root + broken("AAAA"))
        expect(.revocationList(0), "the revocation list is empty", root, [[]])
        expect(.revocationList(0), "there is no revocation list in the file", root, [root])
        let good = Self.authority.root.revocationList(of: [])
        expect(.revocationList(1), "the revocation list cannot be read: decode error", root, [good, [1, 2]])
        let store = try TLSTrustStore(bundle: root + broken("AAAA") + root, skipsUnreadable: true)
        #expect(store.count == 2)
        #expect(store.earliestNotAfter == testNow + 86_400)
        #expect(store.certificates.first?.subject == Array("CN=Test Root".utf8))
        #expect(try TLSTrustStore(bundle: Self.authority.root.der).count == 1)
    }

    @Test func clientsNeedTrustToVerify() {
        #expect(throws: TLSSettingsError(.trust, "the server's certificate is to be verified, and no CA is trusted")) {
            var settings = TLSClientSettings(trust: nil)
            settings.verification = .chain
            _ = try TLSClientContext(settings)
        }
        #expect(TLSClientSettings(trust: nil).verification == .none)
    }

    @Test func ticketKeysHaveALength() {
        #expect(throws: TLSSettingsError(.ticketKeys, "there is no ticket key")) { try TLSTicketKeys([]) }
        let short = [UInt8](repeating: 1, count: 47)
        #expect(throws: TLSSettingsError(.ticketKeys, "ticket key 1 has 47 bytes; a key has 48 or 80")) {
            try TLSTicketKeys([short])
        }
        let key = TLSResumptionTests.keyFile(1)
        #expect(throws: TLSSettingsError(.ticketKeys, "ticket key 2 has the name of one before it")) {
            try TLSTicketKeys([key, key])
        }
    }

    @Test func factsOfAClientsOwnCertificate() throws {
        let context = try TLSClientContext.test { $0.certificate = Self.leaf.source }
        #expect(context.certificate?.der == Self.leaf.der)
        #expect(context.earliestNotAfter == testNow + 86_400)
        #expect(try TLSClientContext.test().certificate == nil)
        #expect(try TLSClientContext.test().earliestNotAfter == nil)
    }

    @Test func keysAreLoggedOnlyWhereAskedFor() throws {
        let lines = Mutex<[String]>([])
        let server = try TLSServerContext.test(Self.leaf) { settings in
            settings.keyLog = { line in lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        }
        let pair = TestPair(server, try TLSClientContext.test()).handshake()
        #expect(pair.isOpen)
        let words = lines.withLock { $0 }.map { $0.prefix { $0 != " " } }
        #expect(words.contains("CLIENT_TRAFFIC_SECRET_0") && words.contains("SERVER_TRAFFIC_SECRET_0"))
        #expect(lines.withLock { $0 }.allSatisfy { $0.last == "\n" })
        let client = try TLSClientContext.test { settings in
            settings.keyLog = { line in lines.withLock { $0 = [String(decoding: line, as: UTF8.self)] } }
        }
        TestPair(try TLSServerContext.test(Self.leaf), client).handshake()
        #expect(lines.withLock { $0.count } == 1)
    }
}
