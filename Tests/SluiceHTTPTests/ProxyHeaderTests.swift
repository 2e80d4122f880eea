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
}
