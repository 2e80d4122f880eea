/// What `ObjectSchema` needs to know of a field, whatever its value.
package protocol AnyField: Sendable {
    var schema: FieldSchema { get }
}

/// A field with a default.
///
///     static let header = Field("header", .headerName, default: "x-request-id", doc: "The header that carries it.")
package struct Field<Value: Sendable>: AnyField {
    package let schema: FieldSchema
    package let type: ValueType<Value>
    package let fallback: Value

    /// A field with the value that it has when it is not written; `defaultText` is how the documentation says that
    /// value where its type cannot say it well.
    package init(
        _ name: String,
        _ type: ValueType<Value>,
        default fallback: Value,
        defaultText: String? = nil,
        doc: String
    ) {
        var schema = FieldSchema(name: name, type: type.type, defaultText: defaultText ?? type.show(fallback), doc: doc)
        schema.defaultIsValue = defaultText == nil
        self.schema = schema
        self.type = type
        self.fallback = fallback
    }
}

/// A field without a default: one that may be left out, or one that must be there.
package struct OptionalField<Value: Sendable>: AnyField {
    package let schema: FieldSchema
    package let type: ValueType<Value>

    /// A field that may be left out; `absent` says for the documentation what that means.
    package init(_ name: String, _ type: ValueType<Value>, absent: String? = nil, secret: Bool = false, doc: String) {
        var schema = FieldSchema(name: name, type: type.type, defaultText: absent, doc: doc)
        schema.isSecret = secret
        self.schema = schema
        self.type = type
    }

    /// A field whose absence is an error.
    package init(required name: String, _ type: ValueType<Value>, secret: Bool = false, doc: String) {
        var schema = FieldSchema(name: name, type: type.type, doc: doc)
        schema.isRequired = true
        schema.isSecret = secret
        self.schema = schema
        self.type = type
    }
}

/// A field of the format that this version cannot do yet.
package struct UnavailableField: AnyField {
    package let schema: FieldSchema

    package init(_ name: String, doc: String) {
        var schema = FieldSchema(name: name, type: .text("mapping"), doc: doc)
        schema.isAvailable = false
        self.schema = schema
    }
}
