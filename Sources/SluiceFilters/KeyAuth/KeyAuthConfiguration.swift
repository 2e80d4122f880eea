package import SluiceConfig
import SluiceCore

/// `key_auth`: callers are recognised by a key.
package struct KeyAuthConfiguration: RunnableFilterConfiguration {
    enum Place: String, CaseIterable, Sendable { case header, query, cookie }

    static let places = Field(
        "in",
        .places,
        default: [.header],
        defaultText: "`header`",
        doc: "Where the key is looked for: `header`, `query`, `cookie`, or a list of several, tried in order."
    )
    static let names = Field(
        "name",
        .credentialNames,
        default: ["x-api-key"],
        defaultText: "`x-api-key`",
        doc:
            "The name of the header, parameter or cookie, or a list of several. With `authorization`, the key follows the word `Bearer`."
    )
    static let groups = Field(
        "groups",
        .list(of: .groupName),
        default: [],
        defaultText: "any",
        doc: "Groups of which the caller must be in one; else 403."
    )
    static let required = Field(
        "required",
        .flag,
        default: true,
        doc: "`false`: requests without a key pass without a consumer. A wrong key never does."
    )
    static let forward = Field("forward", .flag, default: false, doc: "Passes the key on to the upstream.")
    package static let schema = ObjectSchema(
        "key_auth",
        doc: "Recognises callers by the keys of `consumers`, and refuses others.",
        fields: [places, names, groups, required, forward, CallerHeaders.consumerField, CallerHeaders.groupsField]
    )
    package static var role: FilterRole { .authentication }

    var places: [Place]
    /// In the case in which they are written: that of parameters and cookies counts.
    var names: [String]
    var groups: [String]
    var isRequired: Bool
    var forwards: Bool
    var callerHeaders: CallerHeaders

    package init(from reader: ObjectReader) {
        places = reader.read(Self.places)
        names = reader.read(Self.names)
        groups = reader.read(Self.groups)
        isRequired = reader.read(Self.required)
        forwards = reader.read(Self.forward)
        callerHeaders = CallerHeaders(from: reader)
        check(reader)
    }

    private func check(_ reader: ObjectReader) {
        if places.contains(.header) {
            for name in names {
                guard let problem = GatewayFields.problem(name, in: .request, replacing: true) else { continue }
                let text = problem.text.replacing("{}", with: "'\(name)'")
                reader.invalid(Self.names, "'name' of \(reader.owner.description) \(text)", help: problem.help)
            }
        }
        checkIdentity(reader)
        if !isRequired, !groups.isEmpty {
            let help = "a route of its own can ask for the group"
            let message = "requests without a key pass, so that 'groups' keeps nobody out"
            reader.invalid(Self.groups, message, help: help)
        }
    }

    /// The identity headers are removed before the key is looked for.
    private func checkIdentity(_ reader: ObjectReader) {
        let headers = (places.contains(.header) ? names : []) + (places.contains(.cookie) ? ["cookie"] : [])
        for (header, field) in [
            (callerHeaders.consumer, CallerHeaders.consumerField), (callerHeaders.groups, CallerHeaders.groupsField),
        ] {
            guard headers.contains(where: { IdentityHeaders.areSame($0, header) }) else { continue }
            let message = "the header '\(header)' cannot tell who the caller is: the key is looked for there"
            reader.has(field) ? reader.invalid(field, message) : reader.invalid(Self.names, message)
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.secretNames = Set(names.map { $0.lowercased() })
        return needs
    }

    package var effects: [String] {
        let sources = names.flatMap { name in places.map { "\($0.rawValue) \(name)" } }.joined(separator: " or ")
        let who = groups.isEmpty ? "a consumer" : "a consumer of \(groups.joined(separator: " or "))"
        return ["request: \(isRequired ? "only" : "recognise") \(who), by the key in \(sources)"]
            + (forwards ? [] : ["request: remove the key"])
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { KeyAuthFilter(self, resources) }
}

extension ValueType where Value == [KeyAuthConfiguration.Place] {
    fileprivate static var places: Self { .oneOrMore(ValueType<KeyAuthConfiguration.Place>.choice()) }
}

extension ValueType where Value == [String] {
    fileprivate static var credentialNames: Self {
        .oneOrMore(
            .scalar(.text("name")) { text in
                guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isToken) else {
                    return .failure(ValueProblem(.fieldSyntax, "is not the name of a header, parameter or cookie: {}"))
                }
                return .success(text)
            }
        )
    }
}

extension ValueType {
    /// One value, or a list of at least one.
    fileprivate static func oneOrMore<Item: Sendable>(_ one: ValueType<Item>) -> ValueType<[Item]> {
        ValueType<[Item]>(.anyOf([one.type, .list(one.type)])) { node, scope in
            if case .scalar = node.value, !node.isNull { return one.decode(node, scope).map { [$0] } }
            let items = ValueType<[Item]>.list(of: one, atLeast: 1).decode(node, scope)
            return items?.isEmpty == true ? nil : items
        }
    }
}
