import SluiceCore
import Testing

@Suite struct Base64URLTests {
    /// RFC 4648, section 10, without padding; RFC 7515, appendix C.
    static let known: [(String, [UInt8])] = [
        ("", []), ("Zg", Array("f".utf8)), ("Zm8", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
        ("Zm9vYg", Array("foob".utf8)), ("Zm9vYmE", Array("fooba".utf8)), ("Zm9vYmFy", Array("foobar".utf8)),
        ("A-z_4ME", [3, 236, 255, 224, 193]), ("-_-_", [0xFB, 0xFF, 0xBF]),
    ]

    @Test(arguments: known)
    func knowsTheExamples(_ text: String, _ bytes: [UInt8]) {
        #expect(Base64URL.decode(text) == bytes)
        #expect(Base64URL.encode(bytes) == Array(text.utf8))
    }

    static let others = [
        // Padding, white space, plain base64, other bytes, a length that is impossible.
        "Zg==", "Zm8=", "Zm9v ", " Zm9v", "Zm\n9v", "Zm9v\n", "+/+/", "Zm9%", "Z", "Zm9vY", "Zm9vé", "Zm\u{0}v",
        // Bits behind the last byte that are not zero: other spellings of "f" and "fo".
        "Zh", "Zn", "Zv", "Zm9", "Zm-", "Zm_",
    ]

    @Test(arguments: others)
    func refusesEveryOtherSpelling(_ text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func eachTextMeansOtherBytes() {
        var random = RandomSource(seed: 3)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(70)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let text = Base64URL.encode(bytes)
            #expect(Base64URL.decode(text) == bytes)
            guard let at = text.indices.last else { continue }
            // Any other last letter is other bytes or an error, never the same bytes.
            for letter in UInt8.min...UInt8.max where letter != text[at] {
                var other = text
                other[at] = letter
                #expect(Base64URL.decode(other) != bytes)
            }
        }
    }
}
