/// Base64 as proto3 JSON has it: written in the standard alphabet with padding, read in both alphabets, with or
/// without padding (proto3 JSON mapping, `bytes`).
enum Base64 {
    /// Appends the bytes that a text stands for; false when it is no base64, and then `out` is to be thrown away.
    ///
    /// Bits behind the last byte are ignored: the specification's own tests have such texts.
    static func decode(_ text: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
        var count = text.count
        // `=` only makes up a group of four; one that is too short for a byte is refused below.
        var padding = 0
        while count > 0, padding < 2, text[count - 1] == UInt8(ascii: "=") {
            count -= 1
            padding += 1
        }
        guard padding == 0 || (count + padding) % 4 == 0, count % 4 != 1 else { return false }
        out.reserveCapacity(out.count + count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var pending: UInt32 = 0
        for at in 0..<count {
            let value = sextet(text[at])
            guard value < 64 else { return false }
            bits = bits << 6 | UInt32(value)
            pending += 6
            guard pending >= 8 else { continue }
            pending -= 8
            out.append(UInt8(truncatingIfNeeded: bits >> pending))
        }
        return true
    }

    @inline(__always)
    private static func sextet(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte &- UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- UInt8(ascii: "a") &+ 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0") &+ 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: 64
        }
    }

    /// Appends the text of bytes.
    static func encode(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        out.reserveCapacity(out.count + (bytes.count + 2) / 3 * 4)
        var at = 0
        while at + 3 <= bytes.count {
            append(UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]), 4, &out)
            at += 3
        }
        switch bytes.count - at {
        case 1:
            append(UInt32(bytes[at]) << 16, 2, &out)
            out.append("==")
        case 2:
            append(UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 8, 3, &out)
            out.append("=")
        default: break
        }
    }

    /// The first `count` letters of 24 bits.
    @inline(__always)
    private static func append(_ bits: UInt32, _ count: UInt32, _ out: inout [UInt8]) {
        for i in 0..<count { out.append(letter(UInt8(truncatingIfNeeded: bits >> (18 - 6 * i)) & 63)) }
    }

    @inline(__always)
    private static func letter(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: value &+ UInt8(ascii: "A")
        case 26..<52: value &- 26 &+ UInt8(ascii: "a")
        case 52..<62: value &- 52 &+ UInt8(ascii: "0")
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
