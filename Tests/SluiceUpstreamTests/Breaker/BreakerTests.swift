import Atomics
import Testing

@testable import SluiceUpstream

@Suite struct BreakerCountsTests {
    @Test("takes up to the limit and gives back", arguments: BreakerCounts.Kind.allCases)
    func takesUpToTheLimitAndGivesBack(kind: BreakerCounts.Kind) {
        let owner = BreakerCountsOwner()
        let counts = owner.counts
        #expect(counts.tryAcquire(kind, limit: 2) && counts.tryAcquire(kind, limit: 2))
        #expect(!counts.tryAcquire(kind, limit: 2))
        #expect(counts.current(kind) == 2)
        counts.release(kind)
        #expect(counts.tryAcquire(kind, limit: 2))
        for other in BreakerCounts.Kind.allCases where other != kind { #expect(counts.current(other) == 0) }
        withExtendedLifetime(owner) {}
    }

    @Test("a lowered limit refuses until enough are back")
    func aLoweredLimitRefusesUntilEnoughAreBack() {
        let owner = BreakerCountsOwner()
        let counts = owner.counts
        for _ in 0..<3 { #expect(counts.tryAcquire(.requests, limit: 5)) }
        #expect(!counts.tryAcquire(.requests, limit: 1))
        counts.release(.requests)
        counts.release(.requests)
        #expect(!counts.tryAcquire(.requests, limit: 1))
        counts.release(.requests)
        #expect(counts.tryAcquire(.requests, limit: 1))
        #expect(!counts.tryAcquire(.pending, limit: 0))
        withExtendedLifetime(owner) {}
    }

    @Test("a loop without a connection may always open one")
    func aLoopWithoutAConnectionMayAlwaysOpenOne() {
        let owner = BreakerCountsOwner()
        let counts = owner.counts
        #expect(counts.tryAcquire(.connections, limit: 1))
        #expect(!counts.tryAcquire(.connections, limit: 1))
        #expect(counts.tryAcquire(.connections, limit: 1, isExempt: true))
        #expect(counts.current(.connections) == 2)
        // What was taken over the limit counts like any other.
        counts.release(.connections)
        #expect(!counts.tryAcquire(.connections, limit: 1))
        withExtendedLifetime(owner) {}
    }

    @Test("under contention the limit is never passed and nothing is lost")
    func underContentionTheLimitIsNeverPassedAndNothingIsLost() async throws {
        let owner = BreakerCountsOwner()
        let counts = owner.counts
        let held = ManagedAtomic(0)
        let most = ManagedAtomic(0)
        let taken = ManagedAtomic(0)
        try await inParallel(threads: 4, rounds: 20_000) { _ in
            guard counts.tryAcquire(.requests, limit: 2) else { return }
            let now = held.wrappingIncrementThenLoad(ordering: .sequentiallyConsistent)
            var seen = most.load(ordering: .relaxed)
            while now > seen {
                (_, seen) = most.compareExchange(expected: seen, desired: now, ordering: .relaxed)
            }
            taken.wrappingIncrement(ordering: .relaxed)
            held.wrappingDecrement(ordering: .sequentiallyConsistent)
            counts.release(.requests)
        }
        #expect(most.load(ordering: .relaxed) <= 2)
        #expect(taken.load(ordering: .relaxed) > 0)
        #expect(counts.current(.requests) == 0)
        withExtendedLifetime(owner) {}
    }

    @Test("as many as the limit get through, however many ask at once")
    func asManyAsTheLimitGetThroughHoweverManyAskAtOnce() async throws {
        let owner = BreakerCountsOwner()
        let counts = owner.counts
        let taken = ManagedAtomic(0)
        try await inParallel(threads: 4, rounds: 1000) { _ in
            if counts.tryAcquire(.pending, limit: 777) { taken.wrappingIncrement(ordering: .relaxed) }
        }
        #expect(taken.load(ordering: .relaxed) == 777)
        #expect(counts.current(.pending) == 777)
        withExtendedLifetime(owner) {}
    }
}

@Suite struct RetryBudgetTests {
    /// Takes places until one is refused.
    private func room(_ budget: RetryBudget, share: Double, minimum: Int) -> Int {
        var count = 0
        while count < 10_000, budget.tryStart(share: share, minimum: minimum) { count += 1 }
        for _ in 0..<count { budget.finish() }
        return count
    }

    @Test(
        "a share of what is under way, and at least the minimum",
        arguments: [
            (0, 0, 0.2, 3, 3), (10, 0, 0.2, 3, 3), (15, 5, 0.2, 3, 4), (100, 0, 0.2, 3, 20), (99, 0, 0.2, 3, 19),
            (100, 0, 0, 0, 0), (100, 0, 0, 3, 3), (50, 50, 1, 0, 100),
        ]
    )
    func aShareOfWhatIsUnderWayAndAtLeastTheMinimum(
        requests: Int,
        pending: Int,
        share: Double,
        minimum: Int,
        allowed: Int
    ) {
        let owner = BreakerCountsOwner()
        for _ in 0..<requests { _ = owner.counts.tryAcquire(.requests, limit: .max) }
        for _ in 0..<pending { _ = owner.counts.tryAcquire(.pending, limit: .max) }
        #expect(room(owner.counts.retryBudget, share: share, minimum: minimum) == allowed)
        #expect(owner.counts.retryBudget.current == 0)
    }

    @Test("a finished retry makes room")
    func aFinishedRetryMakesRoom() {
        let owner = BreakerCountsOwner()
        let budget = owner.counts.retryBudget
        #expect(budget.tryStart(share: 0.2, minimum: 1))
        #expect(!budget.tryStart(share: 0.2, minimum: 1))
        #expect(budget.current == 1)
        budget.finish()
        #expect(budget.tryStart(share: 0.2, minimum: 1))
        withExtendedLifetime(owner) {}
    }

    @Test("a share beyond all bounds does not trap")
    func aShareBeyondAllBoundsDoesNotTrap() {
        let owner = BreakerCountsOwner()
        _ = owner.counts.tryAcquire(.requests, limit: .max)
        #expect(owner.counts.retryBudget.tryStart(share: .infinity, minimum: 0))
        #expect(owner.counts.retryBudget.tryStart(share: 1e300, minimum: 0))
        #expect(!owner.counts.retryBudget.tryStart(share: .nan, minimum: 0))
    }

    @Test("exact under contention")
    func exactUnderContention() async throws {
        let owner = BreakerCountsOwner()
        let budget = owner.counts.retryBudget
        let started = ManagedAtomic(0)
        try await inParallel(threads: 4, rounds: 500) { _ in
            if budget.tryStart(share: 0.2, minimum: 123) { started.wrappingIncrement(ordering: .relaxed) }
        }
        #expect(started.load(ordering: .relaxed) == 123)
        withExtendedLifetime(owner) {}
    }
}
