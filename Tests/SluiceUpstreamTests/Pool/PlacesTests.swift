import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// What counts as a connection, as pending, as a request, and what the limits of each mean.
@Suite struct PlacesTests {
    @Test func whoWaitsIsPendingAndWhoHasAConnectionIsARequestAndNobodyIsBoth() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        kit.servers.holdsConnects = true
        kit.send()
        #expect(kit.counts == [1, 1, 0], "its connection is being opened")
        kit.servers.finishConnecting()
        #expect(kit.counts == [1, 0, 1])
        for _ in 0..<3 { kit.send() }
        #expect(kit.counts == [1, 3, 1])
        try kit.servers.connections[0].answer()
        #expect(kit.counts == [1, 2, 1])
        for _ in 0..<3 { try kit.servers.connections[0].answer() }
        #expect(kit.counts == [1, 0, 0])
    }

    @Test func thoseThatWaitDoNotUseUpThePlacesOfRequests() throws {
        let kit = try PoolKit {
            $0.limits.connections = 1
            $0.limits.requests = 1
            $0.limits.pending = 5
        }
        let clients = (0..<7).map { _ in kit.send() }
        #expect(clients.map(\.ends) == Array(repeating: [], count: 6) + [["upstream_overflow"]])
        #expect(kit.counts == [1, 5, 1])
        // The place of one that is done is the next one's, together with the connection.
        for _ in 0..<6 { try kit.servers.connections[0].answer() }
        #expect(clients.dropLast().allSatisfy { $0.ends == ["finished"] })
        #expect(kit.servers.connections.count == 1)
    }

    /// However a request ends, its place is there for the one whose turn it is.
    @Test(arguments: ["answer", "answer and close", "end", "reset", "nonsense", "cancel", "deadline"])
    func placeOfARequestIsFreeBeforeTheNextOneIsServed(_ end: String) throws {
        let kit = try PoolKit {
            $0.limits.connections = 1
            $0.limits.requests = 1
        }
        let first = kit.client()
        first.start { $0.responseHeadTicks = 10 }
        let next = kit.send()
        let server = kit.servers.connections[0]
        switch end {
        case "answer": try server.answer()
        case "answer and close": try server.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        case "end": server.end()
        case "reset": server.reset()
        case "nonsense": try server.send("\u{1}\r\n\r\n")
        case "cancel": first.attempt.cancel()
        default: kit.wait(ticks: 20)
        }
        #expect(!first.attempt.isActive)
        #expect(next.endpoints == [0] && next.ends == [])
        #expect(kit.counts == [1, 0, 1])
    }

    @Test func noConnectionIsOpenedForARequestTooMany() throws {
        let kit = try PoolKit { $0.limits.requests = 2 }
        kit.servers.holdsConnects = true
        let clients = (0..<3).map { _ in kit.send() }
        #expect(clients.map(\.ends) == [[], [], ["upstream_overflow"]])
        #expect(kit.servers.asked.count == 2)
        kit.servers.finishConnecting()
        kit.send()
        #expect(kit.servers.asked.count == 2 && kit.counts == [2, 0, 2])
    }

    @Test func connectionWhosePlaceAnotherLoopHasTakenIsKeptForLater() throws {
        let kit = try PoolKit { $0.limits.requests = 1 }
        kit.servers.holdsConnects = true
        let late = kit.send()
        #expect(kit.state.breakers.tryAcquire(.requests, limit: 1))
        kit.servers.finishConnecting()
        #expect(late.ends == ["upstream_overflow"])
        #expect(kit.counts == [1, 0, 1])
        kit.state.breakers.release(.requests)
        let next = kit.send()
        #expect(next.endpoints == [0] && kit.servers.connections.count == 1)
    }

    @Test func idleConnectionIsOfNoUseToARequestTooMany() throws {
        let kit = try PoolKit { $0.limits.requests = 1 }
        kit.send()
        try kit.servers.connections[0].answer()
        #expect(kit.state.breakers.tryAcquire(.requests, limit: 1))
        #expect(kit.send().ends == ["upstream_overflow"])
        kit.state.breakers.release(.requests)
        #expect(kit.send().endpoints == [0] && kit.servers.connections.count == 1)
    }

    @Test func whoWaitsUntilThereIsAPlaceGetsTheIdleConnectionThen() throws {
        let kit = try PoolKit {
            $0.limits.connections = 1
            $0.limits.requests = 2
        }
        kit.send()
        let waiting = kit.send()
        for _ in 0..<2 { _ = kit.state.breakers.tryAcquire(.requests, limit: 4) }
        try kit.servers.connections[0].answer()
        #expect(waiting.endpoints == [] && kit.counts == [1, 1, 2])
        for _ in 0..<2 { kit.state.breakers.release(.requests) }
        kit.wait(ticks: 2)
        #expect(waiting.endpoints == [0] && kit.servers.connections.count == 1)
    }

    @Test func loopWithoutAConnectionMayWaitForItsFirstWhateverTheLimit() throws {
        let kit = try PoolKit { $0.limits.pending = 0 }
        let clients = (0..<2).map { _ in kit.send() }
        #expect(clients.map(\.ends) == [[], ["upstream_overflow"]])
        try kit.servers.connections[0].answer()
        #expect(kit.send().ends == [])
        #expect(kit.counts == [1, 0, 1])
    }

    @Test(arguments: [(0.5, 2), (1.0, 4), (0.2, 0)])
    func shareOfRetriesIsOneOfAllUnderWayAndEachIsCountedOnce(share: Double, allowed: Int) throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        for _ in 0..<4 { kit.send() }
        #expect(kit.counts == [1, 3, 1])
        let taken = (0..<10).filter { _ in kit.upstream.budget.tryStart(share: share, minimum: 0) }
        #expect(taken.count == allowed)
    }
}
