/// How one kind of value is written, checked and shown.
///
/// Values of this type are the words in which fields are declared: `.duration`, `.list(of: .headerName)`. A decoder
/// reports what is wrong through its scope and answers nil; it never throws, so that one run finds all problems.
package struct ValueType<Value: Sendable>: Sendable {
    package let type: FieldType
    package let decode: @Sendable (ConfigNode, Scope) -> Value?
    /// A value as the file would write it, for defaults in the documentation.
    package let show: @Sendable (Value) -> String

    /// A type whose values are shown as they are when they are texts, and not at all otherwise; see `shown`.
    package init(_ type: FieldType, decode: @escaping @Sendable (ConfigNode, Scope) -> Value?) {
        self.init(type, decode: decode, show: { $0 as? String ?? "" })
    }

    private init(
        _ type: FieldType,
        decode: @escaping @Sendable (ConfigNode, Scope) -> Value?,
        show: @escaping @Sendable (Value) -> String
    ) {
        self.type = type
        self.decode = decode
        self.show = show
    }

    /// The same with another way to show values.
    package func shown(by show: @escaping @Sendable (Value) -> String) -> ValueType {
        ValueType(type, decode: decode, show: show)
    }

    /// A type whose values are made from texts; `parse` gives the value, or what is wrong.
    package static func scalar(
        _ type: FieldType,
        parse: @escaping @Sendable (String) -> Result<Value, ValueProblem>
    ) -> ValueType {
        ValueType(type) { node, scope in
            guard let text = scope.text(of: node) else { return nil }
            switch parse(text) {
            case .success(let value): return value
            case .failure(let problem):
                scope.report(problem, in: node)
                return nil
            }
        }
    }

    /// The same text with its value turned into another one.
    package func map<Other: Sendable>(
        _ transform: @escaping @Sendable (Value) -> Other
    ) -> ValueType<Other> {
        ValueType<Other>(type) { node, scope in decode(node, scope).map(transform) }
    }

    /// The same with one more condition; `problem` says what is wrong, or nil.
    package func checked(_ problem: @escaping @Sendable (Value) -> ValueProblem?) -> ValueType {
        ValueType(type) { node, scope in
            guard let value = decode(node, scope) else { return nil }
            if let problem = problem(value) {
                scope.report(problem, in: node)
                return nil
            }
            return value
        }
        .shown(by: show)
    }
}

/// What is wrong with one value: a predicate such as "is not a duration" that follows "'timeout'".
package struct ValueProblem: Error {
    package var code: DiagnosticCode
    /// Goes behind the field's name: `is not a duration`. `{}` stands for the quoted value.
    package var text: String
    /// What exactly is wrong; may repeat parts of the value, so it is left out for secrets.
    package var detail: String?
    /// What to do; `{}` stands for the value.
    package var help: String?

    package init(_ code: DiagnosticCode, _ text: String, detail: String? = nil, help: String? = nil) {
        self.code = code
        self.text = text
        self.detail = detail
        self.help = help
    }

    /// A value that the field does not take, for no more special reason.
    package init(_ text: String, help: String? = nil) {
        self.init(.invalidValue, text, help: help)
    }
}
