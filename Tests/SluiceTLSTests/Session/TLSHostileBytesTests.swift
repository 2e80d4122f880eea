import NIOCore
import SluiceTLS
import Testing

/// Whatever a peer sends, a session ends with a reason at worst.
@Suite struct TLSHostileBytesTests {
    static let leaf = TestAuthority.shared.leaf("api.test")

    /// Numbers that look random and are the same every time.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    /// The bytes with a few of them changed, or some cut out or repeated.
    private func spoil(_ bytes: ByteBuffer, _ generator: inout Generator) -> ByteBuffer {
        var spoilt = Array(bytes.readableBytesView)
        for _ in 0...Int.random(in: 0..<3, using: &generator) {
            let place = Int.random(in: 0..<spoilt.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: spoilt[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: spoilt[place] = UInt8.random(in: 0...255, using: &generator)
            case 2: spoilt.remove(at: place)
            default: spoilt.insert(contentsOf: spoilt[place...].prefix(9), at: place)
            }
        }
        return ByteBuffer(bytes: spoilt)
    }

    private func feed(_ session: TLSSession, _ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        var plain = ByteBuffer()
        var out = ByteBuffer()
        let state = session.receive(&bytes, plain: &plain, out: &out)
        #expect(plain.readableBytes == 0)
        #expect(state.failure != nil || state == .handshaking || state == .open)
        return out
    }

    @Test func spoiltHellosOfClients() throws {
        let server = try TLSServerContext.test(Self.leaf) { $0.protocols = [Array("h2".utf8)] }
        let client = try TLSClientContext.test { $0.protocols = [Array("h2".utf8)] }
        var generator = Generator(state: 1)
        for _ in 0..<300 {
            let session = TLSSession(client: client, host: Array("api.test".utf8))!
            var hello = ByteBuffer()
            _ = session.start(into: &hello)
            _ = feed(TLSSession(server: server)!, spoil(hello, &generator))
        }
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func spoiltAnswersOfServers(version: TLSVersion) throws {
        let server = try TLSServerContext.test(Self.leaf) { $0.maximumVersion = version }
        let client = try TLSClientContext.test()
        var generator = Generator(state: 2)
        for _ in 0..<200 {
            let session = TLSSession(client: client, host: Array("api.test".utf8))!
            var hello = ByteBuffer()
            _ = session.start(into: &hello)
            _ = feed(session, spoil(feed(TLSSession(server: server)!, hello), &generator))
        }
    }

    @Test func noise() throws {
        let server = try TLSServerContext.test(Self.leaf)
        var generator = Generator(state: 3)
        for _ in 0..<300 {
            let count = Int.random(in: 1..<600, using: &generator)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Every second one looks like a record of a handshake.
            if count > 5, Bool.random(using: &generator) { bytes.replaceSubrange(0..<4, with: [0x16, 3, 1, 0]) }
            _ = feed(TLSSession(server: server)!, ByteBuffer(bytes: bytes))
        }
    }
}
