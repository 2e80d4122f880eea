import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

/// The PROXY protocol, sections 2.1 and 2.2.
@Suite struct ProxyHeaderTests {
    private static func parse(_ bytes: [UInt8]) -> ProxyHeader.ParseResult { bytes.withUnsafeBytes(ProxyHeader.parse) }
    private static func parse(_ text: String) -> ProxyHeader.ParseResult { parse(Array(text.utf8)) }

    private static func ends(_ source: String, _ destination: String) throws -> ProxiedEnds {
        ProxiedEnds(
            source: try #require(IPAddress(source)),
            sourcePort: 56324,
            destination: try #require(IPAddress(destination)),
            destinationPort: 443
        )
    }

    @Test(arguments: [1, 2], [("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "2001:db8::2")])
    func whatIsWrittenIsRead(version: Int, addresses: (String, String)) throws {
        let ends = try Self.ends(addresses.0, addresses.1)
        var out = ByteBuffer()
        ProxyHeader.write(version: version, ends, to: &out)
        let count = out.readableBytes
        out.writeString("GET / HTTP/1.1\r\n")
        let bytes = Array(buffer: out)
        #expect(Self.parse(bytes) == .complete(consumed: count, ends: ends))
        for length in 0..<count { #expect(Self.parse(Array(bytes[..<length])) == .incomplete) }
    }

    @Test(arguments: [1, 2])
    func nothingToSayIsSaid(version: Int) {
        var out = ByteBuffer()
        ProxyHeader.write(version: version, nil, to: &out)
        #expect(Self.parse(Array(buffer: out)) == .complete(consumed: out.readableBytes, ends: nil))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "\u{16}\u{3}\u{1}", "\r\n\r\nx"])
    func otherBytesAreNone(text: String) { #expect(Self.parse(text) == .none) }

    @Test(arguments: [
        "PROXY TCP4 192.0.2.1 198.51.100.7 1 65536\r\n", "PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "PROXY \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", "PROXY UDP4 a b 1 2\r\n",
        "PROXY TCP6 ::1 ::1 1 2 3\r\n", "PROXY " + String(repeating: "x", count: 200),
    ])
    func malformedLines(text: String) { #expect(Self.parse(text) == .invalid) }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    @Test func binaryRules() {
        // Version 1 in a binary header, an unknown command, an unknown family, addresses that are cut, far too much.
        for rest: [UInt8] in [
            [0x11, 0x11, 0, 0], [0x22, 0x11, 0, 0], [0x21, 0x41, 0, 0], [0x21, 0x11, 0, 4, 1, 2, 3, 4],
            [0x21, 0x11, 0xFF, 0xFF],
        ] {
            #expect(Self.parse(Self.signature + rest) == .invalid)
        }
        // LOCAL with addresses, and PROXY with extras behind them.
        #expect(Self.parse(Self.signature + [0x20, 0x11, 0, 2, 9, 9]) == .complete(consumed: 18, ends: nil))
        let extras = Self.signature + [0x21, 0x11, 0, 15, 192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2, 4, 0, 0]
        guard case .complete(31, let ends?) = Self.parse(extras) else {
            Issue.record("not complete")
            return
        }
        #expect(ends.source == IPAddress("192.0.2.1") && ends.sourcePort == 1 && ends.destinationPort == 2)
    }

    /// A header of the PROXY command with TLVs behind the addresses.
    private static func header(_ family: UInt8, addresses: Int, _ extras: [UInt8]) -> [UInt8] {
        let count = addresses + extras.count
        let start = signature + [0x21, family, UInt8(count >> 8), UInt8(count & 0xFF)]
        return start + (0..<addresses).map { UInt8(truncatingIfNeeded: $0 + 1) } + extras
    }

    private static func isComplete(_ bytes: [UInt8]) -> Bool {
        guard case .complete(bytes.count, _) = parse(bytes) else { return false }
        return true
    }

    @Test("what was a datagram, and pairs that do not exist, begin no stream", arguments: [0x12, 0x22, 0x32] + others)
    func families(family: UInt8) {
        // With room for the longest addresses there are.
        for count in [0, 12, 36, 216] { #expect(Self.parse(Self.header(family, addresses: count, [])) == .invalid) }
        // But for the proxy's own connections, of which the family says nothing.
        let local = Self.signature + [0x20, family, 0, 1, 9]
        #expect(Self.parse(local) == .complete(consumed: 17, ends: nil))
    }

    private static let others: [UInt8] = [0x01, 0x02, 0x03, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x41, 0xF1, 0xFF]

    private static let streams: [(UInt8, Int)] = [(0x00, 0), (0x11, 12), (0x21, 36), (0x31, 216)]

    @Test("TLVs are whole", arguments: streams)
    func extras(family: UInt8, addresses: Int) {
        for sound: [UInt8] in [[], [4, 0, 0], [4, 0, 2, 8, 8], [1, 0, 2, 0x68, 0x32, 0xE0, 0, 1, 7]] {
            #expect(Self.isComplete(Self.header(family, addresses: addresses, sound)))
        }
        for cut: [UInt8] in [
            [4], [4, 0], [4, 0, 1], [4, 0, 2, 8], [4, 1, 0, 8], [4, 0, 0, 4], [4, 0, 1, 8, 4, 0xFF],
        ] {
            #expect(Self.parse(Self.header(family, addresses: addresses, cut)) == .invalid)
        }
        guard addresses > 0 else { return }
        #expect(Self.parse(Self.header(family, addresses: addresses - 1, [])) == .invalid)
    }

    /// The header with the checksum at the place of four zeros.
    private static func checked(_ header: [UInt8], at place: Int) -> [UInt8] {
        var crc = CRC32C()
        header.withUnsafeBytes { crc.add($0) }
        var header = header
        for i in 0..<4 { header[place + i] = UInt8(truncatingIfNeeded: crc.value >> UInt32(24 - 8 * i)) }
        return header
    }

    @Test("a checksum that is right is taken, and with any bit changed it is not", arguments: streams)
    func checksum(family: UInt8, addresses: Int) {
        let extras: [UInt8] = [4, 0, 1, 0, 3, 0, 4, 0, 0, 0, 0, 4, 0, 2, 7, 7]
        let header = Self.header(family, addresses: addresses, extras)
        let place = 16 + addresses + 7
        let good = Self.checked(header, at: place)
        #expect(Self.isComplete(good))
        for at in 16..<good.count {
            var bad = good
            bad[at] ^= 0x10
            // It is not said any more that this is a checksum.
            if at == place - 3 { continue }
            #expect(Self.parse(bad) == .invalid, "byte \(at)")
        }
    }

    /// One made by hand: 192.0.2.1:1 to 192.0.2.2:2 with `PP2_TYPE_CRC32C` alone.
    @Test func checksumOfAnother() {
        let start = Self.signature + [0x21, 0x11, 0, 19, 192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2, 3, 0, 4]
        #expect(Self.isComplete(start + [0x4F, 0xFF, 0xF3, 0x3D]))
        #expect(Self.parse(start + [0, 0, 0, 0]) == .invalid)
    }

    @Test func thereIsOneChecksumOfFourBytes() {
        for extras: [UInt8] in [[3, 0, 0], [3, 0, 3, 0, 0, 0], [3, 0, 5, 0, 0, 0, 0, 0]] {
            #expect(Self.parse(Self.header(0x11, addresses: 12, extras)) == .invalid)
        }
        let twice = Self.header(0x11, addresses: 12, [3, 0, 4, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0])
        #expect(Self.parse(Self.checked(twice, at: 31)) == .invalid)
        #expect(Self.parse(Self.checked(Self.checked(twice, at: 31), at: 38)) == .invalid)
    }
}
