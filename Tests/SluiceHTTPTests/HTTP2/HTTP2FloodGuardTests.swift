import Testing

@testable import SluiceHTTP

/// The allowances behind the floods, with a clock that is moved by hand.
@Suite struct HTTP2FloodGuardTests {
    private func guardian(burst: Int, perSecond: Int) -> HTTP2FloodGuard {
        var limits = HTTP2FloodLimits()
        limits.pings = .init(burst: burst, perSecond: perSecond)
        limits.resets = .init(burst: burst, perSecond: perSecond)
        return HTTP2FloodGuard(limits)
    }

    private func pings(_ flood: inout HTTP2FloodGuard, atMost count: Int = 1000) -> Int {
        (0..<count).first { _ in flood.ping() != nil } ?? count
    }

    private func reset(_ flood: inout HTTP2FloodGuard) -> HTTP2Error? { flood.reset() }

    @Test func aBurstIsAllowedOnce() {
        var flood = guardian(burst: 5, perSecond: 1)
        flood.pass(to: 0)
        #expect(pings(&flood) == 5)
        #expect(pings(&flood) == 0)
    }

    @Test func timeGivesBackWhatItShould() {
        var flood = guardian(burst: 5, perSecond: 2)
        flood.pass(to: 10_000)
        #expect(pings(&flood) == 5)
        flood.pass(to: 10_499)
        #expect(pings(&flood) == 0)
        flood.pass(to: 10_500)
        #expect(pings(&flood) == 1)
        flood.pass(to: 12_000)
        #expect(pings(&flood) == 3)
        // No more than the burst, however long it takes.
        flood.pass(to: .max)
        #expect(pings(&flood) == 5)
    }

    @Test func aClockThatGoesBackwardsGivesNothing() {
        var flood = guardian(burst: 2, perSecond: 1000)
        flood.pass(to: 5000)
        #expect(pings(&flood) == 2)
        flood.pass(to: 4000)
        flood.pass(to: 5000)
        #expect(pings(&flood) == 0)
    }

    @Test func theFirstMomentMayBeAnyMoment() {
        var flood = guardian(burst: 1, perSecond: 0)
        flood.pass(to: .max)
        #expect(pings(&flood) == 1)
        flood.pass(to: .max)
        #expect(pings(&flood) == 0)
    }

    @Test func usefulWorkGivesBack() {
        var flood = guardian(burst: 3, perSecond: 0)
        #expect(pings(&flood) == 3)
        flood.dataMoved()
        #expect(pings(&flood) == 1)
        let firsts = [flood.reset(), flood.reset(), flood.reset()]
        #expect(firsts == [nil, nil, nil])
        #expect(reset(&flood) == .rapidReset)
        flood.streamFinished()
        #expect(reset(&flood) == nil)
        #expect(reset(&flood) == .rapidReset)
    }

    @Test func absurdLimitsAreNoTraps() {
        var flood = guardian(burst: .max, perSecond: .max)
        flood.pass(to: 0)
        flood.pass(to: .max)
        flood.dataMoved()
        #expect(pings(&flood, atMost: 10) == 10)
        var least = guardian(burst: .min, perSecond: .min)
        least.pass(to: 0)
        least.pass(to: .max)
        #expect(pings(&least) == 1)
    }
}
