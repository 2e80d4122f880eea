package import SluiceCore

/// `uri-host [ ":" port ]` (RFC 9110, section 7.2; RFC 3986, section 3.2.2).
package enum Authority {
    /// Whether the bytes are a host that is not empty, with a port of 0 ... 65535 or an empty one.
    package static func isValid(_ bytes: UnsafeRawBufferPointer, needsPort: Bool) -> Bool {
        guard let hostEnd = endOfHost(bytes), hostEnd > 0 else { return false }
        if bytes[0] == UInt8(ascii: "["), !isIPv6(UnsafeRawBufferPointer(rebasing: bytes[1..<(hostEnd - 1)])) {
            return false
        }
        if hostEnd == bytes.count { return !needsPort }
        // endOfHost stops at the end or at a colon.
        let port = UnsafeRawBufferPointer(rebasing: bytes[(hostEnd + 1)...])
        if port.isEmpty { return !needsPort }
        guard port.count <= 5 else { return false }
        var number = 0
        for byte in port {
            guard ASCII.isDigit(byte) else { return false }
            number = number * 10 + Int(byte - 0x30)
        }
        return number <= 65535
    }

    /// The host without its port, as a range whose first byte is at `base`.
    package static func hostRange(_ bytes: UnsafeRawBufferPointer, at base: Int) -> ByteRange {
        var count = endOfHost(bytes) ?? bytes.count
        // `example.com.` is the same host; the final dot only says that the name is complete.
        if count > 1, bytes[count - 1] == UInt8(ascii: ".") { count -= 1 }
        return ByteRange(start: base, count: count)
    }

    /// The host alone; of a literal IPv6 address without its brackets.
    package static func withoutPort(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in
            let range = hostRange(bytes, at: 0)
            let host = bytes[Int(range.start)..<range.end]
            return host.first == UInt8(ascii: "[") ? Array(host.dropFirst().dropLast()) : Array(host)
        }
    }

    /// Where the host ends: at a port's colon or at the end; nil where no host can be read.
    private static func endOfHost(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let first = bytes.first else { return nil }
        if first == UInt8(ascii: "[") { return endOfLiteral(bytes) }
        var i = 0
        while i < bytes.count {
            let byte = bytes[i]
            if ASCII.isRegisteredName(byte) {
                i += 1
                continue
            }
            if byte == UInt8(ascii: ":") { return i }
            guard byte == UInt8(ascii: "%"), i + 2 < bytes.count, ASCII.hexValue(bytes[i + 1]) != nil,
                ASCII.hexValue(bytes[i + 2]) != nil
            else { return nil }
            i += 3
        }
        return i
    }

    /// `[` ... `]`, then nothing or a colon; what is between them is not looked at.
    private static func endOfLiteral(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
        let end = close + 1
        return end == bytes.count || bytes[end] == UInt8(ascii: ":") ? end : nil
    }

    /// No zone and no IPvFuture: neither means anything to another host. Rare enough for a string.
    private static func isIPv6(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= 45, bytes.contains(UInt8(ascii: ":")) else { return false }
        let inAlphabet = bytes.allSatisfy {
            ASCII.hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        }
        return inAlphabet && IPAddress(String(decoding: bytes, as: UTF8.self)) != nil
    }
}
