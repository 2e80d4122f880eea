import SluiceCore

/// A text that a regular expression matches, for requests that stand for a route.
///
/// Reads the common part of RE2's syntax; what it makes is checked against the expression itself, so a construct that
/// it misreads costs the example and nothing more.
enum RegexSample {
    /// - Returns: a text that matches fully, nil where none was found.
    static func text(for pattern: String) -> String? {
        guard let expression = try? RegularExpression(pattern) else { return nil }
        for choice in 0..<4 {
            var generator = Generator(Array(pattern.utf8), isGenerous: choice < 2, takesLast: !choice.isMultiple(of: 2))
            let text = generator.alternatives()
            if text.withUnsafeBytes({ expression.matches($0) }) { return String(decoding: text, as: UTF8.self) }
        }
        return nil
    }
}

/// Walks over a pattern and writes the first thing that fits.
private struct Generator {
    private let pattern: [UInt8]
    /// Whether what is optional is there.
    private let isGenerous: Bool
    /// Which of several alternatives: the last, or the first.
    private let takesLast: Bool
    private var at = 0
    /// A bound for nested repetition.
    private var budget = 4096

    init(_ pattern: [UInt8], isGenerous: Bool, takesLast: Bool) {
        self.pattern = pattern
        self.isGenerous = isGenerous
        self.takesLast = takesLast
    }

    /// `a|b`: one of them.
    mutating func alternatives() -> [UInt8] {
        var text = sequence()
        while take("|") {
            let next = sequence()
            if takesLast { text = next }
        }
        return text
    }

    private mutating func sequence() -> [UInt8] {
        var text: [UInt8] = []
        while at < pattern.count, pattern[at] != UInt8(ascii: "|"), pattern[at] != UInt8(ascii: ")"), budget > 0 {
            let atom = atom()
            let count = repetitions()
            budget -= max(1, count)
            for _ in 0..<min(count, 64) { text += atom }
        }
        return text
    }

    private mutating func atom() -> [UInt8] {
        let byte = pattern[at]
        at += 1
        switch byte {
        case UInt8(ascii: "("): return group()
        case UInt8(ascii: "["): return oneOfClass()
        case UInt8(ascii: "\\"): return escape()
        case UInt8(ascii: "."): return Array("x".utf8)
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return []
        default: return [byte]
        }
    }

    /// `(...)`, `(?:...)`, `(?P<name>...)`, `(?i)`.
    private mutating func group() -> [UInt8] {
        if take("?") {
            while at < pattern.count, pattern[at] != UInt8(ascii: ":"), pattern[at] != UInt8(ascii: ">") {
                if take(")") { return [] }
                at += 1
            }
            at += 1
        }
        let text = alternatives()
        _ = take(")")
        return text
    }

    private mutating func escape() -> [UInt8] {
        guard at < pattern.count else { return [] }
        let byte = pattern[at]
        at += 1
        switch byte {
        case UInt8(ascii: "d"): return Array("1".utf8)
        case UInt8(ascii: "w"), UInt8(ascii: "S"), UInt8(ascii: "D"): return Array("x".utf8)
        case UInt8(ascii: "s"), UInt8(ascii: "W"): return Array(" ".utf8)
        case UInt8(ascii: "b"), UInt8(ascii: "A"), UInt8(ascii: "z"), UInt8(ascii: "B"): return []
        case UInt8(ascii: "x"): return hexadecimal()
        case UInt8(ascii: "Q"): return quoted()
        case UInt8(ascii: "p"), UInt8(ascii: "P"):
            if take("{") { while at < pattern.count, !take("}") { at += 1 } } else { at += 1 }
            return Array("x".utf8)
        default: return [byte]
        }
    }

    /// `\x41`, `\x{e9}`: the character as UTF-8.
    private mutating func hexadecimal() -> [UInt8] {
        var digits: [UInt8] = []
        if take("{") {
            while at < pattern.count, !take("}") {
                digits.append(pattern[at])
                at += 1
            }
        } else {
            digits = Array(pattern[at...].prefix(2))
            at += digits.count
        }
        let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        return value.flatMap(Unicode.Scalar.init).map { Array(String($0).utf8) } ?? []
    }

    /// `\Q...\E`: as it stands.
    private mutating func quoted() -> [UInt8] {
        var text: [UInt8] = []
        while at < pattern.count {
            if pattern[at...].starts(with: "\\E".utf8) {
                at += 2
                break
            }
            text.append(pattern[at])
            at += 1
        }
        return text
    }

    // MARK: Classes

    private static let candidates = Array("x1aA0-_.~/ %".utf8) + Array(0x21...0x7E)

    /// `[...]`: a byte that is in it.
    private mutating func oneOfClass() -> [UInt8] {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt8>] = []
        var isFirst = true
        while at < pattern.count, isFirst || pattern[at] != UInt8(ascii: "]") {
            isFirst = false
            ranges += classItem()
        }
        at += 1
        let found = Self.candidates.first { byte in ranges.contains { $0.contains(byte) } != isNegated }
        return found.map { [$0] } ?? []
    }

    private mutating func classItem() -> [ClosedRange<UInt8>] {
        var low = pattern[at]
        at += 1
        if low == UInt8(ascii: "["), take(":") { return named() }
        if low == UInt8(ascii: "\\"), at < pattern.count {
            low = pattern[at]
            at += 1
            switch low {
            case UInt8(ascii: "d"): return [0x30...0x39]
            case UInt8(ascii: "w"): return [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
            case UInt8(ascii: "s"): return [0x20...0x20]
            default: break
            }
        }
        guard at + 1 < pattern.count, pattern[at] == UInt8(ascii: "-"), pattern[at + 1] != UInt8(ascii: "]") else {
            return [low...low]
        }
        at += 1
        let high = pattern[at]
        at += 1
        return low <= high ? [low...high] : []
    }

    /// `[:alpha:]` and its like: letters are in nearly all of them.
    private mutating func named() -> [ClosedRange<UInt8>] {
        var name: [UInt8] = []
        while at < pattern.count, pattern[at] != UInt8(ascii: ":") {
            name.append(pattern[at])
            at += 1
        }
        at += 2
        switch String(decoding: name, as: UTF8.self) {
        case "digit": return [0x30...0x39]
        case "upper": return [0x41...0x5A]
        case "space", "blank": return [0x20...0x20]
        case "punct": return [0x2D...0x2D]
        default: return [0x61...0x66]
        }
    }

    // MARK: Repetition

    private mutating func repetitions() -> Int {
        var count = 1
        if take("*") || take("?") {
            count = isGenerous ? 1 : 0
        } else if take("+") {
            count = 1
        } else if at < pattern.count, pattern[at] == UInt8(ascii: "{"), let least = bounds() {
            count = max(least, isGenerous && least == 0 ? 1 : least)
        }
        _ = take("?")
        return count
    }

    /// `{n}`, `{n,}`, `{n,m}`: n; nil where the brace stands for itself.
    private mutating func bounds() -> Int? {
        guard let end = pattern[at...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let inside = pattern[(at + 1)..<end]
        guard let first = inside.first, ASCII.isDigit(first) else { return nil }
        at = end + 1
        return Int(String(decoding: inside.prefix { ASCII.isDigit($0) }, as: UTF8.self)) ?? 1
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < pattern.count, pattern[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }
}
