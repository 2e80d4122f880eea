import NIOCore
import SluiceTLS
import Testing

@Suite struct TLSHandshakeTests {
    static let leaf = TestAuthority.shared.leaf("api.test")

    @Test(arguments: [TLSVersion.tls12, .tls13], [1, 7, 1400, Int.max])
    func bothSidesOpen(version: TLSVersion, chunk: Int) throws {
        let server = try TLSServerContext.test(Self.leaf) { settings in
            settings.minimumVersion = version
            settings.maximumVersion = version
            settings.protocols = [Array("h2".utf8), Array("http/1.1".utf8)]
        }
        let client = try TLSClientContext.test { $0.protocols = [Array("http/1.1".utf8), Array("h2".utf8)] }
        let pair = TestPair(server, client, chunk: chunk).handshake()
        try #require(pair.isOpen, "\(pair.server.state) \(pair.client.state)")
        for session in [pair.server, pair.client] {
            #expect(session.version == version)
            #expect(session.negotiatedProtocol == Array("h2".utf8))
            #expect(session.serverName == Array("api.test".utf8))
            #expect(session.group == Array("X25519MLKEM768".utf8) || version == .tls12)
            #expect(!session.isResumed)
        }
        #expect(pair.send(fromClient: Array("question".utf8)))
        #expect(pair.send(fromServer: Array("answer".utf8)))
        pair.pump()
        #expect(text(pair.atServer) == "question")
        #expect(text(pair.atClient) == "answer")
        #expect(pair.client.peer?.certificate.dnsNames == [Array("api.test".utf8)])
        #expect(pair.client.peer?.isVerified == true)
        #expect(pair.client.peer?.chain.count == 2)
        #expect(pair.server.peer == nil)
    }
}
