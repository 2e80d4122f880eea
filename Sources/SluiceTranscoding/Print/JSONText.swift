/// Writes the scalars of a JSON text to the end of an array (RFC 8259). Allocates: when the array grows, and for
/// floating-point numbers of more than 15 characters.
enum JSONText {
    /// A string between quotes; the bytes must be UTF-8 already. Only what has to be is escaped.
    static func appendQuoted(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        appendEscaped(text, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    /// The inside of a string.
    static func appendEscaped(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        var start = 0
        var at = 0
        while at < text.count {
            let byte = text[at]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                at &+= 1
                continue
            }
            out.append(UnsafeRawBufferPointer(rebasing: text[start..<at]))
            appendEscape(of: byte, to: &out)
            at &+= 1
            start = at
        }
        out.append(UnsafeRawBufferPointer(rebasing: text[start...]))
    }

    private static func appendEscape(of byte: UInt8, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(byte)
        case 0x08: out.append(UInt8(ascii: "b"))
        case 0x09: out.append(UInt8(ascii: "t"))
        case 0x0A: out.append(UInt8(ascii: "n"))
        case 0x0C: out.append(UInt8(ascii: "f"))
        case 0x0D: out.append(UInt8(ascii: "r"))
        default:
            out.append("u00")
            out.append(UInt8(ascii: "0") + byte >> 4)
            out.append(hexDigit(byte & 15))
        }
    }

    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
    }

    /// Decimal digits.
    static func append(_ value: UInt64, to out: inout [UInt8]) {
        if value < 10 { return out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
        // The longest has 20 digits; they come out last first.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var at = 20
            while rest > 0 {
                at &-= 1
                digits.initializeElement(at: at, to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: digits[at...]))
        }
    }

    static func append(_ value: Int64, to out: inout [UInt8]) {
        if value < 0 { out.append(UInt8(ascii: "-")) }
        append(value.magnitude, to: &out)
    }

    /// Decimal digits with zeros in front up to a width.
    static func append(_ value: UInt64, width: Int, to out: inout [UInt8]) {
        out.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, width - digitCount(value))))
        append(value, to: &out)
    }

    private static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    /// The shortest text that gives the same number again; `"NaN"` and `"Infinity"` as strings.
    static func append(_ value: Double, to out: inout [UInt8]) {
        guard appendSpecial(value, to: &out) else { return }
        appendShort(value.description, to: &out)
    }

    static func append(_ value: Float, to out: inout [UInt8]) {
        guard appendSpecial(Double(value), to: &out) else { return }
        appendShort(value.description, to: &out)
    }

    /// Writes what JSON has no number for; false when that was it.
    private static func appendSpecial(_ value: Double, to out: inout [UInt8]) -> Bool {
        if value.isNaN {
            out.append("\"NaN\"")
        } else if value.isInfinite {
            out.append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        } else {
            return true
        }
        return false
    }

    /// `1.0` is `1`, as protobuf's own printers have it.
    private static func appendShort(_ text: String, to out: inout [UInt8]) {
        var text = text
        text.withUTF8 { bytes in
            let isWhole =
                bytes.count > 2 && bytes[bytes.count - 1] == UInt8(ascii: "0")
                && bytes[bytes.count - 2] == UInt8(ascii: ".")
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[..<(bytes.count - (isWhole ? 2 : 0))]))
        }
    }
}
