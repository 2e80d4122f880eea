import SluiceCore

/// Puts a line of the access log together in memory that was reserved before; see `HeadWriter`, whose bounds it uses.
///
/// Nothing that a client sent may end a line or a JSON string: control characters, quotes and backslashes are escaped,
/// and in JSON bytes that are no UTF-8 become U+FFFD. Isolation: one loop. Allocates: never, but for text that is no
/// ASCII.
struct LogWriter {
    var bytes: HeadWriter
    let isJSON: Bool

    @inline(__always)
    mutating func writeMissing() { isJSON ? bytes.write("null") : bytes.write("-") }

    @inline(__always)
    mutating func write(_ number: some BinaryInteger) { bytes.write(decimal: UInt64(clamping: number)) }

    /// At least that many digits.
    mutating func write(_ number: Int, width: Int) {
        bytes.write(decimal: UInt64(clamping: number), width: min(width, 20))
    }

    /// Nanoseconds as milliseconds: with three decimals in JSON, whole in text.
    mutating func writeMilliseconds(_ nanoseconds: UInt64) {
        bytes.write(decimal: nanoseconds / 1_000_000)
        guard isJSON else { return }
        bytes.write(UInt8(ascii: "."))
        bytes.write(decimal: nanoseconds / 1000 % 1000, width: 3)
    }

    // MARK: - Texts

    mutating func write(text: [UInt8], limit: Int? = nil) { text.withUnsafeBytes { write(text: $0, limit: limit) } }

    mutating func write(text: String, limit: Int? = nil) {
        var text = text
        text.withUTF8 { write(text: UnsafeRawBufferPointer($0), limit: limit) }
    }

    /// A value that may hold anything; empty ones are missing.
    mutating func write(text: UnsafeRawBufferPointer, limit: Int? = nil) {
        guard !text.isEmpty else { return writeMissing() }
        begin()
        append(text.count > limit ?? .max ? UnsafeRawBufferPointer(rebasing: text.prefix(limit ?? .max)) : text)
        end()
    }

    @inline(__always)
    mutating func begin() { if isJSON { bytes.write(UInt8(ascii: "\"")) } }

    @inline(__always)
    mutating func end() { if isJSON { bytes.write(UInt8(ascii: "\"")) } }

    /// A part of a text between `begin` and `end`.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        if Self.isPlain(text) { return bytes.write(text) }
        if isJSON, text.contains(where: { $0 >= 0x80 }) {
            // Decoding repairs what is no UTF-8.
            var repaired = String(decoding: text, as: UTF8.self)
            return repaired.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
        }
        escape(text)
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether all bytes may stand as they are, eight of them at a step.
    @inline(__always)
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        while i + 8 <= text.count {
            guard arePlain(text.loadUnaligned(fromByteOffset: i, as: UInt64.self)) else { return false }
            i += 8
        }
        // The last eight once more, in part, are fewer steps than what is left one by one.
        if i > 0 {
            return i == text.count || arePlain(text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self))
        }
        while i < text.count, isPlain(text[i]) { i += 1 }
        return i == text.count
    }

    @inline(__always)
    private static func arePlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        // A byte has its high bit set where it was one of those, and only the first such place is sure.
        func holds(_ byte: UInt64) -> UInt64 { ((word ^ ones &* byte) &- ones) & ~(word ^ ones &* byte) }
        let controls = (word &- ones &* 0x20) & ~word
        return (controls | word | holds(0x22) | holds(0x5C) | holds(0x7F)) & highs == 0
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        for byte in text {
            if Self.isPlain(byte) || (isJSON && byte >= 0x80) {
                bytes.write(byte)
            } else if isJSON, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.write(UInt8(ascii: "\\"))
                bytes.write(byte)
            } else {
                isJSON ? bytes.write("\\u00") : bytes.write("\\x")
                bytes.write(Self.hexDigit(byte >> 4))
                bytes.write(Self.hexDigit(byte & 15))
            }
        }
    }

    @inline(__always)
    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// 64 bits as 16 hexadecimal digits, inside of a text.
    mutating func appendHex(_ value: UInt64) {
        var digits = InlineArray<16, UInt8>(repeating: 0)
        for i in 0..<16 { digits[i] = Self.hexDigit(UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * i)) & 15) }
        withUnsafeBytes(of: &digits) { bytes.write($0) }
    }
}
