import NIOCore
import SluiceTLS
import Testing

@Suite struct TLSServerNameTests {
    static let authority = TestAuthority.shared
    static let exact = authority.leaf("api.test", "www.test")
    static let wildcard = authority.leaf("*.shop.test")
    static let special = authority.leaf("pay.shop.test")
    static let fallback = authority.leaf("fallback.test")

    private func context(change: (inout TLSServerSettings) -> Void = { _ in }) throws -> TLSServerContext {
        try TLSServerContext.test(Self.exact, Self.wildcard, Self.special, Self.fallback) { settings in
            settings.defaultCertificate = 3
            change(&settings)
        }
    }

    /// What a client that asks for `host` is shown.
    private func shown(_ host: String, _ context: TLSServerContext) throws -> (name: String?, TestPair) {
        let pair = TestPair(context, try TLSClientContext.test { $0.verification = .chain }, host: host).handshake()
        return (pair.client.peer?.certificate.dnsNames.first.map { String(decoding: $0, as: UTF8.self) }, pair)
    }

    @Test(arguments: [
        ("api.test", "api.test"), ("www.test", "api.test"), ("API.Test.", "api.test"), ("x.shop.test", "*.shop.test"),
        ("pay.shop.test", "pay.shop.test"), ("a.b.shop.test", "fallback.test"), ("shop.test", "fallback.test"),
        ("unknown.example", "fallback.test"), ("127.0.0.1", "fallback.test"), ("[::1]", "fallback.test"),
    ])
    func theNameChooses(host: String, expected: String) throws {
        let (name, pair) = try shown(host, try context())
        #expect(name == expected)
        #expect(pair.isOpen)
    }

    @Test func namesCanBeGivenInTheSettings() throws {
        let context = try context { $0.certificates[0].serverNames = [Array("Other.Example".utf8)] }
        #expect(try shown("other.example", context).name == "api.test")
        #expect(try shown("api.test", context).name == "fallback.test")
    }

    @Test func aCommonNameCountsWhereThereAreNoOthers() throws {
        let old = TestCertificate(by: Self.authority.root) { $0.name = "old.test" }
        let context = try TLSServerContext.test(Self.fallback, old)
        let pair = TestPair(context, try TLSClientContext.test { $0.verification = .chain }, host: "old.test")
        #expect(pair.handshake().client.peer?.certificate.commonName == Array("old.test".utf8))
    }

    @Test(arguments: ["unknown.example", "127.0.0.1", "x.y.shop.test"])
    func unknownNamesAreRefusedWhenAsked(host: String) throws {
        let (name, pair) = try shown(host, try context { $0.refusesUnknownNames = true })
        #expect(name == nil)
        #expect(pair.serverFailure?.reason == .unknownServerName)
        #expect(pair.clientFailure?.detail == "the peer refused: unrecognized name")
        #expect(try shown("api.test", try context { $0.refusesUnknownNames = true }).1.isOpen)
    }

    @Test func theAlgorithmsOfTheClientChoose() throws {
        let rsa = Self.authority.leaf("api.test") { $0.key = .rsa }
        let elliptic = Self.authority.leaf("api.test")
        // RSA first, and still the cheaper one is preferred.
        let context = try TLSServerContext.test(rsa, elliptic) { $0.maximumVersion = .tls12 }
        for (cipher, kind) in [
            ("ECDHE-RSA-AES128-GCM-SHA256", "RSA 2048"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "EC P-256"),
        ] {
            let client = try TLSClientContext.test { $0.ciphers = [cipher] }
            let pair = TestPair(context, client).handshake()
            try #require(pair.isOpen)
            #expect(pair.client.peer?.certificate.keyKind == kind)
        }
        let pair = TestPair(context, try TLSClientContext.test()).handshake()
        #expect(pair.client.peer?.certificate.keyKind == "EC P-256")
        #expect(pair.client.cipher == Array("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".utf8))
    }

    @Test(arguments: [
        ("api.test", "api.test", true), ("api.test", "API.TEST", true), ("api.test", "www.test", true),
        ("api.test", "x.shop.test", false), ("api.test", "unknown.example", false),
        ("x.shop.test", "y.shop.test", true), ("x.shop.test", "api.test", false),
        // The wildcard speaks for it, but another certificate speaks for it better.
        ("x.shop.test", "pay.shop.test", false), ("x.shop.test", "a.b.shop.test", false),
        ("unknown.example", "unknown.example", true), ("unknown.example", "fallback.test", true),
        ("unknown.example", "other.example", false), ("unknown.example", "api.test", false),
        ("127.0.0.1", "api.test", true), ("127.0.0.1", "anything.example", true), ("api.test", "bad host", false),
        ("api.test", "", false), ("api.test", "api.test.", true),
    ])
    func coversWhatItsCertificateIsFor(asked: String, host: String, expected: Bool) throws {
        let (_, pair) = try shown(asked, try context())
        #expect(pair.server.covers(host: host) == expected)
    }

    @Test func twoCertificatesForOneNameCoverEachOther() throws {
        let rsa = Self.authority.leaf("api.test", "www.test") { $0.key = .rsa }
        let context = try TLSServerContext.test(Self.exact, rsa)
        let pair = TestPair(context, try TLSClientContext.test()).handshake()
        #expect(pair.server.covers(host: "www.test"))
    }

    @Test func factsOfTheCertificates() throws {
        let soon = Self.authority.leaf("soon.test") { $0.notAfter = testNow + 60 }
        let context = try TLSServerContext.test(Self.exact, soon)
        #expect(
            context.certificates.map(\.dnsNames)
                == [["api.test", "www.test"], ["soon.test"]].map { $0.map { Array($0.utf8) } }
        )
        #expect(context.serverNames == context.certificates.map(\.dnsNames))
        #expect(context.earliestNotAfter == testNow + 60)
        #expect(context.warnings.isEmpty)
    }
}

extension TLSSession {
    func covers(host: String) -> Bool { Array(host.utf8).withUnsafeBytes { covers(host: $0) } }
}
