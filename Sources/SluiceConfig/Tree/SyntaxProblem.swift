internal import CYaml

/// What libyaml says about text that is not YAML, turned into a diagnostic.
struct SyntaxProblem {
    private let code: DiagnosticCode
    private let span: NodeSpan
    private let message: String
    private let note: (text: String, span: NodeSpan)?
    private let help: String?

    init(_ parser: yaml_parser_t, bytes: UnsafeBufferPointer<UInt8>, file: UInt32) {
        let problem = parser.problem.map { String(cString: $0) } ?? "not enough memory"
        if parser.error == YAML_READER_ERROR {
            let offset = min(parser.problem_offset, bytes.count)
            span = Self.span(byte: offset, in: bytes, file: file)
            let isControl = problem.contains("control characters")
            code = isControl ? .syntax : .unreadableFile
            message =
                isControl
                ? "the file holds a control character (U+\(Self.hex(parser.problem_value)))"
                : "the file is not UTF-8 text"
            note = nil
            help = nil
            return
        }
        code = .syntax
        let mark = parser.problem_mark
        span = Self.span(mark, file: file)
        let context = parser.context.map { String(cString: $0) }
        message = context.map { "\(problem), \($0)" } ?? problem
        let other = parser.context_mark
        let isElsewhere = context != nil && other.line != mark.line && parser.context_mark.line < mark.line
        note = isElsewhere ? (text: "which begins here", span: Self.span(other, file: file)) : nil
        help = Self.help(problem, at: mark, in: bytes)
    }

    func report(to context: DecodeContext) {
        context.report(code, at: span, message, notes: note.map { [$0] } ?? [], help: help)
    }

    /// Hints for the slips that real files hold.
    private static func help(_ problem: String, at mark: yaml_mark_t, in bytes: UnsafeBufferPointer<UInt8>) -> String? {
        if problem.hasPrefix("mapping values are not allowed") {
            return "quote a text that holds ': ', or mend the indentation"
        }
        let line = SourceLine.text(of: mark.line, in: bytes)
        let characters = Array(line.unicodeScalars)
        if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "YAML indents with spaces, not with tabs"
        }
        let at = characters.indices.contains(mark.column) ? characters[mark.column] : nil
        let before = mark.column > 0 && characters.indices.contains(mark.column - 1) ? characters[mark.column - 1] : nil
        if before == "*" || at == "*" { return "quote a text that starts with '*': \"*.example.com\"" }
        switch at {
        case "{", "}": return "inside {...}, quote a text that holds '{' or '}': \"/users/{id}\""
        case "@", "`", "%": return "quote a text that starts with '\(at.map(String.init) ?? "")'"
        default: return nil
        }
    }

    private static func span(_ mark: yaml_mark_t, file: UInt32) -> NodeSpan {
        NodeSpan(
            file: file,
            line: UInt32(clamping: mark.line + 1),
            column: UInt32(clamping: mark.column + 1),
            length: 1
        )
    }

    private static func span(byte offset: Int, in bytes: UnsafeBufferPointer<UInt8>, file: UInt32) -> NodeSpan {
        var line: UInt32 = 1
        var column: UInt32 = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return NodeSpan(file: file, line: line, column: column, length: 1)
    }

    private static func hex(_ value: Int32) -> String { String(max(0, value), radix: 16, uppercase: true) }
}

/// Finds a line of a file.
enum SourceLine {
    /// The text of a line by its 0-based number, without its end; empty where there is none.
    static func text(of number: Int, in bytes: UnsafeBufferPointer<UInt8>) -> String {
        var start = 0
        var line = 0
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\n") {
                if line == number { break }
                line += 1
                start = at + 1
            }
            at += 1
        }
        guard line == number, start <= at else { return "" }
        var text = bytes[start..<at]
        if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
        return String(decoding: text.prefix(4096), as: UTF8.self)
    }
}
