/// What is wrong with the text of a template.
package struct TemplateError: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// `${` without `}`.
        case unterminated
        /// The text between `${` and `}`, which is no variable.
        case unknownVariable(String)
        /// More than `Template.maxBytes` bytes.
        case tooLong
    }

    package let kind: Kind
    /// Bytes from the start of the text to the `${`.
    package let offset: Int

    package var message: String {
        switch kind {
        case .unterminated: "'${' has no '}'"
        case .unknownVariable(let name): "there is no variable '\(name)'"
        case .tooLong: "the text is longer than \(Template.maxBytes) bytes"
        }
    }

    /// What could stand there instead, for a "did you mean"; families are written as `header.NAME`.
    package var candidates: [String] {
        guard case .unknownVariable(let name) = kind else { return [] }
        // With the given name behind the family, a slip in the family ("headers.x") is near its right form.
        let given = name.split(separator: ".", maxSplits: 1).dropFirst().first.map(String.init)
        return TemplateVariable.names.map { candidate in
            guard let given, candidate.hasSuffix(".NAME") else { return candidate }
            return candidate.dropLast(4) + given
        }
    }
}
