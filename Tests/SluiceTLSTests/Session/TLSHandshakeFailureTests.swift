import NIOCore
import SluiceTLS
import Testing

@Suite struct TLSHandshakeFailureTests {
    static let leaf = TestAuthority.shared.leaf("api.test")

    private func server(change: (inout TLSServerSettings) -> Void = { _ in }) throws -> TLSServerContext {
        try TLSServerContext.test(Self.leaf, change: change)
    }

    private func receive(_ text: String, chunk: Int = .max) throws -> (TLSFailure?, sent: Int) {
        let session = TLSSession(server: try server())!
        var bytes = ByteBuffer(string: text)
        var plain = ByteBuffer()
        var out = ByteBuffer()
        while var part = bytes.readSlice(length: min(chunk, bytes.readableBytes)), part.readableBytes > 0 {
            _ = session.receive(&part, plain: &plain, out: &out)
        }
        return (session.state.failure, out.readableBytes)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM",
    ])
    func plainHTTPIsToldApart(text: String) throws {
        for chunk in [1, Int.max] {
            let (failure, sent) = try receive(text, chunk: chunk)
            #expect(failure?.reason == .notTLS)
            #expect(failure?.detail.hasPrefix(chunk == 1 ? "" : "plain HTTP was received: '\(text.prefix(4))") == true)
            // So that an answer in plain text is not spoilt.
            #expect(sent == 0)
        }
    }

    @Test func garbageIsNotTLS() throws {
        let (failure, _) = try receive("\u{1}\u{2}\u{3}\r\n garbage garbage garbage")
        #expect(failure?.reason == .notTLS)
        #expect(failure?.detail.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } == true)
    }

    @Test func aBrokenHelloFails() throws {
        let session = TLSSession(server: try server())!
        var bytes = ByteBuffer(bytes: [0x16, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0])
        var plain = ByteBuffer()
        var out = ByteBuffer()
        let failure = session.receive(&bytes, plain: &plain, out: &out).failure
        #expect(failure?.reason == .handshakeFailed)
        #expect(out.readableBytes == 7, "an alert")
    }

    @Test func aHelloLargerThanAnyFails() throws {
        let session = TLSSession(server: try server())!
        // A ClientHello that announces 1 MiB.
        var bytes = ByteBuffer(bytes: [0x16, 3, 1, 0x40, 0, 1, 0x10, 0, 0])
        bytes.writeRepeatingByte(0, count: 16_380)
        var plain = ByteBuffer()
        var out = ByteBuffer()
        #expect(session.receive(&bytes, plain: &plain, out: &out).failure?.reason == .handshakeTooLarge)
    }

    @Test func aHandshakeHasALimit() throws {
        let context = try server { $0.handshakeByteLimit = 300 }
        let session = TLSSession(server: context)!
        var plain = ByteBuffer()
        var out = ByteBuffer()
        // A ClientHello of 16 KB, in small records.
        var bytes = ByteBuffer(bytes: [0x16, 3, 1, 0, 4, 1, 0, 0x3F, 0])
        for _ in 0..<40 { bytes.writeBytes([0x16, 3, 1, 0, 4, 0, 0, 0, 0]) }
        let failure = session.receive(&bytes, plain: &plain, out: &out).failure
        #expect(failure?.reason == .handshakeTooLarge)
        #expect(failure?.detail == "more than 300 bytes before the handshake was done")
    }

    @Test func aTruncatedHandshakeStaysOpenForItsTimer() throws {
        let client = TLSSession(client: try TLSClientContext.test(), host: Array("api.test".utf8))!
        var hello = ByteBuffer()
        _ = client.start(into: &hello)
        let length = hello.readableBytes
        for count in [1, 5, 6, 100, length - 1] {
            let session = TLSSession(server: try server())!
            var part = hello.getSlice(at: hello.readerIndex, length: count)!
            var plain = ByteBuffer()
            var out = ByteBuffer()
            #expect(session.receive(&part, plain: &plain, out: &out) == .handshaking)
            #expect(out.readableBytes == 0)
        }
    }

    @Test func noSharedVersion() throws {
        let pair = TestPair(
            try server { $0.minimumVersion = .tls13 },
            try TLSClientContext.test { $0.maximumVersion = .tls12 }
        ).handshake()
        #expect(pair.serverFailure?.reason == .unsupportedVersion)
        #expect(pair.clientFailure?.reason == .peerAlert)
        #expect(pair.clientFailure?.detail == "the peer refused: protocol version")
    }

    @Test func noSharedCipher() throws {
        let pair = TestPair(
            try server { settings in
                settings.maximumVersion = .tls12
                settings.ciphers = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
            },
            try TLSClientContext.test { $0.ciphers = ["ECDHE-ECDSA-AES128-GCM-SHA256"] }
        ).handshake()
        #expect(pair.serverFailure?.reason == .noSharedCipher)
        #expect(pair.clientFailure?.reason == .peerAlert)
    }

    @Test func noSharedGroup() throws {
        let pair = TestPair(
            try server { $0.curves = ["P-384"] },
            try TLSClientContext.test { $0.curves = ["X25519"] }
        ).handshake()
        #expect(pair.serverFailure?.reason == .noSharedCipher)
    }

    @Test func noSharedProtocol() throws {
        let pair = TestPair(
            try server { $0.protocols = [Array("h2".utf8)] },
            try TLSClientContext.test { $0.protocols = [Array("http/1.1".utf8)] }
        ).handshake()
        #expect(pair.serverFailure?.reason == .noSharedProtocol)
        #expect(pair.clientFailure?.detail == "the peer refused: no application protocol")
    }

    @Test func aClientOfHTTP10IsLetIn() throws {
        let pair = TestPair(
            try server { $0.protocols = [Array("h2".utf8), Array("http/1.1".utf8)] },
            try TLSClientContext.test { $0.protocols = [Array("http/1.0".utf8)] }
        ).handshake()
        #expect(pair.isOpen)
        #expect(pair.server.negotiatedProtocol == nil)
    }

    @Test func withoutALPNThereIsNoProtocol() throws {
        for (mine, theirs) in [([], ["h2"]), (["h2"], [])] {
            let pair = TestPair(
                try server { $0.protocols = mine.map { Array($0.utf8) } },
                try TLSClientContext.test { $0.protocols = theirs.map { Array($0.utf8) } }
            ).handshake()
            #expect(pair.isOpen)
            #expect(pair.server.negotiatedProtocol == nil)
            #expect(pair.client.negotiatedProtocol == nil)
        }
    }

    @Test func aServerThatAnswersInPlainTextIsNotTLS() throws {
        let client = TLSSession(client: try TLSClientContext.test(), host: Array("api.test".utf8))!
        var out = ByteBuffer()
        var plain = ByteBuffer()
        _ = client.start(into: &out)
        var answer = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n")
        let failure = client.receive(&answer, plain: &plain, out: &out).failure
        #expect(failure?.reason == .notTLS)
        #expect(failure?.detail == "plain HTTP was received: 'HTTP/1.1 400 Bad'")
    }

    @Test func wordsOfReasonsAreStable() {
        let words = TLSFailure.Reason.allCases.map(\.rawValue)
        #expect(Set(words).count == words.count)
        #expect(words.allSatisfy { $0.utf8.allSatisfy { $0 == 0x5F || $0 >= 0x61 && $0 <= 0x7A } })
        #expect(words.contains("san_mismatch") && words.contains("not_tls") && words.contains("handshake_timeout"))
    }
}
