import NIOCore
import SluiceConfig
import SluiceCore

/// The headers in which filters that recognise consumers tell upstreams who the caller is: `consumer_header` and
/// `groups_header`, for all of them alike.
struct CallerHeaders: Sendable {
    static let consumerField = Field(
        "consumer_header",
        .editableHeader(.request, replacing: true),
        default: "x-consumer-name",
        doc: "Tells the upstream the caller's name; what the client sent there is removed."
    )
    static let groupsField = Field(
        "groups_header",
        .editableHeader(.request, replacing: true),
        default: "x-consumer-groups",
        doc: "Tells the upstream the caller's groups, separated by commas; what the client sent there is removed."
    )

    let consumer: String
    let groups: String

    /// Reports it when both are one header: the groups would stand where upstreams look for the name.
    init(from reader: ObjectReader) {
        consumer = reader.read(Self.consumerField)
        groups = reader.read(Self.groupsField)
        guard IdentityHeaders.areSame(consumer, groups) else { return }
        let field = reader.has(Self.groupsField) ? Self.groupsField : Self.consumerField
        reader.invalid(field, "'consumer_header' and 'groups_header' are one header, '\(consumer)'")
    }
}

/// Writes `CallerHeaders`. Isolation: one loop. Allocates: never.
struct CallerHeadersWriter {
    private let identity: IdentityHeaders
    private let consumer, groups: FieldStem

    init(_ headers: CallerHeaders) {
        identity = IdentityHeaders([Array(headers.consumer.utf8), Array(headers.groups.utf8)])
        consumer = FieldStem(headers.consumer)
        groups = FieldStem(headers.groups)
    }

    /// Removes what the client sent: nobody but the gateway says who the caller is.
    func remove(from fields: inout HeaderTable) { identity.remove(from: &fields) }

    func write(_ caller: Consumer, to fields: inout HeaderTable) {
        fields.append(consumer, value: caller.name)
        if !caller.groups.isEmpty { fields.append(groups, value: caller.groupList) }
    }
}
