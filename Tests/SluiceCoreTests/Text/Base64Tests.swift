import NIOCore
import SluiceCore
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10, and RFC 7515, appendix C; as base64url without padding.
    static let known: [(String, [UInt8])] = [
        ("", []), ("Zg", Array("f".utf8)), ("Zm8", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
        ("Zm9vYg", Array("foob".utf8)), ("Zm9vYmE", Array("fooba".utf8)), ("Zm9vYmFy", Array("foobar".utf8)),
        ("A-z_4ME", [3, 236, 255, 224, 193]), ("-_-_", [0xFB, 0xFF, 0xBF]),
    ]

    private static func standard(_ text: String) -> String {
        text.replacing("-", with: "+").replacing("_", with: "/")
    }

    private static func padded(_ text: String) -> String {
        text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    @Test(arguments: known)
    func knowsTheExamples(_ text: String, _ bytes: [UInt8]) {
        let plain = Self.standard(text)
        let padded = Self.padded(plain)
        #expect(Base64.decode(text, as: .url) == bytes)
        #expect(Base64.encode(bytes, as: .url) == Array(text.utf8))
        #expect(Base64.decode(padded, as: .standard) == bytes)
        #expect(Base64.encode(bytes) == Array(padded.utf8))
        #expect(Base64.decode(plain, as: .unpadded) == bytes)
        #expect(Base64.encode(bytes, as: .unpadded) == Array(plain.utf8))
        for form in [text, Self.padded(text), plain, padded] { #expect(Base64.decode(form, as: .lenient) == bytes) }
        #expect(Base64.encode(bytes, as: .lenient) == Array(padded.utf8))
    }

    static let never = [
        "A", "AAAAA", "A===", "AA=", "AAA==", "=", "==", "====", "AA==AA==", "AAA=AAAA", "AA A", "AAA\n", "AB*D", "AAé",
        "AAAé", "A\u{0}==", " Zm9v", "Zm\n9v", "Zm9%", "AA=A", "=AAA", "Z===", "AAAA====", "AAAA==", "AAAA=",
    ]

    @Test(arguments: never)
    func isNoBase64(_ text: String) {
        for form in [Base64.Form.standard, .unpadded, .url, .lenient] { #expect(Base64.decode(text, as: form) == nil) }
        var out: [UInt8] = []
        #expect(!Array(text.utf8).withUnsafeBytes { Base64.decode($0, as: .lenient, into: &out) })
    }

    /// Padding, the letters of plain base64, and bits behind the last byte that are not zero.
    @Test(arguments: ["Zg==", "Zm8=", "+/+/", "Zh", "Zn", "Zv", "Zm9", "Zm-", "Zm_"])
    func refusesEveryOtherSpelling(_ text: String) {
        #expect(Base64.decode(text, as: .url) == nil)
        #expect(Base64.decode(text, as: .lenient) != nil)
    }

    /// No padding, the letters of base64url, and the spare bits.
    @Test(arguments: ["Zg", "Zm8", "-_-_", "Zh==", "Zn==", "Zm9=", "Zm+="])
    func refusesEveryOtherSpellingOfTheStandardForm(_ text: String) {
        #expect(Base64.decode(text, as: .standard) == nil)
        #expect(Base64.decode(text, as: .lenient) != nil)
    }

    @Test("each byte in each place of a group is a letter or none", arguments: 0..<4)
    func letters(place: Int) {
        let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        for byte in UInt8.min...UInt8.max {
            var text = Array("QUJDQUJDQUJD".utf8)
            text[4 + place] = byte
            let isLetter = letters.contains(byte)
            let (plus, minus) = (Array("+/".utf8).contains(byte), Array("-_".utf8).contains(byte))
            #expect((Base64.decode(text, as: .standard) != nil) == (isLetter || plus))
            #expect((Base64.decode(text, as: .url) != nil) == (isLetter || minus))
            #expect((Base64.decode(text, as: .lenient) != nil) == (isLetter || plus || minus))
        }
    }

    @Test func eachTextMeansOtherBytes() {
        var random = RandomSource(seed: 3)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(70)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for form in [Base64.Form.standard, .unpadded, .url] {
                let text = Base64.encode(bytes, as: form)
                #expect(Base64.decode(text, as: form) == bytes)
                guard let at = text.indices.last else { continue }
                // Any other last letter is other bytes or an error, never the same bytes.
                for letter in UInt8.min...UInt8.max where letter != text[at] {
                    var other = text
                    other[at] = letter
                    #expect(Base64.decode(other, as: form) != bytes)
                }
            }
        }
    }

    @Test func appendsToWhatIsThere() {
        var out = Array("x: ".utf8)
        Array("foob".utf8).withUnsafeBytes { Base64.encode($0, into: &out) }
        #expect(String(decoding: out, as: UTF8.self) == "x: Zm9vYg==")
        #expect(Array("Zm9vYg".utf8).withUnsafeBytes { Base64.decode($0, as: .lenient, into: &out) })
        #expect(String(decoding: out, as: UTF8.self) == "x: Zm9vYg==foob")
    }

    @Test("a row of texts, written and read in any pieces")
    func units() {
        var random = RandomSource(seed: 8)
        for _ in 0..<300 {
            let units = (0..<random.below(6)).map { _ in
                (0..<random.below(30)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            var text = ByteBuffer()
            var encoder = Base64UnitEncoder()
            for unit in units {
                let at = Int(random.below(UInt64(unit.count + 1)))
                unit[..<at].withUnsafeBytes { encoder.encode($0, ends: false, into: &text) }
                unit[at...].withUnsafeBytes { encoder.encode($0, ends: true, into: &text) }
            }
            #expect(Array(buffer: text) == units.flatMap { Base64.encode($0) })
            var bytes = ByteBuffer()
            var decoder = Base64UnitDecoder()
            while text.readableBytes > 0 {
                let count = min(text.readableBytes, 1 + Int(random.below(9)))
                let piece = text.readBytes(length: count) ?? []
                #expect(piece.withUnsafeBytes { decoder.decode($0, into: &bytes) })
            }
            #expect(decoder.isComplete && Array(buffer: bytes) == units.flatMap { $0 })
        }
    }
}
