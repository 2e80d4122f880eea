package import NIOCore

extension ByteBuffer {
    /// Appends bytes as (part of) a field value; what could end the line or the value becomes SP.
    ///
    /// RFC 9110, section 5.5: CR, LF and NUL in a value are dangerous and are refused or replaced by SP. The other
    /// controls, which are invalid too, are replaced as well.
    package mutating func writeFieldValue(_ bytes: UnsafeRawBufferPointer) {
        let start = writerIndex
        writeBytes(bytes)
        cleanFieldValue(from: start)
    }

    /// Replaces what no field value holds by SP, from `start` to the end.
    mutating func cleanFieldValue(from start: Int) {
        guard start >= readerIndex, start < writerIndex else { return }
        let skipped = start - readerIndex
        let isClean = withUnsafeReadableBytes { all in
            all[skipped...].allSatisfy { ASCII.isFieldValue($0) }
        }
        guard !isClean else { return }
        withUnsafeMutableReadableBytes { all in
            for i in skipped..<all.count where !ASCII.isFieldValue(all[i]) { all[i] = 0x20 }
        }
    }

    /// Percent-encodes what no path holds, from `start` to the end; unless the value is part of a path itself, `/`,
    /// `?` and `\` too.
    mutating func cleanPath(from start: Int, isPath: Bool) {
        guard start >= readerIndex, start < writerIndex else { return }
        let skipped = start - readerIndex
        let dirty = withUnsafeReadableBytes { all -> [UInt8]? in
            let value = all[skipped...]
            return value.contains { Self.needsEscape($0, isPath) } ? Array(value) : nil
        }
        guard let dirty else { return }
        moveWriterIndex(to: start)
        for byte in dirty {
            if Self.needsEscape(byte, isPath) {
                writeBytes([UInt8(ascii: "%"), PathLiteral.hexDigit(byte >> 4), PathLiteral.hexDigit(byte & 15)])
            } else {
                writeInteger(byte)
            }
        }
    }

    private static func needsEscape(_ byte: UInt8, _ isPath: Bool) -> Bool {
        if !ASCII.isTarget(byte) || byte == UInt8(ascii: "\\") { return true }
        return !isPath && (byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "%"))
    }
}
