/// Reads the fields of one mapping.
///
/// Every problem goes to the diagnostics; a read answers the default, or nil, and decoding goes on. Fields that the
/// schema does not know are reported when the reader is finished, which whoever made the reader does.
package struct ObjectReader {
    package let context: DecodeContext
    package var owner: Owner
    /// The whole mapping.
    package let node: ConfigNode
    private let schema: ObjectSchema
    private let entries: [ConfigEntry]

    /// Reads `node`, which must be a mapping (or nothing: an empty one); reports and answers nil otherwise.
    package init?(_ node: ConfigNode, schema: ObjectSchema, scope: Scope, owner: Owner? = nil) {
        switch node.value {
        case .mapping(let entries): self.entries = entries
        case .scalar where node.isNull: self.entries = []
        default:
            let subject = owner?.description ?? scope.subject
            scope.report(.wrongKind, at: node, "\(subject) must be a mapping, not \(node.kindName)")
            return nil
        }
        self.context = scope.context
        self.node = node
        self.schema = schema
        var inner = scope.owner
        inner.field = scope.field
        inner.isItem = scope.part == .item
        self.owner = owner ?? inner
    }

    // MARK: Fields

    package func read<Value>(_ field: Field<Value>) -> Value {
        guard let entry = entry(field.schema.name) else { return field.fallback }
        return field.type.decode(entry.value, scope(field.schema)) ?? field.fallback
    }

    /// nil where the field is not there or not valid; a required one that is missing is reported.
    package func read<Value>(_ field: OptionalField<Value>) -> Value? {
        guard let entry = entry(field.schema.name) else {
            if field.schema.isRequired {
                report(.missingField, at: node.span, "\(owner.description) needs '\(field.schema.name)'")
            }
            return nil
        }
        return field.type.decode(entry.value, scope(field.schema))
    }

    /// Whether the field is written there, with whatever value.
    package func has(_ field: some AnyField) -> Bool { entry(field.schema.name) != nil }

    /// Where the field's value stands; the object itself when it is absent.
    package func span(of field: some AnyField) -> NodeSpan { entry(field.schema.name)?.value.span ?? node.span }

    // MARK: Problems

    package func report(
        _ code: DiagnosticCode,
        _ severity: Diagnostic.Severity = .error,
        at span: NodeSpan,
        _ message: String,
        notes: [(text: String, span: NodeSpan)] = [],
        help: String? = nil
    ) {
        context.report(code, severity, at: span, message, notes: notes, help: help)
    }

    /// Reports a value that is well formed but does not fit with the rest.
    package func invalid(_ field: some AnyField, _ message: String, help: String? = nil) {
        report(.invalidValue, at: span(of: field), message, help: help)
    }

    /// Reports unknown fields, fields of later versions, and groups of which not exactly one is there.
    package func finish() {
        for entry in entries {
            guard let field = schema[field: entry.key] else {
                unknown(entry)
                continue
            }
            if !field.isAvailable {
                report(
                    .notAvailable,
                    at: entry.keySpan,
                    "'\(entry.key)' in \(owner.description) is not available in this version"
                )
            }
        }
        checkGroup(schema.exactlyOne, needed: true)
        checkGroup(schema.atMostOne, needed: false)
    }

    // MARK: Inside

    private func entry(_ name: String) -> ConfigEntry? {
        for entry in entries where entry.key == name { return entry }
        return nil
    }

    private func scope(_ field: FieldSchema) -> Scope {
        var scope = Scope(context: context, owner: owner, field: field.name)
        scope.isSecret = field.isSecret
        return scope
    }

    private func unknown(_ entry: ConfigEntry) {
        let names = schema.fields.filter(\.isAvailable).map(\.name)
        let nearest = FieldSpelling.nearest(to: entry.key, in: names)
        // A slip in the name of a field that holds secrets must not bring them to light.
        if let nearest, schema[field: nearest]?.isSecret == true { context.hide(entry.value) }
        let help = nearest.map { "did you mean '\($0)'?" } ?? inner(entry.key) ?? Spelling.choices(names)
        let message = "unknown field '\(Printable.short(entry.key))' in \(owner.description)"
        report(.unknownField, at: entry.keySpan, message, help: help)
    }

    /// A field that exists, but one level further in; one of that very name before one that is only like it.
    private func inner(_ name: String) -> String? {
        let parts = schema.fields.filter(\.isAvailable).flatMap { field in
            field.type.objects.map { (name: field.name, fields: $0.fields.filter(\.isAvailable).map(\.name)) }
        }
        for part in parts {
            guard let found = part.fields.first(where: { Spelling.isSame($0, name) }) else { continue }
            return "'\(found)' belongs into '\(part.name)'"
        }
        for part in parts {
            guard let found = FieldSpelling.nearest(to: name, in: part.fields) else { continue }
            return "did you mean '\(found)' in '\(part.name)'?"
        }
        return nil
    }

    private func checkGroup(_ names: [String], needed: Bool) {
        guard !names.isEmpty else { return }
        let given = entries.filter { names.contains($0.key) }
        if given.count > 1 {
            let list = given.map { "'\($0.key)'" }.joined(separator: " and ")
            report(
                .exclusive,
                at: given[1].keySpan,
                "\(owner.description) has \(list): only one of them can apply",
                notes: [(text: "the first one", span: given[0].keySpan)]
            )
        } else if needed, given.isEmpty {
            let list = names.map { "'\($0)'" }.joined(separator: ", ")
            report(.exclusive, at: node.span, "\(owner.description) needs one of \(list)")
        }
    }
}
