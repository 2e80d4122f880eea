/// Base64 (RFC 4648), in the forms that the protocols here want.
///
/// A form that is strict gives every text but one for the same bytes back as no base64: so two different texts never
/// mean the same (section 3.5). Isolation: any. Allocates: what it returns.
package enum Base64 {
    /// Which letters stand for 62 and 63.
    package enum Alphabet: Sendable {
        /// `+` and `/`: RFC 4648, section 4.
        case standard
        /// `-` and `_`: section 5.
        case url
        /// Both, when reading; `+` and `/` are written.
        case either
    }

    package enum Padding: Sendable {
        case required
        case refused
        /// Read with and without, as long as what is there is right; written.
        case optional
    }

    /// What a text looks like.
    package struct Form: Sendable {
        package let alphabet: Alphabet
        package let padding: Padding
        /// Whether bits behind the last byte may be other than zero, and are ignored.
        package let ignoresSpareBits: Bool

        /// RFC 4648, section 4, strict.
        package static let standard = Form(alphabet: .standard, padding: .required, ignoresSpareBits: false)
        /// The same without padding.
        package static let unpadded = Form(alphabet: .standard, padding: .refused, ignoresSpareBits: false)
        /// base64url as RFC 7515, section 2, has it: section 5 without padding, strict.
        package static let url = Form(alphabet: .url, padding: .refused, ignoresSpareBits: false)
        /// What proto3 JSON reads and gRPC's metadata may look like. The tests of the specification have texts with
        /// spare bits.
        package static let lenient = Form(alphabet: .either, padding: .optional, ignoresSpareBits: true)
    }

    // MARK: - Whole texts

    /// The bytes, or nil for what is no such text.
    package static func decode(_ text: UnsafeRawBufferPointer, as form: Form) -> [UInt8]? {
        guard let letters = letters(of: text, form) else { return nil }
        let count = bytes(in: letters)
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { out, written in
            isValid = decode(text, letters: letters, form, into: UnsafeMutableRawBufferPointer(out))
            written = isValid ? count : 0
        }
        return isValid ? bytes : nil
    }

    package static func decode(_ text: [UInt8], as form: Form) -> [UInt8]? {
        text.withUnsafeBytes { decode($0, as: form) }
    }

    package static func decode(_ text: String, as form: Form) -> [UInt8]? { decode(Array(text.utf8), as: form) }

    /// Appends the bytes; false for what is no such text, and then `out` is to be thrown away.
    package static func decode(_ text: UnsafeRawBufferPointer, as form: Form, into out: inout [UInt8]) -> Bool {
        guard let letters = letters(of: text, form) else { return false }
        let start = out.count
        out.append(contentsOf: repeatElement(0, count: bytes(in: letters)))
        return out.withUnsafeMutableBytes { all in
            decode(text, letters: letters, form, into: UnsafeMutableRawBufferPointer(rebasing: all[start...]))
        }
    }

    /// Appends the text of bytes.
    package static func encode(_ bytes: UnsafeRawBufferPointer, as form: Form = .standard, into out: inout [UInt8]) {
        let isPadded = form.padding != .refused
        let start = out.count
        let rest = bytes.count % 3
        let tail = rest == 0 ? 0 : isPadded ? 4 : rest + 1
        out.append(contentsOf: repeatElement(UInt8(ascii: "="), count: bytes.count / 3 * 4 + tail))
        out.withUnsafeMutableBytes { all in
            let memory = UnsafeMutableRawBufferPointer(rebasing: all[start...])
            let written = encodeGroups(bytes, form.alphabet, into: memory)
            let table = letters(of: form.alphabet)
            guard rest > 0 else { return }
            let bits = lastBits(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - rest)...]))
            for i in 0...rest { memory[written + i] = table[Int(bits >> UInt32(18 - 6 * i) & 63)] }
        }
    }

    package static func encode(_ bytes: some Sequence<UInt8>, as form: Form = .standard) -> [UInt8] {
        var out: [UInt8] = []
        Array(bytes).withUnsafeBytes { encode($0, as: form, into: &out) }
        return out
    }

    /// One or two bytes as the upper ones of 24 bits.
    private static func lastBits(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(bytes[0]) << 16 | (bytes.count > 1 ? UInt32(bytes[1]) << 8 : 0)
    }

    /// How many letters are in front of the padding; nil when there can be no such text.
    private static func letters(of text: UnsafeRawBufferPointer, _ form: Form) -> Int? {
        var count = text.count
        if form.padding != .refused {
            // It only makes up a group of four; one that is too short for a byte is refused below.
            while count > 0, text.count - count < 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
            let isWhole = text.count % 4 == 0
            guard isWhole || form.padding == .optional && count == text.count else { return nil }
        }
        return count % 4 == 1 ? nil : count
    }

    private static func bytes(in letters: Int) -> Int { letters / 4 * 3 + (letters % 4 == 0 ? 0 : letters % 4 - 1) }

    /// `out` has room for exactly the bytes.
    private static func decode(
        _ text: UnsafeRawBufferPointer,
        letters: Int,
        _ form: Form,
        into out: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let read = decodeGroups(UnsafeRawBufferPointer(rebasing: text[..<letters]), form.alphabet, into: out)
        let rest = letters - read
        guard rest < 4 else { return false }
        guard rest > 0 else { return true }
        var bits: UInt32 = 0
        for i in read..<letters {
            guard let value = value(of: text[i], form.alphabet) else { return false }
            bits = bits << 6 | value
        }
        bits <<= UInt32(6 * (4 - rest))
        let written = read / 4 * 3
        for i in 0..<(rest - 1) { out[written + i] = UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * i)) }
        return form.ignoresSpareBits || bits & (rest == 2 ? 0xFFFF : 0xFF) == 0
    }

    // MARK: - Groups

    /// Decodes groups of four letters until there is none, or something else in one.
    ///
    /// - Parameter out: has room for three bytes per group.
    /// - Returns: letters read, a multiple of four.
    static func decodeGroups(
        _ text: UnsafeRawBufferPointer,
        _ alphabet: Alphabet,
        into out: UnsafeMutableRawBufferPointer
    ) -> Int {
        let table = values(of: alphabet)
        var at = 0
        var written = 0
        while at &+ 4 <= text.count, written &+ 3 <= out.count {
            let (i, j, k, l) = (text[at], text[at &+ 1], text[at &+ 2], text[at &+ 3])
            guard (i | j | k | l) < 0x80 else { break }
            let (a, b, c, d) = (table[Int(i)], table[Int(j)], table[Int(k)], table[Int(l)])
            guard a & b & c & d & 0x40 != 0 else { break }
            let high = UInt32(a & 63) << 18 | UInt32(b & 63) << 12
            let bits = high | UInt32(c & 63) << 6 | UInt32(d & 63)
            out[written] = UInt8(truncatingIfNeeded: bits >> 16)
            out[written &+ 1] = UInt8(truncatingIfNeeded: bits >> 8)
            out[written &+ 2] = UInt8(truncatingIfNeeded: bits)
            at &+= 4
            written &+= 3
        }
        return at
    }

    /// Encodes groups of three bytes; one or two at the end are left.
    ///
    /// - Parameter out: has room for four letters per group.
    /// - Returns: letters written, a multiple of four.
    static func encodeGroups(
        _ bytes: UnsafeRawBufferPointer,
        _ alphabet: Alphabet,
        into out: UnsafeMutableRawBufferPointer
    ) -> Int {
        let table = letters(of: alphabet)
        var at = 0
        var written = 0
        while at &+ 3 <= bytes.count, written &+ 4 <= out.count {
            let bits = UInt32(bytes[at]) << 16 | UInt32(bytes[at &+ 1]) << 8 | UInt32(bytes[at &+ 2])
            out[written] = table[Int(bits >> 18)]
            out[written &+ 1] = table[Int(bits >> 12 & 63)]
            out[written &+ 2] = table[Int(bits >> 6 & 63)]
            out[written &+ 3] = table[Int(bits & 63)]
            at &+= 3
            written &+= 4
        }
        return written
    }

    /// What one letter stands for, nil for any other byte.
    static func value(of letter: UInt8, _ alphabet: Alphabet) -> UInt32? {
        guard letter < 0x80 else { return nil }
        let value = values(of: alphabet)[Int(letter)]
        return value & 0x40 == 0 ? nil : UInt32(value & 63)
    }

    // MARK: - Tables

    @inline(__always)
    static func letters(of alphabet: Alphabet) -> UnsafePointer<UInt8> {
        switch alphabet {
        case .standard, .either: standardLetters.utf8Start
        case .url: urlLetters.utf8Start
        }
    }

    @inline(__always)
    private static func values(of alphabet: Alphabet) -> UnsafePointer<UInt8> {
        switch alphabet {
        case .standard: standardValues.utf8Start
        case .url: urlValues.utf8Start
        case .either: eitherValues.utf8Start
        }
    }

    private static let standardLetters: StaticString =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    private static let urlLetters: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    // The other way round, by byte: the value with 64 on top of it, or a dot for what is no letter. As text, since that
    // lies in the program itself: nobody counts references to it, and nothing is made when it is first used.

    /// `+` and `/`.
    private static let standardValues: StaticString = #"""
        ...........................................~...\#u{7F}tuvwxyz{|}......\#
        .@ABCDEFGHIJKLMNOPQRSTUVWXY......Z[\]^_`abcdefghijklmnopqrs.....
        """#

    /// `-` and `_`.
    private static let urlValues: StaticString = #"""
        .............................................~..tuvwxyz{|}......\#
        .@ABCDEFGHIJKLMNOPQRSTUVWXY....\#u{7F}.Z[\]^_`abcdefghijklmnopqrs.....
        """#

    /// All four.
    private static let eitherValues: StaticString = #"""
        ...........................................~.~.\#u{7F}tuvwxyz{|}......\#
        .@ABCDEFGHIJKLMNOPQRSTUVWXY....\#u{7F}.Z[\]^_`abcdefghijklmnopqrs.....
        """#
}
