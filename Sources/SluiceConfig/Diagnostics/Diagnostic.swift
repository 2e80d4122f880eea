/// Where a text stands: a place and how many characters of its line it takes.
package struct SourceSpan: Hashable, Sendable {
    package var place: SourcePlace
    /// In characters, at least 1.
    package var length: Int

    package init(place: SourcePlace, length: Int = 1) {
        self.place = place
        self.length = max(1, length)
    }
}

/// One thing wrong with the configuration, said to its author.
///
/// Messages are lower case, without a full stop, and quote what the file says in `'...'`. They never hold a secret:
/// a value that came from the environment or a referenced file is written `***`.
package struct Diagnostic: Sendable {
    package enum Severity: String, Sendable {
        /// The configuration does not run.
        case error
        /// It runs, and is likely to go wrong.
        case warning
        /// It runs well, but not quite as the file seems to say.
        case info
    }

    /// A second place that belongs to the matter.
    package struct Note: Sendable {
        package var text: String
        package var span: SourceSpan

        package init(text: String, span: SourceSpan) {
            self.text = text
            self.span = span
        }
    }

    package var code: DiagnosticCode
    package var severity: Severity
    package var span: SourceSpan
    package var message: String
    package var notes: [Note]
    /// What to do about it.
    package var help: String?

    package init(
        _ code: DiagnosticCode,
        _ severity: Severity = .error,
        at span: SourceSpan,
        _ message: String,
        notes: [Note] = [],
        help: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.span = span
        self.message = message
        self.notes = notes
        self.help = help
    }
    /// As it may be shown, whatever the value that it quotes is.
    var withoutCredentials: Diagnostic {
        var copy = self
        copy.message = Credentials.hidden(in: message)
        copy.help = help.map(Credentials.hidden)
        for index in notes.indices { copy.notes[index].text = Credentials.hidden(in: notes[index].text) }
        return copy
    }
}
