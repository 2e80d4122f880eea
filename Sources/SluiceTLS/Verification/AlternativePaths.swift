import CNIOBoringSSL

/// Looks for a good chain where the first one that was found is bad.
///
/// The library follows one path and does not turn back: an intermediate that has expired hides its successor of the
/// same name and key, and a cross-signed one the root that is trusted. So the other paths are tried one by one
/// (RFC 4158). What a peer can make this cost is bounded.
struct AlternativePaths {
    private static let pathLimit = 12
    private static let stepLimit = 64
    private static let lengthLimit = 10

    private let attempt: ChainAttempt
    private let leaf: LibraryObject
    private let intermediates: [LibraryObject]
    private var paths = 0
    private var steps = 0

    init(_ attempt: ChainAttempt, leaf: LibraryObject, intermediates: [LibraryObject]) {
        self.attempt = attempt
        self.leaf = leaf
        self.intermediates = intermediates
    }

    /// Whether some path is good.
    mutating func hasGoodOne() -> Bool {
        // With nothing to choose from, there is no other path.
        guard !intermediates.isEmpty || attempt.anchors(for: leaf).count > 1 else { return false }
        return follow([leaf])
    }

    private mutating func follow(_ path: [LibraryObject]) -> Bool {
        steps += 1
        guard steps <= Self.stepLimit, path.count <= Self.lengthLimit, let last = path.last else { return false }
        for anchor in attempt.anchors(for: last) where issued(last, by: anchor) {
            paths += 1
            guard paths <= Self.pathLimit else { return false }
            if attempt.run(leaf: leaf, untrusted: Array(path.dropFirst()), anchors: [anchor]) == nil { return true }
        }
        for next in intermediates where issued(last, by: next) && !path.contains(where: { $0 === next }) {
            if follow(path + [next]) { return true }
            guard paths <= Self.pathLimit, steps <= Self.stepLimit else { return false }
        }
        return false
    }

    /// Going by names and key identifiers: signatures are checked when a path is complete.
    private func issued(_ subject: LibraryObject, by issuer: LibraryObject) -> Bool {
        issuer.lend(with: subject) { X509_check_issued($0, $1) } == X509_V_OK
    }
}
