/// Why a step of a test could not be done: what was waited for, and what came instead.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Bytes for people: control bytes escaped, long ones cut.
package enum Shown {
    package static func bytes(_ bytes: some Sequence<UInt8>, limit: Int = 400) -> String {
        var text = ""
        for byte in bytes.prefix(limit) {
            switch byte {
            case 0x0D: text += "\\r"
            case 0x0A: text += "\\n"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "\\x" + String(byte, radix: 16)
            }
        }
        return "\"\(text)\""
    }
}
