import NIOCore
import SluiceCore

/// Reads the base64 of gRPC-Web's text mode, which may come in any pieces and is one unit or many: each ends with its own
/// padding, and the next begins behind it (gRPC-Web, "Message framing").
///
/// Strict otherwise (RFC 4648, section 3.5): no white space, no other letters, no bits behind the last byte. Keeps three
/// letters at most.
struct GRPCWebDecoder {
    private var bits: UInt32 = 0
    /// Letters of the group at hand.
    private var count = 0
    /// One `=` has come that wants another.
    private var wantsPadding = false

    /// Whether the bytes may end here.
    var isComplete: Bool { count == 0 }

    /// Appends what the letters stand for.
    ///
    /// - Returns: false for what is not base64.
    mutating func decode(_ text: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> Bool {
        var isValid = true
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: text.count / 4 * 3 + 3) { memory in
            var written = 0
            func write(_ byte: UInt32) {
                guard written < memory.count else { return }
                memory[written] = UInt8(truncatingIfNeeded: byte)
                written += 1
            }
            for letter in text {
                let value = Self.sextet(letter)
                guard value < 64, !wantsPadding else {
                    isValid = letter == UInt8(ascii: "=") && pad(write)
                    if isValid { continue }
                    return written
                }
                bits = bits << 6 | UInt32(value)
                count += 1
                guard count == 4 else { continue }
                write(bits >> 16)
                write(bits >> 8)
                write(bits)
                bits = 0
                count = 0
            }
            return written
        }
        return isValid
    }

    /// Takes a `=`.
    private mutating func pad(_ write: (UInt32) -> Void) -> Bool {
        switch count {
        case 2 where !wantsPadding:
            guard bits & 15 == 0 else { return false }
            wantsPadding = true
            return true
        case 2: write(bits >> 4)
        case 3:
            guard bits & 3 == 0 else { return false }
            write(bits >> 10)
            write(bits >> 2)
        default: return false
        }
        wantsPadding = false
        bits = 0
        count = 0
        return true
    }

    @inline(__always)
    private static func sextet(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): letter - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): letter - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: 64
        }
    }
}
