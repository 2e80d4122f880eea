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
    mutating func write(_ number: some BinaryInteger) { writeDigits(UInt64(clamping: number)) }

    private mutating func writeDigits(_ number: UInt64, width: Int = 1) {
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var rest = number
        var first = 20
        repeat {
            first -= 1
            digits[first] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0 && first > 0
        first = min(first, 20 - width)
        withUnsafeBytes(of: &digits) { bytes.write(UnsafeRawBufferPointer(rebasing: $0[first..<20])) }
    }

    /// Exactly that many digits.
    mutating func write(_ number: Int, width: Int) { writeDigits(UInt64(clamping: number), width: min(width, 20)) }

    /// Nanoseconds as milliseconds: with three decimals in JSON, whole in text.
    mutating func writeMilliseconds(_ nanoseconds: UInt64) {
        writeDigits(nanoseconds / 1_000_000)
        guard isJSON else { return }
        bytes.write(UInt8(ascii: "."))
        writeDigits(nanoseconds / 1000 % 1000, width: 3)
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
        var plain = 0
        while plain < text.count, Self.isPlain(text[plain]) { plain += 1 }
        if plain == text.count { return bytes.write(text) }
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
