import SluiceCore
import Testing

@Suite struct CRC32CTests {
    private static func crc(_ bytes: [UInt8], zeros: Int = 0) -> UInt32 {
        var crc = CRC32C()
        bytes.withUnsafeBytes { crc.add($0, zeros: zeros) }
        return crc.value
    }

    @Test(
        "the published checksums (RFC 3720, appendix B.4)",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ] as [([UInt8], UInt32)]
    )
    func known(bytes: [UInt8], checksum: UInt32) { #expect(Self.crc(bytes) == checksum) }

    @Test func piecesAndZerosAreAsTheWhole() {
        let whole = Array("PROXY".utf8) + [0, 0, 0, 0] + Array("protocol".utf8)
        var crc = CRC32C()
        Array("PROXY".utf8).withUnsafeBytes { crc.add($0, zeros: 4) }
        Array("protocol".utf8).withUnsafeBytes { crc.add($0) }
        #expect(crc.value == Self.crc(whole))
    }
}
