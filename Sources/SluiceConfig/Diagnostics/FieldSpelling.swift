/// Finds the field that somebody may have meant, who perhaps calls it what another product does.
enum FieldSpelling {
    /// The field nearest to `word`: one that is misspelled, or one whose words all stand in it, slips forgiven:
    /// `max_conections` for `connections`, `request_timeout_ms` for `timeout`.
    ///
    /// Of several, the one that covers most words of `word`, then the one whose words come first in it.
    static func nearest(to word: String, in names: [String]) -> String? {
        Spelling.nearest(to: word, in: names.filter { !isOpposite(word, $0) }) ?? contained(in: word, names)
    }

    /// The most specific of the names whose words all stand in `word`.
    private static func contained(in word: String, _ names: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let given = words(word)
        var best: (words: Int, position: Int, name: String)?
        for name in names {
            let wanted = words(name)
            // A word of two letters is in too many others.
            guard wanted.count < given.count, name.utf8.count > 2 else { continue }
            let places = wanted.map { part in given.firstIndex { isNear($0, part) } }
            guard let position = places.first ?? nil, places.allSatisfy({ $0 != nil }) else { continue }
            if let best, (-best.words, best.position) <= (-wanted.count, position) { continue }
            best = (wanted.count, position, name)
        }
        return best?.name
    }

    private static func words(_ name: String) -> [Substring] { name.lowercased().split { "_-. ".contains($0) } }

    /// One slip in a short word, two in a long one; a plural counts as none.
    private static func isNear(_ given: Substring, _ wanted: Substring) -> Bool {
        if given == wanted || given + "s" == wanted || given == wanted + "s" { return true }
        let length = min(given.utf8.count, wanted.utf8.count)
        guard length >= 5, abs(given.utf8.count - wanted.utf8.count) <= 2 else { return false }
        return Spelling.distance(Array(given.utf8), Array(wanted.utf8)) <= (length >= 8 ? 2 : 1)
    }

    /// `max_x` and `min_x` differ in two letters and in everything else.
    private static func isOpposite(_ a: String, _ b: String) -> Bool {
        let (a, b) = (words(a), words(b))
        return a.contains("max") && b.contains("min") || a.contains("min") && b.contains("max")
    }
}
