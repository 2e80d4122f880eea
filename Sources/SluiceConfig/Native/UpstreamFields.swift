internal import NIOCore
internal import SluiceCore

/// `upstreams:`: one upstream.
enum UpstreamFields {
    static let endpoints = OptionalField(
        "endpoints",
        .list(of: .endpoint, atLeast: 1),
        doc:
            "The servers: `host:port`, `unix:/path`, or `{address, weight}`. Names are resolved again when their TTL ends."
    )
    static let url = OptionalField(
        "url",
        .placed(.upstreamURL),
        doc: "`http://host:port` or `srv://_http._tcp.name`, which DNS turns into servers."
    )
    static let dns = Field("dns", .dns, default: DNSModel(), doc: "How names are resolved.")
    static let balancing = Field(
        "load_balancing",
        .balancing,
        default: .roundRobin,
        doc: "How a server is chosen: a policy's name, or a mapping with its settings."
    )
    static let panic = Field(
        "panic_threshold",
        .percent,
        default: 0.5,
        doc: "Below this share of healthy servers all are used; `0%` turns that off."
    )
    static let healthCheck = OptionalField(
        "health_check",
        .healthCheck,
        absent: "none",
        doc: "Asks every server whether it is well."
    )
    static let outlier = OptionalField(
        "outlier_detection",
        .outlier,
        absent: "none",
        doc: "Leaves out a server that fails real requests."
    )
    static let limits = Field(
        "limits",
        .upstreamLimits,
        default: UpstreamLimits(),
        doc: "Circuit breakers: totals of the process."
    )
    static let timeouts = Field(
        "timeouts",
        .upstreamTimeouts,
        default: UpstreamTimeouts(),
        doc: "Patience with the servers."
    )
    static let host = Field(
        "host",
        .hostPolicy,
        default: .upstream,
        doc: "The Host header that servers get: the server's own (`upstream`), the client's (`preserve`), or a name."
    )
    static let version = Field(
        "protocol",
        .upstreamProtocol,
        default: "http1",
        doc: "What is spoken with the servers. Only `http1` in this version."
    )
    static let tls = UnavailableField("tls", doc: "Encryption towards the servers.")

    static let schema = ObjectSchema(
        "upstream",
        doc: "A named group of interchangeable servers.",
        fields: [
            endpoints, url, dns, balancing, panic, healthCheck, outlier, limits, timeouts, host, version, tls,
        ],
        exactlyOne: ["endpoints", "url"]
    )

    static func decode(_ reader: ObjectReader, name: String) -> UpstreamModel {
        var model = UpstreamModel(name: name, place: reader.context.place(reader.node.span))
        model.endpoints = reader.read(endpoints) ?? []
        if let url = reader.read(url) {
            model.endpoints.append(EndpointModel(address: url.value, place: reader.context.place(url.span)))
        }
        model.dns = reader.read(dns)
        model.balancing = reader.read(balancing)
        model.panicThreshold = reader.read(panic)
        model.healthCheck = reader.read(healthCheck)
        model.outlier = reader.read(outlier)
        model.limits = reader.read(limits)
        model.timeouts = reader.read(timeouts)
        model.host = reader.read(host)
        _ = reader.read(version)
        return model
    }
}

extension ValueType where Value == UpstreamModel {
    /// Stands in a mapping, whose key is the name.
    static var upstream: Self {
        ValueType(.object(UpstreamFields.schema)) { node, scope in
            let owner = Owner(kind: "upstream", name: Printable.short(scope.field))
            guard let reader = ObjectReader(node, schema: UpstreamFields.schema, scope: scope, owner: owner) else {
                // There all the same, so that routes may name it.
                return UpstreamModel(name: scope.field, place: scope.context.place(node.span))
            }
            let model = UpstreamFields.decode(reader, name: scope.field)
            reader.finish()
            return model
        }
    }
}

// MARK: - Endpoints

private enum EndpointFields {
    static let address = OptionalField(required: "address", .endpointAddress, doc: "`host:port` or `unix:/path`.")
    static let weight = Field("weight", .weight, default: 1, doc: "Its share of the requests; 0: known but not used.")
    static let schema = ObjectSchema(
        "endpoint",
        doc: "One server, or a name that stands for several.",
        fields: [address, weight]
    )
}

extension ValueType where Value == EndpointModel {
    fileprivate static var endpoint: Self {
        .either(
            text: ValueType<EndpointAddress>.endpointAddress.placed(EndpointModel.init),
            other: ValueType(.object(EndpointFields.schema)) { node, scope in
                guard let reader = ObjectReader(node, schema: EndpointFields.schema, scope: scope) else { return nil }
                defer { reader.finish() }
                let weight = reader.read(EndpointFields.weight)
                guard let address = reader.read(EndpointFields.address) else { return nil }
                return EndpointModel(
                    address: address,
                    weight: weight,
                    place: scope.context.place(reader.span(of: EndpointFields.address))
                )
            }
        )
    }
}

extension ValueType where Value == EndpointAddress {
    fileprivate func placed(
        _ make: @escaping @Sendable (EndpointAddress, UInt32, SourcePlace) -> EndpointModel
    ) -> ValueType<EndpointModel> {
        ValueType<EndpointModel>(type) { node, scope in
            decode(node, scope).map { make($0, 1, scope.context.place(node.span)) }
        }
    }
}

extension ValueType where Value == UInt32 {
    /// A share among others: up to a million, so that sums never overflow.
    static var weight: Self {
        ValueType<Int>.integer(0...1_000_000).map { UInt32($0) }.shown { "\($0)" }
    }
}

// MARK: - DNS

private enum DNSFields {
    private static let standard = DNSModel()

    static let family = Field(
        "family",
        .choice(of: DNSModel.Family.self),
        default: .any,
        doc: "Which addresses are asked for: all, only IPv4, only IPv6."
    )
    static let minTTL = Field(
        "min_ttl",
        .duration(atLeast: .seconds(1)),
        default: standard.minTTL,
        doc: "A shorter TTL is raised to this."
    )
    static let maxTTL = Field(
        "max_ttl",
        .duration(atLeast: .seconds(1)),
        default: standard.maxTTL,
        doc: "A longer TTL is cut to this."
    )
    static let servers = Field(
        "servers",
        .list(of: .nameServer),
        default: [],
        defaultText: "those of the system",
        doc: "`address:port` of the name servers to ask."
    )
    static let schema = ObjectSchema("dns", doc: "How names are resolved.", fields: [family, minTTL, maxTTL, servers])
}

extension ValueType where Value == DNSModel {
    fileprivate static var dns: Self {
        .object(DNSFields.schema) { reader in
            var model = DNSModel()
            model.family = reader.read(DNSFields.family)
            model.minTTL = reader.read(DNSFields.minTTL)
            model.maxTTL = reader.read(DNSFields.maxTTL)
            model.servers = reader.read(DNSFields.servers)
            if model.minTTL > model.maxTTL { reader.invalid(DNSFields.minTTL, "'min_ttl' is longer than 'max_ttl'") }
            return model
        }
    }
}

extension ValueType where Value == String {
    /// `address:port`, the address literal; port 53 where it is left out.
    fileprivate static var nameServer: Self {
        scalar(.text("address")) { text in
            if let address = IPAddress(text) {
                return .success(address.isV4 ? "\(address.description):53" : "[\(address.description)]:53")
            }
            guard let (host, _) = AddressSyntax.split(text, ports: 1...65535), IPAddress(host) != nil else {
                return .failure(AddressSyntax.problem("a name server is given by its literal address: 127.0.0.1:53"))
            }
            return .success(text)
        }
    }

    /// Only HTTP/1.1 for now; the other words of the format are known.
    fileprivate static var upstreamProtocol: Self {
        scalar(.choice(["http1"])) { text in
            switch text {
            case "http1": .success(text)
            case "http2", "auto":
                .failure(ValueProblem(.notAvailable, "cannot be {}: that is not available in this version"))
            default: .failure(ValueProblem("cannot be {}", help: Spelling.choices(["http1"])))
            }
        }
    }
}

extension ValueType where Value == HostPolicy {
    static var hostPolicy: Self {
        ValueType(.anyOf([.choice(["upstream", "preserve"]), .text("host name")])) { node, scope in
            guard let name = ValueType<String>.hostName.decode(node, scope) else { return nil }
            switch name {
            case "upstream": return .upstream
            case "preserve": return .preserve
            default: return .name(name)
            }
        }
        .shown { policy in
            switch policy {
            case .upstream: "upstream"
            case .preserve: "preserve"
            case .name(let name): name
            }
        }
    }
}
