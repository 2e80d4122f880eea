/// What a field holds, as far as a reader of the documentation or an editor needs to know.
package indirect enum FieldType: Sendable {
    /// `what` names the form in a word or two: "text", "host pattern", "regular expression".
    case text(_ what: String)
    case integer(ClosedRange<Int>)
    case boolean
    /// `250ms`, `5s`, `2m`, `1h`.
    case duration
    /// `64KiB`, `1MiB`, `512B` or plain bytes.
    case size
    /// `20%`
    case percent
    case choice([String])
    case list(FieldType)
    /// A mapping with keys of the author's choice; `keys` says of what kind.
    case map(keys: String, FieldType)
    case object(ObjectSchema)
    /// One of several forms, told apart by whether a text, a list or a mapping stands there.
    case anyOf([FieldType])
    /// A list whose items are filters.
    case filters

    /// The mappings with fixed fields that may stand there.
    var objects: [ObjectSchema] {
        switch self {
        case .object(let schema): [schema]
        case .anyOf(let types): types.flatMap(\.objects)
        default: []
        }
    }
}

/// One field of an object: its name and all that is said about it.
package struct FieldSchema: Sendable {
    package var name: String
    package var type: FieldType
    /// The default as one would write it, or what it means when the field is absent; nil where nothing is to say.
    package var defaultText: String?
    /// Whether `defaultText` is a value that one could write there.
    package var defaultIsValue = false
    /// One or two sentences.
    package var doc: String
    package var isRequired = false
    /// Values are never shown.
    package var isSecret = false
    /// Known, but a later version will do it: using it is an error of its own.
    package var isAvailable = true

    package init(name: String, type: FieldType, defaultText: String? = nil, doc: String) {
        self.name = name
        self.type = type
        self.defaultText = defaultText
        self.doc = doc
    }
}

/// The fields of one kind of mapping.
///
/// The one source for the vocabulary of the decoder, the JSON Schema and the reference page.
package struct ObjectSchema: Sendable {
    /// The name of the filter, or of the section on the reference page.
    package var name: String
    package var doc: String
    package var fields: [FieldSchema]
    /// Names of fields of which exactly one must be there.
    package var exactlyOne: [String]
    /// Names of fields of which at most one may be there.
    package var atMostOne: [String]

    package init(
        _ name: String,
        doc: String,
        fields: [any AnyField],
        exactlyOne: [String] = [],
        atMostOne: [String] = []
    ) {
        self.name = name
        self.doc = doc
        self.fields = fields.map(\.schema)
        self.exactlyOne = exactlyOne
        self.atMostOne = atMostOne
    }

    package subscript(field name: String) -> FieldSchema? {
        fields.first { $0.name == name }
    }
}
