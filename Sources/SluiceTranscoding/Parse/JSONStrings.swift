import SluiceCore

/// Looks for the end of a string, over as many pieces as it takes, and notes what its bytes need.
struct StringScan {
    private(set) var hasEscapes = false
    private(set) var hasHighBytes = false
    /// Whether the last piece ended behind a backslash.
    private var isBehindBackslash = false

    /// The offset of the closing quote, or nil when the piece ends before it.
    mutating func end(in bytes: UnsafeRawBufferPointer, from: Int, offset: Int) throws(TranscodingError) -> Int? {
        var at = from
        if isBehindBackslash, at < bytes.count {
            isBehindBackslash = false
            at += 1
        }
        while at < bytes.count {
            if at &+ 8 <= bytes.count, Self.isPlain(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) {
                at &+= 8
                continue
            }
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") { return at }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                at &+= 1
                isBehindBackslash = at == bytes.count
            } else if byte >= 0x80 {
                hasHighBytes = true
            } else if byte < 0x20 {
                throw TranscodingError(.syntax, "a control character in a string must be escaped", at: offset + at)
            }
            at &+= 1
        }
        return nil
    }

    /// Whether none of eight bytes is a quote, a backslash, a control character or above ASCII.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        // The lowest byte found is right in each of these; more is not needed, since one is enough.
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let found =
            word | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
        return found & tops == 0
    }
}

/// Escapes in strings (RFC 8259, section 7).
enum JSONEscapes {
    /// Appends the text that the inside of a string stands for.
    ///
    /// - Parameters:
    ///   - offset: where `raw` begins.
    ///   - isWhole: the string ends behind it.
    /// - Returns: bytes read, which are all but those of an escape that may go on.
    static func resolve(
        _ raw: UnsafeRawBufferPointer,
        into out: inout [UInt8],
        offset: Int,
        isWhole: Bool
    ) throws(TranscodingError) -> Int {
        if out.isEmpty { out.reserveCapacity(raw.count) }
        var start = 0
        var at = 0
        while at < raw.count {
            guard raw[at] == UInt8(ascii: "\\") else {
                at &+= 1
                continue
            }
            out.append(UnsafeRawBufferPointer(rebasing: raw[start..<at]))
            if !isWhole, raw.count - at < length(ofEscapeAt: at, raw) { return at }
            let place = offset + at
            at += 1
            guard at < raw.count else { throw TranscodingError(.syntax, "an escape is cut short", at: place) }
            let letter = raw[at]
            at += 1
            if letter == UInt8(ascii: "u") {
                append(try scalar(raw, &at, place), to: &out)
            } else if let byte = simple(letter) {
                out.append(byte)
            } else {
                throw TranscodingError(.syntax, "there is no such escape in JSON", at: place)
            }
            start = at
        }
        out.append(UnsafeRawBufferPointer(rebasing: raw[start...]))
        return raw.count
    }

    /// The most bytes that belong to an escape, as far as it is there: both halves of a surrogate pair make one character.
    private static func length(ofEscapeAt at: Int, _ raw: UnsafeRawBufferPointer) -> Int {
        guard at + 1 < raw.count, raw[at + 1] == UInt8(ascii: "u") else { return 2 }
        guard at + 3 < raw.count, raw[at + 2] | 0x20 == UInt8(ascii: "d") else { return 6 }
        return (8...11).contains(ASCII.hexValue(raw[at + 3]) ?? 0) ? 12 : 6
    }

    private static func simple(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// What stands behind `\u`; two of them where the first is the first half of a surrogate pair.
    private static func scalar(
        _ raw: UnsafeRawBufferPointer,
        _ at: inout Int,
        _ place: Int
    ) throws(TranscodingError) -> UInt32 {
        let first = try codeUnit(raw, &at, place)
        guard (0xD800...0xDFFF).contains(first) else { return first }
        if first < 0xDC00, at + 1 < raw.count, raw[at] == UInt8(ascii: "\\"), raw[at + 1] == UInt8(ascii: "u") {
            at += 2
            let second = try codeUnit(raw, &at, place)
            if (0xDC00...0xDFFF).contains(second) { return 0x10000 + ((first - 0xD800) << 10 | (second - 0xDC00)) }
        }
        throw TranscodingError(.syntax, "half of a surrogate pair is no character", at: place)
    }

    private static func codeUnit(
        _ raw: UnsafeRawBufferPointer,
        _ at: inout Int,
        _ place: Int
    ) throws(TranscodingError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard at < raw.count, let digit = ASCII.hexValue(raw[at]) else {
                throw TranscodingError(.syntax, "\\u needs four hexadecimal digits", at: place)
            }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    /// The UTF-8 of a character that is none of the surrogates.
    private static func append(_ scalar: UInt32, to out: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: out.append(UInt8(scalar))
        case 0x80..<0x800:
            out.append(UInt8(0xC0 | scalar >> 6))
            out.append(tail(scalar))
        case 0x800..<0x10000:
            out.append(UInt8(0xE0 | scalar >> 12))
            out.append(tail(scalar >> 6))
            out.append(tail(scalar))
        default:
            out.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            out.append(tail(scalar >> 12))
            out.append(tail(scalar >> 6))
            out.append(tail(scalar))
        }
    }

    private static func tail(_ bits: UInt32) -> UInt8 { UInt8(0x80 | bits & 0x3F) }
}
