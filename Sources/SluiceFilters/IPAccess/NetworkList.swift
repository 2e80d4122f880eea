import SluiceCore

/// A file of networks: one a line, `10.0.0.0/8` or an address alone.
///
/// Empty lines and what stands behind `#` or `;` do not count, so that lists as they are published (Spamhaus DROP,
/// FireHOL, cloud providers) are read as they come. Line ends may be those of Windows.
struct NetworkList {
    /// A line that is no network.
    struct Problem: Equatable {
        /// From 1.
        var line: Int
        /// In characters, from 1.
        var column: Int
        var text: String
    }

    /// A line that is longer is no network; the longest one has 43 bytes.
    private static let longest = 64

    private(set) var networks: [CIDR] = []
    /// At most `problemLimit` of them.
    private(set) var problems: [Problem] = []
    /// The lines that are wrong, kept or not.
    private(set) var problemCount = 0
    /// More than anybody reads.
    static let problemLimit = 20

    init(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { all in
            var start = all.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            var line = 1
            while start < all.count {
                let end = all[start...].firstIndex(of: UInt8(ascii: "\n")) ?? all.count
                read(UnsafeRawBufferPointer(rebasing: all[start..<end]), line: line)
                start = end + 1
                line += 1
            }
        }
    }

    private mutating func read(_ line: UnsafeRawBufferPointer, line number: Int) {
        let content = UnsafeRawBufferPointer(
            rebasing: line.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: ";") }
        )
        let start = content.firstIndex { !Self.isBlank($0) }
        guard let start, let end = content.lastIndex(where: { !Self.isBlank($0) }) else { return }
        let text = content[start...end]
        if text.count <= Self.longest, let network = CIDR(String(decoding: text, as: UTF8.self)) {
            return networks.append(network)
        }
        problemCount += 1
        guard problems.count < Self.problemLimit else { return }
        let column = String(decoding: content[..<start], as: UTF8.self).unicodeScalars.count + 1
        let shown = String(decoding: text.prefix(Self.longest), as: UTF8.self)
        problems.append(Problem(line: number, column: column, text: shown))
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
