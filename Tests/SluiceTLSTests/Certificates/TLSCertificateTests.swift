import SluiceCore
import SluiceTLS
import Testing

@Suite struct TLSCertificateTests {
    @Test func factsAreRead() {
        let authority = TestAuthority.shared
        let facts = authority.leaf { settings in
            settings.name = "Büro, \"x\"\u{1}"
            settings.serial = 0x01AB
            settings.names = [
                .dns("a.test"), .dns("*.b.test"), .uri("spiffe://x/y"), .email("me@x.test"), .ip([192, 0, 2, 1]),
                .ip([0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]),
                // Neither of these is a name that anybody can ask for.
                .dns("with space"), .raw(tag: 0x82, [0x62, 0xFC]),
            ]
        }.facts
        #expect(String(decoding: facts.subject, as: UTF8.self) == #"CN=B\C3\BCro\, \"x\"\01"#)
        #expect(facts.issuer == Array("CN=Test Intermediate".utf8))
        #expect(facts.commonName == nil, "it holds a control character")
        #expect(facts.serial == Array("01AB".utf8))
        #expect(facts.dnsNames == ["a.test", "*.b.test"].map { Array($0.utf8) })
        #expect(facts.uris == [Array("spiffe://x/y".utf8)])
        #expect(facts.emails == [Array("me@x.test".utf8)])
        #expect(facts.ipAddresses == [IPAddress("192.0.2.1"), IPAddress("2001:db8::1")].compactMap { $0 })
        #expect(!facts.hasMalformedNames)
        #expect(facts.notBefore == testNow - 86_400)
        #expect(facts.notAfter == testNow + 86_400)
        #expect(facts.keyKind == "EC P-256")
    }

    @Test func digestsAreThoseOfOtherTools() {
        // openssl x509 -fingerprint -sha256, and openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl
        // dgst -sha256 -binary | base64, of the certificate below.
        let facts = TLSCertificate(der: Array(base64: Array(Self.known.utf8)))
        #expect(facts.map { String(decoding: $0.fingerprint, as: UTF8.self) } == Self.fingerprint)
        #expect(facts.map { String(decoding: $0.publicKeyPin, as: UTF8.self) } == Self.pin)
        #expect(facts?.commonName == Array("known".utf8))
    }

    @Test func pemIsReadBack() throws {
        let leaf = TestAuthority.shared.leaf("a.test")
        let lines = String(decoding: leaf.pem, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "-----BEGIN CERTIFICATE-----")
        #expect(lines.dropLast().last == "-----END CERTIFICATE-----")
        #expect(lines.dropFirst().dropLast(2).allSatisfy { $0.count <= 64 })
        #expect(try TLSTrustStore(bundle: leaf.pem).certificates.first?.der == leaf.der)
    }

    @Test func whatIsNoCertificateIsNone() {
        let der = TestAuthority.shared.root.der
        #expect(TLSCertificate(der: []) == nil)
        #expect(TLSCertificate(der: der + [0]) == nil)
        for count in stride(from: 1, to: der.count, by: 7) {
            #expect(TLSCertificate(der: Array(der.prefix(count))) == nil)
        }
    }

    @Test(arguments: [
        (TestKey.rsa, "RSA 2048"), (.elliptic(NID.p384), "EC P-384"), (.elliptic(NID.p521), "EC P-521"),
        (.ed25519(), "Ed25519"),
    ])
    func kindsOfKeys(key: TestKey, expected: String) {
        #expect(TestCertificate { $0.key = key }.facts.keyKind == expected)
    }

    private static let known = """
        MIIBdTCCARugAwIBAgIUS87HNy71IN5PPgkhNGddt97HTVQwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFa25vd24wHhcNMjYx\
        MTIzMTQwNTIxWhcNMjYxMTI0MTQwNTIxWjAQMQ4wDAYDVQQDDAVrbm93bjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAL4\
        moH0TM5h0h710whz7XrA7moYxFnQGMqmQky95wvQguzIHEm6NrtIBiGyGxX2fcHxRZqU7JKiHTb1szMRLIijUzBRMB0GA1Ud\
        DgQWBBTELONPxy7DJWPjtREReF0EJSCCKjAfBgNVHSMEGDAWgBTELONPxy7DJWPjtREReF0EJSCCKjAPBgNVHRMBAf8EBTAD\
        AQH/MAoGCCqGSM49BAMCA0gAMEUCIHoUqTci0tcCrWjHUczbnf1FVMqwSuEifyMIWm/5sGDRAiEAz0oWAMF2NFStYOgRotcl\
        K1i/iARS/sH9bwzZjLyXo/Q=
        """
    private static let fingerprint = "b9e1a40a7f91eb70f43f4ee6d8c70f698057a532c3c368749ee58d155f313f5b"
    private static let pin = "eXmeyvZ9XuIeunESvYx3PMZ9FFMrn/vXEzxBz01RYY4="
}
