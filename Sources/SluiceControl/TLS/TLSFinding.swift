import SluiceConfig
import SluiceTLS

/// Something about certificates, keys and lists that only reading them shows.
struct TLSFinding: Sendable {
    let code: DiagnosticCode
    let severity: Diagnostic.Severity
    let span: SourceSpan
    let message: String
    var notes: [Diagnostic.Note] = []
    var help: String?

    /// As the check of a configuration shows it.
    var diagnostic: Diagnostic {
        let notes = notes.map { Diagnostic.Note(text: Printable.visible($0.text), span: $0.span) }
        return Diagnostic(
            code,
            severity,
            at: span,
            Printable.visible(message),
            notes: notes,
            help: help.map(Printable.visible)
        )
    }

    /// One line for the operator's log.
    var line: String {
        Printable.visible("\(span.place.description): \(severity.rawValue)[\(code.rawValue)]: \(message)")
    }

    static func error(_ message: String, at span: SourceSpan, help: String? = nil) -> TLSFinding {
        TLSFinding(code: .certificate, severity: .error, span: span, message: message, help: help)
    }

    static func warning(
        _ code: DiagnosticCode,
        _ message: String,
        at span: SourceSpan,
        help: String? = nil
    ) -> TLSFinding {
        TLSFinding(code: code, severity: .warning, span: span, message: message, help: help)
    }
}

/// Why a context cannot be made; at least one error, and perhaps warnings.
struct TLSFindings: Error {
    var all: [TLSFinding]
}
