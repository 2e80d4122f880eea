internal import NIOCore
internal import SluiceCore

/// `upstreams:`: one upstream.
enum UpstreamFields {
    static let endpoints = OptionalField(
        "endpoints",
        .list(of: .endpoint, atLeast: 1),
        doc:
            "The servers: `host:port`, `https://host:port` (with TLS), `unix:/path`, or `{address, weight}`. Names are resolved again when their TTL ends."
    )
    static let url = OptionalField(
        "url",
        .placed(.upstreamURL),
        doc:
            "`http://host:port`, `https://host:port` (with TLS) or `srv://_http._tcp.name`, which DNS turns into servers."
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
        .choice(of: UpstreamProtocol.self),
        default: .http1,
        doc: "What is spoken with the servers. `auto`: what they choose in the TLS handshake; `http1` in cleartext."
    )
    static let tls = OptionalField(
        "tls",
        .upstreamTLS,
        absent: "`true` for servers with `https`, else `false`",
        doc: "Encryption towards the servers: `true`, or a mapping. Certificates are verified."
    )
    static let http2 = Field("http2", .http2, default: HTTP2Model(), doc: "HTTP/2 with the servers.")
    static let proxyProtocol = OptionalField(
        "proxy_protocol",
        .choice(of: ProxyProtocolVersion.self),
        absent: "none",
        doc: "Connections begin with a PROXY protocol header that says who the client is; each client has its own then."
    )

    static let schema = ObjectSchema(
        "upstream",
        doc: "A named group of interchangeable servers.",
        fields: [
            endpoints, url, dns, balancing, panic, healthCheck, outlier, limits, timeouts, host, version, tls, http2,
            proxyProtocol,
        ],
        exactlyOne: ["endpoints", "url"]
    )

    static func decode(_ reader: ObjectReader, name: String) -> UpstreamModel {
        var model = UpstreamModel(name: name, place: reader.context.place(reader.node.span))
        var servers = reader.read(endpoints) ?? []
        if let url = reader.read(url) {
            let endpoint = EndpointModel(address: url.value.address, place: reader.context.place(url.span))
            servers.append(ServerDraft(model: endpoint, scheme: url.value.scheme, span: url.span))
        }
        model.endpoints = servers.map(\.model)
        model.dns = reader.read(dns)
        model.balancing = reader.read(balancing)
        model.panicThreshold = reader.read(panic)
        model.healthCheck = reader.read(healthCheck)
        model.outlier = reader.read(outlier)
        model.limits = reader.read(limits)
        model.timeouts = reader.read(timeouts)
        model.host = reader.read(host)
        model.version = reader.read(version)
        model.http2 = reader.read(http2)
        model.proxyProtocol = reader.read(proxyProtocol)
        model.tls = decodeTLS(reader, servers)
        if reader.has(http2), case .http1 = model.version {
            let message = "'http2' of \(reader.owner.description) has no effect with 'protocol: http1'"
            reader.report(.exclusive, at: reader.span(of: http2), message)
        }
        checkHealthCheck(model, reader)
        return model
    }

    /// gRPC needs HTTP/2, and so does its health check.
    private static func checkHealthCheck(_ model: UpstreamModel, _ reader: ObjectReader) {
        guard case .grpc? = model.healthCheck?.probe else { return }
        let protocolText: String
        switch model.version {
        case .http2: return
        case .auto where model.tls != nil: return
        case .auto: protocolText = "'protocol: auto' without TLS, which is HTTP/1.1"
        case .http1: protocolText = "'protocol: http1'"
        }
        reader.report(
            .exclusive,
            at: reader.span(of: healthCheck),
            "a health check with 'grpc: true' needs HTTP/2, and \(reader.owner.description) has \(protocolText)",
            help: "add 'protocol: http2'"
        )
    }

    /// What `tls` says, or else the servers' addresses; all of them must agree.
    private static func decodeTLS(_ reader: ObjectReader, _ servers: [ServerDraft]) -> UpstreamTLSModel? {
        let choice = reader.read(tls)
        let secure = servers.first { $0.scheme == .https }
        let isSecure = choice.map { $0.model != nil } ?? (secure != nil)
        if let other = servers.first(where: { $0.scheme == (isSecure ? .http : .https) }) {
            let (scheme, what) = isSecure ? ("http", "TLS") : ("https", "cleartext")
            let witness = choice == nil ? secure?.span : reader.span(of: tls)
            reader.report(
                .exclusive,
                at: other.span,
                "this server is written with '\(scheme)', but all of \(reader.owner.description) get \(what)",
                notes: witness.map { [(text: "\(what) is asked for here", span: $0)] } ?? []
            )
        }
        guard isSecure else { return nil }
        return choice?.model ?? UpstreamTLSModel(place: reader.context.place(secure?.span ?? reader.node.span))
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

/// A server, and whether its address says how it is spoken with.
struct ServerDraft: Sendable {
    enum Scheme: Sendable { case http, https }

    var model: EndpointModel
    /// nil: the address says nothing.
    var scheme: Scheme?
    var span: NodeSpan
}

private enum EndpointFields {
    static let address = OptionalField(
        required: "address",
        .placed(.endpointAddress),
        doc: "`host:port`, `https://host:port` or `unix:/path`."
    )
    static let weight = Field("weight", .weight, default: 1, doc: "Its share of the requests; 0: known but not used.")
    static let schema = ObjectSchema(
        "endpoint",
        doc: "One server, or a name that stands for several.",
        fields: [address, weight]
    )
}

extension ValueType where Value == ServerDraft {
    fileprivate static var endpoint: Self {
        .either(
            text: ValueType<Placed<WrittenAddress>>.placed(.endpointAddress).server(weight: 1),
            other: ValueType(.object(EndpointFields.schema)) { node, scope in
                guard let reader = ObjectReader(node, schema: EndpointFields.schema, scope: scope) else { return nil }
                defer { reader.finish() }
                let weight = reader.read(EndpointFields.weight)
                return reader.read(EndpointFields.address).map { ServerDraft($0, weight: weight, scope.context) }
            }
        )
    }
}

extension ServerDraft {
    fileprivate init(_ address: Placed<WrittenAddress>, weight: UInt32, _ context: DecodeContext) {
        model = EndpointModel(address: address.value.address, weight: weight, place: context.place(address.span))
        scheme = address.value.scheme
        span = address.span
    }
}

extension ValueType where Value == Placed<WrittenAddress> {
    fileprivate func server(weight: UInt32) -> ValueType<ServerDraft> {
        ValueType<ServerDraft>(type) { node, scope in
            decode(node, scope).map { ServerDraft($0, weight: weight, scope.context) }
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
