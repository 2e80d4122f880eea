internal import SluiceCore

/// Names as configuration and messages hold them.
enum DNSName {
    /// A name of at most this many characters fits the 255 bytes on the wire (RFC 1035, section 2.3.4).
    static let longest = 253

    /// The name in lower case, the final dot taken off; nil unless it is made of labels of letters, digits, `-` and
    /// `_` (which service names and many internal hosts have).
    static func normalized(_ name: String) -> String? {
        var bytes = name.utf8.map(ASCII.lowercased)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard !bytes.isEmpty, bytes.count <= longest else { return nil }
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.allSatisfy(isHostByte) else { return nil }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether it ends with a dot: to be taken as it is, without the search list.
    static func isAbsolute(_ name: String) -> Bool { name.utf8.last == UInt8(ascii: ".") }

    /// `localhost` and what lies below it never leave the machine (RFC 6761, section 6.3). Takes a normalised name.
    static func isLocalhost(_ name: String) -> Bool { name == "localhost" || name.hasSuffix(".localhost") }

    static func isHostByte(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (0x61...0x7A).contains(ASCII.lowercased(byte)) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}

/// The domains that a short name is tried in, as `resolv.conf` gives them.
struct DNSSearchList: Hashable, Sendable {
    /// With at least so many dots a name is tried as it is first, otherwise last.
    var dots: Int
    var domains: [String]

    /// The absolute names to try for a name, in order; empty when the name is not legal.
    func candidates(for name: String) -> [String] {
        guard let plain = DNSName.normalized(name) else { return [] }
        if DNSName.isAbsolute(name) { return [plain] }
        let extended = domains.compactMap { DNSName.normalized(plain + "." + $0) }
        let hasEnoughDots = plain.utf8.count { $0 == UInt8(ascii: ".") } >= dots
        return hasEnoughDots ? [plain] + extended : extended + [plain]
    }
}
