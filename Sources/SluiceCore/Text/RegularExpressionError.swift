/// Why a pattern does not compile, in words for the person who wrote it.
package struct RegularExpressionError: Error, Equatable, Sendable {
    package let message: String
    /// What to do instead, where that is known.
    package let help: String?

    package init(message: String, help: String?) {
        self.message = message
        self.help = help
    }

    init(re2 error: [CChar]) {
        let text = String(nulTerminated: error)
        self.init(message: text, help: Self.help(for: text))
    }

    /// RE2 says what it does not know, but not that it never will.
    private static func help(for text: String) -> String? {
        let lookAround = ["(?=", "(?!", "(?<"]
        if lookAround.contains(where: { text.hasSuffix(": " + $0) }) {
            return "look-around is not supported, since it cannot be matched in linear time"
        }
        if text.hasPrefix("invalid escape sequence: \\"), let last = text.utf8.last, ASCII.isDigit(last) {
            return "back references are not supported, since they cannot be matched in linear time"
        }
        if text.hasPrefix("invalid repetition size") {
            return "a repetition counts to 1000 at most, nested ones multiplied"
        }
        if text.hasPrefix("pattern too large") {
            return "use shorter repetitions, or several routes"
        }
        return nil
    }
}

extension String {
    /// The text before the first NUL.
    init(nulTerminated characters: [CChar]) {
        self.init(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
