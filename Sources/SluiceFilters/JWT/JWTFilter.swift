import NIOCore
import SluiceConfig
import SluiceCore

/// Lets requests with a good token pass, and tells the upstream what the token says. Isolation: one loop.
///
/// Allocates: for a token that this loop has verified before, nothing.
final class JWTFilter: Filter {
    private let rules: TokenRules
    private let places: [TokenPlace]
    private let isRequired: Bool
    private let forwards: Bool
    private let sizeLimit: Int
    private let identity: IdentityHeaders
    private let refusals: TokenRefusals
    private let keys: LoopKeys
    private let cache: TokenCache
    private let consumers: Consumers
    private let loop: LoopContext
    private let counters: JWTCounters
    /// What the cache calls the rules; 0: not asked yet, which only the loop may do.
    private var rulesNumber: UInt32 = 0
    /// What it calls the consumers; meaningful once the rules have a number.
    private var consumersNumber: UInt64 = 0

    init(_ configuration: JWTConfiguration, keys: LoopKeys, cache: TokenCache, _ resources: FilterResources) {
        rules = configuration.rules
        places = configuration.places.map(\.prepared)
        isRequired = configuration.isRequired
        forwards = configuration.forwards
        sizeLimit = configuration.sizeLimit
        identity = IdentityHeaders(configuration.rules.headers.map(\.name))
        refusals = TokenRefusals(realm: configuration.realm, scopes: configuration.scopes?.names ?? [])
        self.keys = keys
        self.cache = cache
        consumers = resources.consumers
        loop = resources.loop
        counters = JWTCounters(resources.metrics)
    }

    var wantsResponse: Bool { false }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // Whatever becomes of the request, nobody but the gateway says who the caller is.
        identity.remove(from: &exchange.request.fields)
        return decide(exchange, mayWait: true)
    }

    private func decide(_ exchange: ExchangeContext, mayWait: Bool) -> HeadVerdict {
        switch places.find(in: &exchange.request) {
        case .nothing:
            guard !isRequired else { return refuse(.missing) }
            counters.anonymous.increment()
            return .next
        case .empty: return refuse(.empty)
        case .several: return refuse(.several)
        case .token(let range, let place):
            guard range.count <= sizeLimit else { return refuse(.tooLarge) }
            return decide(exchange, range, place, mayWait: mayWait)
        }
    }

    private func decide(_ exchange: ExchangeContext, _ range: ByteRange, _ place: Int, mayWait: Bool) -> HeadVerdict {
        let generation = keys.refresh()
        guard generation != 0 else { return wait(.noKeys, exchange, mayWait, or: .keysUnavailable) }
        if rulesNumber == 0 {
            rulesNumber = cache.number(of: rules)
            consumersNumber = cache.number(of: consumers)
        }
        let policy = TokenPolicy(rules: rulesNumber, keys: generation)
        let now = loop.secondsSince1970
        let known = exchange.request.fields.bytes.withUnsafeReadableBytes { all in
            range.end <= all.count
                ? cache.find(UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]), policy) : nil
        }
        if let known {
            counters.cacheHits.increment()
            if let problem = known.times.problem(at: now) {
                cache.remove(known)
                return refuse(problem)
            }
            return accept(known, place, exchange)
        }
        do throws(TokenProblem) {
            let token = try verify(exchange.request.fields.withBytes(range) { Array($0) }, policy, now)
            cache.add(token)
            return accept(token, place, exchange)
        } catch {
            return error == .unknownKey ? wait(.unknownKey, exchange, mayWait, or: .unknownKey) : refuse(error)
        }
    }

    // MARK: - Verifying

    /// Signature first, so that nothing is read out of claims that anybody could have written.
    private func verify(_ bytes: [UInt8], _ policy: TokenPolicy, _ now: Int64) throws(TokenProblem) -> VerifiedToken {
        // The standard library's closure forgets which errors there are.
        let (claims, times) = try bytes.withUnsafeBytes { buffer in
            Result { () throws(TokenProblem) in try check(buffer, now) }
        }.get()
        return VerifiedToken(bytes, policy, times, claims, rules)
    }

    private func check(_ bytes: UnsafeRawBufferPointer, _ now: Int64) throws(TokenProblem) -> (JSONObject, TokenTimes) {
        let token = try CompactToken(bytes)
        try keys.check(token, of: UnsafeRawBufferPointer(rebasing: bytes[..<token.signedCount]))
        let claims = try token.claims(of: bytes)
        let times = try rules.check(claims, type: token.type)
        if let problem = times.problem(at: now) { throw problem }
        guard rules.hasScopes(claims) else { throw .scope }
        return (claims, times)
    }

    // MARK: - Verdicts

    private func accept(_ token: VerifiedToken, _ place: Int, _ exchange: ExchangeContext) -> HeadVerdict {
        if rules.consumer != nil {
            guard let consumer = token.consumer(among: consumers, number: consumersNumber) else {
                return refuse(.consumer)
            }
            exchange.consumer = consumer
        }
        counters.accepted.increment()
        if !forwards { places.removeToken(at: place, from: &exchange.request) }
        for index in token.lines.indices { exchange.request.fields.append(token.lines[index]) }
        exchange.claims = token.claims
        return .next
    }

    private func refuse(_ problem: TokenProblem) -> HeadVerdict {
        counters.refused[problem.index].increment()
        return .respond(refusals[problem])
    }

    /// Once for each request: whatever the fetch brings, then it is decided.
    private func wait(
        _ reason: KeyStore.Reason,
        _ exchange: ExchangeContext,
        _ mayWait: Bool,
        or problem: TokenProblem
    ) -> HeadVerdict {
        guard mayWait else { return refuse(problem) }
        let ticket = FilterTicket(exchange)
        let isWaiting = keys.wait(reason, now: loop.now) { [self] in
            guard ticket.isWaiting else { return }
            ticket.resume(decide(exchange, mayWait: false))
        }
        return isWaiting ? .wait : refuse(problem)
    }
}

/// What one loop counts. Isolation: that loop.
struct JWTCounters {
    static let verifications = MetricFamily(
        "sluice_jwt_verifications_total",
        .counter,
        help: "Requests that were asked for a token, by what came of it.",
        labels: ["result"]
    )
    static let cacheHits = MetricFamily(
        "sluice_jwt_cache_hits_total",
        .counter,
        help: "Tokens that had been verified before."
    )

    let accepted: Counter
    let anonymous: Counter
    let cacheHits: Counter
    /// By the problem's index.
    let refused: [Counter]

    init(_ metrics: MetricShard) {
        accepted = metrics.counter(Self.verifications, ["ok"])
        anonymous = metrics.counter(Self.verifications, ["anonymous"])
        cacheHits = metrics.counter(Self.cacheHits)
        refused = TokenProblem.allCases.map { metrics.counter(Self.verifications, [$0.rawValue]) }
    }
}
