internal import NIOCore
internal import SluiceCore

/// `listeners:`: one listener.
enum ListenerFields {
    static let name = OptionalField(required: "name", .placed(.name), doc: "What routes, logs and metrics call it.")
    static let address = OptionalField(
        required: "address",
        .listenAddress,
        doc: "`host:port` with a literal address, `[::]:80`, `:8080` (all IPv4 addresses) or `unix:/path`. "
            + "Port 0 lets the system choose."
    )
    static let trustedProxies = OptionalField(
        "trusted_proxies",
        .list(of: .network),
        absent: "the top-level `trusted_proxies`",
        doc: "Peers whose `X-Forwarded-*` and `Forwarded` headers are believed."
    )
    static let limits = Field(
        "limits",
        .listenerLimits,
        default: ListenerLimits(),
        doc: "Bounds on what one client may send."
    )
    static let timeouts = Field(
        "timeouts",
        .listenerTimeouts,
        default: ListenerTimeouts(),
        doc: "How long one client is waited for."
    )
    static let path = Field(
        "path",
        .pathPolicy,
        default: PathPolicy(),
        doc: "What happens to a path before routes are matched."
    )
    static let underscores = Field(
        "underscores_in_headers",
        .choice(of: UnderscorePolicy.self),
        default: .refuse,
        doc: "What happens to a request with a header name that holds `_`, which many servers take for `-`."
    )
    static let allowConnect = Field(
        "allow_connect",
        .flag,
        default: false,
        doc: "Whether CONNECT reaches the routes."
    )
    static let allowTrace = Field("allow_trace", .flag, default: false, doc: "Whether TRACE reaches the routes.")
    static let protocols = Field(
        "protocols",
        .protocols,
        default: [.http1, .http2],
        doc: "With TLS the client chooses one (ALPN); in cleartext it may begin with either."
    )
    static let tls = OptionalField(
        "tls",
        .listenerTLS,
        absent: "cleartext",
        doc: "Certificates and client authentication."
    )
    static let httpsRedirect = OptionalField(
        "http_redirect",
        .httpsRedirect,
        absent: "none",
        doc: "`https`: every request is sent to the same address with `https`; no route is asked."
    )
    static let http2 = Field("http2", .http2, default: HTTP2Model(), doc: "HTTP/2 with the clients.")
    static let proxyProtocol = Field(
        "proxy_protocol",
        .choice(of: ProxyProtocolPolicy.self),
        default: .off,
        doc: "Whether connections of `trusted_proxies` may (`accept`) or must (`require`) begin with a PROXY protocol "
            + "header, version 1 or 2, that says who the client is."
    )

    static let schema = ObjectSchema(
        "listener",
        doc: "An address that clients connect to.",
        fields: [
            name, address, protocols, tls, httpsRedirect, http2, proxyProtocol, trustedProxies, limits, timeouts, path,
            underscores, allowConnect, allowTrace,
        ],
        atMostOne: ["tls", "http_redirect"]
    )

    static func decode(_ reader: ObjectReader) -> ListenerDraft? {
        let name = reader.read(name)
        let address = reader.read(address)
        var model = ListenerModel(
            name: name?.value ?? "",
            place: reader.context.place(name?.span ?? reader.node.span),
            address: address ?? .ip(host: "127.0.0.1", port: 0)
        )
        decodeProtocols(reader, &model)
        let proxies = reader.read(trustedProxies)
        model.trustedProxies = proxies ?? []
        model.limits = reader.read(limits)
        model.timeouts = reader.read(timeouts)
        model.path = reader.read(path)
        model.underscores = reader.read(underscores)
        model.allowConnect = reader.read(allowConnect)
        model.allowTrace = reader.read(allowTrace)
        // One without a valid address is there all the same, so that routes may name it.
        guard let name else { return nil }
        return ListenerDraft(
            model: model,
            nameSpan: name.span,
            ownProxies: reader.has(trustedProxies),
            proxyProtocolSpan: reader.span(of: proxyProtocol)
        )
    }

    private static func decodeProtocols(_ reader: ObjectReader, _ model: inout ListenerModel) {
        model.protocols = reader.read(protocols)
        model.tls = reader.read(tls)
        model.httpsRedirect = reader.read(httpsRedirect)
        model.http2 = reader.read(http2)
        model.proxyProtocol = reader.read(proxyProtocol)
        if reader.has(http2), !model.protocols.contains(.http2) {
            reader.report(
                .exclusive,
                at: reader.span(of: http2),
                "'http2' of \(reader.owner.description) has no effect, since 'protocols' leaves it out"
            )
        }
    }
}

extension ValueType where Value == ListenerDraft {
    static var listener: Self {
        .named("listener", ListenerFields.schema, decode: ListenerFields.decode)
    }
}

// MARK: - Limits

private enum LimitFields {
    private static let standard = ListenerLimits()

    static let head = Field(
        "head",
        .size(512...(64 * 1024)),
        default: standard.headBytes,
        doc: "The request line and all headers; else 431."
    )
    static let headerCount = Field(
        "header_count",
        .integer(1...1000),
        default: standard.headerCount,
        doc: "Headers; else 431."
    )
    static let uri = Field(
        "uri",
        .size(64...(64 * 1024)),
        default: standard.uriBytes,
        doc: "The request target; else 414."
    )
    static let body = OptionalField(
        "body",
        .size(),
        absent: "any size, streamed",
        doc: "The request body; else 413. A route's `body_limit` goes before it."
    )
    static let requests = OptionalField(
        "requests_per_connection",
        .integer(1...Int.max),
        absent: "unlimited",
        doc: "Requests after which a connection is closed."
    )
    static let connections = Field(
        "connections",
        .integer(1...10_000_000),
        default: standard.connections,
        doc: "Connections open at the same time."
    )

    static let schema = ObjectSchema(
        "limits",
        doc: "Bounds on what clients of a listener may send.",
        fields: [head, headerCount, uri, body, requests, connections]
    )
}

extension ValueType where Value == ListenerLimits {
    fileprivate static var listenerLimits: Self {
        .object(LimitFields.schema) { reader in
            var limits = ListenerLimits()
            limits.headBytes = reader.read(LimitFields.head)
            limits.headerCount = reader.read(LimitFields.headerCount)
            limits.uriBytes = reader.read(LimitFields.uri)
            limits.bodyBytes = reader.read(LimitFields.body).map { UInt64($0) }
            limits.requestsPerConnection = reader.read(LimitFields.requests)
            limits.connections = reader.read(LimitFields.connections)
            return limits
        }
    }
}

// MARK: - Timeouts

private enum TimeoutFields {
    private static let standard = ListenerTimeouts()

    static let requestHead = Field(
        "request_head",
        .duration,
        default: standard.requestHead,
        doc: "From a request's first byte to the end of its head; else 408."
    )
    static let keepAlive = Field(
        "keep_alive",
        .duration,
        default: standard.keepAlive,
        doc: "How long a connection may wait for its next request."
    )
    static let streamIdle = Field(
        "stream_idle",
        .duration,
        default: standard.streamIdle,
        doc: "How long a request may go on without a byte in either direction."
    )
    static let connectionAge = Field(
        "connection_age",
        .duration,
        default: standard.connectionAge,
        doc: "Age at which a connection is closed after its request, with up to 10 % jitter."
    )

    static let schema = ObjectSchema(
        "timeouts",
        doc: "Patience with the clients of a listener.",
        fields: [requestHead, keepAlive, streamIdle, connectionAge]
    )
}

extension ValueType where Value == ListenerTimeouts {
    fileprivate static var listenerTimeouts: Self {
        .object(TimeoutFields.schema) { reader in
            var timeouts = ListenerTimeouts()
            timeouts.requestHead = reader.read(TimeoutFields.requestHead)
            timeouts.keepAlive = reader.read(TimeoutFields.keepAlive)
            timeouts.streamIdle = reader.read(TimeoutFields.streamIdle)
            timeouts.connectionAge = reader.read(TimeoutFields.connectionAge)
            return timeouts
        }
    }
}

// MARK: - Path

private enum PathFields {
    static let normalize = Field(
        "normalize",
        .flag,
        default: true,
        doc: "Resolve `.` and `..`, decode escapes that need not be there."
    )
    static let mergeSlashes = Field("merge_slashes", .flag, default: true, doc: "Make `//` one slash.")
    static let encodedSlash = Field(
        "encoded_slash",
        .choice(of: EncodedSlashPolicy.self),
        default: .refuse,
        doc: "What `%2F` and `%5C` mean: 400, themselves, or a slash."
    )

    static let schema = ObjectSchema(
        "path",
        doc: "What happens to a path before routes are matched.",
        fields: [normalize, mergeSlashes, encodedSlash]
    )
}

extension ValueType where Value == PathPolicy {
    fileprivate static var pathPolicy: Self {
        .object(PathFields.schema) { reader in
            var policy = PathPolicy()
            policy.normalize = reader.read(PathFields.normalize)
            policy.mergeSlashes = reader.read(PathFields.mergeSlashes)
            policy.encodedSlash = reader.read(PathFields.encodedSlash)
            return policy
        }
    }
}
