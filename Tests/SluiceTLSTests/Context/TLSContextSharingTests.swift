import NIOCore
import SluiceTLS
import Testing

@Suite struct TLSContextSharingTests {
    @Test func contextsServeManyThreadsAtOnce() async throws {
        let leaf = TestAuthority.shared.leaf("api.test")
        let store = try TestAuthority.shared.store
        let server = try TLSServerContext.test(leaf) { settings in
            settings.ticketKeys = TLSTicketKeys(rotatedEvery: 1) { testNow }
            settings.clientAuthentication = TLSClientAuthentication(mode: .require, trust: store)
        }
        let client = try TLSClientContext.test { $0.certificate = leaf.source }
        let resumed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var resumed = 0
                    for _ in 0..<20 {
                        let pair = TestPair(server, client).handshake()
                        pair.greet()
                        #expect(pair.isOpen)
                        #expect(text(pair.atClient) == "hello")
                        resumed += pair.client.isResumed ? 1 : 0
                    }
                    return resumed
                }
            }
            return await group.reduce(0, +)
        }
        #expect(resumed >= 8 * 20 - 16)
    }

    @Test func aSessionOutlivesWhoeverMadeItsContext() throws {
        let leaf = TestAuthority.shared.leaf("api.test")
        var pair: TestPair?
        do {
            let server = try TLSServerContext.test(leaf)
            let client = try TLSClientContext.test()
            pair = TestPair(server, client)
        }
        #expect(pair?.handshake().isOpen == true)
    }
}
