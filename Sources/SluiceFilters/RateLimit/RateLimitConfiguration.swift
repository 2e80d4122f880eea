import NIOCore
package import SluiceConfig
import SluiceCore

/// `rate_limit`: so many requests in so much time for each address, caller, claim or header.
package struct RateLimitConfiguration: RunnableFilterConfiguration {
    static let by = Field(
        "by",
        .requestKey,
        default: [.ip],
        defaultText: "`ip`",
        doc:
            "Whom the limit holds for: `ip`, `consumer`, `client_certificate`, `route`, `jwt.CLAIM`, `header.NAME`, or a list of several, which together make the key."
    )
    static let rate = OptionalField(
        required: "rate",
        .rate,
        doc: "Requests and time: `10/s`, `600/min`, `1000/h`, `5000/day`, or any duration: `100/30s`."
    )
    static let burst = OptionalField(
        "burst",
        .integer(1...1_000_000_000),
        absent: "the number of `rate`",
        doc: "With `token_bucket`: how many requests may come at once, after a time without any."
    )
    static let algorithm = Field(
        "algorithm",
        .choice(of: RateLimitPolicy.Algorithm.self),
        default: .tokenBucket,
        doc: "`token_bucket` (smooth, with bursts), `sliding_window` or `fixed_window` (aligned to the clock, UTC)."
    )
    static let store = Field(
        "store",
        .limitStore,
        default: "memory",
        doc: "Where the counts are: `memory`, one limit for all loops of the process."
    )
    static let mode = UnavailableField("mode", doc: "How exact a limit in a shared store is.")
    static let missing = Field(
        "missing",
        .choice(of: Missing.self),
        default: .ip,
        doc:
            "What happens to requests without the consumer, certificate, claim or header of `by`: `ip` limits them by address instead, `refuse` answers 403, `skip` lets them pass."
    )
    static let enforce = Field(
        "enforce",
        .flag,
        default: true,
        doc: "`false`: only counts and tells, and lets all pass."
    )
    static let headers = Field(
        "headers",
        .choice(of: HeaderStyle.self),
        default: .standard,
        doc:
            "What clients are told: `standard` (`RateLimit-Limit`, `-Remaining`, `-Reset`), `legacy` (`X-RateLimit-*`), `both` or `none`. `Retry-After` comes with every refusal."
    )
    static let status = Field("status", .integer(400...599), default: 429, doc: "The status of a refusal.")
    static let keys = Field(
        "max_keys",
        .integer(8...100_000_000),
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
        "rate_limit",
        doc:
            "Refuses requests beyond a rate, for each key on its own. One limit holds over all loops; of several, the strictest is shown.",
        fields: [by, rate, burst, algorithm, store, mode, missing, enforce, headers, status, keys, ipv6]
    )
    package static let mayRepeat = true
    package static var role: FilterRole { .rateLimit }

    enum Missing: String, CaseIterable, Sendable { case ip, refuse, skip }
    enum HeaderStyle: String, CaseIterable, Sendable { case standard, legacy, both, none }

    var keys: [RequestKeyPart]
    var policy: RateLimitPolicy
    var missing: Missing
    var enforces: Bool
    var headers: HeaderStyle
    var status: Int
    var maxKeys: Int
    var ipv6Prefix: Int

    package init(from reader: ObjectReader) {
        keys = reader.read(Self.by)
        let rate = reader.read(Self.rate) ?? Rate(count: 1, period: 1_000_000_000)
        let algorithm = reader.read(Self.algorithm)
        let burst = reader.read(Self.burst).map { UInt64($0) }
        policy = RateLimitPolicy(
            algorithm: algorithm,
            count: rate.count,
            period: rate.period,
            // As in a bucket of Envoy whose fill is its size: who reads `5000/day` expects to send ten at once.
            burst: burst ?? rate.count
        )
        missing = reader.read(Self.missing)
        enforces = reader.read(Self.enforce)
        headers = reader.read(Self.headers)
        status = reader.read(Self.status)
        maxKeys = reader.read(Self.keys)
        ipv6Prefix = reader.read(Self.ipv6)
        _ = reader.read(Self.store)
        check(reader, rate)
    }

    private func check(_ reader: ObjectReader, _ rate: Rate) {
        if Double(rate.count) * 1_000_000_000 / Double(rate.period) > 1_000_000 {
            reader.invalid(Self.rate, "'rate' is more than 1000000 requests a second")
        }
        switch policy.algorithm {
        case .tokenBucket:
            // A bucket whose filling takes years would not fit into the arithmetic.
            if Double(policy.interval) * Double(policy.burst) > 3e17 {
                let problem = "takes more than nine years to fill at this rate"
                if reader.has(Self.burst) {
                    reader.invalid(Self.burst, "'burst' \(problem)")
                } else {
                    reader.invalid(Self.rate, "a bucket of \(policy.burst) \(problem)")
                }
            }
        case .slidingWindow where rate.count > RateLimitPolicy.slidingLimit:
            reader.invalid(
                Self.rate,
                "a sliding window counts up to \(RateLimitPolicy.slidingLimit) requests",
                help: "use a shorter time, or 'algorithm: token_bucket'"
            )
        case .fixedWindow where rate.count > 4_000_000_000:
            reader.invalid(Self.rate, "a fixed window counts up to 4000000000 requests")
        case .slidingWindow, .fixedWindow: break
        }
        if policy.algorithm != .tokenBucket, reader.has(Self.burst) {
            reader.invalid(Self.burst, "'burst' has a meaning with 'algorithm: token_bucket' only")
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        for key in keys {
            switch key {
            case .consumer: needs.identities.insert(.consumer)
            case .claim: needs.identities.insert(.claims)
            case .certificate: needs.clientCertificates = true
            case .ip, .route, .header: break
            }
        }
        return needs
    }

    package var effects: [String] {
        let burst = policy.algorithm == .tokenBucket ? ", bursts of \(policy.burst)" : ""
        let period = Units.showDuration(.nanoseconds(Int64(policy.period)))
        let who = keys.map(\.text).joined(separator: " and ")
        let what = enforces ? "refuse with \(status) beyond" : "count"
        return ["request: \(what) \(policy.count) in \(period)\(burst) by \(who)"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { RateLimitFilter(self, resources) }
}

/// `600/min`, `100/30s`
struct Rate: Hashable, Sendable {
    var count: UInt64
    /// Nanoseconds.
    var period: UInt64

    static let units: [(names: [String], seconds: UInt64)] = [
        (["s", "sec", "second"], 1), (["min", "m", "minute"], 60), (["h", "hour"], 3600), (["day", "d"], 86_400),
    ]

    init(count: UInt64, period: UInt64) {
        self.count = count
        self.period = period
    }

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[0].utf8.allSatisfy(ASCII.isDigit), let count = UInt64(parts[0]), count > 0,
            count <= 1_000_000_000_000_000
        else { return nil }
        if let unit = Self.units.first(where: { $0.names.contains(parts[1]) }) {
            self.init(count: count, period: unit.seconds * 1_000_000_000)
        } else if case .success(let period) = Units.duration(parts[1]), period >= .milliseconds(1) {
            self.init(count: count, period: UInt64(period.nanoseconds))
        } else {
            return nil
        }
    }
}

extension ValueType where Value == Rate {
    static var rate: Self {
        scalar(.text("rate")) { text in
            if let rate = Rate(text) { return .success(rate) }
            let help = "a whole number and a time: '10/s', '600/min', '1000/h', '5000/day', '100/30s'"
            return .failure(ValueProblem(.unit, "is not a rate: {}", help: help))
        }
    }
}

extension ValueType where Value == String {
    fileprivate static var limitStore: Self {
        scalar(.choice(["memory", "redis"])) { text in
            switch text {
            case "memory": .success(text)
            case "redis": .failure(ValueProblem(.notAvailable, "cannot be {}: that is not available in this version"))
            default: .failure(ValueProblem("must be memory, not {}"))
            }
        }
        .shown { $0 }
    }
}
