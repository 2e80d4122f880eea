/// Writes object schemas as JSON Schema, draft 2020-12, for editors.
struct JSONSchemaWriter {
    private var json = JSONWriter()
    private let filters: FilterCatalog

    /// The whole document for a file whose top is `root`.
    static func write(_ root: ObjectSchema, title: String, filters: FilterCatalog) -> String {
        var writer = JSONSchemaWriter(filters: filters)
        writer.document(root, title: title)
        return writer.json.text + "\n"
    }

    private init(filters: FilterCatalog) { self.filters = filters }

    private mutating func document(_ root: ObjectSchema, title: String) {
        let filters = filters
        json.object { json in
            json.field("$schema", "https://json-schema.org/draft/2020-12/schema")
            json.field("title", title)
            json.field("description", root.doc)
            Self.members(of: root, to: &json)
            json.object("$defs") { json in
                json.object("reference") { json in
                    json.field("description", "A value from the environment or a file: ${NAME}, ${file:path}.")
                    json.field("type", "string")
                    json.field("pattern", "\\$\\{")
                }
                json.object("filter") { Self.filter(filters, to: &$0) }
            }
        }
    }

    private static func members(of schema: ObjectSchema, to json: inout JSONWriter) {
        json.field("type", "object")
        json.object("properties") { json in
            for field in schema.fields where field.isAvailable {
                json.object(field.name) { json in
                    json.field("description", description(of: field))
                    write(field.type, to: &json)
                }
            }
        }
        json.field("additionalProperties", false)
        let required = schema.fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { json.strings("required", required) }
        if !schema.exactlyOne.isEmpty { groups(schema.exactlyOne, orNone: false, to: &json) }
        if !schema.atMostOne.isEmpty { groups(schema.atMostOne, orNone: true, to: &json) }
    }

    private static func description(of field: FieldSchema) -> String {
        guard let text = field.defaultText else { return field.doc }
        return "\(field.doc) Default: \(text)."
    }

    private static func groups(_ names: [String], orNone: Bool, to json: inout JSONWriter) {
        json.array("oneOf") { json in
            for name in names { json.object { $0.strings("required", [name]) } }
            guard orNone else { return }
            json.object { json in
                json.object("not") { json in
                    json.array("anyOf") { json in
                        for name in names { json.object { $0.strings("required", [name]) } }
                    }
                }
            }
        }
    }

    /// The members that describe a type; any scalar may be a reference instead.
    private static func write(_ type: FieldType, to json: inout JSONWriter) {
        switch type {
        case .text(let what):
            // Plain numbers and flags are texts too where a text is wanted.
            if what == "text" {
                json.strings("type", ["string", "number", "boolean"])
            } else {
                json.field("type", "string")
            }
        case .integer(let range):
            orReference(to: &json) { json in
                json.field("type", "integer")
                json.field("minimum", range.lowerBound)
                if range.upperBound < Int.max { json.field("maximum", range.upperBound) }
            }
        case .boolean: orReference(to: &json) { $0.field("type", "boolean") }
        case .duration: quantity("^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d))+)$", zeroOnly: true, to: &json)
        case .size: quantity("^[0-9]+(\\.[0-9]+)? ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$", zeroOnly: false, to: &json)
        case .percent:
            orReference(to: &json) { json in
                json.field("type", "string")
                json.field("pattern", "^[0-9]+(\\.[0-9]+)?%$")
            }
        case .choice(let names): orReference(to: &json) { $0.strings("enum", names) }
        case .list(let item):
            json.field("type", "array")
            json.object("items") { write(item, to: &$0) }
        case .map(_, let item):
            json.field("type", "object")
            json.object("additionalProperties") { write(item, to: &$0) }
        case .object(let schema): members(of: schema, to: &json)
        case .anyOf(let types):
            json.array("anyOf") { json in
                for type in types { json.object { write(type, to: &$0) } }
            }
        case .filters:
            json.field("type", "array")
            json.object("items") { $0.field("$ref", "#/$defs/filter") }
        }
    }

    private static func orReference(to json: inout JSONWriter, _ body: (inout JSONWriter) -> Void) {
        json.array("anyOf") { json in
            json.object(body)
            json.object { $0.field("$ref", "#/$defs/reference") }
        }
    }

    private static func quantity(_ pattern: String, zeroOnly: Bool, to json: inout JSONWriter) {
        json.array("anyOf") { json in
            json.object { json in
                json.field("type", "string")
                json.field("pattern", pattern)
            }
            json.object { json in
                json.field("type", "integer")
                json.field("minimum", 0)
                if zeroOnly { json.field("maximum", 0) }
            }
            json.object { $0.field("$ref", "#/$defs/reference") }
        }
    }

    /// A filter's bare name, or its name with its settings.
    private static func filter(_ filters: FilterCatalog, to json: inout JSONWriter) {
        json.field("description", "A filter: its name, or a mapping of its name to its settings.")
        guard !filters.types.isEmpty else { return json.strings("type", ["string", "object"]) }
        json.array("anyOf") { json in
            json.object { $0.strings("enum", filters.names) }
            for type in filters.types {
                json.object { json in
                    json.field("type", "object")
                    json.object("properties") { json in
                        json.object(type.schema.name) { json in
                            json.field("description", type.schema.doc)
                            members(of: type.schema, to: &json)
                        }
                    }
                    json.strings("required", [type.schema.name])
                    json.field("additionalProperties", false)
                }
            }
        }
    }
}
