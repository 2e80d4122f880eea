import Atomics
import SluiceConfig
import Testing

@testable import SluiceUpstream

@Suite struct OutlierCountersTests {
    private static func model(_ consecutive5xx: Int?, gateway: Int? = nil) -> OutlierModel {
        var model = OutlierModel()
        model.consecutive5xx = consecutive5xx
        model.consecutiveGatewayFailures = gateway
        return model
    }

    private func causes(_ outcomes: [OutlierOutcome], _ model: OutlierModel) -> [OutlierCause?] {
        let owner = OutlierCountersOwner()
        return withExtendedLifetime(owner) { outcomes.map { owner.counters.record($0, model) } }
    }

    @Test("the fifth failure in a row is reported, and the tenth")
    func theFifthFailureInARowIsReportedAndTheTenth() {
        let causes = causes([OutlierOutcome](repeating: .status(500), count: 11), Self.model(5))
        #expect(causes.map { $0 != nil } == (1...11).map { $0 == 5 || $0 == 10 })
    }

    @Test("any other status starts the row anew", arguments: [200, 301, 404, 429, 499, 600])
    func anyOtherStatusStartsTheRowAnew(status: Int) {
        let row = [OutlierOutcome.status(500), .status(503), .status(status), .localFailure, .status(599)]
        #expect(causes(row, Self.model(3)).allSatisfy { $0 == nil })
        #expect(causes(row + [.status(500)], Self.model(3)).last == .some(.consecutive5xx))
    }

    @Test("gateway failures have a row of their own", arguments: [502, 503, 504])
    func gatewayFailuresHaveARowOfTheirOwn(status: Int) {
        let model = Self.model(nil, gateway: 2)
        #expect(causes([.status(status), .localFailure], model) == [nil, .consecutiveGatewayFailures])
        #expect(causes([.status(status), .status(500), .status(status)], model) == [nil, nil, nil])
    }

    @Test("both rows are counted when both are full")
    func bothRowsAreCountedWhenBothAreFull() {
        let model = Self.model(2, gateway: 3)
        #expect(
            causes([.localFailure, .localFailure, .localFailure, .localFailure], model) == [
                nil, .consecutive5xx, .consecutiveGatewayFailures, .consecutive5xx,
            ]
        )
    }

    @Test("nothing is reported when both are off")
    func nothingIsReportedWhenBothAreOff() {
        #expect(causes([OutlierOutcome](repeating: .localFailure, count: 20), Self.model(nil)).allSatisfy { $0 == nil })
    }

    @Test("a reset forgets the row")
    func aResetForgetsTheRow() {
        let owner = OutlierCountersOwner()
        let model = Self.model(2)
        #expect(owner.counters.record(.localFailure, model) == nil)
        owner.counters.reset()
        #expect(owner.counters.record(.localFailure, model) == nil)
        #expect(owner.counters.record(.localFailure, model) == .consecutive5xx)
        withExtendedLifetime(owner) {}
    }

    @Test("five failures are five over all loops")
    func fiveFailuresAreFiveOverAllLoops() async throws {
        let owner = OutlierCountersOwner()
        let counters = owner.counters
        let model = Self.model(5)
        let reports = ManagedAtomic(0)
        try await inParallel(threads: 4, rounds: 5000) { _ in
            if counters.record(.localFailure, model) != nil { reports.wrappingIncrement(ordering: .relaxed) }
        }
        #expect(reports.load(ordering: .relaxed) == 4000)
        withExtendedLifetime(owner) {}
    }
}
