import SluiceTLS
import Testing

/// Peers that show more than one path to a trusted certificate.
@Suite struct AlternativePathsTests {
    static let root = authority("Root")

    static func authority(
        _ name: String,
        by issuer: TestCertificate? = nil,
        key: TestKey? = nil,
        change: (inout TestCertificateSettings) -> Void = { _ in }
    ) -> TestCertificate {
        TestCertificate(by: issuer) { settings in
            settings.name = name
            settings.isCA = true
            settings.key = key
            change(&settings)
        }
    }

    /// What a client makes of a leaf that is shown with these intermediates, in this order.
    private func failure(
        _ leaf: TestCertificate,
        with intermediates: [TestCertificate],
        trusting roots: [TestCertificate]
    ) throws -> TLSFailure? {
        let server = try TLSServerContext.test(leaf) { settings in
            settings.certificates[0].chain = leaf.pem + intermediates.flatMap(\.pem)
        }
        let client = try TLSClientContext.test { settings in
            settings.trust = try? TLSTrustStore(bundle: roots.flatMap(\.pem))
        }
        return TestPair(server, client).handshake().clientFailure
    }

    private func leaf(by issuer: TestCertificate) -> TestCertificate {
        TestCertificate(by: issuer) { $0.names = [.dns("api.test")] }
    }

    @Test func anExpiredTwinHidesNothing() throws {
        let good = Self.authority("Twin", by: Self.root)
        let expired = Self.authority("Twin", by: Self.root, key: good.key) { $0.notAfter = testNow - 1 }
        let leaf = leaf(by: good)
        for order in [[good, expired], [expired, good]] {
            #expect(try failure(leaf, with: order, trusting: [Self.root]) == nil)
        }
        #expect(try failure(leaf, with: [expired], trusting: [Self.root])?.reason == .certificateExpired)
    }

    @Test func aCrossSignedPathIsFound() throws {
        let other = Self.authority("Other Root")
        let bridge = Self.authority("Bridge", by: other)
        // One authority, vouched for by a root that is gone and by one that is there.
        let byGone = Self.authority("Issuer", by: bridge) { $0.constraints = "excluded;DNS:api.test" }
        let byRoot = Self.authority("Issuer", by: Self.root, key: byGone.key)
        let leaf = leaf(by: byGone)
        for order in [[byGone, bridge, byRoot], [byRoot, byGone, bridge]] {
            #expect(try failure(leaf, with: order, trusting: [other, Self.root]) == nil)
            #expect(try failure(leaf, with: order, trusting: [Self.root]) == nil)
            #expect(try failure(leaf, with: order, trusting: [other]) != nil)
        }
    }

    @Test func aTrustedTwinThatRanOutHidesNothing() throws {
        let good = Self.authority("Root Twin")
        let expired = Self.authority("Root Twin", key: good.key) { $0.notAfter = testNow - 1 }
        let leaf = leaf(by: Self.authority("Middle", by: good))
        let middle = try #require(leaf.issuer)
        for roots in [[good, expired], [expired, good]] {
            #expect(try failure(leaf, with: [middle], trusting: roots) == nil)
        }
    }

    @Test func thereAreNotAnyNumberOfTries() throws {
        let key = TestKey.elliptic()
        let twins = (0..<60).map { _ in
            Self.authority("Many", by: Self.root, key: key) { $0.notAfter = testNow - 1 }
        }
        let good = Self.authority("Many", by: Self.root, key: key)
        let leaf = leaf(by: good)
        #expect(try failure(leaf, with: Array(twins.prefix(5)) + [good], trusting: [Self.root]) == nil)
        #expect(try failure(leaf, with: twins + [good], trusting: [Self.root])?.reason == .certificateExpired)
    }

    @Test func circlesEnd() throws {
        let one = TestKey.elliptic()
        let two = TestKey.elliptic()
        let first = Self.authority("One", key: one)
        let second = Self.authority("Two", key: two)
        let firstBySecond = Self.authority("One", by: second, key: one)
        let secondByFirst = Self.authority("Two", by: first, key: two)
        let failure = try failure(
            leaf(by: firstBySecond),
            with: [firstBySecond, secondByFirst],
            trusting: [Self.root]
        )
        #expect(failure?.reason == .certificateUnknownCA)
    }
}
