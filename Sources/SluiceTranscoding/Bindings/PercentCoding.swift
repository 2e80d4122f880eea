import SluiceCore

/// Escapes of URLs (RFC 3986, section 2.1). Allocates: when the array grows.
enum PercentCoding {
    /// Appends the decoded text; false when a `%` does not have two hexadecimal digits behind it.
    ///
    /// - Parameters:
    ///   - text: as it came.
    ///   - plusIsSpace: whether `+` is a space, as in forms.
    ///   - keeps: whether the escape of a byte stays as it is.
    static func decode(
        _ text: UnsafeRawBufferPointer,
        plusIsSpace: Bool = false,
        into out: inout [UInt8],
        keeping keeps: (UInt8) -> Bool = { _ in false }
    ) -> Bool {
        var at = 0
        while at < text.count {
            let byte = text[at]
            if byte == UInt8(ascii: "%") {
                guard at + 2 < text.count, let high = ASCII.hexValue(text[at + 1]),
                    let low = ASCII.hexValue(text[at + 2])
                else { return false }
                let value = high << 4 | low
                if keeps(value) {
                    out.append(UnsafeRawBufferPointer(rebasing: text[at..<(at + 3)]))
                } else {
                    out.append(value)
                }
                at += 3
                continue
            }
            out.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            at += 1
        }
        return true
    }

    /// Which escapes stay in a variable of several segments.
    static func keeps(_ byte: UInt8, _ decoding: TranscodingOptions.SegmentDecoding) -> Bool {
        switch decoding {
        case .all: false
        case .allButSlash: byte == UInt8(ascii: "/")
        case .allButReserved: isReserved(byte)
        }
    }

    /// `: / ? # [ ] @ ! $ & ' ( ) * + , ; =` (RFC 3986, section 2.2).
    private static func isReserved(_ byte: UInt8) -> Bool {
        ASCII.isIn(byte, low: 0xAC00_9FDA_0000_0000, high: 0x0000_0000_2800_0001)
    }

    /// Letters, digits and `-._~`: what never needs an escape (RFC 3986, section 2.3).
    static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isIn(byte, low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// Appends the text with everything escaped but unreserved characters, and `/` if it is kept.
    static func encode(_ text: UnsafeRawBufferPointer, keepsSlash: Bool = false, into out: inout [UInt8]) {
        for byte in text {
            if isUnreserved(byte) || (keepsSlash && byte == UInt8(ascii: "/")) {
                out.append(byte)
            } else {
                out.append(UInt8(ascii: "%"))
                out.append(hexDigit(byte >> 4))
                out.append(hexDigit(byte & 15))
            }
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + (value - 10)
    }
}
