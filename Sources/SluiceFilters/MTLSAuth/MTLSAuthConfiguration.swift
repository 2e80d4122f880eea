package import SluiceConfig
import SluiceCore

/// `mtls_auth`: callers are recognised by the certificate that they show in the TLS handshake.
package struct MTLSAuthConfiguration: RunnableFilterConfiguration {
    static let required = Field(
        "required",
        .flag,
        default: true,
        doc: "`false`: requests without a certificate pass without a consumer."
    )
    static let unknown = Field(
        "unknown",
        .choice(of: Unknown.self),
        default: .refuse,
        doc:
            "What happens to a certificate that is valid and no consumer's: `refuse` answers 403, `allow` lets it pass."
    )
    static let groups = Field(
        "groups",
        .list(of: .groupName),
        default: [],
        defaultText: "any",
        doc: "Groups of which the caller must be in one; else 403."
    )
    package static let schema = ObjectSchema(
        "mtls_auth",
        doc: "Recognises callers by the certificates that they show in the TLS handshake.",
        fields: [required, unknown, groups, CallerHeaders.consumerField, CallerHeaders.groupsField]
    )
    package static var role: FilterRole { .authentication }

    enum Unknown: String, CaseIterable, Sendable { case refuse, allow }

    var isRequired: Bool
    var unknown: Unknown
    var groups: [String]
    var callerHeaders: CallerHeaders

    package init(from reader: ObjectReader) {
        isRequired = reader.read(Self.required)
        unknown = reader.read(Self.unknown)
        groups = reader.read(Self.groups)
        callerHeaders = CallerHeaders(from: reader)
        guard !groups.isEmpty else { return }
        if !isRequired {
            let message = "requests without a certificate pass, so that 'groups' keeps nobody out"
            reader.invalid(Self.groups, message, help: "a route of its own can ask for the group")
        } else if case .allow = unknown {
            reader.invalid(Self.groups, "unknown certificates pass, so that 'groups' keeps nobody out")
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.clientCertificates = true
        return needs
    }

    package var effects: [String] {
        let whom = groups.isEmpty ? "a consumer" : "a consumer of \(groups.joined(separator: " or "))"
        let known = unknown == .refuse ? whom : "who shows a valid certificate"
        return ["request: \(isRequired ? "only" : "recognise") \(known), by the certificate of the TLS handshake"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { MTLSAuthFilter(self, resources) }
}
