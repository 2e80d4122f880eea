import SluiceCore

/// The path template of a binding, taken apart (google/api/http.proto, "Path template syntax").
///
///     Template = "/" Segments [ Verb ] ;
///     Segments = Segment { "/" Segment } ;
///     Segment  = "*" | "**" | LITERAL | Variable ;
///     Variable = "{" FieldPath [ "=" Segments ] "}" ;
///     Verb     = ":" LITERAL ;
///
/// Beyond the letter, literals may follow `**`, as in `/a/{x=b/**}/y`; and `/` alone is a template.
struct BindingTemplate: Equatable, Sendable {
    enum Segment: Equatable, Sendable {
        /// One segment that is this text, decoded.
        case literal([UInt8])
        /// Any one segment: `*`.
        case any
        /// Any number of segments, also none: `**`. At most one in a template.
        case rest
    }

    /// A field, and the segments that it takes.
    struct Variable: Equatable, Sendable {
        /// Names of fields, outermost first.
        let fields: [String]
        let segments: Range<Int>
    }

    /// As it was written.
    let text: String
    let segments: [Segment]
    let variables: [Variable]
    /// Without its colon; empty for none.
    let verb: [UInt8]
    /// The place of `**`, or nil.
    let rest: Int?

    /// - Throws: what is wrong with the text.
    init(_ text: String) throws(TemplateFault) {
        var parser = TemplateParser(text)
        try parser.run()
        self.text = text
        segments = parser.segments
        rest = parser.segments.firstIndex(of: .rest)
        variables = parser.variables
        verb = parser.verb
    }

    /// Whether a variable may take more or less than one segment: then `/` is part of its value.
    func isMulti(_ variable: Variable) -> Bool {
        variable.segments.count != 1 || segments[variable.segments.lowerBound] == .rest
    }
}

/// What is wrong with a path template.
struct TemplateFault: Error, Equatable {
    let reason: String
}

/// Reads a template from left to right.
private struct TemplateParser {
    private let text: [UInt8]
    private var at = 0
    private(set) var segments: [BindingTemplate.Segment] = []
    private(set) var variables: [BindingTemplate.Variable] = []
    private(set) var verb: [UInt8] = []

    init(_ text: String) { self.text = Array(text.utf8) }

    private var current: UInt8? { at < text.count ? text[at] : nil }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        at += 1
        return true
    }

    private func fault(_ reason: String) -> TemplateFault { TemplateFault(reason: "\(reason) at byte \(at)") }

    mutating func run() throws(TemplateFault) {
        guard take("/") else { throw TemplateFault(reason: "it does not begin with '/'") }
        if current == nil { return }
        try readSegments(isInVariable: false)
        if take(":") { verb = try literal() }
        guard current == nil else { throw fault("unexpected '\(Character(Unicode.Scalar(text[at])))'") }
        try check()
    }

    private mutating func readSegments(isInVariable: Bool) throws(TemplateFault) {
        repeat { try readSegment(isInVariable: isInVariable) } while take("/")
    }

    private mutating func readSegment(isInVariable: Bool) throws(TemplateFault) {
        if take("*") {
            segments.append(take("*") ? .rest : .any)
        } else if current == UInt8(ascii: "{") {
            guard !isInVariable else { throw fault("a variable inside a variable") }
            at += 1
            try readVariable()
        } else {
            segments.append(.literal(try literal()))
        }
        // A wildcard is a whole segment.
        if let next = current, next != UInt8(ascii: "/"), next != UInt8(ascii: ":"), next != UInt8(ascii: "}") {
            throw fault("unexpected '\(Character(Unicode.Scalar(next)))'")
        }
    }

    private mutating func readVariable() throws(TemplateFault) {
        var fields: [String] = []
        repeat { fields.append(try identifier()) } while take(".")
        let start = segments.count
        if take("=") {
            try readSegments(isInVariable: true)
        } else {
            segments.append(.any)
        }
        guard take("}") else { throw fault("a variable is not closed") }
        variables.append(BindingTemplate.Variable(fields: fields, segments: start..<segments.count))
    }

    private mutating func identifier() throws(TemplateFault) -> String {
        let start = at
        while let byte = current, byte == UInt8(ascii: "_") || ASCII.isDigit(byte) || Self.isLetter(byte) { at += 1 }
        guard at > start, !ASCII.isDigit(text[start]) else {
            throw TemplateFault(reason: "a field name is missing at byte \(start)")
        }
        return String(decoding: text[start..<at], as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let folded = ASCII.lowercased(byte)
        return folded >= UInt8(ascii: "a") && folded <= UInt8(ascii: "z")
    }

    /// A text up to the next character with a meaning, decoded.
    private mutating func literal() throws(TemplateFault) -> [UInt8] {
        let start = at
        let special = Array("/*{}:=?#".utf8)
        while let byte = current, !special.contains(byte) {
            guard ASCII.isTarget(byte) || byte >= 0x80 else { throw fault("a character that no path has") }
            at += 1
        }
        guard at > start else { throw fault("a segment is empty") }
        var decoded: [UInt8] = []
        guard text[start..<at].withUnsafeBytes({ PercentCoding.decode($0, into: &decoded) }) else {
            throw fault("'%' without two hexadecimal digits")
        }
        return decoded
    }

    private func check() throws(TemplateFault) {
        if let rest = segments.firstIndex(of: .rest) {
            for segment in segments[(rest + 1)...] {
                if case .literal = segment { continue }
                throw TemplateFault(reason: "behind '**' there may only be literals")
            }
        }
        var names: Set<String> = []
        for variable in variables where !names.insert(variable.fields.joined(separator: ".")).inserted {
            throw TemplateFault(reason: "the variable '\(variable.fields.joined(separator: "."))' is there twice")
        }
    }
}
