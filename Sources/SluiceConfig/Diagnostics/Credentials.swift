/// Finds user and password in what looks like a URL: `https://alice:secret@example.com`, or without the scheme.
///
/// No URL of a configuration may hold them, but one that is refused for that is shown, too. So is one that they make
/// hardly a URL: `http://alice:p/w@example.com`. In doubt too much is found.
enum Credentials {
    /// The same text, `***` in their place.
    static func hidden(in text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        var scalars = Array(text.unicodeScalars)
        for range in ranges(in: scalars).reversed() { scalars.replaceSubrange(range, with: "***".unicodeScalars) }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }

    /// In their order.
    static func ranges(in text: [Unicode.Scalar]) -> [Range<Int>] {
        guard text.contains("@") else { return [] }
        var found: [Range<Int>] = []
        var start = 0
        while start < text.count {
            let end = (start..<text.count).first { isEnd(text, at: $0) } ?? text.count
            collect(text[start..<end], into: &found)
            start = end + 1
        }
        return found
    }

    /// Blanks, and quotes that close what they enclose. Others may be part of a password.
    private static func isEnd(_ text: [Unicode.Scalar], at index: Int) -> Bool {
        switch text[index] {
        case " ", "\t", "\n", "\r": return true
        case "'", "\"": return index + 1 == text.count || ",:;)]} \t\r\n".unicodeScalars.contains(text[index + 1])
        default: return false
        }
    }

    private static func collect(_ word: ArraySlice<Unicode.Scalar>, into found: inout [Range<Int>]) {
        guard word.contains("@") else { return }
        guard var rest = behindScheme(word) else {
            if let range = withoutScheme(word) { found.append(range) }
            return
        }
        while true {
            if let range = userinfo(rest) {
                found.append(range)
                rest = rest[range.upperBound...]
            }
            guard let next = behindScheme(rest) else { return }
            rest = next
        }
    }

    private static func behindScheme(_ word: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar>? {
        word.firstRange(of: "://".unicodeScalars).map { word[$0.upperBound...] }
    }

    /// - Parameter rest: what follows `://`.
    private static func userinfo(_ rest: ArraySlice<Unicode.Scalar>) -> Range<Int>? {
        let authority = rest.prefix { !"/?#".unicodeScalars.contains($0) }
        if let at = authority.lastIndex(of: "@") { return rest.startIndex..<at }
        // What stands where the port would be may be a password that holds a slash.
        let host = authority.lastIndex(of: "]").map { authority[$0...] } ?? authority
        guard let at = rest.lastIndex(of: "@"), let colon = host.lastIndex(of: ":") else { return nil }
        let isPort = host[(colon + 1)...].allSatisfy { ("0"..."9").contains($0) }
        return isPort ? nil : rest.startIndex..<at
    }

    /// `user:password@host`
    private static func withoutScheme(_ word: ArraySlice<Unicode.Scalar>) -> Range<Int>? {
        guard let colon = word.firstIndex(of: ":"), let at = word.lastIndex(of: "@"), at > colon + 1 else { return nil }
        let user = word[..<colon].drop { "'\"([{".unicodeScalars.contains($0) }
        let isName = user.allSatisfy {
            "._+~-".unicodeScalars.contains($0) || ($0.isASCII && $0.properties.isAlphabetic)
                || ("0"..."9").contains($0)
        }
        guard !user.isEmpty, isName else { return nil }
        return user.startIndex..<at
    }
}
