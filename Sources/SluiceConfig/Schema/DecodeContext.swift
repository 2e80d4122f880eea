/// What all decoders of one load share: the list of diagnostics and the ways to the outside.
///
/// Isolation: used by one thread from the start of a load to its end.
package final class DecodeContext {
    package var diagnostics: Diagnostics
    package let filters: FilterCatalog
    let substitution: Substitution
    private let paths: [String]
    private let readFile: (String) throws -> [UInt8]

    package init(
        files: [ConfigFile],
        filters: FilterCatalog,
        environment: @escaping (String) -> String?,
        readFile: @escaping (String) throws -> [UInt8]
    ) {
        self.diagnostics = Diagnostics(sources: files)
        self.paths = files.map(\.path)
        self.filters = filters
        self.readFile = readFile
        self.substitution = Substitution(environment: environment, readFile: readFile)
    }

    package func path(of file: UInt32) -> String {
        paths.indices.contains(Int(file)) ? paths[Int(file)] : SourcePlace.builtIn.file
    }

    /// The bytes of a file that a value names, relative to the folder of the file where it stands; nil where it cannot
    /// be read. A change of that file is noticed like one of the configuration.
    package func bytes(ofFile name: String, near span: NodeSpan) -> [UInt8]? {
        try? readFile(path(ofFile: name, near: span))
    }

    /// Where such a file is, for messages about what it holds.
    package func path(ofFile name: String, near span: NodeSpan) -> String {
        name.hasPrefix("/") ? name : Paths.folder(of: path(of: span.file)) + name
    }

    /// Bytes that such a file may have; a list of 100,000 networks has about 2 MiB.
    package static let largestFile = 16 * 1024 * 1024

    package func place(_ span: NodeSpan) -> SourcePlace {
        SourcePlace(file: path(of: span.file), line: Int(span.line), column: Int(span.column))
    }

    package func span(_ span: NodeSpan) -> SourceSpan {
        SourceSpan(place: place(span), length: Int(span.length))
    }

    /// No excerpt will show the texts below this node, but for references, which are no secrets.
    func hide(_ node: ConfigNode) {
        switch node.value {
        case .scalar(let text): if !Substitution.isReference(text) { diagnostics.hide(span(node.span)) }
        case .list(let items): for item in items { hide(item) }
        case .mapping(let entries): for entry in entries { hide(entry.value) }
        }
    }

    /// Adds a diagnostic.
    ///
    /// In all its texts, values that came from outside the files are masked and control characters made visible.
    package func report(
        _ code: DiagnosticCode,
        _ severity: Diagnostic.Severity = .error,
        at span: SourceSpan,
        _ message: String,
        notes: [Diagnostic.Note] = [],
        help: String? = nil
    ) {
        // One that is only counted needs no work on its texts: a file may hold 100,000 of them.
        if diagnostics.isFull(code) { return diagnostics.add(Diagnostic(code, severity, at: span, "")) }
        func safe(_ text: String) -> String { Printable.visible(substitution.masked(text)) }
        let notes = notes.map { Diagnostic.Note(text: safe($0.text), span: $0.span) }
        diagnostics.add(Diagnostic(code, severity, at: span, safe(message), notes: notes, help: help.map(safe)))
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
