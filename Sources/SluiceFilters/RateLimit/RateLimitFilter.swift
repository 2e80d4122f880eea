import NIOCore
import SluiceConfig
import SluiceCore

/// Counts requests and refuses those beyond the rate. Isolation: one loop. Allocates: what it notes of a request.
final class RateLimitFilter: Filter {
    private static let decisions = MetricFamily(
        "sluice_rate_limit_decisions_total",
        .counter,
        help: "Requests that a limit looked at, by what it decided.",
        labels: ["limit", "decision"]
    )

    private let configuration: RateLimitConfiguration
    private let table: LimiterTable
    private let keys: [Part]
    private let loop: LoopContext
    private let slot: Int
    private let allowed: Counter
    private let limited: Counter
    private let writer: LimitHeaders?
    private let usesWallClock: Bool

    /// A part of the key, ready to be looked up.
    private enum Part {
        case ip, consumer, route
        case claim(String)
        case header(FieldKey)
    }

    init(_ configuration: RateLimitConfiguration, _ resources: FilterResources) {
        self.configuration = configuration
        let policy = configuration.policy
        // Another rate starts anew; everything else may change and keep the counts.
        let name =
            "\(resources.identity) \(policy.algorithm.rawValue) \(policy.count)/\(policy.period) \(configuration.maxKeys)"
            + " \(configuration.keys.map(\.text))"
        table = resources.shared(name) { LimiterTable(capacity: configuration.maxKeys) }
        keys = configuration.keys.map { key in
            switch key {
            case .ip: .ip
            case .consumer: .consumer
            case .route: .route
            case .claim(let name): .claim(name)
            case .header(let name): .header(FieldKey(name))
            }
        }
        loop = resources.loop
        slot = resources.slot
        allowed = resources.metrics.counter(Self.decisions, [resources.identity, "allowed"])
        limited = resources.metrics.counter(Self.decisions, [resources.identity, "limited"])
        writer = LimitHeaders(configuration.headers)
        usesWallClock = configuration.policy.algorithm != .tokenBucket
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        var hash = SipHash(table.key)
        if !addKey(of: exchange, to: &hash) {
            switch configuration.missing {
            case .skip: return .next
            case .refuse: return .respond(LocalReply(.credentialMissing))
            case .ip:
                hash = SipHash(table.key)
                addAddress(of: exchange, to: &hash)
            }
        }
        let uptime = loop.now.uptimeNanoseconds
        // Windows are those of the clock on the wall; a bucket must not see that clock jump.
        let now = usesWallClock ? UInt64(clamping: loop.nanosecondsSince1970(at: uptime)) : uptime
        let decision = table.decide(hash.finish(), configuration.policy, now: max(1, now))
        if writer != nil { exchange.slots[slot] = Outcome(decision) }
        if decision.isAllowed {
            allowed.increment()
            return .next
        }
        limited.increment()
        guard configuration.enforces else { return .next }
        return .respond(refusal(decision))
    }

    private func refusal(_ decision: RateLimitDecision) -> LocalReply {
        var reply = LocalReply(.rateLimited)
        reply.status = UInt16(clamping: configuration.status)
        reply.fields = [(name: Array("Retry-After".utf8), value: LimitHeaders.seconds(decision.retryAfter))]
        return reply
    }

    func onResponse(_ exchange: ExchangeContext) {
        guard let writer, let outcome = exchange.slots[slot] as? Outcome else { return }
        exchange.slots[slot] = nil
        writer.write(outcome.decision, limit: configuration.policy.limit, to: &exchange.response.fields)
    }

    // MARK: - The key

    /// - Returns: false when a part of it is missing.
    private func addKey(of exchange: ExchangeContext, to hash: inout SipHash) -> Bool {
        for key in keys {
            switch key {
            case .ip: addAddress(of: exchange, to: &hash)
            case .consumer:
                guard let consumer = exchange.consumer else { return false }
                add(consumer.name, tag: 2, to: &hash)
            case .route: add(exchange.routeName, tag: 3, to: &hash)
            case .claim(let name):
                guard let value = exchange.claims?.text(ofClaim: name) else { return false }
                add(value, tag: 4, to: &hash)
            case .header(let key):
                let fields = exchange.request.fields
                guard let index = fields.firstIndex(of: key) else { return false }
                fields.withBytes(fields.entries[index].valueRange) { bytes in
                    hash.add(UInt64(5) << 56 | UInt64(bytes.count))
                    hash.add(bytes)
                }
            }
        }
        return true
    }

    /// The length in front keeps neighbouring parts apart.
    private func add(_ bytes: [UInt8], tag: UInt64, to hash: inout SipHash) {
        hash.add(tag << 56 | UInt64(bytes.count))
        bytes.withUnsafeBytes { hash.add($0) }
    }

    private func addAddress(of exchange: ExchangeContext, to hash: inout SipHash) {
        guard let client = exchange.client else { return hash.add(UInt64(1) << 56) }
        hash.add(UInt64(1) << 56 | 16)
        guard !client.isV4 else {
            hash.add(client.high)
            return hash.add(client.low)
        }
        let prefix = configuration.ipv6Prefix
        hash.add(prefix >= 64 ? client.high : client.high & ~(UInt64.max >> UInt64(prefix)))
        hash.add(prefix >= 128 ? client.low : prefix <= 64 ? 0 : client.low & ~(UInt64.max >> UInt64(prefix - 64)))
    }

    /// What the response side needs to know.
    private final class Outcome {
        let decision: RateLimitDecision
        init(_ decision: RateLimitDecision) { self.decision = decision }
    }
}

/// Tells clients about their limit. Sources: draft-ietf-httpapi-ratelimit-headers-06 for `RateLimit-*`; `X-RateLimit-*` as
/// Kong, GitHub and others send them, with the seconds until the reset.
struct LimitHeaders {
    private struct Names {
        let limit, remaining, reset: [UInt8]
        let remainingKey: FieldKey
        let all: [FieldKey]

        init(_ prefix: String) {
            limit = Array("\(prefix)-Limit".utf8)
            remaining = Array("\(prefix)-Remaining".utf8)
            reset = Array("\(prefix)-Reset".utf8)
            remainingKey = FieldKey("\(prefix)-Remaining")
            all = ["Limit", "Remaining", "Reset"].map { FieldKey("\(prefix)-\($0)") }
        }
    }

    private let styles: [Names]

    init?(_ style: RateLimitConfiguration.HeaderStyle) {
        switch style {
        case .none: return nil
        case .standard: styles = [Names("RateLimit")]
        case .legacy: styles = [Names("X-RateLimit")]
        case .both: styles = [Names("RateLimit"), Names("X-RateLimit")]
        }
    }

    /// Of several limits the one with the least left is told; what an upstream says about a limit of its own gives way
    /// to a stricter one only.
    func write(_ decision: RateLimitDecision, limit: UInt64, to fields: inout HeaderTable) {
        for names in styles {
            if let index = fields.firstIndex(of: names.remainingKey) {
                let told = fields.withBytes(fields.entries[index].valueRange) { UInt64(String(decoding: $0, as: UTF8.self)) }
                if let told, told <= decision.remaining { continue }
                for key in names.all { fields.remove(key) }
            }
            fields.append(name: names.limit, value: Self.digits(limit))
            fields.append(name: names.remaining, value: Self.digits(decision.remaining))
            fields.append(name: names.reset, value: Self.seconds(decision.reset))
        }
    }

    /// Whole seconds, rounded up.
    static func seconds(_ nanoseconds: UInt64) -> [UInt8] { digits((nanoseconds + 999_999_999) / 1_000_000_000) }

    private static func digits(_ number: UInt64) -> [UInt8] { Array(String(number).utf8) }
}
