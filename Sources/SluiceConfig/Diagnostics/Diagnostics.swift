/// All that is wrong with a configuration, found in one run.
///
/// Bounded: of one code only the first `perCode` are kept and the rest counted, so that 10,000 routes with the same
/// flaw make a short list. Holds the text of the files for the excerpts, so drop it when it has been shown.
package struct Diagnostics: Sendable {
    /// How many of one code are kept.
    package static let perCode = 20

    /// The files by their paths in the order given, for excerpts and for the order of the list.
    package var sources: [ConfigFile]
    package private(set) var errorCount = 0
    package private(set) var warningCount = 0
    package private(set) var infoCount = 0
    /// Where the files hold secrets in the clear, which no excerpt shows.
    package private(set) var secrets: [SourceSpan] = []
    private var kept: [Diagnostic] = []
    private var seen: [DiagnosticCode: Int] = [:]

    package init(sources: [ConfigFile] = []) { self.sources = sources }

    package var hasErrors: Bool { errorCount > 0 }
    package var isEmpty: Bool { errorCount == 0 && warningCount == 0 && infoCount == 0 }

    package mutating func add(_ diagnostic: Diagnostic) {
        count(diagnostic.severity, 1)
        let count = seen[diagnostic.code, default: 0] + 1
        seen[diagnostic.code] = count
        if count <= Self.perCode { kept.append(diagnostic.withoutCredentials) }
    }

    /// Excerpts will not show what stands there.
    package mutating func hide(_ span: SourceSpan) { secrets.append(span) }

    private mutating func count(_ severity: Diagnostic.Severity, _ number: Int) {
        switch severity {
        case .error: errorCount += number
        case .warning: warningCount += number
        case .info: infoCount += number
        }
    }

    /// Whether a further diagnostic of the code would only be counted, so that nobody needs to word it.
    package func isFull(_ code: DiagnosticCode) -> Bool { seen[code, default: 0] >= Self.perCode }

    package mutating func append(contentsOf other: Diagnostics) {
        for diagnostic in other.kept { add(diagnostic) }
        secrets += other.secrets
        for (code, count) in other.seen where count > Self.perCode {
            seen[code, default: 0] += count - Self.perCode
        }
        func uncounted(_ all: Int, _ severity: Diagnostic.Severity) {
            count(severity, all - other.kept.count { $0.severity == severity })
        }
        uncounted(other.errorCount, .error)
        uncounted(other.warningCount, .warning)
        uncounted(other.infoCount, .info)
        let known = Set(sources.map(\.path))
        sources += other.sources.filter { !known.contains($0.path) }
    }

    /// What was kept, in the order of the files and their lines.
    package var sorted: [Diagnostic] {
        var order: [String: Int] = [:]
        for (index, source) in sources.enumerated() where order[source.path] == nil { order[source.path] = index }
        func key(_ item: (offset: Int, element: Diagnostic)) -> (Int, Int, Int, Int) {
            let place = item.element.span.place
            return (order[place.file] ?? Int.max, place.line, place.column, item.offset)
        }
        return kept.enumerated().sorted { key($0) < key($1) }.map(\.element)
    }

    /// The codes of what was kept, each once, sorted.
    package var distinctCodes: [DiagnosticCode] { seen.keys.sorted { $0.rawValue < $1.rawValue } }

    /// How many of each code were counted but not kept, sorted by code.
    package var omitted: [(code: DiagnosticCode, count: Int)] {
        seen.filter { $0.value > Self.perCode }
            .map { (code: $0.key, count: $0.value - Self.perCode) }
            .sorted { $0.code.rawValue < $1.code.rawValue }
    }
}
