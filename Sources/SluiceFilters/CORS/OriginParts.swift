import SluiceCore

/// A serialized origin taken apart: `https://app.example.com:8443` (RFC 6454, section 6.2; Fetch standard, `Origin`).
///
/// Stricter than a URL parser: what browsers never send is no origin here, so that no pattern and no expression is ever
/// asked about `https://evil.test/.example.com` or `https://a.test#.example.com`. Isolation: any. Allocates: never.
struct OriginParts {
    /// The longest that is looked at; a name has at most 253 bytes.
    static let longest = 512

    let schemeCount: Int
    /// Where the host lies; an IPv6 address with its brackets.
    let host: Range<Int>
    /// nil where none is written.
    let port: UInt16?
    /// Lower case, and no port that goes without saying: the form that browsers send.
    let isNormal: Bool

    /// - Returns: nil for anything else, `null` included.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longest, let schemeCount = Self.scheme(bytes) else { return nil }
        let start = schemeCount + 3
        guard let end = Self.hostEnd(bytes, from: start) else { return nil }
        self.schemeCount = schemeCount
        host = start..<end
        if end == bytes.count {
            port = nil
        } else {
            guard let number = Self.port(bytes, from: end) else { return nil }
            port = number
        }
        var hasUpper = false
        for i in 0..<end where bytes[i] >= 0x41 && bytes[i] <= 0x5A { hasUpper = true }
        let usual = Self.usualPort(ofScheme: UnsafeRawBufferPointer(rebasing: bytes[..<schemeCount]))
        isNormal = !hasUpper && (port == nil || port != usual)
    }

    /// The length of a scheme with `://` behind it.
    private static func scheme(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var count = 0
        while count < bytes.count, isScheme(bytes[count]) { count += 1 }
        guard count > 0, isLetter(bytes[0]), count + 3 < bytes.count, bytes[count] == UInt8(ascii: ":"),
            bytes[count + 1] == UInt8(ascii: "/"), bytes[count + 2] == UInt8(ascii: "/")
        else { return nil }
        return count
    }

    /// Where the host ends: before the port, or with everything.
    private static func hostEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start
        if bytes[start] == UInt8(ascii: "[") {
            end += 1
            while end < bytes.count, ASCII.hexValue(bytes[end]) != nil || bytes[end] == 0x3A || bytes[end] == 0x2E {
                end += 1
            }
            return end > start + 1 && end < bytes.count && bytes[end] == UInt8(ascii: "]") ? end + 1 : nil
        }
        var last = UInt8(ascii: ".")
        while end < bytes.count, isName(bytes[end]) {
            // No label is empty.
            if bytes[end] == UInt8(ascii: "."), last == UInt8(ascii: ".") { return nil }
            last = bytes[end]
            end += 1
        }
        return end > start ? end : nil
    }

    /// `:1` to `:65535`, to the end, as numbers are written.
    private static func port(_ bytes: UnsafeRawBufferPointer, from colon: Int) -> UInt16? {
        let digits = bytes.count - colon - 1
        guard bytes[colon] == UInt8(ascii: ":"), (1...5).contains(digits), bytes[colon + 1] != UInt8(ascii: "0") else {
            return nil
        }
        var number: UInt32 = 0
        for i in (colon + 1)..<bytes.count {
            guard ASCII.isDigit(bytes[i]) else { return nil }
            number = number * 10 + UInt32(bytes[i] - 0x30)
        }
        return UInt16(exactly: number)
    }

    /// The port that a scheme has without saying so; the letters of the scheme in either case.
    static func usualPort(ofScheme scheme: UnsafeRawBufferPointer) -> UInt16? {
        if ASCII.equalsFolded(scheme, "https") || ASCII.equalsFolded(scheme, "wss") { return 443 }
        if ASCII.equalsFolded(scheme, "http") || ASCII.equalsFolded(scheme, "ws") { return 80 }
        return nil
    }

    /// The origin as browsers send it.
    func normalized(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let usual = Self.usualPort(ofScheme: UnsafeRawBufferPointer(rebasing: bytes[..<schemeCount]))
        let end = port == usual ? host.upperBound : bytes.count
        return bytes[..<end].map(ASCII.lowercased)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }

    private static func isScheme(_ byte: UInt8) -> Bool {
        isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E
    }

    /// Letters, digits, `-`, `.` and `_`: international names come in their `xn--` form.
    private static func isName(_ byte: UInt8) -> Bool {
        isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }
}
