internal import NIOCore
internal import SluiceCore

/// `health_check:`
private enum HealthFields {
    private static let standard = HealthCheckModel(probe: .tcp)

    static let path = OptionalField("path", .path, doc: "The path that is asked for.")
    static let tcp = Field("tcp", .flag, default: false, doc: "Only opens a connection.")
    static let grpc = Field(
        "grpc",
        .flag,
        default: false,
        doc: "Calls `grpc.health.v1.Health/Check`, which must say `SERVING`; needs HTTP/2."
    )
    static let service = OptionalField(
        "service",
        .protobufName,
        absent: "the server as a whole",
        doc: "With `grpc`: the service that is asked for."
    )
    static let host = OptionalField("host", .hostName, absent: "the server's own", doc: "The Host header of the check.")
    static let statuses = Field(
        "statuses",
        .list(of: .statusRange, atLeast: 1),
        default: [200...299],
        doc: "Statuses that count as healthy: `[200, 300-399]`."
    )
    static let interval = Field(
        "interval",
        .duration(atLeast: .milliseconds(100)),
        default: standard.interval,
        doc: "From one check to the next."
    )
    static let timeout = Field("timeout", .duration, default: standard.timeout, doc: "How long an answer may take.")
    static let healthy = Field(
        "healthy_threshold",
        .integer(1...1000),
        default: standard.healthyThreshold,
        doc: "Good checks in a row that bring a server back."
    )
    static let unhealthy = Field(
        "unhealthy_threshold",
        .integer(1...1000),
        default: standard.unhealthyThreshold,
        doc: "Bad checks in a row that take a server out."
    )

    static let schema = ObjectSchema(
        "health_check",
        doc: "Asks every server whether it is well: `path` for HTTP, or `grpc: true`, or `tcp: true`.",
        fields: [path, tcp, grpc, service, host, statuses, interval, timeout, healthy, unhealthy]
    )

    static func probe(_ reader: ObjectReader) -> HealthCheckModel.Probe? {
        let path = reader.read(path)
        let host = reader.read(host)
        let statuses = reader.read(statuses)
        let service = reader.read(service)
        let (tcp, grpc) = (reader.read(tcp), reader.read(grpc))
        if tcp {
            refuse([Self.path, Self.grpc, Self.service, Self.host, Self.statuses], beside: "tcp", reader)
            return .tcp
        }
        if grpc {
            refuse([Self.path, Self.statuses], beside: "grpc", reader)
            return .grpc(service: service ?? "", host: host)
        }
        if reader.has(Self.service) {
            reader.report(.exclusive, at: reader.span(of: Self.service), "'service' needs 'grpc: true'")
        }
        if let path { return .http(path: path, host: host, statuses: statuses) }
        if !reader.has(Self.path) {
            reader.report(
                .missingField,
                at: reader.node.span,
                "\(reader.owner.description) needs 'path', 'grpc: true' or 'tcp: true'"
            )
        }
        return nil
    }

    private static func refuse(_ strangers: [any AnyField], beside kind: String, _ reader: ObjectReader) {
        for field in strangers where reader.has(field) {
            reader.report(
                .exclusive,
                at: reader.span(of: field),
                "'\(field.schema.name)' has no meaning for a check with '\(kind): true'"
            )
        }
    }
}

extension ValueType where Value == HealthCheckModel {
    static var healthCheck: Self {
        .object(HealthFields.schema) { reader in
            let probe = HealthFields.probe(reader)
            var model = HealthCheckModel(probe: probe ?? .tcp)
            model.interval = reader.read(HealthFields.interval)
            model.timeout = reader.read(HealthFields.timeout)
            model.healthyThreshold = reader.read(HealthFields.healthy)
            model.unhealthyThreshold = reader.read(HealthFields.unhealthy)
            return probe == nil ? nil : model
        }
    }
}

// MARK: - Outliers

private enum OutlierFields {
    private static let standard = OutlierModel()

    static let serverErrors = Field(
        "consecutive_5xx",
        .integer(0...100_000),
        default: standard.consecutive5xx ?? 0,
        doc: "5xx answers in a row, and requests without an answer, that eject a server; 0: off."
    )
    static let gatewayFailures = Field(
        "consecutive_gateway_failures",
        .integer(0...100_000),
        default: standard.consecutiveGatewayFailures ?? 0,
        doc: "502, 503, 504 and requests without an answer in a row; 0: off."
    )
    static let base = Field(
        "base_ejection",
        .duration,
        default: standard.baseEjection,
        doc: "The first ejection; each further one is longer by as much."
    )
    static let longest = Field("max_ejection", .duration, default: standard.maxEjection, doc: "No ejection is longer.")
    static let share = Field(
        "max_ejection_percent",
        .percent,
        default: standard.maxEjectionShare,
        doc: "Servers that may be out at the same time; one always may."
    )

    static let schema = ObjectSchema(
        "outlier_detection",
        doc: "Leaves out a server that fails real requests.",
        fields: [serverErrors, gatewayFailures, base, longest, share]
    )
}

extension ValueType where Value == OutlierModel {
    static var outlier: Self {
        .object(OutlierFields.schema) { reader in
            var model = OutlierModel()
            let serverErrors = reader.read(OutlierFields.serverErrors)
            let gatewayFailures = reader.read(OutlierFields.gatewayFailures)
            model.consecutive5xx = serverErrors == 0 ? nil : serverErrors
            model.consecutiveGatewayFailures = gatewayFailures == 0 ? nil : gatewayFailures
            model.baseEjection = reader.read(OutlierFields.base)
            model.maxEjection = reader.read(OutlierFields.longest)
            model.maxEjectionShare = reader.read(OutlierFields.share)
            if model.baseEjection > model.maxEjection {
                reader.invalid(OutlierFields.base, "'base_ejection' is longer than 'max_ejection'")
            }
            return model
        }
    }
}

// MARK: - Limits and timeouts

private enum BreakerFields {
    private static let standard = UpstreamLimits()
    private static let count = 1...10_000_000

    static let connections = Field(
        "connections",
        .integer(count),
        default: standard.connections,
        doc: "Open connections."
    )
    static let pending = Field(
        "pending",
        .integer(0...10_000_000),
        default: standard.pending,
        doc: "Requests without a connection yet: all are busy, or theirs is being opened; more get 503."
    )
    static let requests = Field(
        "requests",
        .integer(count),
        default: standard.requests,
        doc: "Requests that have a connection; more get 503."
    )
    static let budget = Field(
        "retry_budget",
        .percent,
        default: standard.retryBudget,
        doc: "Share of the requests under way that may be retries."
    )
    static let minRetries = Field(
        "min_retries",
        .integer(0...1_000_000),
        default: standard.minRetries,
        doc: "Retries under way that the budget always allows."
    )
    static let tenantShare = Field(
        "tenant_share",
        .tenantShare,
        default: standard.tenantShare,
        defaultText: "see below",
        doc: "What one caller may take of these limits."
    )
    static let schema = ObjectSchema(
        "limits",
        doc: "Circuit breakers of an upstream, as totals of the process.",
        fields: [connections, pending, requests, budget, minRetries, tenantShare]
    )
}

private enum TenantFields {
    private static let standard = TenantShare()

    static let connections = Field(
        "connections",
        .percent,
        default: standard.connections,
        doc: "Of `connections`: those that its requests use; more get 503."
    )
    static let requests = Field(
        "requests",
        .percent,
        default: standard.requests,
        doc: "Of `requests`: its requests under way; more get 503."
    )
    static let pending = Field(
        "pending",
        .percent,
        default: standard.pending,
        doc: "Of `pending`, while others wait too; who waits is served in turn, caller by caller."
    )
    static let schema = ObjectSchema(
        "tenant_share",
        doc: "What one caller may take: a consumer, or an address where there is none (of IPv6 its /64).",
        fields: [connections, requests, pending]
    )
}

extension ValueType where Value == TenantShare {
    fileprivate static var tenantShare: Self {
        .object(TenantFields.schema) { reader in
            var share = TenantShare()
            share.connections = reader.read(TenantFields.connections)
            share.requests = reader.read(TenantFields.requests)
            share.pending = reader.read(TenantFields.pending)
            return share
        }
    }
}

extension ValueType where Value == UpstreamLimits {
    static var upstreamLimits: Self {
        .object(BreakerFields.schema) { reader in
            var limits = UpstreamLimits()
            limits.connections = reader.read(BreakerFields.connections)
            limits.pending = reader.read(BreakerFields.pending)
            limits.requests = reader.read(BreakerFields.requests)
            limits.retryBudget = reader.read(BreakerFields.budget)
            limits.minRetries = reader.read(BreakerFields.minRetries)
            limits.tenantShare = reader.read(BreakerFields.tenantShare)
            return limits
        }
    }
}

private enum PatienceFields {
    private static let standard = UpstreamTimeouts()

    static let connect = Field("connect", .duration, default: standard.connect, doc: "Until a connection stands.")
    static let head = Field(
        "response_head",
        .duration,
        default: standard.responseHead,
        doc: "From the whole request sent to the head of the answer."
    )
    static let idle = Field("idle", .duration, default: standard.idle, doc: "How long an unused connection is kept.")
    static let schema = ObjectSchema(
        "timeouts",
        doc: "Patience with the servers of an upstream.",
        fields: [connect, head, idle]
    )
}

extension ValueType where Value == UpstreamTimeouts {
    static var upstreamTimeouts: Self {
        .object(PatienceFields.schema) { reader in
            var timeouts = UpstreamTimeouts()
            timeouts.connect = reader.read(PatienceFields.connect)
            timeouts.responseHead = reader.read(PatienceFields.head)
            timeouts.idle = reader.read(PatienceFields.idle)
            return timeouts
        }
    }
}
