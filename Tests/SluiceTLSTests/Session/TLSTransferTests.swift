import NIOCore
import SluiceTLS
import Testing

@Suite struct TLSTransferTests {
    static let leaf = TestAuthority.shared.leaf("api.test")

    private func open(_ version: TLSVersion = .tls13, chunk: Int = .max) throws -> TestPair {
        let server = try TLSServerContext.test(Self.leaf) { settings in
            settings.minimumVersion = version
            settings.maximumVersion = version
            settings.ticketKeys = TLSTicketKeys { testNow }
        }
        let pair = TestPair(server, try TLSClientContext.test(), chunk: chunk).handshake()
        try #require(pair.isOpen)
        return pair
    }

    /// No two records of it are the same.
    static let mebibyte: ByteBuffer = {
        var buffer = ByteBuffer()
        for number in 0..<131_072 as Range<UInt64> { buffer.writeInteger(number &* 0x9E37_79B9_7F4A_7C15) }
        return buffer
    }()

    @Test(arguments: [TLSVersion.tls12, .tls13], [997, 16_384, Int.max])
    func aMebibyteGoesBothWays(version: TLSVersion, chunk: Int) throws {
        let pair = try open(version, chunk: chunk)
        #expect(pair.send(fromClient: Array(Self.mebibyte.readableBytesView)))
        #expect(pair.send(fromServer: Array(Self.mebibyte.readableBytesView)))
        pair.pump()
        #expect(pair.atServer == Self.mebibyte)
        #expect(pair.atClient == Self.mebibyte)
    }

    @Test func recordsHoldAtMost16KiB() throws {
        let pair = try open()
        pair.greet()
        var out = ByteBuffer()
        #expect(pair.client.seal(ByteBuffer(repeating: 1, count: 50_000), into: &out))
        var lengths: [Int] = []
        while let header = out.readBytes(length: 5) {
            let length = Int(header[3]) << 8 | Int(header[4])
            lengths.append(length)
            out.moveReaderIndex(forwardBy: length)
        }
        // Four records, each with its inner type and a tag of 16 bytes.
        #expect(lengths == [16_384 + 17, 16_384 + 17, 16_384 + 17, 50_000 - 3 * 16_384 + 17])
    }

    @Test func sealingDoesNotReplaceABufferWithRoom() throws {
        let pair = try open()
        var out = ByteBuffer()
        let plain = ByteBuffer(repeating: 1, count: 100_000)
        out.reserveCapacity(plain.readableBytes + 7 * 64 + 1024)
        let capacity = out.capacity
        #expect(pair.server.seal(plain, into: &out))
        #expect(out.capacity == capacity)
    }

    @Test func dataBesideTheFinishedOfTheClientIsNotLost() throws {
        let server = TLSSession(server: try TLSServerContext.test(Self.leaf))!
        let client = TLSSession(client: try TLSClientContext.test(), host: Array("api.test".utf8))!
        var toServer = ByteBuffer()
        var toClient = ByteBuffer()
        var plain = ByteBuffer()
        #expect(client.start(into: &toServer) == .handshaking)
        #expect(server.receive(&toServer, plain: &plain, out: &toClient) == .handshaking)
        #expect(client.receive(&toClient, plain: &plain, out: &toServer) == .open)
        #expect(client.seal(ByteBuffer(string: "early"), into: &toServer))
        #expect(server.receive(&toServer, plain: &plain, out: &toClient) == .open)
        #expect(text(plain) == "early")
        #expect(toServer.readableBytes == 0)
    }

    @Test func nothingIsSealedBeforeTheHandshakeIsDone() throws {
        let client = TLSSession(client: try TLSClientContext.test(), host: Array("api.test".utf8))!
        let server = TLSSession(server: try TLSServerContext.test(Self.leaf))!
        var out = ByteBuffer()
        for session in [client, server] {
            #expect(!session.seal(ByteBuffer(string: "x"), into: &out))
            session.close(into: &out)
            #expect(out.readableBytes == 0)
            #expect(session.state == .handshaking)
            #expect(session.version == nil)
            #expect(session.cipher == nil)
            #expect(session.peer == nil)
        }
    }

    @Test func anEmptyPlainTextSealsToNothing() throws {
        let pair = try open()
        var out = ByteBuffer()
        #expect(pair.client.seal(ByteBuffer(), into: &out))
        #expect(out.readableBytes == 0)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func closeNotifyEndsOneDirection(version: TLSVersion) throws {
        let pair = try open(version)
        #expect(pair.send(fromClient: Array("last".utf8)))
        pair.closeClient()
        pair.closeClient()
        pair.pump()
        #expect(pair.server.state == .peerClosed)
        #expect(text(pair.atServer) == "last")
        // The other direction is still there.
        #expect(pair.client.state == .open)
        #expect(pair.send(fromServer: Array("answer".utf8)))
        pair.closeServer()
        pair.pump()
        #expect(text(pair.atClient) == "answer")
        #expect(pair.client.state == .peerClosed)
    }

    @Test func whatFollowsTheCloseStaysWhereItIs() throws {
        let pair = try open()
        var bytes = ByteBuffer()
        var plain = ByteBuffer()
        var out = ByteBuffer()
        pair.client.close(into: &bytes)
        bytes.writeString("plain text")
        #expect(pair.server.receive(&bytes, plain: &plain, out: &out) == .peerClosed)
        #expect(text(bytes) == "plain text")
        #expect(pair.server.receive(&bytes, plain: &plain, out: &out) == .peerClosed)
        #expect(bytes.readableBytes == 10)
        #expect(plain.readableBytes == 0)
    }

    @Test func aForgedRecordEndsTheSession() throws {
        let pair = try open()
        var bytes = ByteBuffer()
        #expect(pair.client.seal(ByteBuffer(string: "good"), into: &bytes))
        #expect(pair.client.seal(ByteBuffer(string: "evil"), into: &bytes))
        bytes.setInteger(bytes.getInteger(at: bytes.writerIndex - 1, as: UInt8.self)! ^ 1, at: bytes.writerIndex - 1)
        var plain = ByteBuffer()
        var out = ByteBuffer()
        let state = pair.server.receive(&bytes, plain: &plain, out: &out)
        #expect(state.failure?.reason == .protocolError)
        #expect(text(plain) == "good")
        #expect(out.readableBytes > 0, "an alert")
        #expect(!pair.server.seal(ByteBuffer(string: "x"), into: &out))
        // It takes nothing more.
        var more = ByteBuffer(string: "more")
        #expect(pair.server.receive(&more, plain: &plain, out: &out) == state)
        #expect(more.readableBytes == 4)
        // The alert tells the client.
        #expect(pair.client.receive(&out, plain: &plain, out: &more).failure?.reason == .peerAlert)
    }

    @Test func plainTextInAnOpenSessionIsAnError() throws {
        let pair = try open()
        var bytes = ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n")
        var plain = ByteBuffer()
        var out = ByteBuffer()
        #expect(pair.server.receive(&bytes, plain: &plain, out: &out).failure?.reason == .protocolError)
        #expect(plain.readableBytes == 0)
    }

    @Test func aBufferWithRoomIsNotReplaced() throws {
        let pair = try open()
        var bytes = ByteBuffer()
        #expect(pair.client.seal(ByteBuffer(repeating: 7, count: 40_000), into: &bytes))
        var plain = ByteBuffer()
        plain.reserveCapacity(65_536)
        var out = ByteBuffer()
        #expect(pair.server.receive(&bytes, plain: &plain, out: &out) == .open)
        #expect(plain.readableBytes == 40_000)
        #expect(plain.capacity == 65_536)
        #expect(out.readableBytes == 0)
    }
}
