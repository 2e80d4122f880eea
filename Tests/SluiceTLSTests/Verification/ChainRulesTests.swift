import CNIOBoringSSL
import SluiceTLS
import Testing

@Suite struct ChainRulesTests {
    /// What a client that trusts `root` makes of a server's certificate.
    private func failure(
        _ leaf: TestCertificate,
        root: TestCertificate,
        host: String = "api.test"
    ) throws -> TLSFailure? {
        let client = try TLSClientContext.test { settings in
            settings.trust = try? TLSTrustStore(bundle: root.pem)
        }
        return TestPair(try TLSServerContext.test(leaf), client, host: host).handshake().clientFailure
    }

    private func root(change: (inout TestCertificateSettings) -> Void = { _ in }) -> TestCertificate {
        TestCertificate { settings in
            settings.name = "Root"
            settings.isCA = true
            change(&settings)
        }
    }

    private func leaf(
        by issuer: TestCertificate,
        change: (inout TestCertificateSettings) -> Void = { _ in }
    ) -> TestCertificate {
        TestCertificate(by: issuer) { settings in
            settings.names = [.dns("api.test")]
            change(&settings)
        }
    }

    @Test func signaturesThatCanBeForgedAreRefused() throws {
        let root = root()
        let failure = try failure(leaf(by: root) { $0.digest = EVP_sha1() }, root: root)
        #expect(failure?.reason == .certificateInvalid)
        #expect(failure?.detail == "a certificate of the chain has a signature that can be forged")
        // What is trusted is trusted for its key.
        let old = self.root { $0.digest = EVP_sha1() }
        #expect(try self.failure(leaf(by: old), root: old) == nil)
    }

    @Test func shortKeysAreRefusedAnywhere() throws {
        let root = root { $0.key = .weakRSA }
        #expect(try failure(leaf(by: root), root: root)?.reason == .certificateInvalid)
    }

    @Test func authoritiesHaveNames() throws {
        let root = root { $0.name = "" }
        let failure = try failure(leaf(by: root), root: root)
        #expect(failure?.reason == .certificateInvalid)
        // A leaf needs none.
        let good = self.root()
        #expect(try self.failure(leaf(by: good) { $0.name = "" }, root: good) == nil)
    }

    static let constraints: [(constraint: String, name: String, host: String, isGood: Bool)] = [
        ("permitted;DNS:api.test", "api.test", "api.test", true),
        ("permitted;DNS:test", "www.api.test", "www.api.test", true),
        ("permitted;DNS:other.test", "api.test", "api.test", false),
        ("excluded;DNS:api.test", "api.test", "api.test", false),
        ("excluded;DNS:other.test", "api.test", "api.test", true),
        ("excluded;DNS:bar.api.test", "*.api.test", "bar.api.test", false),
        ("excluded;DNS:bar.api.test", "*.api.test", "foo.api.test", false),
        ("excluded;DNS:x.bar.api.test", "*.api.test", "foo.api.test", true),
        ("excluded;DNS:bar.other.test", "*.api.test", "foo.api.test", true),
        ("permitted;DNS:foo.api.test", "*.api.test", "foo.api.test", false),
        ("permitted;DNS:api.test", "*.api.test", "foo.api.test", true),
    ]

    @Test(arguments: constraints)
    func constraintsHoldForWildcards(constraint: String, name: String, host: String, isGood: Bool) throws {
        let root = root()
        let middle = TestCertificate(by: root) { settings in
            settings.name = "Constrained"
            settings.isCA = true
            settings.constraints = constraint
        }
        let failure = try failure(leaf(by: middle) { $0.names = [.dns(name)] }, root: root, host: host)
        #expect((failure == nil) == isGood)
        #expect(isGood || failure?.reason == .certificateInvalid)
    }
}
