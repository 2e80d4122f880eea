/// Writes object schemas as tables for the reference page.
struct MarkdownWriter {
    private(set) var text = ""
    private let level: String

    /// `level` is that of the headings, such as `##`.
    init(level: String) { self.level = level }

    /// A section for the object and one for each object in it, in the order of the fields.
    ///
    /// `path` is how the file reaches it: `upstreams.NAME`.
    mutating func section(_ schema: ObjectSchema, path: String) {
        text += "\(level) \(path)\n\n\(schema.doc)\n\n"
        if !schema.exactlyOne.isEmpty { text += "Exactly one of \(Self.list(schema.exactlyOne)).\n\n" }
        if !schema.atMostOne.isEmpty { text += "At most one of \(Self.list(schema.atMostOne)).\n\n" }
        text += "| field | value | default | meaning |\n|---|---|---|---|\n"
        for field in schema.fields { row(field) }
        text += "\n"
        for field in schema.fields where field.isAvailable {
            for (suffix, inner) in Self.objects(in: field.type) {
                section(inner, path: "\(path).\(field.name)\(suffix)")
            }
        }
    }

    private mutating func row(_ field: FieldSchema) {
        let fallback = field.isRequired ? "**required**" : Self.fallback(field)
        let doc = field.isAvailable ? field.doc : "\(field.doc) *Not available in this version.*"
        let type = field.isAvailable ? Self.describe(field.type) : ""
        text += "| `\(field.name)` | \(Self.cell(type)) | \(Self.cell(fallback)) | \(Self.cell(doc)) |\n"
    }

    /// Values look like code, words like text.
    private static func fallback(_ field: FieldSchema) -> String {
        guard let text = field.defaultText, !text.isEmpty else { return "" }
        return field.defaultIsValue ? "`\(text)`" : text
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

    private static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

    static func describe(_ type: FieldType) -> String {
        switch type {
        case .text(let what): what
        case .integer(let range):
            range.upperBound == Int.max
                ? (range.lowerBound == 0 ? "number" : "number from \(range.lowerBound)")
                : "number \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "`true` or `false`"
        case .duration: "duration"
        case .size: "size"
        case .percent: "percentage"
        case .choice(let names): list(names)
        case .list(let item): "list of: \(describe(item))"
        case .map(let keys, let item): "mapping of \(keys) to: \(describe(item))"
        case .object(let schema): "mapping (\(schema.name))"
        case .anyOf(let types): types.map(describe).joined(separator: ", or ")
        case .filters: "list of [filters](filters.md)"
        }
    }

    /// The objects in a type, with what leads to them from the field.
    private static func objects(in type: FieldType) -> [(suffix: String, schema: ObjectSchema)] {
        switch type {
        case .object(let schema): [("", schema)]
        case .list(let item): objects(in: item).map { ("[]" + $0.suffix, $0.schema) }
        case .map(_, let item): objects(in: item).map { (".NAME" + $0.suffix, $0.schema) }
        case .anyOf(let types): types.flatMap(objects)
        default: []
        }
    }
}
