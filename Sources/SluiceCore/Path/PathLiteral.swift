/// Path text of a configuration as the bytes that a request carries.
package enum PathLiteral {
    /// The UTF-8 bytes, with those that no request path holds unescaped (controls, space, above 126) percent-encoded,
    /// so that `/café` in a file is `/caf%C3%A9` on the wire.
    package static func bytes(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 15)]
            }
        }
        return out
    }

    /// What is wrong with an exact path or a prefix, nil if nothing is.
    package static func problem(in text: String) -> String? {
        guard text.utf8.first == UInt8(ascii: "/") else { return "a path begins with '/'" }
        if text.utf8.contains(UInt8(ascii: "?")) { return "a path holds no '?': match the query with 'query'" }
        if text.utf8.contains(UInt8(ascii: "#")) { return "a path holds no '#'" }
        return nil
    }

    /// `0` to `F`.
    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") - 10 + value
    }
}
