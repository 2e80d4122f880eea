import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// Every state of an attempt against every event: what its user hears, and that nothing is left behind.
@Suite struct AttemptStateTests {
    enum State: CaseIterable {
        /// Waits for room.
        case queued
        case connecting
        /// Connected, with a request that goes on.
        case sending
        /// The request is complete, the answer has not begun.
        case sent
        /// In the middle of an answer of 5 bytes.
        case body
        case tunnel
    }

    enum Event: CaseIterable {
        // From its user.
        case cancel, timeOut, finishTunnel, closeTunnelOutput, write, writeEnd, pauseAndResume, startAnew
        // From the clock.
        case perTryDeadline, headDeadline
        // From the pool.
        case connected, connectFailed, endpointsGone
        // From the server.
        case interim, answer, nonsense, end, reset, close, writable
    }

    /// `-`: it goes on. `quiet`: it is over, and nothing was said. Anything else is what its user hears.
    static let outcomes: [Event: [String]] = [
        //                  queued, connecting, sending, sent, body, tunnel
        .cancel: ["quiet", "quiet", "quiet", "quiet", "quiet", "quiet"],
        .timeOut: ["quiet", "quiet", "quiet", "quiet", "quiet", "quiet"],
        .finishTunnel: ["quiet", "quiet", "quiet", "quiet", "quiet", "quiet"],
        .closeTunnelOutput: ["-", "-", "-", "-", "-", "-"],
        .write: ["-", "-", "-", "-", "-", "-"],
        .writeEnd: ["-", "-", "-", "-", "-", "-"],
        .pauseAndResume: ["-", "-", "-", "-", "-", "-"],
        .startAnew: ["-", "-", "-", "-", "-", "-"],
        .perTryDeadline: ["per_try_timeout", "per_try_timeout", "per_try_timeout", "per_try_timeout", "-", "-"],
        .headDeadline: ["-", "-", "-", "response_head_timeout", "-", "-"],
        .connected: ["-", "-", "-", "-", "-", "-"],
        .connectFailed: ["-", "connect_failed", "-", "-", "-", "-"],
        .endpointsGone: ["no_healthy_upstream", "-", "-", "-", "-", "-"],
        .interim: ["-", "-", "-", "-", "finished", "-"],
        .answer: ["-", "-", "finished", "finished", "finished", "-"],
        .nonsense: ["-", "-", "upstream_protocol_error", "upstream_protocol_error", "finished", "-"],
        .end: ["-", "-", "upstream_closed", "upstream_closed", "upstream_truncated", "-"],
        .reset: ["-", "-", "upstream_reset", "upstream_reset", "upstream_truncated", "finished"],
        .close: ["-", "-", "upstream_closed", "upstream_closed", "upstream_truncated", "finished"],
        .writable: ["-", "-", "-", "-", "-", "-"],
    ]

    /// One attempt, brought into a state.
    private struct Scene {
        let kit: PoolKit
        let client: PoolClient
        /// Holds the only connection while others wait.
        let blocker: PoolClient

        init(_ state: State, _ event: Event) throws {
            kit = try PoolKit { $0.limits.connections = 1 }
            client = kit.client()
            blocker = kit.client()
            if state == .queued { blocker.start() }
            kit.servers.holdsConnects = state == .connecting
            client.sendsAll = state != .sending
            client.start {
                $0.method = state == .tunnel ? .connect : .get
                if event == .perTryDeadline { $0.perTryTicks = 10 }
                if event == .headDeadline { $0.responseHeadTicks = 10 }
            }
            switch state {
            case .body: try server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
            case .tunnel: try server.send("HTTP/1.1 200 OK\r\n\r\n")
            case .queued, .connecting, .sending, .sent: break
            }
        }

        /// The server's end of the connection; none while there is no connection.
        var server: ServerConnection {
            get throws { try #require(kit.servers.connections.last) }
        }

        func happens(_ event: Event, _ state: State) throws {
            switch event {
            case .cancel: client.attempt.cancel()
            case .timeOut: client.attempt.timeOut()
            case .finishTunnel: client.attempt.finishTunnel()
            case .closeTunnelOutput: client.attempt.closeTunnelOutput()
            case .write:
                client.attempt.write(ByteBuffer(string: "x"))
                client.attempt.flush()
                client.attempt.writeAndFlush(ByteBuffer(string: "x"))
            case .writeEnd: client.attempt.writeEnd(nil)
            case .pauseAndResume:
                client.attempt.pauseReading()
                client.attempt.resumeReading()
            case .startAnew: client.start()
            case .perTryDeadline, .headDeadline: kit.wait(ticks: 20)
            case .connected: kit.servers.finishConnecting()
            case .connectFailed:
                kit.servers.connectError = .connectFailed
                kit.servers.finishConnecting()
            case .endpointsGone: kit.publish([])
            case .interim, .answer, .nonsense, .end, .reset, .close, .writable:
                if state != .queued, state != .connecting { try happensAtServer(event) }
            }
        }

        private func happensAtServer(_ event: Event) throws {
            switch event {
            case .interim: try server.send("HTTP/1.1 103 Early Hints\r\n\r\n")
            case .answer: try server.answer()
            case .nonsense: try server.send("\u{1}\r\n\r\n")
            case .end: try server.end()
            case .reset: try server.reset()
            case .close: try server.close()
            case .writable: try server.becomeWritable()
            default: break
            }
        }
    }

    @Test(arguments: State.allCases, Event.allCases)
    func everyStateAgainstEveryEvent(state: State, event: Event) throws {
        let scene = try Scene(state, event)
        let (kit, client) = (scene.kit, scene.client)
        #expect(client.attempt.isActive && client.ends == [])
        try scene.happens(event, state)
        let column = try #require(State.allCases.firstIndex(of: state))
        let expected = try #require(Self.outcomes[event])[column]
        #expect(client.attempt.isActive == (expected == "-"))
        #expect(client.ends == (expected == "-" || expected == "quiet" ? [] : [expected]))

        // Whatever it was, the object serves the next request.
        kit.servers.connectError = nil
        kit.servers.holdsConnects = false
        kit.publish([0])
        client.attempt.cancel()
        scene.blocker.attempt.cancel()
        kit.servers.finishConnecting()
        client.sendsAll = true
        client.start()
        try #require(kit.servers.connections.last { $0.isOpen }).answer()
        #expect(client.ends.last == "finished" && !client.attempt.isActive)

        // And nothing is left: no place, no connection, nobody in the row.
        kit.upstream.retire()
        #expect(kit.counts == [0, 0, 0])
        #expect(kit.upstream.waiting.isEmpty && kit.upstream.open == 0 && kit.upstream.connecting == 0)
        #expect(kit.servers.connections.allSatisfy { !$0.isOpen })
        let heard = client.ends.count
        kit.wait(ticks: 1000)
        #expect(client.ends.count == heard)
    }

    @Test(arguments: [Event.cancel, .timeOut, .finishTunnel, .closeTunnelOutput, .write, .writeEnd, .pauseAndResume])
    func anAttemptThatWasNeverStartedDoesNothing(_ event: Event) throws {
        let kit = try PoolKit()
        let client = kit.client()
        switch event {
        case .cancel: client.attempt.cancel()
        case .timeOut: client.attempt.timeOut()
        case .finishTunnel: client.attempt.finishTunnel()
        case .closeTunnelOutput: client.attempt.closeTunnelOutput()
        case .write: client.attempt.writeAndFlush(ByteBuffer(string: "x"))
        case .writeEnd: client.attempt.writeEnd(ByteBuffer(string: "x"))
        default: client.attempt.resumeReading()
        }
        #expect(!client.attempt.isActive && client.ends == [])
        #expect(kit.counts == [0, 0, 0])
        client.start()
        try kit.servers.connections[0].answer()
        #expect(client.ends == ["finished"])
    }

    @Test("what comes for an attempt that is over reaches nobody: its object may serve another request")
    func idleAttemptsAreSilent() throws {
        let kit = try PoolKit()
        let client = kit.client()
        client.start()
        let endpoint = try #require(client.attempt.endpoint)
        client.attempt.cancel()
        var head = ResponseHead()
        client.attempt.failed(.upstreamReset)
        client.attempt.received(head: &head, from: endpoint, opensTunnel: false)
        client.attempt.received(body: ByteBuffer(string: "x"))
        client.attempt.readDone()
        client.attempt.becameWritable()
        client.attempt.tunnelEnded()
        #expect(client.ends.isEmpty && client.statuses.isEmpty && !client.attempt.isActive)
    }

    @Test("whoever has forgotten its attempt hears nothing more of it, and one that is kept lives until it ends")
    func owners() throws {
        let kit = try PoolKit()
        weak var owner: PoolClient?
        do {
            let client = PoolClient(kit)
            owner = client
            client.start()
        }
        #expect(owner != nil, "a try is under way")
        try #require(kit.servers.connections.last).answer()
        #expect(owner == nil)
        let other = kit.client()
        other.start()
        other.attempt.orphan()
        try #require(kit.servers.connections.last).answer()
        #expect(other.ends.isEmpty && !other.attempt.isActive)
    }
}
