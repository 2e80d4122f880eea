import SluiceUpstream

/// Tells whether files hold the same bytes as before, without keeping them.
package struct ContentFingerprint: Hashable, Sendable {
    private struct Part: Hashable, Sendable {
        let path: String
        let count: Int
        let first: UInt64
        let second: UInt64
    }

    private var parts: Set<Part> = []

    package init() {}

    /// Adds one file. A file that was referred to and could not be read counts as an empty one.
    package mutating func add(_ path: String, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        let first = XXHash64.hash(bytes)
        parts.insert(Part(path: path, count: bytes.count, first: first, second: XXHash64.hash(bytes, seed: ~first)))
    }
}
