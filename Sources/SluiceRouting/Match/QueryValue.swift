internal import SluiceCore

/// Names and values of query parameters as HTML forms write them: `+` is a space, `%XX` a byte, decoded once.
enum QueryValue {
    /// Whether decoding would change nothing.
    @inline(__always)
    static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        for byte in text where byte == UInt8(ascii: "%") || byte == UInt8(ascii: "+") { return false }
        return true
    }

    /// Appends the decoded bytes; a `%` without two hexadecimal digits stays as it is.
    static func decode(_ text: UnsafeRawBufferPointer, into out: inout ContiguousArray<UInt8>) {
        var i = 0
        while i < text.count {
            if text[i] == UInt8(ascii: "%"), i + 2 < text.count, let high = ASCII.hexValue(text[i + 1]),
                let low = ASCII.hexValue(text[i + 2])
            {
                out.append(high << 4 | low)
                i += 3
            } else {
                out.append(text[i] == UInt8(ascii: "+") ? 0x20 : text[i])
                i += 1
            }
        }
    }
}
