import SluiceCore
import Testing

@testable import SluiceFilters

/// The arithmetic of limits against models that remember every request.
@Suite("Rate limit arithmetic") struct RateLimitPolicyTests {
    private static let second: UInt64 = 1_000_000_000

    private func policy(
        _ algorithm: RateLimitPolicy.Algorithm,
        _ count: UInt64,
        _ seconds: UInt64,
        burst: UInt64 = 1
    )
        -> RateLimitPolicy
    {
        RateLimitPolicy(algorithm: algorithm, count: count, period: seconds * Self.second, burst: burst)
    }

    /// Runs requests at these times; true for those that pass.
    private func run(_ policy: RateLimitPolicy, at times: [UInt64]) -> [Bool] {
        var state: UInt64 = 0
        return times.map { now in
            let (decision, next) = policy.decide(state, now: now)
            if decision.isAllowed { state = next } else { #expect(next == state) }
            return decision.isAllowed
        }
    }

    @Test("a full bucket gives its burst at once, and then one token an interval")
    func bucket() {
        let policy = policy(.tokenBucket, 60, 60, burst: 3)
        var state: UInt64 = 0
        let start = 1000 * Self.second
        for left in [2, 1, 0] as [UInt64] {
            let (decision, next) = policy.decide(state, now: start)
            #expect(
                decision
                    == RateLimitDecision(
                        isAllowed: true,
                        remaining: left,
                        reset: (3 - left) * Self.second,
                        retryAfter: 0
                    )
            )
            state = next
        }
        var refused = policy.decide(state, now: start).decision
        #expect(
            refused
                == RateLimitDecision(isAllowed: false, remaining: 0, reset: 3 * Self.second, retryAfter: Self.second)
        )
        refused = policy.decide(state, now: start + Self.second - 1).decision
        #expect(!refused.isAllowed && refused.retryAfter == 1)
        #expect(policy.decide(state, now: start + Self.second).decision.isAllowed)
    }

    @Test(
        "what a client is told to wait is enough, and a nanosecond less is not",
        arguments: RateLimitPolicy.Algorithm.allCases
    )
    func retryAfter(algorithm: RateLimitPolicy.Algorithm) {
        var random = RandomSource(seed: 3)
        for _ in 0..<300 {
            let policy = policy(algorithm, 1 + random.below(20), 1 + random.below(100), burst: 1 + random.below(10))
            var (state, now) = (UInt64(0), 1000 * Self.second + random.below(Self.second))
            for _ in 0..<60 {
                let (decision, next) = policy.decide(state, now: now)
                if decision.isAllowed {
                    state = next
                    now += random.below(policy.period / policy.count)
                } else {
                    #expect(decision.retryAfter > 0)
                    #expect(policy.decide(state, now: now + decision.retryAfter).decision.isAllowed)
                    #expect(!policy.decide(state, now: now + decision.retryAfter - 1).decision.isAllowed)
                    now += decision.retryAfter
                }
            }
        }
    }

    @Test("a bucket lets through what a bucket of real tokens does")
    func bucketModel() {
        var random = RandomSource(seed: 11)
        for _ in 0..<200 {
            let policy = policy(.tokenBucket, 1 + random.below(50), 1 + random.below(60), burst: 1 + random.below(30))
            let interval = policy.interval
            var (state, now) = (UInt64(0), Self.second)
            // In nanoseconds of filling time.
            var (filled, last) = (interval * policy.burst, now)
            for _ in 0..<400 {
                now += random.below(2 * interval)
                filled = min(interval * policy.burst, filled + (now - last))
                last = now
                let expected = filled >= interval
                if expected { filled -= interval }
                let (decision, next) = policy.decide(state, now: now)
                #expect(decision.isAllowed == expected)
                if decision.isAllowed {
                    #expect(decision.remaining == filled / interval)
                    state = next
                }
            }
        }
    }

    @Test("a day of fixed windows: never more than the limit in any of them")
    func fixedDay() {
        let policy = policy(.fixedWindow, 10, 60)
        let times = stride(from: UInt64(0), to: 86_400, by: 3).map { $0 * Self.second + 1 }
        let passed = zip(times, run(policy, at: times)).filter(\.1).map(\.0)
        var counts: [UInt64: Int] = [:]
        for time in passed { counts[time / policy.period, default: 0] += 1 }
        #expect(counts.count == 1440)
        #expect(counts.values.allSatisfy { $0 == 10 })
    }

    @Test("a sliding window never lets more than the limit through in a whole window, nor twice it across two")
    func slidingDay() {
        let policy = policy(.slidingWindow, 10, 60)
        var random = RandomSource(seed: 5)
        var times: [UInt64] = []
        var now = Self.second
        while now < 86_400 * Self.second {
            now += random.below(8 * Self.second)
            times.append(now)
        }
        let passed = zip(times, run(policy, at: times)).filter(\.1).map(\.0)
        var counts: [UInt64: Int] = [:]
        for time in passed { counts[time / policy.period, default: 0] += 1 }
        #expect(counts.values.allSatisfy { $0 <= 10 })
        // Rounding is to the safe side, and costs at most one request a window or so.
        #expect(passed.count > 1440 * 8 && passed.count <= 1440 * 10)
    }

    @Test("a sliding window remembers the one before by the part of it that still counts")
    func slidingWeight() {
        let policy = policy(.slidingWindow, 10, 60)
        let minute = 60 * Self.second
        var state: UInt64 = 0
        for _ in 0..<10 { state = policy.decide(state, now: 5 * minute + minute - 1).state }
        #expect(!policy.decide(state, now: 6 * minute - 1).decision.isAllowed)
        // Half of the window before still counts: five.
        let now = 6 * minute + minute / 2
        var allowed = 0
        while case (let decision, let next) = policy.decide(state, now: now), decision.isAllowed {
            (state, allowed) = (next, allowed + 1)
        }
        #expect(allowed == 5)
        #expect(policy.decide(state, now: 9 * minute).decision.remaining == 9)
    }

    @Test("clocks that go back a little, and rates that are extreme, do no harm")
    func extremes() {
        let slow = policy(.tokenBucket, 1, 86_400, burst: 1)
        #expect(
            run(slow, at: [10 * Self.second, 5 * Self.second, 86_409 * Self.second, 86_410 * Self.second]) == [
                true, false, false, true,
            ]
        )
        let fast = policy(.tokenBucket, 1_000_000, 1, burst: 1_000_000)
        #expect(run(fast, at: (0..<2000).map { Self.second + $0 }).allSatisfy { $0 })
        for algorithm in RateLimitPolicy.Algorithm.allCases {
            let policy = policy(algorithm, 5, 10, burst: 5)
            for state in [UInt64.max, UInt64.max - 1, 1, 1 << 32, 1 << 44] {
                for now in [1, Self.second, UInt64.max / 4] as [UInt64] {
                    _ = policy.decide(state % (UInt64.max / 4), now: now)
                }
            }
        }
    }
}

/// Loops whose clocks are not quite the same, and buckets that hold nothing.
@Suite("Rate limit arithmetic at its edges") struct RateLimitEdgeTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(
        "two loops a little apart at the border of a window do not wipe out each other's counts",
        arguments: [RateLimitPolicy.Algorithm.fixedWindow, .slidingWindow]
    )
    func skew(algorithm: RateLimitPolicy.Algorithm) {
        let policy = RateLimitPolicy(algorithm: algorithm, count: 10, period: Self.second, burst: 1)
        for border in 100..<120 as Range<UInt64> {
            var state: UInt64 = 0
            var passed = 0
            for request in 0..<100 as Range<UInt64> {
                let now = border * Self.second &+ (request.isMultiple(of: 2) ? 1_000_000 : 0) &- 500_000
                let (decision, next) = policy.decide(state, now: now)
                if decision.isAllowed { (state, passed) = (next, passed + 1) }
                #expect(!policy.isIdle(state, now: now))
            }
            #expect(passed <= 11, "\(passed) of 10 at \(border)")
        }
    }

    @Test("a bucket without room lets nothing through")
    func nothing() {
        let policy = RateLimitPolicy(algorithm: .tokenBucket, count: 5, period: Self.second, burst: 0)
        for now in [1, 5, 1000] as [UInt64] {
            let (decision, state) = policy.decide(0, now: now * Self.second)
            #expect(!decision.isAllowed && decision.remaining == 0 && state == 0)
        }
    }

    @Test("the number of a window may start again at 0")
    func wrap() {
        // Of a sliding window 20 bits are kept.
        let policy = RateLimitPolicy(algorithm: .slidingWindow, count: 3, period: Self.second, burst: 1)
        let last = ((1 << 20) - 1) * Self.second
        var state: UInt64 = 0
        var passed: [UInt64] = []
        for step in 0..<40 as Range<UInt64> {
            let now = last - 5 * Self.second + step * Self.second / 4
            let (decision, next) = policy.decide(state, now: now)
            if decision.isAllowed { (state, _) = (next, passed.append(now / Self.second)) }
        }
        for window in Set(passed) { #expect(passed.count { $0 == window } <= 3) }
        #expect(passed.count >= 20)
    }
}
