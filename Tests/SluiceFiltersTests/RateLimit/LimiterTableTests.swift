import Atomics
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("Limiter table") struct LimiterTableTests {
    private static let second: UInt64 = 1_000_000_000
    private let policy = RateLimitPolicy(algorithm: .tokenBucket, count: 60, period: 60 * Self.second, burst: 10)

    private func hash(_ number: UInt64, _ table: LimiterTable) -> (low: UInt64, high: UInt64) {
        var hash = SipHash(table.key)
        hash.add(number)
        return hash.finish()
    }

    @Test("several loops on one key let exactly the limit through")
    func exactOverThreads() {
        let table = LimiterTable(capacity: 1024)
        let policy = policy
        for round in 1...20 as ClosedRange<UInt64> {
            let passed = ManagedAtomic<Int>(0)
            let running = ManagedAtomic<Int>(8)
            let hash = hash(round, table)
            for number in 0..<8 {
                ControlThread.spawn(name: "loop \(number)") {
                    for _ in 0..<50 where table.decide(hash, policy, now: Self.second).isAllowed {
                        passed.wrappingIncrement(ordering: .relaxed)
                    }
                    running.wrappingDecrement(ordering: .releasing)
                }
            }
            while running.load(ordering: .acquiring) > 0 {}
            #expect(passed.load(ordering: .relaxed) == 10)
        }
    }

    @Test("keys do not disturb each other")
    func separate() {
        let table = LimiterTable(capacity: 4096)
        for key in 0..<500 as Range<UInt64> {
            for left in (0..<10).reversed() {
                let decision = table.decide(hash(key, table), policy, now: Self.second)
                #expect(decision.isAllowed && decision.remaining == UInt64(left))
            }
            #expect(!table.decide(hash(key, table), policy, now: Self.second).isAllowed)
        }
    }

    @Test("a flood of keys resets nobody's limit and makes the table grow by nothing")
    func flood() {
        let table = LimiterTable(capacity: 64)
        let victim = hash(1, table)
        for _ in 0..<10 { #expect(table.decide(victim, policy, now: Self.second).isAllowed) }
        var passed = 0
        for key in 100..<10_000 as Range<UInt64>
        where table.decide(hash(key, table), policy, now: Self.second).isAllowed {
            passed += 1
        }
        #expect(!table.decide(victim, policy, now: Self.second).isAllowed)
        // 64 places with a state of their own, of which one is the victim's, and eight states for all others.
        #expect(passed <= 63 + 8 * 10)
    }

    @Test("a key that has been quiet gives its place up, with nothing lost")
    func idle() {
        let table = LimiterTable(capacity: 8)
        for key in 0..<8 as Range<UInt64> {
            #expect(table.decide(hash(key, table), policy, now: Self.second).isAllowed)
        }
        // One second later all buckets are full again.
        for key in 10..<18 as Range<UInt64> {
            let decision = table.decide(hash(key, table), policy, now: 2 * Self.second + key)
            #expect(decision.isAllowed && decision.remaining == 9)
        }
    }

    @Test("looking spends nothing")
    func looking() {
        let table = LimiterTable(capacity: 8)
        for _ in 0..<20 {
            #expect(table.decide(hash(1, table), policy, now: Self.second, spends: false).remaining == 9)
        }
    }
}
