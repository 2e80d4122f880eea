import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

@Suite struct RetryPolicyTests {
    private static func policy(
        _ on: Set<RetryModel.Condition>,
        attempts: Int = 2,
        statusCodes: [Int] = []
    ) -> RetryPolicy {
        var model = RetryModel()
        model.on = on
        model.attempts = attempts
        model.statusCodes = statusCodes
        return RetryPolicy(model)
    }

    private static func failed(_ outcome: AttemptOutcome, retriesMade: Int = 0) -> FailedAttempt {
        FailedAttempt(outcome, retriesMade: retriesMade, isIdempotent: true, isReplayable: true)
    }

    private static func decide(_ policy: RetryPolicy, _ attempt: FailedAttempt, seed: UInt64 = 1) -> RetryDecision {
        var random = RandomSource(seed: seed)
        return policy.decide(attempt, random: &random)
    }

    // MARK: - The table

    private static let outcomes: [(AttemptOutcome, Set<RetryModel.Condition>)] = [
        (.response(status: 200), []),
        (.response(status: 301), []),
        (.response(status: 404), []),
        (.response(status: 409), [.retriableStatusCodes]),
        (.response(status: 429), []),
        (.response(status: 499), []),
        (.response(status: 500), [.serverError]),
        (.response(status: 501), [.serverError, .retriableStatusCodes]),
        (.response(status: 502), [.serverError, .gatewayError]),
        (.response(status: 503), [.serverError, .gatewayError]),
        (.response(status: 504), [.serverError, .gatewayError]),
        (.response(status: 505), [.serverError]),
        (.response(status: 599), [.serverError]),
        (.response(status: 600), []),
        (.connectFailure, [.serverError, .gatewayError, .reset, .connectFailure]),
        (.resetBeforeResponse, [.serverError, .gatewayError, .reset]),
        (.refusedStream, [.serverError, .gatewayError, .reset, .refusedStream]),
        (.perTryTimeout, [.serverError, .gatewayError, .reset]),
    ]

    @Test("every condition against every outcome", arguments: outcomes, RetryModel.Condition.allCases)
    func everyConditionAgainstEveryOutcome(
        outcome: (AttemptOutcome, Set<RetryModel.Condition>),
        condition: RetryModel.Condition
    ) {
        let policy = Self.policy([condition], statusCodes: [409, 501])
        let isCovered = outcome.1.contains(condition)
        #expect(policy.covers(outcome.0) == isCovered)
        // What was declined unprocessed is sent once more, whatever the policy.
        if outcome.0 == .refusedStream {
            #expect(Self.decide(policy, Self.failed(outcome.0)) == .resend)
        } else if isCovered {
            guard case .retry = Self.decide(policy, Self.failed(outcome.0)) else {
                Issue.record("\(condition) does not retry \(outcome.0)")
                return
            }
        } else {
            #expect(Self.decide(policy, Self.failed(outcome.0)) == .no(.notRetriable))
        }
    }

    @Test("listed status codes count only with their condition")
    func listedStatusCodesCountOnlyWithTheirCondition() {
        #expect(!Self.policy([.reset], statusCodes: [429]).covers(.response(status: 429)))
        #expect(Self.policy([.reset, .retriableStatusCodes], statusCodes: [429]).covers(.response(status: 429)))
    }

    @Test("without a policy nothing is retried", arguments: outcomes)
    func withoutAPolicyNothingIsRetried(outcome: (AttemptOutcome, Set<RetryModel.Condition>)) {
        let policy = RetryPolicy(nil)
        #expect(policy.maxRetries == 0 && policy.bufferBytes == 0 && policy.perTryTimeout == nil)
        let otherwise = outcome.0 == .refusedStream ? RetryDecision.resend : .no(.notRetriable)
        #expect(Self.decide(policy, Self.failed(outcome.0)) == otherwise)
    }

    // MARK: - Limits

    @Test("attempts are further tries after the first")
    func attemptsAreFurtherTriesAfterTheFirst() {
        let policy = Self.policy([.serverError], attempts: 2)
        for (made, isAllowed) in [(0, true), (1, true), (2, false), (3, false)] {
            let decision = Self.decide(policy, Self.failed(.response(status: 503), retriesMade: made))
            #expect((decision == .no(.attemptsExhausted)) != isAllowed)
        }
        let none = Self.policy([.serverError], attempts: -1)
        #expect(Self.decide(none, Self.failed(.response(status: 503))) == .no(.attemptsExhausted))
    }

    @Test("a body that is gone ends it")
    func aBodyThatIsGoneEndsIt() {
        var attempt = Self.failed(.response(status: 503))
        attempt.isReplayable = false
        #expect(Self.decide(Self.policy([.serverError]), attempt) == .no(.bodyNotKept))
    }

    @Test("a method that is not idempotent is retried where the configuration says so")
    func aMethodThatIsNotIdempotentIsRetriedWhereTheConfiguration() {
        var attempt = Self.failed(.perTryTimeout)
        attempt.isIdempotent = false
        guard case .retry = Self.decide(Self.policy([.reset]), attempt) else {
            Issue.record("not retried")
            return
        }
    }

    @Test("the waits grow with the retries")
    func theWaitsGrowWithTheRetries() {
        let policy = Self.policy([.serverError], attempts: 9)
        for (made, bound) in [(0, 25), (1, 75), (2, 175), (3, 250), (8, 250)] as [(Int, Int64)] {
            for seed in UInt64(0)..<50 {
                let decision = Self.decide(policy, Self.failed(.resetBeforeResponse, retriesMade: made), seed: seed)
                guard case .retry(let wait) = decision else {
                    Issue.record("\(decision)")
                    continue
                }
                #expect(wait >= .zero && wait < .milliseconds(bound))
            }
        }
    }

    // MARK: - Retry-After

    private static func asked(_ seconds: Int64) -> FailedAttempt {
        failed(.response(status: 503, retryAfter: TimeAmount.seconds(seconds)))
    }

    @Test("what the upstream asks for is waited, and up to half longer")
    func whatTheUpstreamAsksForIsWaitedAndUpToHalfLonger() {
        for seed in UInt64(0)..<50 {
            guard case .retry(let wait) = Self.decide(Self.policy([.serverError]), Self.asked(4), seed: seed) else {
                Issue.record("not retried")
                continue
            }
            #expect(wait >= .seconds(4) && wait < .seconds(6))
        }
    }

    @Test("a longer wait than allowed is left to the client")
    func aLongerWaitThanAllowedIsLeftToTheClient() {
        #expect(Self.decide(Self.policy([.serverError]), Self.asked(11)) == .no(.retryAfterTooLong))
        #expect(Self.decide(Self.policy([.serverError]), Self.asked(10)) != .no(.retryAfterTooLong))
    }

    @Test("a wait of nothing means the usual one")
    func aWaitOfNothingMeansTheUsualOne() {
        guard case .retry(let wait) = Self.decide(Self.policy([.serverError]), Self.asked(0)) else {
            Issue.record("not retried")
            return
        }
        #expect(wait < .milliseconds(25))
    }

    // MARK: - Resend

    private static func dead(
        _ outcome: AttemptOutcome,
        _ change: (inout FailedAttempt) -> Void = { _ in }
    ) -> FailedAttempt {
        var attempt = failed(outcome)
        attempt.wasReused = true
        change(&attempt)
        return attempt
    }

    @Test(
        "a request that died on a reused connection is sent again once, with or without a policy",
        arguments: [RetryPolicy(nil), policy([.serverError])]
    )
    func aRequestThatDiedOnAReusedConnectionIsSentAgainOnceWithOr(policy: RetryPolicy) {
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse)) == .resend)
        #expect(Self.decide(policy, Self.dead(.refusedStream)) == .resend)
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse) { $0.wasResent = true }) != .resend)
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse) { $0.wasReused = false }) != .resend)
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse) { $0.isReplayable = false }) != .resend)
        for outcome in [AttemptOutcome.connectFailure, .perTryTimeout, .response(status: 503)] {
            #expect(Self.decide(policy, Self.dead(outcome)) != .resend)
        }
    }

    @Test("a method that is not idempotent is sent again only if it cannot have been done")
    func aMethodThatIsNotIdempotentIsSentAgainOnlyIfItCannotHave() {
        let policy = RetryPolicy(nil)
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse) { $0.isIdempotent = false }) == .no(.notRetriable))
        let unsent = Self.dead(.resetBeforeResponse) {
            $0.isIdempotent = false
            $0.sentNothing = true
        }
        #expect(Self.decide(policy, unsent) == .resend)
        #expect(Self.decide(policy, Self.dead(.refusedStream) { $0.isIdempotent = false }) == .resend)
    }

    @Test("a resend does not use up an attempt")
    func aResendDoesNotUseUpAnAttempt() {
        let policy = Self.policy([.reset], attempts: 1)
        #expect(Self.decide(policy, Self.dead(.resetBeforeResponse)) == .resend)
        guard case .retry = Self.decide(policy, Self.dead(.resetBeforeResponse) { $0.wasResent = true }) else {
            Issue.record("not retried")
            return
        }
    }
}

@Suite struct RetryBackoffTests {
    @Test(
        "the bound is (2^N - 1) times the base, capped",
        arguments: [(1, 25), (2, 75), (3, 175), (4, 250), (62, 250), (.max, 250), (0, 25), (.min, 25)] as [(Int, Int64)]
    )
    func theBoundIs2N1TimesTheBaseCapped(retry: Int, milliseconds: Int64) {
        let backoff = RetryBackoff(base: .milliseconds(25), longest: .milliseconds(250))
        #expect(backoff.bound(before: retry) == milliseconds * 1_000_000)
    }

    @Test("waits are spread over the whole range")
    func waitsAreSpreadOverTheWholeRange() {
        let backoff = RetryBackoff(base: .milliseconds(100), longest: .seconds(10))
        var random = RandomSource(seed: 5)
        let waits = (0..<2000).map { _ in backoff.wait(before: 2, random: &random).nanoseconds / 1_000_000 }
        #expect(waits.allSatisfy { (0..<300).contains($0) })
        #expect(abs(waits.reduce(0, +) / 2000 - 150) < 10)
        #expect(waits.contains { $0 < 10 } && waits.contains { $0 > 290 })
    }

    @Test("absurd settings do not trap")
    func absurdSettingsDoNotTrap() {
        var random = RandomSource(seed: 6)
        #expect(RetryBackoff(base: .zero, longest: .zero).wait(before: 1, random: &random) == .zero)
        #expect(RetryBackoff(base: .seconds(-1), longest: .seconds(-1)).wait(before: 3, random: &random) == .zero)
        let huge = TimeAmount.nanoseconds(.max)
        #expect(RetryBackoff(base: huge, longest: huge).wait(before: 9, random: &random) >= .zero)
        #expect(RetryBackoff.spread(huge, random: &random) == huge)
        #expect(RetryBackoff.spread(.nanoseconds(-5), random: &random) == .zero)
    }
}
