internal import SluiceCore

/// `match:`
enum MatchFields {
    static let hosts = Field(
        "hosts",
        .list(of: .hostPattern),
        default: [],
        doc: "`api.example.com` or `*.example.com`, which takes one or more labels; none: every host."
    )
    static let path = OptionalField("path", .path, doc: "The whole path.")
    static let prefix = OptionalField(
        "prefix",
        .pathPrefix,
        doc: "Whole segments: `/a` takes `/a` and `/a/b`, not `/ab`. A slash at the end does not count."
    )
    static let template = OptionalField(
        "template",
        .pathTemplate,
        doc: "`/users/{id}/files/{rest...}`: `{id}` takes one segment, `{rest...}` the rest."
    )
    static let regex = OptionalField("regex", .regex, doc: "RE2, matched against the whole path.")
    static let grpc = OptionalField(
        "grpc",
        .grpcMatch,
        doc: "Calls of gRPC, gRPC-Web included: `{service: orders.v1.Orders, method: Get}`; `{}` takes them all."
    )
    static let methods = Field(
        "methods",
        .list(of: .routeMethod),
        default: [],
        doc: "`GET` takes HEAD too; none: every method."
    )
    static let headers = Field(
        "headers",
        .map(keys: .headerName, of: .valueMatch),
        default: [],
        doc: "Headers by name: an exact text, or one of `prefix`, `suffix`, `contains`, `regex`, `present`."
    )
    static let query = Field(
        "query",
        .map(keys: .name, of: .valueMatch),
        default: [],
        doc: "Query parameters by name, in the same way."
    )
    static let sni = Field(
        "sni",
        .list(of: .hostPattern),
        default: [],
        doc: "The name that the client asked for in TLS."
    )
    static let source = Field(
        "source",
        .list(of: .network),
        default: [],
        defaultText: "[]",
        doc: "Networks of the client."
    )
    static let listeners = Field(
        "listeners",
        .list(of: .placed(.name)),
        default: [],
        doc: "Names of the listeners; none: all."
    )

    static let schema = ObjectSchema(
        "match",
        doc: "What a request must be like. All that is given must hold; nothing given takes every request.",
        fields: [hosts, path, prefix, template, regex, grpc, methods, headers, query, sni, source, listeners],
        atMostOne: ["path", "prefix", "template", "regex", "grpc"]
    )

    /// A match, and the listeners with their places.
    struct Result: Sendable {
        var model = MatchModel()
        var listeners: [Placed<String>] = []
    }

    static func decode(_ reader: ObjectReader) -> Result {
        var result = Result()
        result.model.hosts = reader.read(hosts)
        result.model.path = pathMatch(reader)
        result.model.methods = reader.read(methods)
        result.model.headers = reader.read(headers).map { FieldMatch(name: $0.name, value: $0.value) }
        if let call = reader.read(grpc) {
            result.model.path = call.path
            result.model.headers.append(GRPCMatch.contentType)
        }
        result.model.query = reader.read(query).map { FieldMatch(name: $0.name, value: $0.value) }
        result.model.sni = reader.read(sni)
        result.model.source = reader.read(source)
        result.listeners = reader.read(listeners)
        result.model.listeners = result.listeners.map(\.value)
        return result
    }

    private static func pathMatch(_ reader: ObjectReader) -> PathMatch {
        let exact = reader.read(path)
        let prefix = reader.read(prefix)
        let template = reader.read(template)
        let regex = reader.read(regex)
        return exact.map { .exact($0) } ?? prefix.map { .prefix($0) } ?? template.map { .template($0) }
            ?? regex.map { .regex($0) } ?? .any
    }
}

extension ValueType where Value == MatchFields.Result {
    static var match: Self { .object(MatchFields.schema) { MatchFields.decode($0) } }
}

extension ValueType where Value == String {
    /// A method; one in lower case that everybody writes in upper case is a slip.
    package static var routeMethod: Self {
        let usual: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]
        return method.checked { text in
            let upper = text.uppercased()
            if text == upper || !usual.contains(upper) { return nil }
            return ValueProblem("cannot be {}: methods are case-sensitive", help: "did you mean '\(upper)'?")
        }
    }
}

// MARK: - Conditions on values

private enum ValueMatchFields {
    static let prefix = OptionalField("prefix", .text, doc: "The value begins with this.")
    static let suffix = OptionalField("suffix", .text, doc: "The value ends with this.")
    static let contains = OptionalField("contains", .text, doc: "The value holds this.")
    static let regex = OptionalField("regex", .regex, doc: "RE2, matched against the whole value.")
    static let present = OptionalField("present", .flag, doc: "Whether it is there at all.")
    static let schema = ObjectSchema(
        "value match",
        doc: "A condition on one value.",
        fields: [prefix, suffix, contains, regex, present],
        exactlyOne: ["prefix", "suffix", "contains", "regex", "present"]
    )

    static func decode(_ reader: ObjectReader) -> ValueMatch? {
        let prefix = reader.read(prefix)
        let suffix = reader.read(suffix)
        let contains = reader.read(contains)
        let regex = reader.read(regex)
        let present = reader.read(present)
        return prefix.map { .prefix($0) } ?? suffix.map { .suffix($0) } ?? contains.map { .contains($0) }
            ?? regex.map { .regex($0) } ?? present.map { .present($0) }
    }
}

extension ValueType where Value == ValueMatch {
    fileprivate static var valueMatch: Self {
        .either(
            text: ValueType<String>.text.map { .exact($0) },
            other: .object(ValueMatchFields.schema, decode: ValueMatchFields.decode)
        )
    }
}
