/// base64url without padding (RFC 4648, section 5; RFC 7515, section 2), in its one canonical form.
///
/// Any other spelling of the same bytes is refused: padding, white space, the letters of plain base64, and bits behind
/// the last byte that are not zero (RFC 4648, section 3.5). So two different texts never mean the same bytes.
package enum Base64URL {
    /// The bytes, or nil.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        let rest = text.count % 4
        guard rest != 1 else { return nil }
        let count = text.count / 4 * 3 + (rest == 0 ? 0 : rest - 1)
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { out, written in
            isValid = decode(text, into: out)
            written = isValid ? count : 0
        }
        return isValid ? bytes : nil
    }

    package static func decode(_ text: [UInt8]) -> [UInt8]? { text.withUnsafeBytes { decode($0) } }

    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)) }

    /// `out` has room for exactly the bytes.
    private static func decode(_ text: UnsafeRawBufferPointer, into out: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        var bits: UInt32 = 0
        var pending = 0
        var at = 0
        for byte in text {
            let value = sextet(byte)
            guard value < 64 else { return false }
            bits = bits << 6 | UInt32(value)
            pending += 6
            guard pending >= 8 else { continue }
            pending -= 8
            out.initializeElement(at: at, to: UInt8(truncatingIfNeeded: bits >> UInt32(pending)))
            at += 1
            bits &= (1 << UInt32(pending)) - 1
        }
        return bits == 0
    }

    @inline(__always)
    private static func sextet(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: 64
        }
    }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The canonical text.
    package static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var pending = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            pending += 8
            while pending >= 6 {
                pending -= 6
                out.append(letters[Int(bits >> UInt32(pending) & 63)])
            }
            bits &= (1 << UInt32(pending)) - 1
        }
        if pending > 0 { out.append(letters[Int(bits << UInt32(6 - pending) & 63)]) }
        return out
    }
}
