/// Finds what somebody may have meant.
package enum Spelling {
    /// The candidate nearest to `word`, if near enough to be a slip: at most 2 edits, or a third of the word.
    ///
    /// Dashes and underscores count as equal and a swap of neighbours as one edit. Words above 64 bytes and lists
    /// above 10,000 candidates are not looked at.
    package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let given = folded(word)
        guard !given.isEmpty, given.count <= 64 else { return nil }
        let bound = max(1, min(given.count / 3, 3), given.count >= 4 ? 2 : 1)
        var best: (distance: Int, name: String)?
        for candidate in candidates.prefix(10_000) {
            let other = folded(candidate)
            guard abs(other.count - given.count) <= bound, other.count <= 64 else { continue }
            let distance = distance(given, other)
            if distance <= bound, distance < best?.distance ?? Int.max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Whether two names differ at most in case and in dashes for underscores.
    package static func isSame(_ a: String, _ b: String) -> Bool { folded(a) == folded(b) }

    /// `possible here: 'a', 'b', 'c'` for a short list, nil for a long one.
    package static func choices(_ names: [String]) -> String? {
        guard !names.isEmpty, names.count <= 12 else { return nil }
        let list = names.map { "'\($0)'" }.joined(separator: ", ")
        return names.count == 1 ? "only \(list) is possible here" : "possible here: \(list)"
    }

    /// Edits between two words: insert, delete, replace, or swap of two neighbours.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        var current = last
        for i in 1...a.count {
            current[0] = i
            for j in 1...b.count {
                let replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                var least = min(replace, last[j] + 1, current[j - 1] + 1)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, beforeLast[j - 2] + 1)
                }
                current[j] = least
            }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[b.count]
    }

    private static func folded(_ word: String) -> [UInt8] {
        word.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            default: byte
            }
        }
    }
}
