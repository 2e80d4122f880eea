/// Writes diagnostics for programs: one JSON object with counts and a list.
package enum JSONRenderer {
    package static func render(_ diagnostics: Diagnostics) -> String {
        var json = JSONWriter()
        json.object { json in
            json.field("errors", diagnostics.errorCount)
            json.field("warnings", diagnostics.warningCount)
            json.field("infos", diagnostics.infoCount)
            json.field("omitted", diagnostics.omitted.reduce(0) { $0 + $1.count })
            json.array("diagnostics") { json in
                for diagnostic in diagnostics.sorted { json.object { write(diagnostic, to: &$0) } }
            }
        }
        return json.text + "\n"
    }

    /// The list alone.
    package static func list(_ diagnostics: Diagnostics) -> String {
        var json = JSONWriter()
        json.array { json in
            for diagnostic in diagnostics.sorted { json.object { write(diagnostic, to: &$0) } }
        }
        return json.text
    }

    private static func write(_ diagnostic: Diagnostic, to json: inout JSONWriter) {
        json.field("code", diagnostic.code.rawValue)
        json.field("severity", diagnostic.severity.rawValue)
        json.field("message", diagnostic.message)
        write(diagnostic.span, to: &json)
        json.field("docs", diagnostic.code.documentation)
        if let help = diagnostic.help { json.field("help", help) }
        guard !diagnostic.notes.isEmpty else { return }
        json.array("notes") { json in
            for note in diagnostic.notes {
                json.object { json in
                    json.field("message", note.text)
                    write(note.span, to: &json)
                }
            }
        }
    }

    private static func write(_ span: SourceSpan, to json: inout JSONWriter) {
        json.field("file", span.place.file)
        json.field("line", span.place.line)
        json.field("column", span.place.column)
        json.field("length", span.length)
    }
}
