import SluiceCore
import Testing

@testable import SluiceProxy

/// Who may wait for a filter.
@Suite struct WaitingPlacesTests {
    /// Takes what there is, in turns.
    private func fill(_ places: inout WaitingPlaces, _ callers: ClosedRange<UInt64>) -> [UInt64: Int] {
        var counts: [UInt64: Int] = [:]
        var isFull = false
        while !isFull {
            isFull = true
            for caller in callers where places.take(caller) == nil {
                counts[caller, default: 0] += 1
                isFull = false
            }
        }
        return counts
    }

    @Test func oneCallerTookAllPlacesAndNowGetsHalf() {
        var places = WaitingPlaces(limit: 4096)
        #expect(fill(&places, 1...1) == [1: 2048])
        #expect(places.take(1) == .tenantShareExceeded)
        #expect(places.take(2) == nil)
        places.leave(1)
        #expect(places.taken == 2048)
    }

    @Test(arguments: [2, 7, 64])
    func howeverManyAreGreedyThereIsRoomForOthers(_ greedy: Int) {
        var places = WaitingPlaces(limit: 4096)
        let counts = fill(&places, 1...UInt64(greedy))
        let free = 4096 - places.taken
        #expect(free >= 4096 / (greedy + 1))
        #expect(counts.values.allSatisfy { $0 >= free && $0 <= free + greedy })
        for caller in 1000..<1000 + UInt64(free) { #expect(places.take(caller) == nil) }
        #expect(places.take(9999) == .tooManyWaiting)
    }

    @Test func whatIsGivenBackCanBeTakenAgainByAnybody() {
        var places = WaitingPlaces(limit: 3)
        #expect(places.take(1) == nil && places.take(1) == nil)
        #expect(places.take(1) == .tenantShareExceeded)
        #expect(places.take(2) == nil)
        #expect(places.take(3) == .tooManyWaiting)
        places.leave(1)
        #expect(places.take(3) == nil)
        for caller in [1, 2, 3] as [UInt64] { places.leave(caller) }
        #expect(places.taken == 0)
        // Who has none gives none back.
        places.leave(1)
        #expect(places.taken == 0)
    }
}
