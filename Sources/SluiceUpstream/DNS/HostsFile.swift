internal import SluiceCore

/// The names that the machine's own table knows (hosts(5)): one address and its names a line, `#` starts a comment.
struct HostsFile: Sendable {
    /// Larger files are cut here, at the end of a line.
    static let largestSize = 8 << 20

    private var addresses: [String: [IPAddress]] = [:]

    init() {}

    /// Lines that make no sense are left out.
    init(parsing bytes: some Collection<UInt8>) {
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let content = line.prefix { $0 != UInt8(ascii: "#") }
            let words = content.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard let first = words.first, let address = IPAddress(String(decoding: first, as: UTF8.self)) else {
                continue
            }
            for word in words.dropFirst() {
                guard let name = DNSName.normalized(String(decoding: word, as: UTF8.self)) else { continue }
                if addresses[name]?.contains(address) != true { addresses[name, default: []].append(address) }
            }
        }
    }

    /// All addresses of a normalised name, in the order of the file.
    ///
    /// `localhost` has its loopback addresses even where the file does not say so.
    func addresses(of name: String) -> [IPAddress] {
        if let known = addresses[name] { return known }
        guard DNSName.isLocalhost(name) else { return [] }
        return [IPAddress(v4: 0x7F00_0001), IPAddress(high: 0, low: 1)]
    }
}
