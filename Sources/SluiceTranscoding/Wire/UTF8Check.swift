/// Whether bytes are UTF-8, as strict as RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
///
/// The standard library's check makes a `String`; this one runs over values that are only passed on. Allocates: never.
enum UTF8Check {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = 0
        while at < bytes.count {
            if at &+ 8 <= bytes.count,
                bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                at &+= 8
                continue
            }
            let length = sequence(bytes, at: at)
            guard length > 0 else { return false }
            at &+= length
        }
        return true
    }

    /// Bytes of the character at `at`; 0 when there is none.
    private static func sequence(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        let lead = bytes[at]
        switch lead {
        case 0..<0x80: return 1
        case 0xC2...0xDF: return isTail(bytes, at &+ 1) ? 2 : 0
        case 0xE0...0xEF:
            guard isTail(bytes, at &+ 1), isTail(bytes, at &+ 2) else { return 0 }
            let second = bytes[at &+ 1]
            // E0 80-9F would be too long, ED A0-BF are surrogates.
            if lead == 0xE0, second < 0xA0 { return 0 }
            if lead == 0xED, second > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard isTail(bytes, at &+ 1), isTail(bytes, at &+ 2), isTail(bytes, at &+ 3) else { return 0 }
            let second = bytes[at &+ 1]
            if lead == 0xF0, second < 0x90 { return 0 }
            if lead == 0xF4, second > 0x8F { return 0 }
            return 4
        default: return 0
        }
    }

    @inline(__always)
    private static func isTail(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Bool {
        at < bytes.count && bytes[at] & 0xC0 == 0x80
    }
}
