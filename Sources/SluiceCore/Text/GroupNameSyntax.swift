/// Turns `(?<name>` (PCRE, Java, .NET) into `(?P<name>`, the only form that this version of RE2 knows.
enum GroupNameSyntax {
    /// The pattern with each such opening changed; escapes, quotes `\Q...\E` and character classes are left alone.
    static func converted(_ pattern: [UInt8]) -> [UInt8] {
        var scanner = Scanner(pattern: pattern)
        scanner.run()
        return scanner.out
    }

    private struct Scanner {
        let pattern: [UInt8]
        var position = 0
        var out: [UInt8] = []

        mutating func run() {
            out.reserveCapacity(pattern.count + 8)
            while position < pattern.count {
                switch pattern[position] {
                case UInt8(ascii: "\\"): takeEscape()
                case UInt8(ascii: "["): takeClass()
                case UInt8(ascii: "(") where startsNamedGroup:
                    out.append(contentsOf: "(?P<".utf8)
                    position += 3
                default: take(1)
                }
            }
        }

        /// `(?<` but not `(?<=` or `(?<!`, which are look-behind and stay an error.
        private var startsNamedGroup: Bool {
            guard at(1) == UInt8(ascii: "?"), at(2) == UInt8(ascii: "<"), let next = at(3) else { return false }
            return next != UInt8(ascii: "=") && next != UInt8(ascii: "!")
        }

        private func at(_ distance: Int) -> UInt8? {
            position + distance < pattern.count ? pattern[position + distance] : nil
        }

        private mutating func take(_ count: Int) {
            let end = min(position + count, pattern.count)
            out.append(contentsOf: pattern[position..<end])
            position = end
        }

        private mutating func takeEscape() {
            guard at(1) == UInt8(ascii: "Q") else { return take(2) }
            take(2)
            while let byte = at(0) {
                if byte == UInt8(ascii: "\\"), at(1) == UInt8(ascii: "E") { return take(2) }
                take(1)
            }
        }

        /// `[...]`, in which a `]` that comes first and those of `[:alpha:]` do not close.
        private mutating func takeClass() {
            take(1)
            if at(0) == UInt8(ascii: "^") { take(1) }
            if at(0) == UInt8(ascii: "]") { take(1) }
            while let byte = at(0), byte != UInt8(ascii: "]") {
                if byte == UInt8(ascii: "\\") {
                    take(2)
                } else if byte == UInt8(ascii: "["), at(1) == UInt8(ascii: ":") {
                    takeNamedClass()
                } else {
                    take(1)
                }
            }
            take(1)
        }

        private mutating func takeNamedClass() {
            take(2)
            while let byte = at(0) {
                if byte == UInt8(ascii: ":"), at(1) == UInt8(ascii: "]") { return take(2) }
                take(1)
            }
        }
    }
}
