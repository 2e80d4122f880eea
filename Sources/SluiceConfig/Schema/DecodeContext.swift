/// What all decoders of one load share: the list of diagnostics and the ways to the outside.
///
/// Isolation: used by one thread from the start of a load to its end.
package final class DecodeContext {
    package var diagnostics: Diagnostics
    package let filters: FilterCatalog
    let substitution: Substitution
    private let paths: [String]

    package init(
        files: [ConfigFile],
        filters: FilterCatalog,
        environment: @escaping (String) -> String?,
        readFile: @escaping (String) throws -> [UInt8]
    ) {
        self.diagnostics = Diagnostics(sources: files)
        self.paths = files.map(\.path)
        self.filters = filters
        self.substitution = Substitution(environment: environment, readFile: readFile)
    }

    package func path(of file: UInt32) -> String {
        paths.indices.contains(Int(file)) ? paths[Int(file)] : SourcePlace.builtIn.file
    }

    package func place(_ span: NodeSpan) -> SourcePlace {
        SourcePlace(file: path(of: span.file), line: Int(span.line), column: Int(span.column))
    }

    package func span(_ span: NodeSpan) -> SourceSpan {
        SourceSpan(place: place(span), length: Int(span.length))
    }

    /// Adds a diagnostic; values that came from outside the files are masked in all its texts.
    package func report(
        _ code: DiagnosticCode,
        _ severity: Diagnostic.Severity = .error,
        at span: SourceSpan,
        _ message: String,
        notes: [Diagnostic.Note] = [],
        help: String? = nil
    ) {
        diagnostics.add(
            Diagnostic(
                code,
                severity,
                at: span,
                substitution.masked(message),
                notes: notes.map { Diagnostic.Note(text: substitution.masked($0.text), span: $0.span) },
                help: help.map(substitution.masked)
            )
        )
    }

    package func report(
        _ code: DiagnosticCode,
        _ severity: Diagnostic.Severity = .error,
        at span: NodeSpan,
        _ message: String,
        notes: [(text: String, span: NodeSpan)] = [],
        help: String? = nil
    ) {
        let notes = notes.map { Diagnostic.Note(text: $0.text, span: self.span($0.span)) }
        report(code, severity, at: self.span(span), message, notes: notes, help: help)
    }
}
