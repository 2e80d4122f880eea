internal import NIOCore
internal import SluiceCore

/// The top of a native file.
enum TopFields {
    static let version = OptionalField(
        "version",
        .placed(.integer()),
        absent: "an error, unless another file says it",
        doc: "The version of the format: `1`."
    )
    static let workers = OptionalField(
        "workers",
        .placed(.workers),
        absent: "`auto`",
        doc: "Event loops: a number, or `auto` for the processors that the process may use."
    )
    static let drainTimeout = OptionalField(
        "drain_timeout",
        .placed(.duration(atLeast: .zero)),
        absent: "`\(Units.showDuration(GatewayModel().drainTimeout))`",
        doc: "How long `SIGTERM` waits for requests under way."
    )
    static let trustedProxies = OptionalField(
        "trusted_proxies",
        .placed(.list(of: .network)),
        absent: "nobody, loopback neither",
        doc:
            "Peers whose `X-Forwarded-*` and `Forwarded` headers are believed, for listeners that do not say it themselves."
    )
    static let listeners = Field(
        "listeners",
        .list(of: .listener),
        default: [],
        doc: "Addresses that clients connect to."
    )
    static let upstreams = Field(
        "upstreams",
        .map(keys: .name, of: .upstream),
        default: [],
        doc: "Named groups of servers."
    )
    static let filters = Field(
        "filters",
        .filterList,
        default: [],
        doc: "Filters of every route, in this order, and of requests without a route."
    )
    static let routes = Field("routes", .list(of: .route), default: [], doc: "Which requests go where.")
    static let telemetry = OptionalField(
        "telemetry",
        .placed(.telemetry),
        absent: "no access log, no spans",
        doc: "What is told about requests."
    )
    static let admin = OptionalField(
        "admin",
        .placed(.admin),
        absent: "there is none",
        doc: "The admin API: health, metrics, what runs, reload, drain."
    )
    static let stores = UnavailableField("stores", doc: "Shared stores such as Redis.")
    static let consumers = Field(
        "consumers",
        .list(of: .consumer),
        default: [],
        doc: "Known callers and their credentials."
    )
    static let tls = UnavailableField("tls", doc: "Defaults of TLS.")

    static let schema = ObjectSchema(
        "configuration",
        doc: "The whole file.",
        fields: [
            version, workers, drainTimeout, trustedProxies, listeners, upstreams, filters, routes, telemetry, admin,
            stores, consumers, tls,
        ]
    )
}

extension ValueType where Value == Int? {
    /// `auto` (nil) or a number.
    fileprivate static var workers: Self {
        let number = ValueType<Int>.integer(1...1024)
        return ValueType(.anyOf([.choice(["auto"]), number.type])) {
            node,
            scope in
            if scope.text(of: node) == "auto" { return .some(nil) }
            guard let value = number.decode(node, scope) else { return nil }
            return .some(value)
        }
        .shown { $0.map { "\($0)" } ?? "auto" }
    }
}

// MARK: - Reading one file

extension NativeDraft {
    /// Adds what one file says; false when it is no configuration at all.
    mutating func add(_ root: ConfigNode, context: DecodeContext) -> Bool {
        guard root.entries != nil else {
            context.report(
                .wrongKind,
                at: root.span,
                "the file must be a mapping, not \(root.kindName)",
                help: "begin with 'version: 1'"
            )
            return false
        }
        let top = Owner(kind: "")
        let scope = Scope(context: context, owner: top, field: "")
        guard let reader = ObjectReader(root, schema: TopFields.schema, scope: scope, owner: top) else { return false }
        let given = reader.read(TopFields.version)
        if let given, given.value != 1 {
            context.report(
                .version,
                at: given.span,
                "version \(given.value) of the format is not known, only version 1"
            )
        }
        version = version ?? given
        Self.once(&workers, reader.read(TopFields.workers), "workers", context)
        Self.once(&drainTimeout, reader.read(TopFields.drainTimeout), "drain_timeout", context)
        Self.once(&telemetry, reader.read(TopFields.telemetry), "telemetry", context)
        Self.once(&admin, reader.read(TopFields.admin), "admin", context)
        Self.once(&trustedProxies, reader.read(TopFields.trustedProxies), "trusted_proxies", context)
        for listener in reader.read(TopFields.listeners)
        where isNew(listener.model.name, "listener", at: listener.nameSpan, \.listenerSpans, context) {
            listeners.append(listener)
        }
        for upstream in reader.read(TopFields.upstreams)
        where isNew(upstream.name, "upstream", at: upstream.span, \.upstreamSpans, context) {
            var model = upstream.value
            model.place = context.place(upstream.span)
            upstreams.append(model)
        }
        for consumer in reader.read(TopFields.consumers)
        where isNew(consumer.model.name, "consumer", at: consumer.nameSpan, \.consumerSpans, context) {
            consumers.append(consumer)
        }
        filters += reader.read(TopFields.filters)
        for route in reader.read(TopFields.routes) {
            // One whose name is taken says the rest as plainly as others, and is warned of all the same.
            if let span = route.nameSpan { _ = isNew(route.model.name, "route", at: span, \.routeSpans, context) }
            routes.append(route)
        }
        reader.finish()
        return true
    }

    private mutating func isNew(
        _ name: String,
        _ kind: String,
        at span: NodeSpan,
        _ spans: WritableKeyPath<NativeDraft, [String: NodeSpan]>,
        _ context: DecodeContext
    ) -> Bool {
        if let first = self[keyPath: spans][name] {
            context.report(
                .duplicateName,
                at: span,
                "there are two \(kind)s with the name '\(Printable.short(name))'",
                notes: [(text: "first here", span: first)]
            )
            return false
        }
        self[keyPath: spans][name] = span
        return true
    }

    private static func once<Value>(
        _ slot: inout Placed<Value>?,
        _ value: Placed<Value>?,
        _ name: String,
        _ context: DecodeContext
    ) {
        guard let value else { return }
        if let first = slot {
            context.report(
                .setTwice,
                at: value.span,
                "'\(name)' is set in two files",
                notes: [(text: "first here", span: first.span)]
            )
        }
        if slot == nil { slot = value }
    }
}
