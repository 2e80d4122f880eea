import SluiceCore
import Testing

@Suite("ASCII classes")
struct ASCIITests {
    static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    static let digits = "0123456789"

    /// All bytes for which the class says yes.
    private func members(_ isMember: (UInt8) -> Bool) -> [UInt8] {
        (UInt8.min ... .max).filter(isMember)
    }

    private func sorted(_ text: String) -> [UInt8] { text.utf8.sorted() }

    @Test("RFC 9110, 5.6.2: token")
    func token() {
        #expect(members(ASCII.isToken) == sorted("!#$%&'*+-.^_`|~" + Self.letters + Self.digits))
    }

    @Test("RFC 9110, 5.5: field value, obs-text accepted, controls but HTAB refused")
    func fieldValue() {
        #expect(members(ASCII.isFieldValue) == [0x09] + Array(0x20...0x7E) + Array(0x80...0xFF))
    }

    @Test("A target holds no space, no '#', no control and nothing beyond ASCII")
    func target() {
        #expect(members(ASCII.isTarget) == (0x21...0x7E).filter { $0 != UInt8(ascii: "#") })
    }

    @Test("RFC 3986, 3.2: reg-name, IP literal and port, percent escapes left out")
    func host() {
        let unreserved = "-._~" + Self.letters + Self.digits
        #expect(members(ASCII.isHost) == sorted(unreserved + "!$&'()*+,;=" + ":[]"))
    }

    @Test("Eight bytes are folded as each of them is, whatever its neighbours are")
    func lowercasedWord() {
        for byte in UInt8.min ... .max {
            for place in 0..<8 {
                for other: UInt8 in [0, 0x41, 0x5A, 0x7A, 0x80, 0xFF] {
                    var bytes = [UInt8](repeating: other, count: 8)
                    bytes[place] = byte
                    let word = bytes.withUnsafeBytes { ASCII.lowercased($0.load(as: UInt64.self)) }
                    let folded = withUnsafeBytes(of: word) { Array($0) }
                    #expect(folded == bytes.map { ASCII.lowercased($0) })
                }
            }
        }
    }

    @Test("Digits")
    func digit() {
        #expect(members(ASCII.isDigit) == sorted(Self.digits))
    }

    @Test("The value of a hexadecimal digit in either case")
    func hex() {
        for byte in UInt8.min ... .max {
            let expected = byte < 0x80 ? Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) } : nil
            #expect(ASCII.hexValue(byte) == expected)
        }
    }

    @Test("Only A to Z change when folded")
    func lowercase() {
        for byte in UInt8.min ... .max {
            let isUpper = (0x41...0x5A).contains(byte)
            #expect(ASCII.lowercased(byte) == (isUpper ? byte + 32 : byte))
        }
    }

    @Test(
        "Folded comparison with a constant",
        arguments: [
            ("host", true), ("HOST", true), ("Host", true), ("hos", false), ("hosts", false), ("hosf", false),
            ("", false),
        ]
    )
    func equalsConstant(text: String, expected: Bool) {
        var text = text
        #expect(text.withUTF8 { ASCII.equalsFolded(UnsafeRawBufferPointer($0), "host") } == expected)
    }

    @Test("'@' and '`', '[' and '{' differ by the case bit and are still not equal", arguments: zip("@[\\]^", "`{|}~"))
    func foldingIsForLettersOnly(a: Character, b: Character) {
        #expect(!equalsFolded("x\(a)", "x\(b)"))
        #expect(equalsFolded("x\(a)", "X\(a)"))
    }

    @Test(
        "Folded comparison of two byte strings",
        arguments: [
            ("Content-Type", "content-TYPE", true), ("", "", true), ("a", "", false), ("abc", "abd", false),
        ]
    )
    func equalsEachOther(a: String, b: String, expected: Bool) {
        #expect(equalsFolded(a, b) == expected)
        #expect(equalsFolded(b, a) == expected)
    }

    @Test(
        "SP and HTAB go from both ends and stay inside",
        arguments: [
            ("", ""), (" \t ", ""), ("a", "a"), (" a b\t", "a b"), ("\ta", "a"), ("a ", "a"),
            ("\u{0B}a\r", "\u{0B}a\r"),
        ]
    )
    func trim(text: String, expected: String) {
        var text = text
        let trimmed = text.withUTF8 { String(decoding: ASCII.trimmed(UnsafeRawBufferPointer($0)), as: UTF8.self) }
        #expect(trimmed == expected)
    }

    @Test("No memory at all is a legal empty range")
    func trimNothing() {
        #expect(ASCII.trimmed(UnsafeRawBufferPointer(start: nil, count: 0)).isEmpty)
    }

    private func equalsFolded(_ a: String, _ b: String) -> Bool {
        Array(a.utf8).withUnsafeBytes { a in
            Array(b.utf8).withUnsafeBytes { b in ASCII.equalsFolded(a, b) }
        }
    }
}
