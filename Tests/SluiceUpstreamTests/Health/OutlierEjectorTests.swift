import NIOCore
import SluiceConfig
import Testing

@testable import SluiceUpstream

@Suite struct OutlierEjectorTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    private func ejector(endpoints: Int, share: Double = 1, base: Int64 = 30, max: Int64 = 300) -> OutlierEjector {
        var model = OutlierModel()
        model.maxEjectionShare = share
        model.baseEjection = .seconds(base)
        model.maxEjection = .seconds(max)
        var ejector = OutlierEjector(model)
        ejector.setEndpoints(0..<endpoints, at: Self.start)
        return ejector
    }

    // MARK: - Every state against every event

    @Test("in service, reported: out for the base time")
    func inServiceReportedOutForTheBaseTime() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(1, at: Self.at(0)) == true)
        #expect(ejector.isEjected(1) && ejector.ejected == [1])
        #expect(ejector.nextDeadline == Self.at(30))
    }

    @Test("in service, time passes: nothing")
    func inServiceTimePassesNothing() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.advance(to: Self.at(1000)).isEmpty)
        #expect(ejector.nextDeadline == nil && ejector.ejected.isEmpty)
    }

    @Test("in service, restored: nothing")
    func inServiceRestoredNothing() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.restore(0, at: Self.at(1)) == false)
    }

    @Test("out, reported: stays out no longer")
    func outReportedStaysOutNoLonger() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(1, at: Self.at(0)) == true)
        #expect(ejector.report(1, at: Self.at(10)) == false)
        #expect(ejector.nextDeadline == Self.at(30))
    }

    @Test("out, time passes: back when it is over and not before")
    func outTimePassesBackWhenItIsOverAndNotBefore() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(1, at: Self.at(0)) == true)
        #expect(ejector.advance(to: Self.at(30) - .nanoseconds(1)).isEmpty)
        #expect(ejector.advance(to: Self.at(30)) == [1])
        #expect(!ejector.isEjected(1) && ejector.nextDeadline == nil)
        #expect(ejector.advance(to: Self.at(31)).isEmpty)
    }

    @Test("out, restored: back at once")
    func outRestoredBackAtOnce() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(1, at: Self.at(0)) == true)
        #expect(ejector.restore(1, at: Self.at(5)) == true)
        #expect(!ejector.isEjected(1))
    }

    @Test("unknown: every event is ignored")
    func unknownEveryEventIsIgnored() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(9, at: Self.at(0)) == false)
        #expect(ejector.restore(9, at: Self.at(0)) == false)
        #expect(!ejector.isEjected(9) && ejector.ejected.isEmpty)
    }

    @Test("a changed list keeps what it knows of those that stay and forgets the rest")
    func aChangedListKeepsWhatItKnowsOfThoseThatStayAndForgetsThe() {
        var ejector = ejector(endpoints: 3)
        #expect(ejector.report(0, at: Self.at(0)) && ejector.report(1, at: Self.at(0)))
        ejector.setEndpoints([1, 2, 3], at: Self.at(5))
        #expect(ejector.ejected == [1])
        ejector.setEndpoints([0, 1, 2, 3], at: Self.at(6))
        #expect(ejector.ejected == [1])
    }

    // MARK: - Duration

    @Test("each further ejection lasts a base time longer, up to the longest")
    func eachFurtherEjectionLastsABaseTimeLongerUpToTheLongest() {
        var ejector = ejector(endpoints: 3, base: 30, max: 100)
        var now: Int64 = 0
        for expected in [30, 60, 90, 100, 100] as [Int64] {
            #expect(ejector.report(1, at: Self.at(now)) == true)
            #expect(ejector.nextDeadline == Self.at(now + expected))
            now += expected
            #expect(ejector.advance(to: Self.at(now)) == [1])
        }
    }

    @Test("every whole interval in service takes one off")
    func everyWholeIntervalInServiceTakesOneOff() {
        var ejector = ejector(endpoints: 3)
        var now: Int64 = 0
        for expected in [30, 60, 90] as [Int64] {
            #expect(ejector.report(1, at: Self.at(now)) == true)
            now += expected
            #expect(ejector.advance(to: Self.at(now)) == [1])
        }
        // 25 s are two intervals of ten: 3 ejections count as 1, this one makes it 2.
        now += 25
        #expect(ejector.report(1, at: Self.at(now)) == true)
        #expect(ejector.nextDeadline == Self.at(now + 60))
        #expect(ejector.advance(to: Self.at(now + 60)) == [1])
        // Never below nothing.
        now += 60 + 1000
        #expect(ejector.report(1, at: Self.at(now)) == true)
        #expect(ejector.nextDeadline == Self.at(now + 30))
    }

    @Test("the time spent out does not count as service")
    func theTimeSpentOutDoesNotCountAsService() {
        var ejector = ejector(endpoints: 3, base: 600, max: 6000)
        #expect(ejector.report(1, at: Self.at(0)) == true)
        #expect(ejector.advance(to: Self.at(600)) == [1])
        #expect(ejector.report(1, at: Self.at(605)) == true)
        #expect(ejector.nextDeadline == Self.at(605 + 1200))
    }

    @Test("a base longer than the longest wins")
    func aBaseLongerThanTheLongestWins() {
        var ejector = ejector(endpoints: 1, base: 500, max: 300)
        #expect(ejector.report(0, at: Self.at(0)) == true)
        #expect(ejector.nextDeadline == Self.at(500))
    }

    // MARK: - Share

    @Test(
        "no more than the share are out, but always one",
        arguments: [
            (10, 0.1, 1), (10, 0.3, 3), (9, 0.3, 2), (3, 0.1, 1), (1, 0, 1), (5, 0, 1), (4, 1, 4), (100, 0.29, 29),
        ]
    )
    func noMoreThanTheShareAreOutButAlwaysOne(endpoints: Int, share: Double, allowed: Int) {
        var ejector = ejector(endpoints: endpoints, share: share)
        let ejected = (0..<endpoints).count { ejector.report($0, at: Self.at(0)) }
        #expect(ejected == allowed)
        #expect(ejector.ejected.count == allowed)
        #expect(ejector.advance(to: Self.at(30)).count == allowed)
        #expect(ejector.report(endpoints - 1, at: Self.at(31)) == true)
    }
}
