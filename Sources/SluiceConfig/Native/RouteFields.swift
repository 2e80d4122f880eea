internal import NIOCore
internal import SluiceCore

/// `routes:`: one route.
enum RouteFields {
    static let name = OptionalField(
        "name",
        .placed(.name),
        absent: "made from the match",
        doc: "What logs, metrics and messages call it."
    )
    static let match = OptionalField("match", .match, absent: "every request", doc: "Which requests it takes.")

    static let upstream = OptionalField("upstream", .placed(.name), doc: "The upstream that gets the requests.")
    static let split = OptionalField(
        "split",
        .list(of: .splitTarget, atLeast: 1),
        doc: "Several upstreams, each with a weight: `[{upstream: a, weight: 95}, {upstream: b, weight: 5}]`."
    )
    static let redirect = OptionalField(
        "redirect",
        .redirect,
        doc: "Sends the client elsewhere: a path or URL, or a mapping."
    )
    static let respond = OptionalField("respond", .respond, doc: "Answers without any upstream.")

    static let rewrite = OptionalField(
        "rewrite",
        .placed(.rewrite),
        absent: "none",
        doc: "Changes the path that the upstream sees."
    )
    static let host = OptionalField(
        "host",
        .hostPolicy,
        absent: "that of the upstream",
        doc: "The Host header: `upstream`, `preserve` or a name."
    )
    static let timeout = OptionalField(
        "timeout",
        .duration(atLeast: .zero),
        absent: "none, with a warning",
        doc: "From the end of the request to the end of the response, all tries together; `0`: none, said on purpose."
    )
    static let timeouts = OptionalField(
        "timeouts",
        .routeTimeouts,
        absent: "those of upstream and listener",
        doc: "Further patience."
    )
    static let retry = OptionalField("retry", .retry, absent: "none", doc: "When and how a request is tried again.")
    static let mirror = OptionalField(
        "mirror",
        .mirror,
        absent: "none",
        doc: "Sends a copy to another upstream, whose answer is thrown away."
    )
    static let hash = Field(
        "hash",
        .list(of: .hashKey),
        default: [],
        defaultText: "that of the upstream",
        doc: "What a sticky choice is computed from."
    )
    static let bodyLimit = OptionalField(
        "body_limit",
        .size(),
        absent: "that of the listener",
        doc: "The request body; else 413."
    )
    static let upgrades = Field(
        "upgrades",
        .list(of: .upgradeToken),
        default: ["websocket"],
        doc: "Protocols that a client may upgrade to."
    )
    static let accessLog = OptionalField(
        "access_log",
        .logShare,
        absent: "what `telemetry` says",
        doc: "Whether the access log has these requests: `true`, `false`, or a share such as `1%`."
    )
    static let filters = Field("filters", .filterList, default: [], doc: "Filters behind those of every route.")

    static let schema = ObjectSchema(
        "route",
        doc: "Which requests it takes, and what happens to them. The most specific route wins.",
        fields: [
            name, match, upstream, split, redirect, respond, rewrite, host, timeout, timeouts, retry, mirror, hash,
            bodyLimit, upgrades, accessLog, filters,
        ],
        exactlyOne: ["upstream", "split", "redirect", "respond"]
    )

    /// Fields that say how a request is sent upstream.
    private static let forwardOnly: [any AnyField] = [rewrite, host, timeout, timeouts, retry, mirror, hash]

    static func decode(_ reader: ObjectReader) -> RouteDraft? {
        let name = reader.read(name)
        let match = reader.read(match) ?? MatchFields.Result()
        let action = action(reader)
        var model = RouteModel(
            name: name?.value ?? "",
            place: reader.context.place(name?.span ?? reader.node.span),
            action: action ?? .respond(RespondModel())
        )
        model.match = match.model
        model.filters = reader.read(filters)
        if let timeout = reader.read(timeout) {
            model.isUntimedOnPurpose = timeout == .zero
            model.timeout = timeout == .zero ? nil : timeout
        }
        let timeouts = reader.read(timeouts)
        model.responseHeadTimeout = timeouts?.responseHead
        model.streamIdleTimeout = timeouts?.streamIdle
        model.bodyLimit = reader.read(bodyLimit).map { UInt64($0) }
        model.upgrades = reader.read(upgrades)
        model.logShare = reader.read(accessLog)
        guard action != nil else { return nil }
        CaptureCheck(reader: reader, match: match.model).check(model.action)
        return RouteDraft(model: model, nameSpan: name?.span, listeners: match.listeners)
    }

    private static func action(_ reader: ObjectReader) -> ActionModel? {
        let forward = forward(reader)
        let redirect = reader.read(redirect)
        let respond = reader.read(respond)
        if reader.has(Self.redirect) || reader.has(Self.respond) {
            let action = reader.has(Self.redirect) ? "redirect" : "respond"
            for field in forwardOnly where reader.has(field) {
                let message = "'\(field.schema.name)' of \(reader.owner.description) has no meaning beside '\(action)'"
                reader.report(.exclusive, at: reader.span(of: field), message)
            }
        }
        return forward.map { .forward($0) } ?? redirect.map { .redirect($0) } ?? respond.map { .respond($0) }
    }

    /// Everything that is said about sending upstream; nil where no upstream is named.
    private static func forward(_ reader: ObjectReader) -> ForwardModel? {
        var targets = reader.read(split) ?? []
        if let upstream = reader.read(upstream) {
            targets.append(TargetModel(upstream: upstream.value, place: reader.context.place(upstream.span)))
        }
        var model = ForwardModel(targets: targets)
        model.rewrite = reader.read(rewrite)?.value
        model.host = reader.read(host)
        model.retry = reader.read(retry)
        model.mirror = reader.read(mirror)
        model.hash = reader.read(hash)
        return targets.isEmpty ? nil : model
    }
}

extension ValueType where Value == RouteDraft {
    static var route: Self {
        let whole = ValueType.named("route", RouteFields.schema, decode: RouteFields.decode)
        return ValueType(whole.type) { node, scope in
            let errors = scope.context.diagnostics.errorCount
            var draft = whole.decode(node, scope)
            draft?.isBroken = scope.context.diagnostics.errorCount > errors
            return draft
        }
        .shown(by: whole.show)
    }
}

extension ValueType where Value == String {
    /// A protocol name of RFC 9110, section 7.8, in lower case.
    fileprivate static var upgradeToken: Self {
        ValueType(.text("protocol name")) { node, scope in method.decode(node, scope)?.lowercased() }
    }
}

extension ValueType where Value == Double {
    /// `true`, `false` or a percentage, as a share.
    fileprivate static var logShare: Self {
        let share = ValueType<Double>.percent
        return ValueType(.anyOf([.boolean, .percent])) { node, scope in
            switch scope.text(of: node) {
            case "true": 1
            case "false": 0
            default: share.decode(node, scope)
            }
        }
    }
}

// MARK: - Parts

private enum SplitFields {
    static let upstream = OptionalField(required: "upstream", .placed(.name), doc: "The upstream.")
    static let weight = Field("weight", .weight, default: 1, doc: "Its share; 0 is legal.")
    static let schema = ObjectSchema("split", doc: "One upstream of a split.", fields: [upstream, weight])
}

extension ValueType where Value == TargetModel {
    fileprivate static var splitTarget: Self {
        .object(SplitFields.schema) { reader in
            let weight = reader.read(SplitFields.weight)
            return reader.read(SplitFields.upstream).map {
                TargetModel(upstream: $0.value, weight: weight, place: reader.context.place($0.span))
            }
        }
    }
}

private enum MirrorFields {
    static let upstream = OptionalField(required: "upstream", .placed(.name), doc: "Where the copies go.")
    static let percent = Field("percent", .percent, default: 1.0, doc: "Share of the requests that are copied.")
    static let schema = ObjectSchema("mirror", doc: "Copies of requests.", fields: [upstream, percent])
}

extension ValueType where Value == MirrorModel {
    fileprivate static var mirror: Self {
        .object(MirrorFields.schema) { reader in
            let share = reader.read(MirrorFields.percent)
            return reader.read(MirrorFields.upstream).map {
                var model = MirrorModel(upstream: $0.value, place: reader.context.place($0.span))
                model.share = share
                return model
            }
        }
    }
}

struct RouteTimeouts: Sendable {
    var responseHead: TimeAmount?
    var streamIdle: TimeAmount?
}

private enum RouteTimeoutFields {
    static let head = OptionalField(
        "response_head",
        .duration,
        absent: "that of the upstream",
        doc: "From the whole request sent to the head of the answer."
    )
    static let idle = OptionalField(
        "stream_idle",
        .duration,
        absent: "that of the listener",
        doc: "How long it may go on without a byte in either direction."
    )
    static let schema = ObjectSchema("timeouts", doc: "Patience with the requests of a route.", fields: [head, idle])
}

extension ValueType where Value == RouteTimeouts {
    fileprivate static var routeTimeouts: Self {
        .object(RouteTimeoutFields.schema) { reader in
            RouteTimeouts(
                responseHead: reader.read(RouteTimeoutFields.head),
                streamIdle: reader.read(RouteTimeoutFields.idle)
            )
        }
    }
}
