import NIOCore
import Testing

@testable import SluiceFilters

/// When keys are fetched, every state against every event.
@Suite struct KeyRefreshTests {
    /// The macros of the tests call nothing that mutates.
    private final class Machine {
        private var state: KeyRefresh

        init(interval: TimeAmount = .minutes(10), cooldown: TimeAmount = .seconds(30)) {
            state = KeyRefresh(interval: interval, cooldown: cooldown)
        }

        var isFetching: Bool { state.isFetching }
        var timer: Int { state.timer }
        var withoutKeys: KeyRefresh.Answer { state.withoutKeys }
        func keyIsUnknown(now: NIODeadline) -> KeyRefresh.Answer { state.keyIsUnknown(now: now) }
        func timerFired(_ number: Int) -> Bool { state.timerFired(number) }
        func ended(wasGood: Bool) -> TimeAmount { state.ended(wasGood: wasGood) }
    }

    private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds) * 1_000_000_000) }

    @Test func beginsWithAFetchThatIsWorthWaitingFor() {
        let refresh = Machine()
        #expect(refresh.isFetching)
        #expect(refresh.withoutKeys == .join)
        #expect(refresh.keyIsUnknown(now: time(1)) == .join)
        #expect(!refresh.timerFired(0))
    }

    @Test func comesBackRegularly() {
        let refresh = Machine()
        #expect(refresh.ended(wasGood: true) == .minutes(10))
        let timer = refresh.timer
        #expect(refresh.timerFired(timer))
        #expect(refresh.isFetching)
        // The same timer does not fire twice, and an older one not at all.
        #expect(!refresh.timerFired(timer))
        #expect(refresh.ended(wasGood: true) == .minutes(10))
        #expect(!refresh.timerFired(timer))
        #expect(refresh.timerFired(refresh.timer))
    }

    @Test func comesBackSoonerAfterFailuresButLessAndLessOften() {
        let refresh = Machine()
        _ = refresh.ended(wasGood: true)
        var pauses: [Int64] = []
        for _ in 0..<100 {
            #expect(refresh.timerFired(refresh.timer))
            pauses.append(refresh.ended(wasGood: false).nanoseconds / 1_000_000_000)
        }
        #expect(pauses.prefix(8) == [1, 2, 4, 8, 16, 32, 60, 60])
        #expect(pauses.last == 60)
        #expect(refresh.timerFired(refresh.timer))
        #expect(refresh.ended(wasGood: true) == .minutes(10))
        #expect(refresh.timerFired(refresh.timer))
        #expect(refresh.ended(wasGood: false) == .seconds(1))
    }

    @Test func doesNotGiveUpForLongAsLongAsThereAreNoKeys() {
        let refresh = Machine()
        var pauses: [Int64] = []
        for _ in 0..<6 {
            pauses.append(refresh.ended(wasGood: false).nanoseconds / 1_000_000_000)
            #expect(refresh.withoutKeys == .no)
            #expect(refresh.timerFired(refresh.timer))
            #expect(refresh.withoutKeys == .join)
        }
        #expect(pauses == [1, 2, 4, 5, 5, 5])
    }

    @Test func aShortIntervalIsNeverExceeded() {
        let refresh = Machine(interval: .seconds(3), cooldown: .seconds(1))
        let pauses = (0..<5).map { _ in
            _ = refresh.timerFired(refresh.timer)
            return refresh.ended(wasGood: false).nanoseconds / 1_000_000_000
        }
        #expect(pauses == [1, 2, 3, 3, 3])
    }

    @Test func unknownKeysAreRationed() {
        let refresh = Machine()
        _ = refresh.ended(wasGood: true)
        #expect(refresh.keyIsUnknown(now: time(100)) == .fetch)
        #expect(refresh.keyIsUnknown(now: time(100)) == .join)
        #expect(refresh.ended(wasGood: true) == .minutes(10))
        #expect(refresh.keyIsUnknown(now: time(100)) == .no)
        #expect(refresh.keyIsUnknown(now: time(129)) == .no)
        #expect(refresh.keyIsUnknown(now: time(130)) == .fetch)
        // Failures make no exception.
        #expect(refresh.ended(wasGood: false) == .seconds(1))
        #expect(refresh.keyIsUnknown(now: time(159)) == .no)
        #expect(refresh.timerFired(refresh.timer))
        #expect(refresh.keyIsUnknown(now: time(159)) == .join)
    }

    @Test func aFetchInBetweenMovesTheTimer() {
        let refresh = Machine()
        _ = refresh.ended(wasGood: true)
        let old = refresh.timer
        #expect(refresh.keyIsUnknown(now: time(100)) == .fetch)
        // While it is under way, the timer has nothing to do; afterwards there is a new one.
        #expect(!refresh.timerFired(old))
        _ = refresh.ended(wasGood: true)
        #expect(!refresh.timerFired(old))
        #expect(refresh.timerFired(refresh.timer))
    }

    /// A walk through all states: whatever happens, a fetch that runs ends, and there is a timer when none runs.
    @Test func alwaysComesBack() {
        var random = SystemRandom(seed: 5)
        let refresh = Machine()
        var now: Int64 = 0
        var fetches = 0
        for _ in 0..<5000 {
            now += Int64(random.next() % 40)
            switch random.next() % 4 {
            case 0: if refresh.isFetching { #expect(refresh.ended(wasGood: random.next() % 2 == 0) > .zero) }
            case 1: if refresh.timerFired(refresh.timer) { fetches += 1 }
            case 2:
                let wasFetching = refresh.isFetching
                let answer = refresh.keyIsUnknown(now: time(now))
                #expect((answer == .join) == wasFetching)
                #expect((answer == .fetch) == (refresh.isFetching && !wasFetching))
            default: #expect(refresh.withoutKeys == (refresh.isFetching ? .join : .no))
            }
        }
        #expect(fetches > 100)
    }

    private struct SystemRandom {
        var state: UInt64
        init(seed: UInt64) { state = seed }
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
