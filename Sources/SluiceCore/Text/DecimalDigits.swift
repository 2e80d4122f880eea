/// Numbers as decimal digits, in memory that was reserved for them.
///
/// `public` only because that is what lets other targets inline it.
public enum DecimalDigits {
    /// How many a number has; at least one.
    @inlinable @inline(__always)
    public static func count(_ number: UInt64) -> Int {
        var count = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            count &+= 1
        }
        return count
    }

    /// Writes the last `count` digits of a number, with zeros in front where it has fewer, into memory that has room for
    /// them.
    @inlinable @inline(__always)
    public static func write(_ number: UInt64, count: Int, to memory: UnsafeMutableRawPointer) {
        var rest = number
        var at = count
        while at > 0 {
            at &-= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            memory.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: digit), toByteOffset: at, as: UInt8.self)
            rest = quotient
        }
    }
}
