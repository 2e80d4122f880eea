import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// Connections between requests, before the first and after the last.
@Suite struct ConnectionLifeTests {
    private func outlier(_ limit: Int) -> OutlierModel {
        var model = OutlierModel()
        model.consecutive5xx = limit
        return model
    }

    // MARK: - In the pool

    enum Event: CaseIterable { case bytes, end, reset, close, deadline, writable }

    @Test(arguments: Event.allCases)
    func idleConnectionMeets(_ event: Event) throws {
        let kit = try PoolKit { $0.timeouts.idle = .milliseconds(10 * TimerWheel.tickMilliseconds) }
        kit.send()
        let server = kit.servers.connections[0]
        try server.answer()
        #expect(kit.counts == [1, 0, 0])
        switch event {
        case .bytes: try server.answer()
        case .end: server.end()
        case .reset: server.reset()
        case .close: server.close()
        case .deadline: kit.wait(ticks: 20)
        case .writable: server.becomeWritable()
        }
        #expect(server.isOpen == (event == .writable))
        #expect(kit.counts == [event == .writable ? 1 : 0, 0, 0])
        let next = kit.send()
        #expect(kit.servers.connections.count == (event == .writable ? 1 : 2))
        try kit.servers.connections.last?.answer()
        #expect(next.ends == ["finished"])
    }

    @Test func idleConnectionDoesNotKeepTheMemoryOfALargeHead() throws {
        // A user that leaves the head where it is, as a mirror does.
        let kit = try PoolKit()
        let client = kit.send()
        let large = String(repeating: "a", count: 30_000)
        try kit.servers.connections[0].send("HTTP/1.1 204 No Content\r\nX-Large: \(large)\r\n\r\n")
        #expect(client.ends == ["finished"])
        let connection = try #require(kit.upstream.endpoints[0].idle.first)
        #expect(connection.head.fields.bytes.capacity <= 8 * 1024)
    }

    // MARK: - On its way out

    @Test(arguments: Event.allCases)
    func connectionThatStillHasBytesToSendMeets(_ event: Event) throws {
        let kit = try PoolKit()
        kit.servers.holdsWrites = true
        let client = kit.client()
        client.start { $0.method = .connect }
        let server = kit.servers.connections[0]
        try server.send("HTTP/1.1 200 OK\r\n\r\n")
        client.attempt.writeAndFlush(ByteBuffer(string: "the end"))
        client.attempt.finishTunnel()
        #expect(server.isOpen && kit.counts == [0, 0, 0])
        switch event {
        case .bytes: try server.send("nobody reads this")
        case .end: server.end()
        case .reset: server.reset()
        case .close: server.close()
        case .deadline: kit.wait(ticks: 250)
        case .writable: server.becomeWritable()
        }
        // What it takes is all there was: nothing is left to wait for.
        #expect(server.isOpen == [.bytes, .end].contains(event))
        #expect(client.ends == [] && kit.counts == [0, 0, 0])
        kit.wait(ticks: 250)
        #expect(!server.isOpen)
    }

    // MARK: - That do not come about

    @Test func connectionThatEndsBeforeItIsHandedOverNeverCameAbout() throws {
        let kit = try PoolKit()
        kit.servers.endsBeforeDone = true
        let client = kit.send()
        #expect(client.ends == ["connect_failed"] && client.endpoints == [])
        #expect(kit.counts == [0, 0, 0] && kit.upstream.open == 0)
    }

    @Test func endpointThatCannotBeReachedHasFailedAlsoWhenNobodyWaitsAnyMore() throws {
        let kit = try PoolKit { $0.outlier = outlier(2) }
        kit.servers.holdsConnects = true
        kit.servers.connectError = .connectTimeout
        for _ in 0..<2 {
            let client = kit.send()
            client.attempt.timeOut()
            kit.servers.finishConnecting()
            #expect(client.ends == [])
        }
        #expect(kit.reportedOutliers == [0])
    }

    @Test func connectionThatComesTooLateIsThereForTheNext() throws {
        let kit = try PoolKit()
        kit.servers.holdsConnects = true
        kit.send().attempt.cancel()
        kit.servers.finishConnecting()
        #expect(kit.counts == [1, 0, 0])
        let next = kit.send()
        #expect(next.endpoints == [0] && kit.servers.connections.count == 1)
        // It may have been given up meanwhile, like any that was idle: then the request may be sent again.
        kit.servers.connections[0].close()
        #expect(next.ends == ["stale_connection"])
    }

    @Test func connectionThatComesTooLateGoesToTheOneThatWaits() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        kit.servers.holdsConnects = true
        let gone = kit.send()
        let waiting = kit.send()
        gone.attempt.cancel()
        kit.servers.finishConnecting()
        #expect(waiting.endpoints == [0] && !waiting.attempt.isReused)
    }

    // MARK: - Handing over

    /// The next user of a connection may do anything before the last one has heard that it is done.
    @Test func endOfAnAnswerDoesNotReachWhatItsAttemptDoesNext() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        let first = kit.send()
        let second = kit.client()
        second.whenConnected = { _ in
            first.attempt.cancel()
            first.start()
        }
        second.start()
        try kit.servers.connections[0].answer()
        #expect(first.ends == [] && first.attempt.isActive)
        #expect(kit.servers.connections[0].isOpen, "it is the second one's")
        try kit.servers.connections[0].answer()
        #expect(second.ends == ["finished"])
        try kit.servers.connections[0].answer()
        #expect(first.ends == ["finished"])
    }

    @Test func failureOfAConnectionDoesNotReachWhatItsAttemptDoesNext() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        let first = kit.send()
        let second = kit.client()
        second.whenConnected = { _ in
            first.attempt.cancel()
            first.start()
        }
        second.start()
        kit.servers.connections[0].reset()
        #expect(first.ends == [] && second.endpoints == [0])
        try kit.servers.connections[1].answer()
        try kit.servers.connections[1].answer()
        #expect(second.ends == ["finished"] && first.ends == ["finished"])
    }

    @Test func attemptThatIsStartedAgainLetsGoOfItsConnection() throws {
        let kit = try PoolKit()
        let client = kit.send()
        client.start()
        #expect(kit.counts == [1, 0, 1])
        #expect(kit.servers.connections.map(\.isOpen) == [false, true])
        try kit.servers.connections[1].answer()
        #expect(client.ends == ["finished"] && kit.counts == [1, 0, 0])
    }
}
