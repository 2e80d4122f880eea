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
    static let name = Field("name", .headerName, default: "x-api-key", doc: "The name of the header, parameter or cookie.")
    static let groups = Field(
        "groups",
        .list(of: .name),
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
    static let consumerHeader = Field(
        "consumer_header",
        .editableHeader(.request, replacing: true),
        default: "x-consumer-name",
        doc: "Tells the upstream the caller's name; what the client sent there is removed."
    )
    static let groupsHeader = Field(
        "groups_header",
        .editableHeader(.request, replacing: true),
        default: "x-consumer-groups",
        doc: "Tells the upstream the caller's groups, separated by commas; what the client sent there is removed."
    )
    package static let schema = ObjectSchema(
        "key_auth",
        doc: "Recognises callers by the keys of `consumers`, and refuses others.",
        fields: [places, name, groups, required, forward, consumerHeader, groupsHeader]
    )
    package static var role: FilterRole { .authentication }

    var places: [Place]
    var name: String
    var groups: [String]
    var isRequired: Bool
    var forwards: Bool
    var consumerHeader: String
    var groupsHeader: String

    package init(from reader: ObjectReader) {
        places = reader.read(Self.places)
        name = reader.read(Self.name)
        groups = reader.read(Self.groups)
        isRequired = reader.read(Self.required)
        forwards = reader.read(Self.forward)
        consumerHeader = reader.read(Self.consumerHeader)
        groupsHeader = reader.read(Self.groupsHeader)
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.secretNames = [name]
        return needs
    }

    package var effects: [String] {
        let where_ = places.map { "\($0.rawValue) \(name)" }.joined(separator: " or ")
        let who = groups.isEmpty ? "a consumer" : "a consumer of \(groups.joined(separator: " or "))"
        return ["request: \(isRequired ? "only" : "recognise") \(who), by the key in \(where_)"]
            + (forwards ? [] : ["request: remove the key"])
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { KeyAuthFilter(self, resources) }
}

extension ValueType where Value == [KeyAuthConfiguration.Place] {
    fileprivate static var places: Self {
        let one = ValueType<KeyAuthConfiguration.Place>.choice()
        return ValueType(.anyOf([one.type, .list(one.type)])) { node, scope in
            if case .scalar = node.value, !node.isNull { return one.decode(node, scope).map { [$0] } }
            guard let items = scope.items(of: node) else { return nil }
            let places = items.compactMap { one.decode($0, scope) }
            return places.isEmpty ? nil : places
        }
    }
}
