package import NIOCore

/// Reads a row of base64 texts as it arrives, in pieces that may end anywhere. Each text ends with its own padding, if it
/// needs one, and the next begins behind it.
///
/// Strict otherwise, as `Base64.Form.standard` is. Keeps three letters at most.
package struct Base64UnitDecoder {
    private var bits: UInt32 = 0
    /// Letters of the group at hand.
    private var count = 0
    /// One `=` has come that wants another.
    private var wantsPadding = false

    package init() {}

    /// Whether the texts may end here.
    package var isComplete: Bool { count == 0 }

    /// Appends what the letters stand for.
    ///
    /// - Returns: false for what is not base64.
    package mutating func decode(_ text: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> Bool {
        var isValid = true
        // Three bytes for each whole group, and those of the one that the last piece ended within.
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: text.count / 4 * 3 + 3) { memory in
            var written = 0
            var at = 0
            while at < text.count, isValid {
                if count == 0 {
                    let rest = UnsafeRawBufferPointer(rebasing: text[at...])
                    let room = UnsafeMutableRawBufferPointer(rebasing: memory[written...])
                    let read = Base64.decodeGroups(rest, .standard, into: room)
                    at += read
                    written += read / 4 * 3
                    guard at < text.count else { break }
                }
                isValid = take(text[at], memory, &written)
                at += 1
            }
            return written
        }
        return isValid
    }

    /// Takes a letter or `=` at the edge of a piece or of a text.
    private mutating func take(_ letter: UInt8, _ out: UnsafeMutableRawBufferPointer, _ written: inout Int) -> Bool {
        if letter == UInt8(ascii: "=") { return pad(out, &written) }
        guard !wantsPadding, let value = Base64.value(of: letter, .standard) else { return false }
        bits = bits << 6 | value
        count += 1
        if count == 4 { end(24, out, &written) }
        return true
    }

    private mutating func pad(_ out: UnsafeMutableRawBufferPointer, _ written: inout Int) -> Bool {
        switch count {
        case 2 where !wantsPadding:
            guard bits & 15 == 0 else { return false }
            wantsPadding = true
        case 2:
            bits >>= 4
            end(8, out, &written)
        case 3:
            guard bits & 3 == 0 else { return false }
            bits >>= 2
            end(16, out, &written)
        default: return false
        }
        return true
    }

    /// The group has so many bits.
    private mutating func end(_ size: UInt32, _ out: UnsafeMutableRawBufferPointer, _ written: inout Int) {
        var left = size
        while left > 0, written < out.count {
            left -= 8
            out[written] = UInt8(truncatingIfNeeded: bits >> left)
            written += 1
        }
        bits = 0
        count = 0
        wantsPadding = false
    }
}

/// Writes a row of base64 texts, each with its padding, from pieces of bytes. Keeps two bytes at most.
package struct Base64UnitEncoder {
    private var bits: UInt32 = 0
    private var count = 0

    package init() {}

    /// Appends bytes of the text at hand.
    ///
    /// - Parameter ends: the text ends behind them; without any byte it is none.
    package mutating func encode(_ bytes: UnsafeRawBufferPointer, ends: Bool, into out: inout ByteBuffer) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: (bytes.count + count) / 3 * 4 + 4) { memory in
            var written = 0
            var at = 0
            while count > 0, at < bytes.count {
                take(bytes[at], memory, &written)
                at += 1
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
            let room = UnsafeMutableRawBufferPointer(rebasing: memory[written...])
            written += Base64.encodeGroups(rest, .standard, into: room)
            for byte in rest[(rest.count - rest.count % 3)...] { take(byte, memory, &written) }
            if ends, count > 0 { write(memory, &written) }
            return written
        }
    }

    private mutating func take(_ byte: UInt8, _ out: UnsafeMutableRawBufferPointer, _ written: inout Int) {
        bits = bits << 8 | UInt32(byte)
        count += 1
        if count == 3 { write(out, &written) }
    }

    private mutating func write(_ out: UnsafeMutableRawBufferPointer, _ written: inout Int) {
        guard written + 4 <= out.count else { return }
        let table = Base64.letters(of: .standard)
        let group = bits << UInt32(8 * (3 - count))
        for place in 0..<4 {
            let letter = table[Int(group >> UInt32(18 - 6 * place) & 63)]
            out[written + place] = place <= count ? letter : UInt8(ascii: "=")
        }
        written += 4
        bits = 0
        count = 0
    }
}
