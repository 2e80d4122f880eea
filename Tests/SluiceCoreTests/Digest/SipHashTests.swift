import SluiceCore
import Testing

/// Against the vectors of the authors' reference code: key 00 01 ... 0f, messages 00 01 02 ...
@Suite("SipHash-2-4-128") struct SipHashTests {
    private static let key = SipKey(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)

    private func text(_ hash: (low: UInt64, high: UInt64)) -> String {
        [hash.low, hash.high].map { word in
            (0..<8).map { byte in
                let digits = String(word >> UInt64(byte * 8) & 0xFF, radix: 16)
                return digits.utf8.count == 1 ? "0" + digits : digits
            }.joined()
        }.joined()
    }

    @Test(
        arguments: [
            (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
            (7, "a1f1ebbed8dbc153c0b84aa61ff08239"), (8, "3b62a9ba6258f5610f83e264f31497b4"),
            (9, "264499060ad9baabc47f8b02bb6d71ed"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
            (16, "6ee2a4ca67b054bbfd3315bf85230577"), (63, "5150d1772f50834a503e069a973fbd7c"),
        ]
    )
    func vectors(count: Int, expected: String) {
        let message = (0..<count).map { UInt8($0) }
        #expect(message.withUnsafeBytes { text(SipHash.hash($0, Self.key)) } == expected)
    }

    @Test("pieces of any length, and numbers, are the bytes that they stand for")
    func pieces() {
        let message = (0..<40).map { UInt8($0) }
        let whole = message.withUnsafeBytes { text(SipHash.hash($0, Self.key)) }
        for first in 0...32 {
            var hash = SipHash(Self.key)
            message[..<first].withUnsafeBytes { hash.add($0) }
            let word = message[first..<first + 8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            hash.add(word)
            message[(first + 8)...].withUnsafeBytes { hash.add($0) }
            #expect(text(hash.finish()) == whole, "\(first)")
        }
    }

    @Test("every secret is another one")
    func secrets() {
        let hashes = (0..<100).map { _ in text(SipHash(SipKey.secret()).finish()) }
        #expect(Set(hashes).count == 100)
    }
}
