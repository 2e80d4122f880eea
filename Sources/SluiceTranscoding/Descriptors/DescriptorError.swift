/// Everything that is wrong with a descriptor set or with the bindings in it, for whoever wrote the configuration.
package struct DescriptorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence each: the file, message, field or method first, then what is wrong, then what helps.
    package let problems: [String]

    package init(_ problems: [String]) { self.problems = problems }

    package var description: String { problems.joined(separator: "\n") }
}

/// Finds the name that was probably meant.
enum Suggestion {
    /// `; did you mean 'x'?` with the nearest of the names, or nothing when none is near.
    static func text(for name: String, among names: [String]) -> String {
        let limit = max(1, min(3, name.utf8.count / 2))
        var best: (name: String, distance: Int)?
        for candidate in names where abs(candidate.utf8.count - name.utf8.count) <= limit {
            let distance = Self.distance(Array(name.utf8), Array(candidate.utf8))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best.map { "; did you mean '\($0.name)'?" } ?? ""
    }

    /// Insertions, deletions and replacements from one to the other. The longest names are compared up to a bound,
    /// since one of the two may come from a peer.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard a.count <= 64, b.count <= 64 else { return .max }
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let cost = diagonal + (letter == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(cost, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
