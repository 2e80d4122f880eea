/// A path with variables: `/users/{id}/files/{rest...}`.
///
/// `{id}` takes exactly one segment, which is not empty. `{rest...}` stands last and takes all that follows its slash,
/// which may be nothing: `/files/{rest...}` matches `/files/`, `/files/a` and `/files/a/b`, but not `/files`. What a
/// variable takes is passed on as it stands in the path, escapes included. A variable is a whole segment: text before
/// or behind it is an error.
package struct PathTemplate: Hashable, Sendable {
    package enum Segment: Hashable, Sendable {
        /// The bytes of the segment as they stand in a request.
        case literal([UInt8])
        case variable(String)
        case rest(String)
    }

    /// As many as a match can tell.
    package static let maxVariables = 16

    /// What stands behind each `/`, in order.
    package let segments: [Segment]

    /// The names of the variables, in order.
    package var names: [String] {
        segments.compactMap { segment in
            switch segment {
            case .literal: nil
            case .variable(let name), .rest(let name): name
            }
        }
    }

    /// Parses a template.
    ///
    /// - Throws: the first thing that is wrong, and where.
    package init(_ text: String) throws(PathTemplateError) {
        if let problem = PathLiteral.problem(in: text) {
            let bad = text.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            let offset = text.utf8.first == UInt8(ascii: "/") ? bad : nil
            throw PathTemplateError(problem, at: offset.map { text.utf8.distance(from: text.startIndex, to: $0) } ?? 0)
        }
        let parts = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var segments: [Segment] = []
        var names: Set<String> = []
        for (index, part) in parts.enumerated() {
            let offset = text.utf8.distance(from: text.startIndex, to: part.startIndex)
            let segment = try Self.segment(Substring(part), at: offset)
            if case .rest(let name) = segment, index + 1 < parts.count {
                throw PathTemplateError("'{\(name)...}' takes the rest of the path, so it stands last", at: offset)
            }
            switch segment {
            case .literal: break
            case .variable(let name), .rest(let name):
                guard names.insert(name).inserted else {
                    throw PathTemplateError("there are two variables named '\(name)'", at: offset)
                }
            }
            segments.append(segment)
        }
        guard names.count <= Self.maxVariables else {
            throw PathTemplateError("a template has at most \(Self.maxVariables) variables", at: 0)
        }
        self.segments = segments
    }

    private static func segment(_ text: Substring, at offset: Int) throws(PathTemplateError) -> Segment {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) else {
            return .literal(PathLiteral.bytes(String(text)))
        }
        var name = text.dropFirst().dropLast()
        guard text.utf8.first == UInt8(ascii: "{"), text.utf8.last == UInt8(ascii: "}"), text.utf8.count > 1,
            !name.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") })
        else {
            throw PathTemplateError("a variable is a whole segment: '/{name}'", at: offset)
        }
        let takesRest = name.hasSuffix("...")
        if takesRest { name = name.dropLast(3) }
        guard isName(name) else {
            throw PathTemplateError("'\(name)' is no name: letters, digits, '_' and '-' make one", at: offset + 1)
        }
        return takesRest ? .rest(String(name)) : .variable(String(name))
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !ASCII.isDigit(first), first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { byte in
            ASCII.isDigit(byte) || (ASCII.lowercased(byte) >= 0x61 && ASCII.lowercased(byte) <= 0x7A)
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }
}

/// What is wrong with a path template.
package struct PathTemplateError: Error, Equatable, Sendable {
    package let message: String
    /// Bytes from the start of the text.
    package let offset: Int

    init(_ message: String, at offset: Int) {
        self.message = message
        self.offset = offset
    }
}
