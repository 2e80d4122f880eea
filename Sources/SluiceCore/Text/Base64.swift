/// Base64 with padding (RFC 4648, section 4).
package enum Base64 {
    package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text = Base64URL.encode(bytes)
        for i in text.indices {
            if text[i] == UInt8(ascii: "-") { text[i] = UInt8(ascii: "+") }
            if text[i] == UInt8(ascii: "_") { text[i] = UInt8(ascii: "/") }
        }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return text
    }
}
