import NIOCore
import SluiceConfig
import SluiceCore
import SluiceUpstream
import Testing

/// Deadlines, second tries, cancelling, starting again.
@Suite struct CalloutLifeTests {
    private typealias Outcome = CalloutTests.Outcome

    /// 10 ticks of patience.
    private let get: CalloutRequest = {
        var request = CalloutRequest(target: Array("/".utf8))
        request.timeout = .milliseconds(10 * TimerWheel.tickMilliseconds)
        return request
    }()

    private static let empty = "HTTP/1.1 204 No Content\r\n\r\n"

    // MARK: Deadline

    enum Progress: CaseIterable {
        case nothing, connected, someHead, head, someBody
    }

    @Test(arguments: Progress.allCases)
    func endsWhenTimeIsUpHoweverFarItGot(_ progress: Progress) throws {
        let server = ScriptedUpstream()
        server.holdsConnects = progress == .nothing
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        server.wait(ticks: 8)
        switch progress {
        case .nothing, .connected: break
        case .someHead: try server.connections[0].send("HTTP/1.1 2")
        case .head: try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        case .someBody: try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        }
        server.wait(ticks: 1)
        #expect(outcome.texts == [])
        server.wait(ticks: 3)
        #expect(outcome.texts == ["per_try_timeout"])
        #expect(server.requestsUnderWay == 0)
        // What still happens is of no interest to anybody.
        server.finishConnecting()
        if progress != .nothing { #expect(!server.connections[0].isOpen) }
        server.wait(ticks: 100)
        #expect(outcome.texts.count == 1)
    }

    @Test func anEndpointThatIsTooSlowCountsAsFailed() throws {
        let server = ScriptedUpstream {
            var outlier = OutlierModel()
            outlier.consecutive5xx = 2
            $0.outlier = outlier
        }
        let endpoint = try #require(try server.upstream.endpoints.first)
        Callout(loop: server.loop).start(get, at: try server.upstream) { _ in }
        server.wait(ticks: 20)
        var outlier = OutlierModel()
        outlier.consecutive5xx = 2
        #expect(endpoint.state.outliers.record(.localFailure, outlier) == .consecutive5xx)
    }

    @Test func theDeadlineIsOverWithTheAnswer() throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        let callout = Callout(loop: server.loop)
        callout.start(get, at: try server.upstream, outcome.note)
        try server.connections[0].send(Self.empty)
        server.wait(ticks: 5)
        callout.start(get, at: try server.upstream, outcome.note)
        server.wait(ticks: 9)
        #expect(outcome.texts == ["ok 204 "])
        try server.connections[0].send(Self.empty)
        #expect(outcome.texts == ["ok 204 ", "ok 204 "])
    }

    @Test func nothingKeepsACalloutThatIsOver() throws {
        let server = ScriptedUpstream()
        weak var left: Callout?
        do {
            let callout = Callout(loop: server.loop)
            left = callout
            callout.start(get, at: try server.upstream) { _ in }
            try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
        }
        #expect(left != nil)
        try server.connections[0].send("a")
        #expect(left == nil)
    }

    // MARK: A connection that was closed meanwhile

    /// One answered request, so that a used connection waits in the pool.
    private func serverWithUsedConnection() throws -> ScriptedUpstream {
        let server = ScriptedUpstream()
        Callout(loop: server.loop).start(get, at: try server.upstream) { _ in }
        try server.connections[0].send(Self.empty)
        _ = try server.connections[0].received()
        return server
    }

    @Test func aRequestThatMetAClosedConnectionIsSentOnceMore() throws {
        let server = try serverWithUsedConnection()
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        server.connections[0].end()
        #expect(outcome.texts == [])
        #expect(try server.connections[1].received() == "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n")
        try server.connections[1].send(Self.empty)
        #expect(outcome.texts == ["ok 204 "])
        #expect(server.requestsUnderWay == 0)
    }

    @Test func onlyOnce() throws {
        let server = try serverWithUsedConnection()
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        server.connections[0].end()
        server.connections[1].end()
        #expect(outcome.texts == ["upstream_closed"])
        #expect(server.connections.count == 2)
    }

    @Test func aRequestThatMayHaveBeenCarriedOutIsNotSentAgain() throws {
        let server = try serverWithUsedConnection()
        let outcome = Outcome()
        var request = get
        request.method = Array("POST".utf8)
        Callout(loop: server.loop).start(request, at: try server.upstream, outcome.note)
        server.connections[0].end()
        #expect(outcome.texts == ["stale_connection"])
        #expect(server.connections.count == 1)
    }

    @Test func theSecondTryHasWhatIsLeftOfTheTime() throws {
        let server = try serverWithUsedConnection()
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        server.wait(ticks: 8)
        server.connections[0].end()
        server.wait(ticks: 4)
        #expect(outcome.texts == ["per_try_timeout"])
    }

    // MARK: Cancelling

    @Test(arguments: Progress.allCases)
    func cancelledItSaysNothingMore(_ progress: Progress) throws {
        let server = ScriptedUpstream()
        server.holdsConnects = progress == .nothing
        let outcome = Outcome()
        let callout = Callout(loop: server.loop)
        callout.start(get, at: try server.upstream, outcome.note)
        switch progress {
        case .nothing, .connected: break
        case .someHead: try server.connections[0].send("HTTP/1.1 2")
        case .head: try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        case .someBody: try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        }
        callout.cancel()
        callout.cancel()
        #expect(!callout.isActive)
        #expect(server.requestsUnderWay == 0)
        server.finishConnecting()
        if progress != .nothing { #expect(!server.connections[0].isOpen) }
        server.wait(ticks: 100)
        #expect(outcome.texts == [])
    }

    // MARK: Again

    @Test func aCompletionMayStartTheNext() throws {
        let server = ScriptedUpstream()
        let upstream = try server.upstream
        let callout = Callout(loop: server.loop)
        let outcome = Outcome()
        func again(_ result: Result<CalloutAnswer, GatewayError>) {
            outcome.note(result)
            guard outcome.results.count < 3 else { return }
            // The same object, and from the second on a new one as well.
            let next = outcome.results.count == 1 ? callout : Callout(loop: server.loop)
            next.start(get, at: upstream, again)
        }
        callout.start(get, at: upstream, again)
        for _ in 0..<3 { try server.connections[0].send(Self.empty) }
        #expect(outcome.texts == ["ok 204 ", "ok 204 ", "ok 204 "])
        #expect(server.connections.count == 1)
        #expect(server.requestsUnderWay == 0)
    }

    @Test func aCompletionMayStartTheNextAfterAFailureThatCameAtOnce() throws {
        let server = ScriptedUpstream(endpoints: 0)
        let upstream = try server.upstream
        let callout = Callout(loop: server.loop)
        let outcome = Outcome()
        callout.start(get, at: upstream) { result in
            outcome.note(result)
            callout.start(get, at: upstream, outcome.note)
        }
        #expect(outcome.texts == ["no_healthy_upstream", "no_healthy_upstream"])
        #expect(!callout.isActive)
    }

    @Test func aSecondStartDoesNotDisturbTheFirst() throws {
        let server = ScriptedUpstream()
        let (first, second) = (Outcome(), Outcome())
        let callout = Callout(loop: server.loop)
        callout.start(get, at: try server.upstream, first.note)
        callout.start(get, at: try server.upstream, second.note)
        #expect(second.texts == ["internal_error"])
        try server.connections[0].send(Self.empty)
        #expect(first.texts == ["ok 204 "])
        #expect(second.results.count == 1)
    }
}
