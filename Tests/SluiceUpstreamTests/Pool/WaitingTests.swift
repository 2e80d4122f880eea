import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// Who gets a connection that comes back while others wait.
@Suite struct WaitingTests {
    /// Endpoints that hashes lead to, and room for so many connections.
    private func bound(_ connections: Int, endpoints: Int = 2) throws -> PoolKit {
        try PoolKit(endpoints: endpoints) {
            $0.balancing = .maglev(tableSize: 251, hash: [])
            $0.limits.connections = connections
        }
    }

    private func connection(_ kit: PoolKit, to endpoint: Int) throws -> ServerConnection {
        try #require(kit.servers.connections.last { $0.endpoint == endpoint && $0.isOpen })
    }

    // MARK: - Bound by a hash

    @Test func connectionGoesToTheFirstWhoseHashLeadsThere() throws {
        let kit = try bound(2)
        kit.send(boundTo: 0)
        kit.send(boundTo: 1)
        let waiting = [1, 0, 1, 0].map { kit.send(boundTo: $0) }
        try connection(kit, to: 0).answer()
        #expect(waiting.map(\.endpoints) == [[], [0], [], []])
        try connection(kit, to: 1).answer()
        #expect(waiting.map(\.endpoints) == [[1], [0], [], []])
        try connection(kit, to: 1).answer()
        try connection(kit, to: 0).answer()
        #expect(waiting.map(\.endpoints) == [[1], [0], [1], [0]])
        #expect(kit.servers.connections.count == 2, "none was opened anew")
    }

    @Test func connectionThatFitsNobodyIsClosedForTheOneThatIsWanted() throws {
        let kit = try bound(1)
        kit.send(boundTo: 0)
        let waiting = kit.send(boundTo: 1)
        try kit.servers.connections[0].answer()
        #expect(waiting.endpoints == [1])
        #expect(!kit.servers.connections[0].isOpen)
        #expect(kit.counts == [1, 0, 1])
        try kit.servers.connections[1].answer()
        #expect(waiting.ends == ["finished"])
    }

    @Test func connectionThatIsWantedByALaterOneIsNotClosedForTheFirst() throws {
        // The first one's endpoint has a connection, which may come back at any moment.
        let kit = try bound(2)
        kit.send(boundTo: 0)
        kit.send(boundTo: 1)
        let first = kit.send(boundTo: 1)
        let second = kit.send(boundTo: 0)
        try connection(kit, to: 0).answer()
        #expect(first.endpoints == [] && second.endpoints == [0])
        #expect(kit.servers.connections.count == 2)
    }

    @Test func nobodyIsPassedOverForEver() throws {
        let kit = try bound(3)
        kit.send(boundTo: 1)
        let slow = try connection(kit, to: 1)
        kit.send(boundTo: 0)
        kit.send(boundTo: 0)
        let first = kit.send(boundTo: 1)
        var served = 0
        while first.endpoints.isEmpty, served < 20 {
            kit.send(boundTo: 0)
            try connection(kit, to: 0).answer()
            served += 1
        }
        // As often as there are connections, and then it is its turn.
        #expect(served == 4)
        #expect(first.endpoints == [1])
        #expect(slow.isOpen && kit.count(.connections) == 3)
    }

    @Test func nobodyWaitsForAnEndpointThatHasNoConnection() throws {
        let kit = try bound(2, endpoints: 3)
        kit.send(boundTo: 0)
        kit.send(boundTo: 0)
        let first = kit.send(boundTo: 2)
        let second = kit.send(boundTo: 0)
        try kit.servers.connections[0].answer()
        #expect(first.endpoints == [2] && second.endpoints == [])
        try kit.servers.connections[1].answer()
        #expect(second.endpoints == [0])
    }

    // MARK: - Not bound

    @Test func whoIsNotBoundTakesWhatComesInOrder() throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 2 }
        for _ in 0..<2 { kit.send() }
        let waiting = (0..<3).map { _ in kit.send() }
        let first = kit.servers.connections[0]
        for _ in 0..<3 { try first.answer() }
        #expect(waiting.map(\.endpoints) == Array(repeating: [first.endpoint], count: 3))
        #expect(waiting.map(\.ends) == [["finished"], ["finished"], []])
    }

    @Test func retryDoesNotMeetTheEndpointThatHasJustFailedIt() throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 2 }
        kit.send(tried: [1])
        kit.send(tried: [0])
        let retry = kit.send(tried: [0])
        let other = kit.send()
        // It goes to the next one, which it may meet.
        try connection(kit, to: 0).answer()
        #expect(retry.endpoints == [] && other.endpoints == [0])
        try connection(kit, to: 1).answer()
        #expect(retry.endpoints == [1])
        #expect(kit.servers.connections.count == 2)
    }

    @Test func retryGetsAConnectionElsewhereWhenThereIsNone() throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 1 }
        kit.send(tried: [1])
        let retry = kit.send(tried: [0])
        try kit.servers.connections[0].answer()
        #expect(retry.endpoints == [1])
        #expect(!kit.servers.connections[0].isOpen)
    }

    @Test func whoHasTriedThemAllTakesAny() throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 1 }
        kit.send()
        let retry = kit.send(tried: [0, 1])
        try kit.servers.connections[0].answer()
        #expect(retry.endpoints.count == 1)
        #expect(kit.servers.connections.count == 1)
    }

    @Test func whoNeedsAFreshConnectionGetsOneInItsTurn() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        kit.send()
        let resend = kit.send(isFresh: true)
        let later = kit.send()
        try kit.servers.connections[0].answer()
        #expect(kit.servers.connections.count == 2)
        #expect(resend.endpoints == [0] && !resend.attempt.isReused && later.endpoints == [])
        try kit.servers.connections[1].answer()
        #expect(later.endpoints == [0] && later.attempt.isReused)
    }

    // MARK: - Changes while they wait

    @Test func connectionOfAnEndpointThatIsOutIsNotHandedOn() throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 1 }
        kit.send(tried: [1])
        let waiting = kit.send()
        kit.publish([0, 1], unusable: [0])
        try kit.servers.connections[0].answer()
        #expect(waiting.endpoints == [1])
        #expect(!kit.servers.connections[0].isOpen)
    }

    @Test func whoseEndpointHasLeftIsSentToAnother() throws {
        let kit = try bound(1)
        kit.send(boundTo: 0)
        let waiting = kit.send(boundTo: 1)
        kit.publish([0])
        #expect(waiting.ends == [] && waiting.endpoints == [])
        try kit.servers.connections[0].answer()
        #expect(waiting.endpoints == [0])
        #expect(kit.servers.connections.count == 1)
    }

    @Test func whoseEndpointHasComeBackIsSentThereAgain() throws {
        let kit = try bound(1)
        kit.send(boundTo: 0)
        let waiting = kit.send(boundTo: 1)
        kit.publish([0, 1], unusable: [1])
        kit.publish([0, 1])
        try kit.servers.connections[0].answer()
        #expect(waiting.endpoints == [1])
    }

    @Test func whoHasNoEndpointLeftIsTold() throws {
        let kit = try bound(1)
        let first = kit.send(boundTo: 0)
        let waiting = (0..<2).map { kit.send(boundTo: $0) }
        kit.publish([])
        #expect(waiting.map(\.ends) == [["no_healthy_upstream"], ["no_healthy_upstream"]])
        try kit.servers.connections[0].answer()
        #expect(first.ends == ["finished"])
        #expect(kit.counts == [0, 0, 0])
    }

    // MARK: - Room that others make

    @Test func roomThatAnotherLoopMakesGoesToWhoWaitsAndNotToWhoComes() throws {
        let kit = try PoolKit { $0.limits.connections = 2 }
        #expect(kit.state.breakers.tryAcquire(.connections, limit: 2))
        kit.send()
        let first = kit.send()
        #expect(first.endpoints == [])
        kit.state.breakers.release(.connections)
        let second = kit.send()
        #expect(first.endpoints == [0] && second.endpoints == [])
    }

    @Test func roomThatAnotherLoopMakesIsSeenWithTheNextTick() throws {
        let kit = try PoolKit { $0.limits.connections = 2 }
        #expect(kit.state.breakers.tryAcquire(.connections, limit: 2))
        kit.send()
        let waiting = kit.send()
        kit.wait(ticks: 20)
        #expect(waiting.endpoints == [])
        kit.state.breakers.release(.connections)
        kit.wait(ticks: 2)
        #expect(waiting.endpoints == [0])
    }

    @Test(arguments: [true, false])
    func connectionThatEndsMakesRoomForTheFirst(byReset: Bool) throws {
        let kit = try PoolKit(endpoints: 2) { $0.limits.connections = 1 }
        let lost = kit.send(tried: [1])
        let waiting = (0..<2).map { _ in kit.send(tried: [0]) }
        if byReset { kit.servers.connections[0].reset() } else { kit.servers.connections[0].end() }
        #expect(lost.ends == [byReset ? "upstream_reset" : "upstream_closed"])
        #expect(waiting.map(\.endpoints) == [[1], []])
    }

    @Test func allAreToldWhenNoConnectionComesAbout() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        let first = kit.send()
        let waiting = (0..<2000).map { _ in kit.send() }
        #expect(waiting.filter { $0.ends == ["upstream_overflow"] }.count == 2000 - 1024)
        kit.servers.connectError = .connectFailed
        kit.servers.connections[0].reset()
        #expect(first.ends == ["upstream_reset"])
        #expect(waiting.filter { $0.ends == ["connect_failed"] }.count == 1024)
        #expect(kit.counts == [0, 0, 0])
    }

    @Test("what the gateway itself lacks is not held against an endpoint", arguments: [true, false])
    func endpointIsNotToBlameForOurShortage(isAwaited: Bool) throws {
        let kit = try PoolKit { $0.outlier = OutlierModel() }
        kit.servers.holdsConnects = true
        func failTenTimes(with error: GatewayError) -> [[String]] {
            kit.servers.connectError = error
            let clients = (0..<10).map { _ in kit.send() }
            if !isAwaited { for client in clients { client.attempt.cancel() } }
            kit.servers.finishConnecting()
            return clients.map(\.ends)
        }
        let ends = failTenTimes(with: .gatewayExhausted)
        #expect(ends == Array(repeating: isAwaited ? ["gateway_exhausted"] : [], count: 10))
        #expect(kit.reportedOutliers == [])
        _ = failTenTimes(with: .connectFailed)
        #expect(kit.reportedOutliers.contains(0))
        #expect(kit.counts == [0, 0, 0])
    }

    @Test func whoGivesUpWaitsNoLonger() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        kit.send()
        let waiting = (0..<3).map { _ in kit.send() }
        waiting[1].attempt.cancel()
        waiting[0].attempt.cancel()
        #expect(kit.counts == [1, 1, 1])
        try kit.servers.connections[0].answer()
        #expect(waiting.map(\.endpoints) == [[], [], [0]])
        #expect(waiting.map(\.ends) == [[], [], []])
    }
}
