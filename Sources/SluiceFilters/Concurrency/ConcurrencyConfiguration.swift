import NIOCore
package import SluiceConfig

/// `concurrency`: so many requests at once for each route, caller, address, claim or header.
package struct ConcurrencyConfiguration: RunnableFilterConfiguration {
    /// What becomes of requests that lack a part of the key.
    enum Missing: String, CaseIterable, Sendable { case ip, refuse, skip }

    static let limit = OptionalField(
        required: "limit",
        .integer(1...1_000_000),
        doc: "Requests under way at once for one key; further ones are refused."
    )
    static let by = Field(
        "by",
        .requestKey,
        default: [.route],
        doc:
            "What has a limit of its own: `route`, `ip`, `consumer`, `client_certificate`, `jwt.CLAIM`, `header.NAME`, or a list of several, which together make the key."
    )
    static let missing = Field(
        "missing",
        .choice(of: Missing.self),
        default: .ip,
        doc:
            "What happens to requests without the consumer, certificate, claim or header of `by`: `ip` counts them by address instead, `refuse` answers 403, `skip` lets them pass."
    )
    static let retryAfter = Field(
        "retry_after",
        .wholeSeconds,
        default: .seconds(1),
        doc: "What refused clients are told in `Retry-After`."
    )
    static let status = Field("status", .status(400...599), default: 503, doc: "The status of a refusal.")
    static let keys = Field(
        "max_keys",
        .integer(8...10_000_000),
        default: 131_072,
        doc: "How many keys have a count of their own at a time; beyond it, new ones share."
    )
    static let ipv6 = Field(
        "ipv6_prefix",
        .integer(1...128),
        default: 64,
        doc: "How much of an IPv6 address is one client."
    )
    package static let schema = ObjectSchema(
        "concurrency",
        doc: """
            Refuses requests while too many others of the same key are under way. The count is one for the whole process \
            and ends with each request, however that ends.
            """,
        fields: [limit, by, missing, retryAfter, status, keys, ipv6]
    )
    package static let mayRepeat = true

    var limit: Int
    var parts: [RequestKeyPart]
    var missing: Missing
    var retryAfter: TimeAmount
    var status: Int
    var maxKeys: Int
    var ipv6Prefix: Int

    package init(from reader: ObjectReader) {
        limit = reader.read(Self.limit) ?? 1
        parts = reader.read(Self.by)
        missing = reader.read(Self.missing)
        retryAfter = reader.read(Self.retryAfter)
        status = reader.read(Self.status)
        maxKeys = reader.read(Self.keys)
        ipv6Prefix = reader.read(Self.ipv6)
        if reader.has(Self.missing), !parts.contains(where: \.mayBeMissing) {
            reader.invalid(
                Self.missing,
                "'missing' has no effect: every request has \(parts.count == 1 ? "that" : "those")",
                help: "it is for 'by: consumer', 'client_certificate', 'jwt.CLAIM' and 'header.NAME'"
            )
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        for part in parts {
            switch part {
            case .consumer: needs.identities.insert(.consumer)
            case .claim: needs.identities.insert(.claims)
            case .certificate: needs.clientCertificates = true
            case .route, .ip, .header: break
            }
        }
        return needs
    }

    package var effects: [String] {
        let key = parts.map(\.text).joined(separator: " and ")
        return ["request: refuse with \(status) while \(limit) others of the same \(key) are under way"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { ConcurrencyFilter(self, resources) }
}

extension RequestKeyPart {
    fileprivate var mayBeMissing: Bool {
        switch self {
        case .route, .ip: false
        case .consumer, .certificate, .claim, .header: true
        }
    }
}

extension ValueType where Value == TimeAmount {
    /// At least one second, and no parts of one, as header fields that tell seconds need it.
    fileprivate static var wholeSeconds: Self {
        duration(atLeast: .seconds(1)).checked { amount in
            amount.nanoseconds % 1_000_000_000 == 0 ? nil : ValueProblem("must be whole seconds, not {}")
        }
    }
}
