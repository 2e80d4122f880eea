/// Numbers as lower-case hexadecimal digits, eight at a time.
///
/// `public` only because that is what lets other targets inline it.
public enum HexDigits {
    /// The eight digits of a number as the bytes of another one, the first digit in its highest byte.
    @inlinable @inline(__always)
    public static func of(_ number: UInt32) -> UInt64 {
        // Each step moves halves apart, until every byte holds one digit.
        var x = UInt64(number)
        x = (x | x << 16) & 0x0000_FFFF_0000_FFFF
        x = (x | x << 8) & 0x00FF_00FF_00FF_00FF
        x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((x &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return x &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// The two digits of a byte.
    @inlinable @inline(__always)
    public static func of(_ byte: UInt8) -> UInt16 { UInt16(truncatingIfNeeded: of(UInt32(byte))) }

    /// Writes the 16 digits of a number into memory that has room for them.
    @inlinable @inline(__always)
    public static func write(_ number: UInt64, to memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: of(UInt32(truncatingIfNeeded: number >> 32)).bigEndian, as: UInt64.self)
        memory.storeBytes(of: of(UInt32(truncatingIfNeeded: number)).bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// The number that 16 digits from an offset stand for.
    ///
    /// - Parameter anyCase: whether capitals are digits too.
    /// - Returns: nil where one of them is no digit, or there are fewer.
    @inlinable @inline(__always)
    public static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int, anyCase: Bool = false) -> UInt64? {
        guard offset >= 0, bytes.count - offset >= 16 else { return nil }
        let first = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let last = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        guard let high = value(first, anyCase: anyCase), let low = value(last, anyCase: anyCase) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// The byte that two lower-case digits from an offset stand for.
    @inlinable @inline(__always)
    public static func byte(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt8? {
        guard offset >= 0, bytes.count - offset >= 2 else { return nil }
        // The other six are zeros.
        let digits = UInt64(bytes[offset]) << 8 | UInt64(bytes[offset + 1]) | 0x3030_3030_3030_0000
        return value(digits, anyCase: false).map { UInt8(truncatingIfNeeded: $0) }
    }

    /// What eight digits stand for, the first one in the highest byte; nil where one of the bytes is none.
    @inlinable @inline(__always)
    static func value(_ digits: UInt64, anyCase: Bool) -> UInt32? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        // Bit 5 is that between capitals and others; no digit of those from 0 to 9 lacks it.
        let folded = anyCase ? digits | ((digits & 0x4040_4040_4040_4040) >> 1) : digits
        guard folded & highs == 0 else { return nil }
        // With no high bit set in any byte, no byte takes anything from its neighbours: the high bits say whether a byte
        // is at least that.
        let isDigit = (folded &+ ones &* (0x80 - 0x30)) & ~(folded &+ ones &* (0x80 - 0x3A))
        let isLetter = (folded &+ ones &* (0x80 - 0x61)) & ~(folded &+ ones &* (0x80 - 0x67))
        guard (isDigit | isLetter) & highs == highs else { return nil }
        var x = (folded & 0x0F0F_0F0F_0F0F_0F0F) &+ ((isLetter & highs) >> 7) &* 9
        // And back together.
        x = (x | x >> 4) & 0x00FF_00FF_00FF_00FF
        x = (x | x >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: x | x >> 16)
    }
}
