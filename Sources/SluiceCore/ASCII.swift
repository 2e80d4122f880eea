/// Character classes of RFC 9110 and RFC 3986 as bit masks.
///
/// Each class is two 64-bit constants (bytes 0-63 and 64-127), so a test is a shift and an `and`, with no table in
/// memory and no lazy global behind it. `public` only because that is what lets other targets inline it.
public enum ASCII {
    /// `token` of RFC 9110, section 5.6.2: header names and methods.
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        // ! # $ % & ' * + - . 0-9 | A-Z ^ _ ` a-z | ~
        isIn(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// A byte that a field value may hold: VCHAR, SP, HTAB and obs-text (RFC 9110, section 5.5).
    @inlinable @inline(__always)
    public static func isFieldValue(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    /// A byte that may stand in a request target: printable ASCII but for SP, `"`, `#`, `<`, `>`, `\`, `^`, `` ` ``,
    /// `{`, `|`, `}`.
    ///
    /// RFC 3986 excludes all of those. Real clients send `"<>^{|}` and `` ` `` in query strings, so only what makes a
    /// target ambiguous (space, `#`, controls, bytes above 126) is left out here.
    @inlinable @inline(__always)
    public static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#")
    }

    /// A byte of `reg-name`, an IP literal or a port: what a Host header may hold, percent escapes left out.
    @inlinable @inline(__always)
    public static func isHost(_ byte: UInt8) -> Bool {
        isRegisteredName(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
    }

    /// A byte of `reg-name` (RFC 3986, section 3.2.2): what the host of an authority may hold, percent escapes left out.
    @inlinable @inline(__always)
    public static func isRegisteredName(_ byte: UInt8) -> Bool {
        // unreserved / sub-delims; "_" is common in internal names.
        isIn(byte, low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// Whether a byte is in the class of two masks.
    @inlinable @inline(__always)
    public static func isIn(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        if byte < 64 { return (low >> UInt64(byte)) & 1 != 0 }
        if byte < 128 { return (high >> UInt64(byte & 63)) & 1 != 0 }
        return false
    }

    /// The byte with an upper-case letter folded.
    @inlinable @inline(__always)
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }

    /// `0` to `9`.
    @inlinable @inline(__always)
    public static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// The value of a hexadecimal digit, or nil.
    @inlinable @inline(__always)
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Whether `bytes` equals `lower` when ASCII letters are folded; `lower` must be lower case already.
    @inlinable
    public static func equalsFolded(_ bytes: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
        guard bytes.count == lower.utf8CodeUnitCount else { return false }
        let other = UnsafeRawPointer(lower.utf8Start)
        var i = 0
        while i + 8 <= bytes.count {
            let word = lowercased(bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            guard word == other.loadUnaligned(fromByteOffset: i, as: UInt64.self) else { return false }
            i += 8
        }
        while i < bytes.count {
            guard lowercased(bytes[i]) == other.load(fromByteOffset: i, as: UInt8.self) else { return false }
            i += 1
        }
        return true
    }

    /// Eight bytes with their upper-case letters folded.
    @inlinable @inline(__always)
    public static func lowercased(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let low = word & (ones &* 0x7F)
        // The high bit of each byte says: at least `A`, and not above `Z`, and ASCII.
        let capitals = (low &+ ones &* 0x3F) & ~(low &+ ones &* 0x25) & ~word & (ones &* 0x80)
        return word | capitals >> 2
    }

    /// Whether two byte sequences are equal when ASCII letters are folded.
    @inlinable
    public static func equalsFolded(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        var i = 0
        while i + 8 <= a.count {
            let word = lowercased(a.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            guard word == lowercased(b.loadUnaligned(fromByteOffset: i, as: UInt64.self)) else { return false }
            i += 8
        }
        while i < a.count {
            guard lowercased(a[i]) == lowercased(b[i]) else { return false }
            i += 1
        }
        return true
    }

    /// The bytes without leading and trailing SP and HTAB.
    @inlinable
    public static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
