/// Host names as bytes.
enum DNSName {
    /// In lower case and without the dot of the root; nil if it is no name: empty or too long, with an empty label, or
    /// with a byte that no name has.
    static func normalised(_ bytes: some Collection<UInt8>) -> [UInt8]? {
        var name = bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        if name.last == dot { name.removeLast() }
        guard !name.isEmpty, name.count <= 253, name.first != dot, name.last != dot else { return nil }
        var previous = dot
        for byte in name {
            let isLetter = byte >= 0x61 && byte <= 0x7A
            let isDigit = byte >= 0x30 && byte <= 0x39
            // RFC 1123 has no underscore; names of services do.
            guard isLetter || isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == dot,
                byte != dot || previous != dot
            else { return nil }
            previous = byte
        }
        return name
    }

    /// Whether a name in a certificate stands for a host, given as `normalised` leaves it (RFC 9525, section 6.3).
    ///
    /// A `*` is the whole first label, stands for exactly one label, and is followed by two or more: `*.com` is no
    /// name that anybody may speak for.
    static func matches(pattern: [UInt8], host: [UInt8]) -> Bool {
        guard pattern.first == star else { return normalisedPresented(pattern[...]) == host }
        guard pattern.count > 2, pattern[1] == dot, let suffix = normalisedPresented(pattern.dropFirst(2)),
            suffix.contains(dot), let first = host.firstIndex(of: dot), first > 0
        else { return false }
        return host[(first + 1)...].elementsEqual(suffix)
    }

    /// What stands in a certificate has no dot at its end (RFC 5280, section 4.2.1.6).
    private static func normalisedPresented(_ name: ArraySlice<UInt8>) -> [UInt8]? {
        name.last == dot ? nil : normalised(name)
    }

    static let dot = UInt8(ascii: ".")
    static let star = UInt8(ascii: "*")
}
