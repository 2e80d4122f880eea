import SluiceTLS
import Testing

/// What the gateway as a client makes of an upstream's certificate.
@Suite struct TLSServerVerificationTests {
    static let authority = TestAuthority.shared

    private func connect(
        _ certificate: TestCertificate,
        host: String = "api.test",
        change: (inout TLSClientSettings) -> Void = { _ in }
    ) throws -> TestPair {
        let server = try TLSServerContext.test(certificate)
        return TestPair(server, try TLSClientContext.test(change: change), host: host).handshake()
    }

    static let hosts: [(name: String, host: String, isGood: Bool)] = [
        ("api.test", "api.test", true), ("API.test", "api.TEST", true), ("api.test", "api.test.", true),
        ("api.test", "www.test", false), ("api.test", "x.api.test", false),
        ("*.api.test", "x.api.test", true), ("*.api.test", "api.test", false), ("*.api.test", "x.y.api.test", false),
        ("*.test", "api.test", false), ("*", "api.test", false), ("x*.api.test", "xy.api.test", false),
        ("*x.api.test", "yx.api.test", false), ("a.*.test", "a.b.test", false), ("*.*.test", "a.b.test", false),
        ("api.test.", "api.test", false), ("192.0.2.1", "192.0.2.1", false),
    ]

    @Test(arguments: hosts)
    func theHostMustBeNamed(name: String, host: String, isGood: Bool) throws {
        let pair = try connect(Self.authority.leaf(name), host: host)
        #expect(pair.clientFailure?.reason == (isGood ? nil : .sanMismatch))
        #expect(isGood == pair.isOpen)
    }

    @Test func addressesAreComparedAsAddresses() throws {
        let four = Self.authority.leaf { $0.names = [.ip([192, 0, 2, 1])] }
        let six = Self.authority.leaf { settings in
            settings.names = [.ip([0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])]
        }
        #expect(try connect(four, host: "192.0.2.1").isOpen)
        #expect(try connect(four, host: "192.0.2.2").clientFailure?.reason == .sanMismatch)
        #expect(try connect(six, host: "[2001:db8::1]").isOpen)
        #expect(try connect(six, host: "2001:0db8:0::1").isOpen)
        #expect(try connect(six, host: "192.0.2.1").clientFailure?.reason == .sanMismatch)
        // An address is not sent as a server name.
        let pair = try connect(four, host: "192.0.2.1")
        #expect(pair.client.serverName == nil)
        #expect(pair.server.serverName == nil)
    }

    @Test func aMappedAddressIsNoAddress() throws {
        let mapped = Self.authority.leaf { settings in
            settings.names = [.ip([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 1])]
        }
        #expect(try connect(mapped, host: "192.0.2.1").clientFailure?.reason == .sanMismatch)
    }

    @Test func theCommonNameIsNoName() throws {
        let old = TestCertificate(by: Self.authority.root) { $0.name = "api.test" }
        #expect(try connect(old).clientFailure?.reason == .sanMismatch)
    }

    @Test func theFailureSaysWhoItIs() throws {
        let pair = try connect(Self.authority.leaf("other.test"))
        #expect(pair.clientFailure?.detail == "the certificate is for another host: other.test")
        #expect(pair.serverFailure?.reason == .peerAlert)
    }

    @Test func chainsAreChecked() throws {
        let stranger = TestAuthority(name: "Other").leaf("api.test")
        #expect(try connect(stranger).clientFailure?.reason == .certificateUnknownCA)
        let expired = Self.authority.leaf("api.test") { $0.notAfter = testNow - 1 }
        #expect(try connect(expired).clientFailure?.reason == .certificateExpired)
        let early = Self.authority.leaf("api.test") { $0.notBefore = testNow + 1 }
        #expect(try connect(early).clientFailure?.reason == .certificateNotYetValid)
        let wrong = Self.authority.leaf("api.test") { $0.purposes = "clientAuth" }
        #expect(try connect(wrong).clientFailure?.reason == .certificateWrongPurpose)
    }

    @Test func verificationCanBeOff() throws {
        let stranger = TestCertificate { settings in
            settings.names = [.dns("elsewhere.test")]
            settings.notAfter = testNow - 1
        }
        let pair = try connect(stranger) { $0.verification = .none }
        #expect(pair.isOpen)
        #expect(pair.client.peer?.isVerified == false)
        let pinned = try connect(stranger) { settings in
            settings.verification = .none
            settings.rules.publicKeyPins = [[UInt8](repeating: 1, count: 32)]
        }
        #expect(pinned.clientFailure?.reason == .pinMismatch)
        let right = try connect(stranger) { settings in
            settings.verification = .none
            settings.rules.publicKeyPins = [Array(base64: stranger.facts.publicKeyPin)]
        }
        #expect(right.isOpen)
    }

    @Test func theChainAloneCanBeChecked() throws {
        #expect(try connect(Self.authority.leaf("other.test")) { $0.verification = .chain }.isOpen)
        let stranger = TestAuthority(name: "Other").leaf("api.test")
        #expect(try connect(stranger) { $0.verification = .chain }.clientFailure?.reason == .certificateUnknownCA)
    }

    @Test func namesOfTheRulesStandInForTheHost() throws {
        let service = Self.authority.leaf { $0.names = [.uri("spiffe://example.org/api")] }
        let rule = TLSPeerRules.Name(.uri, .exact(Array("spiffe://example.org/api".utf8)))
        #expect(try connect(service) { $0.rules.names = [rule] }.isOpen)
        #expect(try connect(service).clientFailure?.reason == .sanMismatch)
        let other = Self.authority.leaf("api.test")
        #expect(try connect(other) { $0.rules.names = [rule] }.clientFailure?.reason == .sanMismatch)
    }

    @Test func aNulInANameIsRefused() throws {
        let evil = Self.authority.leaf { settings in
            settings.names = [.dns("api.test"), .raw(tag: 0x82, Array("api.test\0.evil.test".utf8))]
        }
        #expect(try connect(evil).clientFailure?.reason == .certificateInvalid)
    }

    @Test(arguments: ["", "bad host", "a..b", "x\u{0}y", String(repeating: "a", count: 300), "[::1", "[zz]"])
    func whatIsNoHostHasNoSession(host: String) throws {
        #expect(TLSSession(client: try TLSClientContext.test(), host: Array(host.utf8)) == nil)
    }

    @Test func anIntermediateThatIsMissingIsMissed() throws {
        let leaf = Self.authority.leaf("api.test")
        let server = try TLSServerContext.test(leaf) { $0.certificates[0].chain = leaf.pem }
        let pair = TestPair(server, try TLSClientContext.test()).handshake()
        #expect(pair.clientFailure?.reason == .certificateUnknownCA)
    }
}
