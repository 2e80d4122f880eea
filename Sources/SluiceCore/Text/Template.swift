package import NIOCore

/// Text with run-time variables: `/v2/${path.id}`, `${client.ip}`.
///
/// `$${` is a literal `${`; a `$` before anything else is itself. What is read at load (`${NAME}`, `${file:...}`) is
/// replaced before this parser sees the text, so that here it is an unknown variable.
///
/// Isolation: any. Allocates: only when parsed; `render` only while the output grows, or where a value has to be
/// cleaned.
package struct Template: Sendable {
    package static let maxBytes = 64 * 1024

    /// What the result is for, which decides what a variable's value must not bring in.
    package enum Use: Sendable {
        /// A header value: CR, LF, NUL and other controls become SP (RFC 9110, section 5.5).
        case fieldValue
        /// A path or a target: bytes that none holds are percent-encoded, in values that are not taken from the
        /// request's target `/`, `?` and `%` too, and a result with dot segments is refused.
        case path
        /// A body or a log line: nothing is changed.
        case text
    }

    private enum Part: Sendable {
        /// Bytes of `literals`.
        case literal(ByteRange)
        /// Index into `variables`, and whether the value is in path form already.
        case variable(Int, isPath: Bool)
    }

    private let literals: [UInt8]
    private let parts: [Part]
    /// In the order of the text; the same variable may be there more than once.
    package let variables: [TemplateVariable]
    /// Byte offsets of the variables in the text.
    package let offsets: [Int]

    /// Whether the text has no variables.
    package var isConstant: Bool { variables.isEmpty }

    /// The bytes of a constant template (`$${` resolved), nil for one with variables.
    package var constantBytes: [UInt8]? { isConstant ? literals : nil }

    /// Parses a template.
    package static func parse(_ text: String) -> Result<Template, TemplateError> {
        guard text.utf8.count <= maxBytes else { return .failure(TemplateError(kind: .tooLong, offset: 0)) }
        var parser = TemplateParser(Array(text.utf8))
        if let error = parser.run() { return .failure(error) }
        return .success(Template(parser))
    }

    private init(_ parser: TemplateParser) {
        literals = parser.literals
        variables = parser.variables.map(\.variable)
        offsets = parser.variables.map(\.offset)
        var parts: [Part] = []
        var start = 0
        for (index, variable) in parser.variables.enumerated() {
            if variable.literalsBefore > start {
                parts.append(.literal(ByteRange(start: start, count: variable.literalsBefore - start)))
            }
            start = variable.literalsBefore
            parts.append(.variable(index, isPath: variable.variable.isPath))
        }
        if literals.count > start { parts.append(.literal(ByteRange(start: start, count: literals.count - start))) }
        self.parts = parts
    }

    /// Appends the text with all values filled in.
    ///
    /// - Parameters:
    ///   - out: where the text is appended.
    ///   - use: what it is for.
    ///   - resolve: appends the value of the variable with that index in `variables`; a variable without a value
    ///     appends nothing.
    /// - Returns: false for a path that must not be used (it has dot segments); `out` is then as it was.
    package func render(
        into out: inout ByteBuffer,
        for use: Use,
        _ resolve: (Int, inout ByteBuffer) -> Void
    ) -> Bool {
        let start = out.writerIndex
        for part in parts {
            switch part {
            case .literal(let range):
                out.writeBytes(literals[Int(range.start)..<range.end])
            case .variable(let index, let isPath):
                let valueStart = out.writerIndex
                resolve(index, &out)
                switch use {
                case .fieldValue: out.cleanFieldValue(from: valueStart)
                case .path: out.cleanPath(from: valueStart, isPath: isPath)
                case .text: break
                }
            }
        }
        guard use == .path, !isConstant else { return true }
        let refused = out.withUnsafeReadableBytes { all in
            let path = all[(start - out.readerIndex)...].prefix { $0 != UInt8(ascii: "?") }
            return PathNormalizer.hasDotSegment(UnsafeRawBufferPointer(rebasing: path))
        }
        if refused { out.moveWriterIndex(to: start) }
        return !refused
    }
}

/// Splits a text into literal bytes and variables.
private struct TemplateParser {
    struct Variable {
        let variable: TemplateVariable
        let offset: Int
        /// Literal bytes before it in the whole text.
        let literalsBefore: Int
    }

    let text: [UInt8]
    var literals: [UInt8] = []
    var variables: [Variable] = []

    init(_ text: [UInt8]) {
        self.text = text
    }

    mutating func run() -> TemplateError? {
        var i = 0
        while i < text.count {
            guard text[i] == UInt8(ascii: "$") else {
                literals.append(text[i])
                i += 1
                continue
            }
            if text[i...].starts(with: "$${".utf8) {
                literals += "${".utf8
                i += 3
            } else if text[i...].starts(with: "${".utf8) {
                guard let end = text[i...].firstIndex(of: UInt8(ascii: "}")) else {
                    return TemplateError(kind: .unterminated, offset: i)
                }
                let name = String(decoding: text[(i + 2)..<end], as: UTF8.self)
                guard let variable = TemplateVariable(name) else {
                    return TemplateError(kind: .unknownVariable(name), offset: i)
                }
                variables.append(Variable(variable: variable, offset: i, literalsBefore: literals.count))
                i = end + 1
            } else {
                literals.append(text[i])
                i += 1
            }
        }
        return nil
    }
}
