import SluiceCore

/// Numbers as lower-case hexadecimal digits, eight at a time.
enum HexDigits {
    /// The eight digits of a number as the bytes of another one, the first digit in its highest byte.
    @inline(__always)
    static func of(_ number: UInt32) -> UInt64 {
        // Each step moves halves apart, until every byte holds one digit.
        var x = UInt64(number)
        x = (x | x << 16) & 0x0000_FFFF_0000_FFFF
        x = (x | x << 8) & 0x00FF_00FF_00FF_00FF
        x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((x &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return x &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// The two digits of a byte.
    @inline(__always)
    static func of(_ byte: UInt8) -> UInt16 { UInt16(truncatingIfNeeded: of(UInt32(byte))) }

    /// The number that 16 digits from an offset stand for.
    ///
    /// - Parameter anyCase: whether capitals are digits too.
    /// - Returns: nil where one of them is no digit, or there are fewer.
    static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int, anyCase: Bool = false) -> UInt64? {
        guard offset >= 0, bytes.count - offset >= 16 else { return nil }
        var number: UInt64 = 0
        for i in offset..<(offset + 16) {
            guard let digit = digit(bytes[i], anyCase: anyCase) else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    /// The byte that two lower-case digits from an offset stand for.
    static func byte(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt8? {
        guard offset >= 0, bytes.count - offset >= 2, let high = digit(bytes[offset], anyCase: false),
            let low = digit(bytes[offset + 1], anyCase: false)
        else { return nil }
        return high << 4 | low
    }

    @inline(__always)
    private static func digit(_ byte: UInt8, anyCase: Bool) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: anyCase ? byte - 0x37 : nil
        default: nil
        }
    }
}
