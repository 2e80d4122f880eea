import Glibc
import SluiceCore

/// Reads header and trailer lines (RFC 9112, section 5) out of raw bytes.
///
/// Leaf functions over one contiguous buffer: no allocation, no reference counting, every index checked against the
/// end of the buffer. Whatever the grammar leaves open to two readings is refused.
enum FieldParser {
    /// What one line turned out to be.
    enum Line {
        /// Offsets into the buffer; `next` is where the following line begins.
        case field(name: ByteRange, value: ByteRange, next: Int)
        /// The empty line that ends the section.
        case end(next: Int)
        case incomplete
        case invalid(GatewayError)
    }

    /// Parses the line that begins at `start`.
    @inline(__always)
    static func line(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Line {
        let count = bytes.count
        guard start < count else { return .incomplete }
        var i = endOfName(bytes, from: start)
        guard i < count else { return .incomplete }
        if bytes[i] != UInt8(ascii: ":") || i == start { return notAField(bytes, start: start, stop: i) }
        let nameEnd = i
        i += 1
        while i < count, bytes[i] == 0x20 || bytes[i] == 0x09 { i += 1 }
        let valueStart = i
        i = endOfValue(bytes, from: i)
        guard i + 1 < count else {
            return i < count && bytes[i] != 0x0D ? .invalid(badValueByte(bytes[i])) : .incomplete
        }
        guard bytes[i] == 0x0D else { return .invalid(badValueByte(bytes[i])) }
        guard bytes[i + 1] == 0x0A else { return .invalid(.bareCarriageReturn) }
        var valueEnd = i
        while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
        return .field(
            name: ByteRange(start: start, count: nameEnd - start),
            value: ByteRange(start: valueStart, count: valueEnd - valueStart),
            next: i + 2
        )
    }

    /// The first byte at or after `start` that a token cannot hold, eight letters and hyphens at a step.
    @inline(__always)
    static func endOfName(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var i = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while i + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            let low = word & ~highs
            let folded = low | ones &* 0x20
            // The high bit of each byte says: at least `a`, and not above `z`.
            let letters = (folded &+ ones &* 0x1F) & ~(folded &+ ones &* 0x05)
            let others = (low ^ ones &* 0x2D) &+ ones &* 0x7F
            let stops = ((~letters & others) | word) & highs
            if stops == 0 {
                i += 8
                continue
            }
            i += stops.trailingZeroBitCount / 8
            guard ASCII.isToken(bytes[i]) else { return i }
            i += 1
        }
        while i < bytes.count, ASCII.isToken(bytes[i]) { i += 1 }
        return i
    }

    /// The first byte at or after `start` that a field value cannot hold, eight bytes at a step.
    @inline(__always)
    static func endOfValue(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var i = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while i + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            // A byte below 0x20, or 0x7F: both leave their high bit set. HTAB stops here too and is let through below.
            let low = (word &- ones &* 0x20) & ~word & highs
            let delete = ((word ^ ones &* 0x7F) &- ones) & ~(word ^ ones &* 0x7F) & highs
            if low | delete != 0 {
                let at = i + (low | delete).trailingZeroBitCount / 8
                guard bytes[at] == 0x09 else { return at }
                i = at + 1
                continue
            }
            i += 8
        }
        while i < bytes.count, ASCII.isFieldValue(bytes[i]) { i += 1 }
        return i
    }

    @inline(__always)
    static func contains(_ bytes: UnsafeRawBufferPointer, _ byte: UInt8) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        return memchr(base, Int32(byte), bytes.count) != nil
    }

    private static func badValueByte(_ byte: UInt8) -> GatewayError {
        byte == 0x0A ? .bareLineFeed : .badFieldValue
    }

    /// Names what stands at `stop` where a colon should: the end of the section, or which mistake.
    private static func notAField(_ bytes: UnsafeRawBufferPointer, start: Int, stop: Int) -> Line {
        let byte = bytes[stop]
        if stop == start {
            if byte == 0x0D {
                guard start + 1 < bytes.count else { return .incomplete }
                return bytes[start + 1] == 0x0A ? .end(next: start + 2) : .invalid(.bareCarriageReturn)
            }
            if byte == 0x20 || byte == 0x09 { return .invalid(.obsoleteFold) }
        }
        switch byte {
        case 0x0A: return .invalid(.bareLineFeed)
        case 0x0D where stop + 1 < bytes.count && bytes[stop + 1] != 0x0A: return .invalid(.bareCarriageReturn)
        case 0x0D where stop + 1 == bytes.count: return .incomplete
        default: return .invalid(.badFieldName)
        }
    }
}

/// How far an unfinished field line was read.
///
/// A line that comes byte by byte is read from its beginning only when something new begins in it, not with each byte:
/// reading costs a client's bytes once, whatever pieces it sends them in.
struct LineProgress {
    /// The end of what is known to be name or value; 0 when nothing is known.
    private var scanned = 0
    private var inValue = false

    /// Whether what has come since only makes the same name or value longer.
    mutating func onlyGrew(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard scanned > 0 else { return false }
        let end = inValue ? FieldParser.endOfValue(bytes, from: scanned) : FieldParser.endOfName(bytes, from: scanned)
        scanned = end == bytes.count ? end : 0
        return scanned > 0
    }

    /// Takes note of the line at `start`, which is incomplete.
    mutating func note(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        var end = FieldParser.endOfName(bytes, from: start)
        inValue = end < bytes.count && bytes[end] == UInt8(ascii: ":")
        if inValue { end = FieldParser.endOfValue(bytes, from: end + 1) }
        scanned = end == bytes.count ? end : 0
    }
}
