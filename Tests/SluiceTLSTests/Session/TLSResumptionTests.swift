import NIOCore
import SluiceTLS
import Synchronization
import Testing

@Suite struct TLSResumptionTests {
    static let authority = TestAuthority.shared
    static let leaf = authority.leaf("api.test", "www.test")
    static let clientLeaf = authority.leaf("client.test")

    static func keyFile(_ byte: UInt8, count: Int = 80) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    private func server(
        _ keys: TLSTicketKeys?,
        version: TLSVersion = .tls13,
        change: (inout TLSServerSettings) -> Void = { _ in }
    ) throws -> TLSServerContext {
        try TLSServerContext.test(Self.leaf) { settings in
            settings.minimumVersion = version
            settings.maximumVersion = version
            settings.ticketKeys = keys
            change(&settings)
        }
    }

    /// Connects, and takes the tickets that come with the first answer.
    @discardableResult
    private func connect(_ server: TLSServerContext, _ client: TLSClientContext, host: String = "api.test") -> TestPair
    {
        let pair = TestPair(server, client, host: host).handshake()
        pair.greet()
        return pair
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func theSecondConnectionIsResumed(version: TLSVersion) throws {
        let server = try server(TLSTicketKeys { testNow }, version: version)
        let client = try TLSClientContext.test()
        #expect(!connect(server, client).client.isResumed)
        for _ in 0..<3 {
            let pair = connect(server, client)
            try #require(pair.isOpen)
            #expect(pair.client.isResumed)
            #expect(pair.server.isResumed)
            #expect(text(pair.atClient) == "hello")
            #expect(pair.client.peer?.certificate.der == Self.leaf.der)
            #expect(pair.server.covers(host: "www.test"))
            #expect(!pair.server.covers(host: "other.test"))
        }
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func withoutKeysNothingIsResumed(version: TLSVersion) throws {
        let server = try server(nil, version: version)
        let client = try TLSClientContext.test()
        connect(server, client)
        #expect(!connect(server, client).client.isResumed)
    }

    @Test(arguments: [48, 80], [TLSVersion.tls12, .tls13])
    func nodesWithTheSameKeysResumeEachOthersSessions(length: Int, version: TLSVersion) throws {
        let file = Self.keyFile(1, count: length)
        let client = try TLSClientContext.test()
        connect(try server(try TLSTicketKeys([file]), version: version), client)
        let pair = connect(try server(try TLSTicketKeys([file]), version: version), client)
        #expect(pair.client.isResumed)
        let stranger = connect(try server(try TLSTicketKeys([Self.keyFile(2)]), version: version), client)
        #expect(stranger.isOpen)
        #expect(!stranger.client.isResumed)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func anOldKeyOpensAndTheNewOneSeals(version: TLSVersion) throws {
        let old = Self.keyFile(1)
        let new = Self.keyFile(2)
        let client = try TLSClientContext.test()
        connect(try server(try TLSTicketKeys([old]), version: version), client)
        // The ticket of the old key is taken, and the new tickets are of the new one.
        #expect(connect(try server(try TLSTicketKeys([new, old]), version: version), client).client.isResumed)
        #expect(connect(try server(try TLSTicketKeys([new]), version: version), client).client.isResumed)
    }

    @Test func theProcesssOwnKeysChange() throws {
        let now = Mutex(testNow)
        let keys = TLSTicketKeys(rotatedEvery: 100) { now.withLock { $0 } }
        let server = try server(keys)
        func wait(_ seconds: Int64) { now.withLock { $0 += seconds } }
        let client = try TLSClientContext.test()
        connect(server, client)
        wait(150)
        let second = connect(server, client)
        #expect(second.client.isResumed, "the key before still opens")
        wait(250)
        let third = connect(server, client)
        #expect(third.isOpen)
        #expect(!third.client.isResumed, "two keys later it does not")
    }

    @Test func anotherPolicyForClientsIsAnotherWorld() throws {
        let keys = TLSTicketKeys { testNow }
        let client = try TLSClientContext.test { $0.certificate = Self.clientLeaf.source }
        func context(_ change: (inout TLSClientAuthentication) -> Void) throws -> TLSServerContext {
            let store = try Self.authority.store
            return try server(keys) { settings in
                settings.clientAuthentication = TLSClientAuthentication(mode: .require, trust: store)
                change(&settings.clientAuthentication)
            }
        }
        let open = try server(keys)
        connect(open, client)
        // A ticket from a listener that asks for nothing is no way round one that does.
        let first = connect(try context { _ in }, client)
        #expect(!first.server.isResumed)
        let second = connect(try context { _ in }, client)
        #expect(second.server.isResumed)
        #expect(second.server.peer?.certificate.der == Self.clientLeaf.der)
        #expect(second.server.peer?.isVerified == true)
        let rules = TLSPeerRules(names: [.init(.dns, .exact(Array("client.test".utf8)))])
        #expect(!connect(try context { $0.rules = rules }, client).server.isResumed)
        let list = Self.authority.intermediate.revocationList(of: [Self.clientLeaf])
        let lists = [list, Self.authority.root.revocationList(of: [])]
        let store = try TLSTrustStore(bundle: Self.authority.root.pem, revocationLists: lists)
        let revoked = connect(try context { $0.trust = store }, client)
        #expect(revoked.serverFailure?.reason == .certificateRevoked)
    }

    @Test func aResumedClientWhoseCertificateRanOutIsRefused() throws {
        let now = Mutex(testNow)
        let clientLeaf = Self.authority.leaf("client.test") { $0.notAfter = testNow + 100 }
        let store = try Self.authority.store
        let server = try server(TLSTicketKeys { testNow }) { settings in
            settings.clientAuthentication = TLSClientAuthentication(mode: .require, trust: store)
            settings.clock = { now.withLock { $0 } }
        }
        let client = try TLSClientContext.test { $0.certificate = clientLeaf.source }
        connect(server, client)
        #expect(connect(server, client).server.isResumed)
        now.withLock { $0 += 101 }
        let late = connect(server, client)
        #expect(late.serverFailure?.reason == .certificateExpired)
        #expect(late.clientFailure?.detail == "the peer refused: certificate expired")
        #expect(text(late.atClient) == "")
    }

    @Test func anUnverifiedClientStaysUnverified() throws {
        let stranger = TestAuthority(name: "Other").leaf("client.test")
        let store = try Self.authority.store
        let server = try server(TLSTicketKeys { testNow }) { settings in
            settings.clientAuthentication = TLSClientAuthentication(mode: .require, trust: store)
            settings.clientAuthentication.acceptsUnverified = true
        }
        let client = try TLSClientContext.test { $0.certificate = stranger.source }
        connect(server, client)
        let pair = connect(server, client)
        #expect(pair.server.isResumed)
        #expect(pair.server.peer?.isVerified == false)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func anUpstreamWhoseCertificateRanOutIsRefused(version: TLSVersion) throws {
        let now = Mutex(testNow)
        let brief = Self.authority.leaf("api.test") { $0.notAfter = testNow + 100 }
        let server = try server(TLSTicketKeys { testNow }, version: version) { $0.certificates = [brief.source] }
        let client = try TLSClientContext.test { $0.clock = { now.withLock { $0 } } }
        connect(server, client)
        #expect(connect(server, client).client.isResumed)
        now.withLock { $0 += 101 }
        #expect(connect(server, client).clientFailure?.reason == .certificateExpired)
    }

    @Test func sessionsBelongToTheirHostAndEndpoint() throws {
        let server = try server(TLSTicketKeys { testNow })
        let client = try TLSClientContext.test()
        connect(server, client)
        #expect(!connect(server, client, host: "www.test").client.isResumed)
        #expect(connect(server, client).client.isResumed)
        func other(_ endpoint: UInt64) -> TLSSession {
            let session = TLSSession(client: client, host: Array("api.test".utf8), endpoint: endpoint)!
            let peer = TLSSession(server: server)!
            var there = ByteBuffer()
            var back = ByteBuffer()
            var plain = ByteBuffer()
            _ = session.start(into: &there)
            _ = peer.receive(&there, plain: &plain, out: &back)
            _ = session.receive(&back, plain: &plain, out: &there)
            return session
        }
        #expect(!other(7).isResumed)
        #expect(other(0).isResumed)
    }

    @Test func aSessionIsForTheNameItWasMadeFor() throws {
        // A client that resumes under another name, which its library would not do by itself.
        let keys = TLSTicketKeys { testNow }
        let server = try server(keys)
        let client = try TLSClientContext.test { $0.verification = .none }
        connect(server, client)
        let pair = TestPair(server, client, host: "www.test")
        pair.resume(as: "api.test", of: client)
        pair.handshake()
        #expect(pair.isOpen)
        #expect(!pair.server.isResumed)
    }

    @Test func theCacheOfAClientCanBeOff() throws {
        let server = try server(TLSTicketKeys { testNow })
        let client = try TLSClientContext.test { $0.sessionCacheSize = 0 }
        connect(server, client)
        #expect(!connect(server, client).client.isResumed)
    }

    @Test func ticketsAreNotWrittenBeforeThereIsData() throws {
        let pair = TestPair(try server(TLSTicketKeys { testNow }), try TLSClientContext.test()).handshake()
        #expect(pair.isOpen)
        var out = ByteBuffer()
        #expect(pair.server.seal(ByteBuffer(string: "x"), into: &out))
        #expect(out.readableBytes > 200, "the tickets go with it")
    }
}
