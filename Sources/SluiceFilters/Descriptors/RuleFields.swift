import SluiceConfig
import SluiceTranscoding

/// `rules`: what `google.api.http` annotations would say, written beside the descriptors: the `http.rules` of a gRPC API
/// configuration, field by field.
enum RuleFields {
    static let selector = OptionalField(
        required: "selector",
        .placed(.name),
        doc: "The method, by its full name: `library.v1.Library.GetBook`."
    )
    private static let additional = Field(
        "additional_bindings",
        .list(of: .binding),
        default: [],
        doc: "Further ways to call the same method."
    )
    static let schema = ObjectSchema(
        "rules",
        doc:
            "How a method is called by plain HTTP, in place of its annotation. One of the methods of HTTP must be there.",
        fields: [selector] + BindingFields.all + [additional],
        exactlyOne: BindingFields.methodNames
    )
    static let field = Field(
        "rules",
        .list(of: .rule),
        default: [],
        doc: """
            `google.api.http` rules for methods that have no annotation, or another one than is wanted here: a rule takes \
            the place of all that the method's annotation says.
            """
    )

    static func decode(_ reader: ObjectReader) -> ConfiguredRule? {
        let selector = reader.read(selector)
        let first = BindingFields.decode(reader)
        let others = reader.read(additional)
        guard let selector, let first else { return nil }
        return ConfiguredRule(selector: selector, bindings: [first] + others)
    }
}

extension RuleFields {
    /// Reports rules that cannot work, each where it stands.
    ///
    /// - Parameter pool: nil where the descriptors come later (reflection): then only what is wrong without them.
    /// - Returns: whether all are sound.
    static func check(
        _ rules: [ConfiguredRule],
        _ pool: DescriptorPool?,
        _ services: [String],
        _ reader: ObjectReader
    ) -> Bool {
        var isSound = true
        func report(_ span: NodeSpan, _ problem: String, help: String? = nil) {
            isSound = false
            reader.report(.invalidValue, at: span, problem, help: help)
        }
        for rule in doubles(in: rules) { report(rule.selector.span, "there are two rules for this method") }
        for rule in rules {
            guard let pool else {
                for binding in rule.bindings {
                    if let problem = Transcoder.problem(ofTemplate: binding.value.path) {
                        report(binding.span, problem)
                    }
                }
                continue
            }
            let name = rule.selector.value
            guard let place = pool.methods.firstIndex(where: { $0.fullName == name }) else {
                let names = pool.methods.map(\.fullName)
                report(
                    rule.selector.span,
                    "the descriptor set has no method '\(Printable.short(name))'",
                    help: Spelling.nearest(to: name, in: names).map { "did you mean '\($0)'?" }
                        ?? Spelling.choices(names)
                )
                continue
            }
            let service = pool.methods[place].service
            if !services.isEmpty, !services.contains(service) {
                report(
                    rule.selector.span,
                    "'services' leaves out '\(Printable.short(service))', so that the rule is for nothing"
                )
            }
            for binding in rule.bindings {
                for problem in Transcoder.problems(of: binding.value, method: place, in: pool) {
                    report(binding.span, problem)
                }
            }
        }
        return isSound
    }

    private static func doubles(in rules: [ConfiguredRule]) -> [ConfiguredRule] {
        var seen: Set<String> = []
        return rules.filter { !seen.insert($0.selector.value).inserted }
    }
}

/// One rule with the places of its parts.
struct ConfiguredRule: Sendable {
    let selector: Placed<String>
    /// The first is the rule's own; never empty.
    let bindings: [Placed<HTTPRule>]

    /// As one value; nil only without bindings.
    var rule: HTTPRule? {
        guard var rule = bindings.first?.value else { return nil }
        rule.selector = selector.value
        rule.additionalBindings = bindings.dropFirst().map(\.value)
        return rule
    }
}

/// One way to call a method.
private enum BindingFields {
    static let methods = ["get", "put", "post", "delete", "patch"].map {
        OptionalField($0, .placed(.name), doc: "The template of the path, for \($0.uppercased()).")
    }
    static let custom = OptionalField("custom", .customPattern, doc: "Any other method, and the template of its path.")
    static let body = Field(
        "body",
        .text,
        default: "",
        defaultText: "none",
        doc: "The field that the body of the request is for; `*` for all that the path does not set."
    )
    static let responseBody = Field(
        "response_body",
        .text,
        default: "",
        defaultText: "the whole message",
        doc: "The field that the body of the response shows."
    )
    static let all: [any AnyField] = methods + [custom, body, responseBody]
    static let methodNames = methods.map(\.schema.name) + [custom.schema.name]
    static let schema = ObjectSchema(
        "additional_bindings",
        doc: "One more way to call the method.",
        fields: all,
        exactlyOne: methodNames
    )

    static func decode(_ reader: ObjectReader) -> Placed<HTTPRule>? {
        var found: Placed<HTTPRule>?
        for method in methods {
            guard let path = reader.read(method) else { continue }
            found = Placed(value: HTTPRule(method: method.schema.name.uppercased(), path: path.value), span: path.span)
        }
        if let pattern = reader.read(custom) { found = pattern }
        found?.value.body = reader.read(body)
        found?.value.responseBody = reader.read(responseBody)
        return found
    }
}

/// `custom`, as `google.api.CustomHttpPattern`.
private enum PatternFields {
    static let kind = OptionalField(required: "kind", .method, doc: "The method, in capitals; `*` for any.")
    static let path = OptionalField(required: "path", .placed(.name), doc: "The template of the path.")
    static let schema = ObjectSchema(
        "custom",
        doc: "A method of HTTP that has no field of its own.",
        fields: [kind, path]
    )
}

extension ValueType where Value == ConfiguredRule {
    fileprivate static var rule: Self { .object(RuleFields.schema) { RuleFields.decode($0) } }
}

extension ValueType where Value == Placed<HTTPRule> {
    fileprivate static var binding: Self { .object(BindingFields.schema) { BindingFields.decode($0) } }

    fileprivate static var customPattern: Self {
        .object(PatternFields.schema) { reader in
            let kind = reader.read(PatternFields.kind)
            guard let kind, let path = reader.read(PatternFields.path) else { return nil }
            return Placed(value: HTTPRule(method: kind, path: path.value), span: path.span)
        }
    }
}
