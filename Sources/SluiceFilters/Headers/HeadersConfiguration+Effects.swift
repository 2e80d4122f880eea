import SluiceConfig

extension HeadersConfiguration {
    /// One for each edit: `request: set x-a to 'b'`.
    package var effects: [String] {
        Self.effects(request, "request") + Self.effects(response, "response")
    }

    private static func effects(_ edits: HeaderEdits, _ side: String) -> [String] {
        func lines(_ verb: String, _ word: String, _ fields: [HeaderEdits.Field]) -> [String] {
            fields.map { field in
                let values = field.values.map { Discretion.shown($0, under: field.name) }.joined(separator: ", ")
                return "\(side): \(verb) \(field.name) \(word) \(values)"
            }
        }
        return edits.remove.map { "\(side): remove \($0)" } + lines("set", "to", edits.set)
            + lines("add", "if absent:", edits.add) + lines("append", "as", edits.append)
    }
}
