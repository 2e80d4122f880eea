import SluiceTLS
import Testing

@Suite struct TLSRevocationTests {
    static let authority = TestAuthority(name: "Revoking")
    static let server = TestAuthority.shared.leaf("api.test")
    static let good = authority.leaf("good.test")
    static let bad = authority.leaf("bad.test")

    private func failure(_ client: TestCertificate, _ lists: [[UInt8]], wholeChain: Bool = true) throws -> TLSFailure? {
        let store = try TLSTrustStore(
            bundle: Self.authority.root.pem,
            revocationLists: lists,
            checksWholeChain: wholeChain
        )
        let context = try TLSServerContext.test(Self.server) { settings in
            settings.clientAuthentication = TLSClientAuthentication(mode: .require, trust: store)
        }
        let mine = try TLSClientContext.test { $0.certificate = client.source }
        return TestPair(context, mine).handshake().serverFailure
    }

    static let ofLeaves = authority.intermediate.revocationList(of: [bad])
    static let ofIntermediates = authority.root.revocationList(of: [])

    @Test func aRevokedLeafIsRefused() throws {
        let lists = [Self.ofLeaves, Self.ofIntermediates]
        #expect(try failure(Self.good, lists) == nil)
        let failure = try failure(Self.bad, lists)
        #expect(failure?.reason == .certificateRevoked)
        #expect(failure?.detail == "certificate revoked: CN=bad.test")
    }

    @Test func aRevokedIntermediateIsRefused() throws {
        let revoked = Self.authority.root.revocationList(of: [Self.authority.intermediate])
        let failure = try failure(Self.good, [Self.ofLeaves, revoked])
        #expect(failure?.reason == .certificateRevoked)
        #expect(failure?.detail == "certificate revoked, at depth 1: CN=Revoking Intermediate")
        // Not where only leaves are looked up.
        #expect(try self.failure(Self.good, [Self.ofLeaves, revoked], wholeChain: false) == nil)
        #expect(try self.failure(Self.bad, [Self.ofLeaves], wholeChain: false)?.reason == .certificateRevoked)
    }

    @Test func aMissingListIsARefusal() throws {
        #expect(try failure(Self.good, [Self.ofLeaves])?.reason == .revocationUnknown)
        #expect(try failure(Self.good, [Self.ofLeaves], wholeChain: false) == nil)
        #expect(try failure(Self.good, [Self.ofIntermediates], wholeChain: false)?.reason == .revocationUnknown)
    }

    @Test func aListThatHasRunOutIsARefusal() throws {
        let old = Self.authority.intermediate.revocationList(of: [], nextUpdate: testNow - 1)
        let failure = try failure(Self.good, [old, Self.ofIntermediates])
        #expect(failure?.reason == .revocationUnknown)
        let early = Self.authority.intermediate.revocationList(of: [], thisUpdate: testNow + 60)
        #expect(try self.failure(Self.good, [early, Self.ofIntermediates])?.reason == .revocationUnknown)
    }

    @Test func aListOfAnotherAuthorityDoesNotCount() throws {
        // The right name and the wrong key.
        let impostor = TestAuthority(name: "Revoking").intermediate.revocationList(of: [])
        #expect(try failure(Self.bad, [impostor, Self.ofIntermediates])?.reason == .revocationUnknown)
    }

    @Test func theStoreSaysWhenItsListsRunOut() throws {
        let list = Self.authority.root.revocationList(of: [], nextUpdate: testNow + 10)
        let store = try TLSTrustStore(bundle: Self.authority.root.pem, revocationLists: [Self.ofLeaves, list])
        #expect(store.revocationListsValidUntil == testNow + 10)
        #expect(try TLSTrustStore(bundle: Self.authority.root.pem).revocationListsValidUntil == nil)
    }
}
