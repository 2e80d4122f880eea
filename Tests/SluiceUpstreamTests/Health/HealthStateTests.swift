import Testing

@testable import SluiceUpstream

@Suite struct HealthStateTests {
    private static let thresholds = HealthThresholds(healthy: 2, unhealthy: 3)

    private func state(after results: [ProbeResult], _ thresholds: HealthThresholds = thresholds) -> HealthState {
        var state = HealthState()
        for result in results { _ = state.record(result, thresholds) }
        return state
    }

    /// Each status with each count that can be reached, by results that lead there.
    private static let ways: [(HealthState.Status, Int, [ProbeResult])] = [
        (.unknown, 0, []),
        (.healthy, 0, [.success]),
        (.healthy, 1, [.success, .failure]),
        (.healthy, 2, [.success, .failure, .timeout]),
        (.unhealthy, 0, [.failure]),
        (.unhealthy, 1, [.timeout, .success]),
    ]

    @Test("the ways lead where they say", arguments: ways)
    func theWaysLeadWhereTheySay(status: HealthState.Status, contrary: Int, results: [ProbeResult]) {
        let state = state(after: results)
        #expect(state.status == status && state.contrary == contrary)
        #expect(state.isUsable == (status == .healthy))
    }

    @Test(
        "every state against every event",
        arguments: [
            (.unknown, 0, .success, .healthy, .becameHealthy),
            (.unknown, 0, .failure, .unhealthy, .becameUnhealthy),
            (.unknown, 0, .timeout, .unhealthy, .becameUnhealthy),
            (.healthy, 0, .success, .healthy, nil),
            (.healthy, 0, .failure, .healthy, nil),
            (.healthy, 0, .timeout, .healthy, nil),
            (.healthy, 1, .success, .healthy, nil),
            (.healthy, 1, .failure, .healthy, nil),
            (.healthy, 1, .timeout, .healthy, nil),
            (.healthy, 2, .success, .healthy, nil),
            (.healthy, 2, .failure, .unhealthy, .becameUnhealthy),
            (.healthy, 2, .timeout, .unhealthy, .becameUnhealthy),
            (.unhealthy, 0, .success, .unhealthy, nil),
            (.unhealthy, 0, .failure, .unhealthy, nil),
            (.unhealthy, 0, .timeout, .unhealthy, nil),
            (.unhealthy, 1, .success, .healthy, .becameHealthy),
            (.unhealthy, 1, .failure, .unhealthy, nil),
            (.unhealthy, 1, .timeout, .unhealthy, nil),
        ] as [(HealthState.Status, Int, ProbeResult, HealthState.Status, HealthState.Change?)]
    )
    func everyStateAgainstEveryEvent(
        status: HealthState.Status,
        contrary: Int,
        event: ProbeResult,
        next: HealthState.Status,
        change: HealthState.Change?
    ) throws {
        let way = try #require(Self.ways.first { $0.0 == status && $0.1 == contrary })
        var state = state(after: way.2)
        #expect(state.record(event, Self.thresholds) == change)
        #expect(state.status == next)
        // Whatever agrees with the status, or changes it, starts the count anew.
        let isContrary = (status == .healthy) != (event == .success)
        #expect(state.contrary == (change == nil && isContrary ? contrary + 1 : 0))
    }

    @Test("a check that could not be made changes nothing, not even what was counted", arguments: ways)
    func checkThatWasNotMade(status: HealthState.Status, contrary: Int, results: [ProbeResult]) {
        var state = state(after: results)
        #expect(state.record(.notMade, Self.thresholds) == nil)
        #expect(state.status == status && state.contrary == contrary)
    }

    @Test("only results in a row count")
    func onlyResultsInARowCount() {
        #expect(state(after: [.success, .failure, .failure, .success, .failure, .timeout]).status == .healthy)
        #expect(state(after: [.failure, .success, .timeout, .success]).status == .unhealthy)
    }

    @Test("a final failure needs no row, a missing answer still does")
    func aFinalFailureNeedsNoRowAMissingAnswerStillDoes() {
        let thresholds = HealthThresholds(healthy: 1, unhealthy: 3, isFailureFinal: true)
        #expect(state(after: [.success, .failure], thresholds).status == .unhealthy)
        #expect(state(after: [.success, .timeout, .timeout], thresholds).status == .healthy)
    }

    @Test("thresholds below 1 are 1")
    func thresholdsBelow1Are1() {
        let thresholds = HealthThresholds(healthy: 0, unhealthy: -3)
        #expect(state(after: [.success, .timeout], thresholds).status == .unhealthy)
        #expect(state(after: [.timeout, .success], thresholds).status == .healthy)
    }
}
