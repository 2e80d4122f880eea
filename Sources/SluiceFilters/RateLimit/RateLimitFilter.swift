import NIOCore
import SluiceConfig
import SluiceCore

/// Counts requests and refuses those beyond the rate. Isolation: one loop. Allocates: for a refusal, and what the text of
/// a claim takes.
final class RateLimitFilter: Filter {
    private static let decisions = MetricFamily(
        "sluice_rate_limit_decisions_total",
        .counter,
        help: "Requests that a limit looked at: allowed, limited, tolerated (over, but not enforced), unidentified.",
        labels: ["limit", "decision"]
    )

    private let policy: RateLimitPolicy
    private let key: RequestKey
    private let missing: RateLimitConfiguration.Missing
    private let enforces: Bool
    private let status: UInt16
    private let headers: LimitHeaders?
    /// Shared by all loops: kept for the cells, which requests use without it.
    private let state: LimiterState
    private let named, strangers: LimiterCells
    private let loop: LoopContext
    private let slot: Int
    private let allowed, over, unidentified: Counter
    private let usesWindows: Bool
    /// From the monotonic clock to that on the wall; nil before the first request.
    private var distance: Int64?

    init(_ configuration: RateLimitConfiguration, _ resources: FilterResources) {
        policy = configuration.policy
        key = RequestKey(configuration.keys, ipv6Prefix: configuration.ipv6Prefix)
        missing = configuration.missing
        enforces = configuration.enforces
        status = UInt16(clamping: configuration.status)
        headers = LimitHeaders(configuration.headers, limit: policy.limit)
        // Another rate starts anew; everything else may change and keep the counts.
        let name =
            "\(resources.identity) \(policy.algorithm.rawValue) \(policy.count)/\(policy.period) \(configuration.maxKeys)"
            + " \(configuration.keys.map(\.text))"
        state = resources.shared(name) { LimiterState(capacity: configuration.maxKeys) }
        named = state.named.cells
        strangers = state.strangers.cells
        loop = resources.loop
        slot = resources.slot
        func counter(_ decision: String) -> Counter {
            resources.metrics.counter(Self.decisions, [resources.identity, decision])
        }
        allowed = counter("allowed")
        over = counter(enforces ? "limited" : "tolerated")
        unidentified = counter("unidentified")
        usesWindows = policy.algorithm != .tokenBucket
    }

    var wantsResponse: Bool { headers != nil }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        let decision: RateLimitDecision
        if let hash = key.hash(of: exchange, named.key) {
            decision = named.decide(hash, policy, now: now())
        } else {
            switch missing {
            case .ip:
                decision = strangers.decide(key.addressHash(of: exchange, strangers.key), policy, now: now())
            case .refuse:
                unidentified.increment()
                return enforces ? .respond(LocalReply(.consumerForbidden)) : .next
            case .skip: return .next
            }
        }
        if headers != nil { note(decision, exchange) }
        guard decision.isAllowed else {
            over.increment()
            return enforces ? .respond(refusal(decision)) : .next
        }
        allowed.increment()
        return .next
    }

    private func note(_ decision: RateLimitDecision, _ exchange: ExchangeContext) {
        let own = LimitNotice(slot: slot, remaining: decision.remaining, reset: decision.reset)
        // The limit that refuses is the one to know about, also where another had nothing left either.
        let refuses = enforces && !decision.isAllowed
        if let other = exchange.limitNotice, !refuses, !own.isStricter(than: other) { return }
        exchange.limitNotice = own
    }

    private func refusal(_ decision: RateLimitDecision) -> LocalReply {
        var reply = LocalReply(.rateLimited)
        reply.status = status
        let seconds = String(LimitHeaders.seconds(decision.retryAfter))
        reply.fields = [(name: Array("Retry-After".utf8), value: Array(seconds.utf8))]
        return reply
    }

    func onResponse(_ exchange: ExchangeContext) {
        guard let headers, let notice = exchange.limitNotice, notice.slot == slot else { return }
        headers.write(notice, to: &exchange.response.fields)
    }

    /// Nanoseconds, never 0: of the monotonic clock for buckets, since 1970 for windows.
    private func now() -> UInt64 {
        let uptime = loop.now.uptimeNanoseconds
        guard usesWindows else { return max(1, uptime) }
        let ahead =
            distance
            ?? state.distanceToWallClock {
                loop.nanosecondsSince1970(at: uptime) &- Int64(truncatingIfNeeded: uptime)
            }
        distance = ahead
        return UInt64(max(1, Int64(truncatingIfNeeded: uptime) &+ ahead))
    }
}
