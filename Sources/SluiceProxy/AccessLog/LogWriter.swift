import SluiceCore

/// Puts a line of the access log together in memory that was reserved before.
///
/// What does not fit is left out and `isComplete` says so; each value asks for its room once. Nothing that a client sent
/// may end a line or a JSON string: control characters, quotes and backslashes are escaped, and in JSON bytes that are no
/// UTF-8 become U+FFFD. Isolation: one loop. Allocates: never, but for text that is no ASCII.
struct LogWriter {
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0
    private(set) var isComplete = true
    let isJSON: Bool

    /// - Parameter capacity: how many bytes the memory has; whoever lends it keeps it for as long as this writes.
    init(_ memory: UnsafeMutableRawPointer, capacity: Int, isJSON: Bool) {
        self.memory = memory
        self.capacity = capacity
        self.isJSON = isJSON
    }

    /// Where so many more bytes go; nil, and the line is not complete, where they do not fit.
    @inline(__always)
    private mutating func room(for bytes: Int) -> UnsafeMutableRawPointer? {
        guard bytes <= capacity - count else {
            isComplete = false
            return nil
        }
        return memory + count
    }

    /// What was written from there on.
    func written(from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + min(start, count), count: count - min(start, count))
    }

    // MARK: - Bytes as they are

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, let target = room(for: bytes.count) else { return }
        Self.copy(source, to: target, bytes.count)
        count += bytes.count
    }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        guard let target = room(for: 1) else { return }
        target.storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// What a line consists of is short: a call costs more than the copying, and of what is longer than eight bytes the
    /// last ones may as well be copied twice.
    @inline(__always)
    private static func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int) {
        switch count {
        case 17...: target.copyMemory(from: source, byteCount: count)
        case 8...16:
            let first = source.loadUnaligned(as: UInt64.self)
            let last = source.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            target.storeBytes(of: first, as: UInt64.self)
            target.storeBytes(of: last, toByteOffset: count - 8, as: UInt64.self)
        default: storeShort(loadShort(source, count), to: target, count)
        }
    }

    /// Up to seven bytes in one word: the first and the last four of them, or the first, the middle and the last one.
    @inline(__always)
    private static func loadShort(_ source: UnsafeRawPointer, _ count: Int) -> UInt64 {
        guard count < 4 else {
            let first = source.loadUnaligned(as: UInt32.self)
            let last = source.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return UInt64(first) | UInt64(last) << 32
        }
        guard count > 0 else { return spaces }
        let first = source.load(as: UInt8.self)
        let middle = source.load(fromByteOffset: count / 2, as: UInt8.self)
        let last = source.load(fromByteOffset: count - 1, as: UInt8.self)
        return UInt64(first) | UInt64(middle) << 8 | UInt64(last) << 16 | spaces << 24
    }

    private static var spaces: UInt64 { 0x2020_2020_2020_2020 }

    @inline(__always)
    private static func storeShort(_ word: UInt64, to target: UnsafeMutableRawPointer, _ count: Int) {
        guard count < 4 else {
            target.storeBytes(of: UInt32(truncatingIfNeeded: word), as: UInt32.self)
            target.storeBytes(of: UInt32(truncatingIfNeeded: word >> 32), toByteOffset: count - 4, as: UInt32.self)
            return
        }
        guard count > 0 else { return }
        target.storeBytes(of: UInt8(truncatingIfNeeded: word), as: UInt8.self)
        target.storeBytes(of: UInt8(truncatingIfNeeded: word >> 8), toByteOffset: count / 2, as: UInt8.self)
        target.storeBytes(of: UInt8(truncatingIfNeeded: word >> 16), toByteOffset: count - 1, as: UInt8.self)
    }

    // MARK: - Numbers

    @inline(__always)
    mutating func writeMissing() { isJSON ? write("null") : write("-") }

    @inline(__always)
    mutating func write(_ number: some BinaryInteger) { write(UInt64(clamping: number), digits: 1) }

    /// At least that many digits.
    mutating func write(_ number: Int, width: Int) { write(UInt64(clamping: number), digits: min(width, 20)) }

    @inline(__always)
    private mutating func write(_ number: UInt64, digits: Int) {
        // Most numbers of a line: tries, bytes of requests without a body, milliseconds.
        guard number < 10, digits <= 1, count < capacity else { return writeLong(number, digits: digits) }
        memory.storeBytes(of: 0x30 + UInt8(truncatingIfNeeded: number), toByteOffset: count, as: UInt8.self)
        count += 1
    }

    private mutating func writeLong(_ number: UInt64, digits: Int) {
        let needed = max(DecimalDigits.count(number), digits)
        guard let target = room(for: needed) else { return }
        DecimalDigits.write(number, count: needed, to: target)
        count += needed
    }

    /// Changes what was written: `digits` bytes become those of a number.
    mutating func overwrite(at start: Int, with number: UInt64, digits: Int) {
        guard start >= 0, digits >= 0, digits <= count - start else { return }
        DecimalDigits.write(number, count: digits, to: memory + start)
    }

    /// Nanoseconds as milliseconds: with three decimals in JSON, whole in text.
    mutating func writeMilliseconds(_ nanoseconds: UInt64) {
        write(nanoseconds / 1_000_000, digits: 1)
        guard isJSON, let target = room(for: 4) else { return }
        target.storeBytes(of: UInt8(ascii: "."), as: UInt8.self)
        DecimalDigits.write(nanoseconds / 1000, count: 3, to: target + 1)
        count += 4
    }

    // MARK: - Texts

    @inline(__always)
    mutating func write(text: [UInt8], limit: Int = .max) { text.withUnsafeBytes { write(text: $0, limit: limit) } }

    mutating func write(text: String, limit: Int = .max) {
        var text = text
        text.withUTF8 { write(text: UnsafeRawBufferPointer($0), limit: limit) }
    }

    /// A value that may hold anything; empty ones are missing.
    mutating func write(text: UnsafeRawBufferPointer, limit: Int = .max) {
        guard let source = text.baseAddress, !text.isEmpty else { return writeMissing() }
        let length = min(text.count, limit)
        // Nearly all are plain: then both quotes and what is between them are written at once.
        if isJSON, length <= capacity - count - 2, Self.copyPlain(source, to: memory + count + 1, length) {
            memory.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count, as: UInt8.self)
            count += length + 2
            memory.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count - 1, as: UInt8.self)
            return
        }
        begin()
        append(UnsafeRawBufferPointer(start: source, count: length))
        end()
    }

    /// A text of the gateway's own that needs no escapes.
    @inline(__always)
    mutating func write(plain text: StaticString) {
        begin()
        write(text)
        end()
    }

    @inline(__always)
    mutating func begin() { if isJSON { write(UInt8(ascii: "\"")) } }

    @inline(__always)
    mutating func end() { if isJSON { write(UInt8(ascii: "\"")) } }

    /// A part of a text between `begin` and `end`.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        guard let source = text.baseAddress, let target = room(for: text.count) else { return }
        // Most are: then they were copied while they were looked at.
        if Self.copyPlain(source, to: target, text.count) {
            count += text.count
        } else {
            appendEscaped(text)
        }
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// 128 bits as 32 hexadecimal digits, inside of a text.
    mutating func appendHex(_ high: UInt64, _ low: UInt64) {
        guard let target = room(for: 32) else { return }
        HexDigits.write(high, to: target)
        HexDigits.write(low, to: target + 16)
        count += 32
    }

    // MARK: - Escapes

    /// Copies bytes that may all stand as they are, eight of them at a step.
    ///
    /// - Returns: false where one of them may not; what was copied means nothing then.
    @inline(__always)
    private static func copyPlain(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int) -> Bool
    {
        guard count >= 8 else {
            let word = loadShort(source, count)
            guard arePlain(word) else { return false }
            storeShort(word, to: target, count)
            return true
        }
        var i = 0
        while i + 8 <= count {
            let word = source.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            guard arePlain(word) else { return false }
            target.storeBytes(of: word, toByteOffset: i, as: UInt64.self)
            i += 8
        }
        let last = source.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        guard arePlain(last) else { return false }
        target.storeBytes(of: last, toByteOffset: count - 8, as: UInt64.self)
        return true
    }

    @inline(__always)
    private static func arePlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        // Where no byte has its high bit set, a subtraction sets that of the bytes that are smaller than what is taken.
        // With bit 1 the other way round, the quote follows the control characters.
        let controlsAndQuotes = (word ^ ones &* 0x02) &- ones &* 0x21
        let backslashes = (word ^ ones &* 0x5C) &- ones
        let deletes = (word ^ ones &* 0x7F) &- ones
        return (controlsAndQuotes | backslashes | deletes | word) & highs == 0
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
        if isJSON, text.contains(where: { $0 >= 0x80 }) {
            // Decoding repairs what is no UTF-8.
            var repaired = String(decoding: text, as: UTF8.self)
            return repaired.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
        }
        escape(text)
    }

    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        for byte in text {
            if Self.isPlain(byte) || (isJSON && byte >= 0x80) {
                write(byte)
            } else if isJSON, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                write(UInt8(ascii: "\\"))
                write(byte)
            } else {
                isJSON ? write("\\u00") : write("\\x")
                let digits = HexDigits.of(byte)
                write(UInt8(truncatingIfNeeded: digits >> 8))
                write(UInt8(truncatingIfNeeded: digits))
            }
        }
    }
}
