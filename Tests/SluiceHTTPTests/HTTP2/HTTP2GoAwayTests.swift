import NIOCore
import Testing

@testable import SluiceHTTP

/// How connections end, and which requests are safe to send again (RFC 9113, sections 6.8 and 8.7).
@Suite struct HTTP2GoAwayTests {
    @Test func aGracefulEndServesWhatIsUnderWay() throws {
        let pair = try Pair()
        let early = try pair.client.ask()
        pair.run()
        pair.server.session.shutdownNotice(ping: 7)
        // Sent before the notice arrives.
        let late = try pair.client.ask()
        pair.run()
        #expect(pair.client.recorder.events.contains("goaway 2147483647 0"))
        #expect(pair.server.recorder.open == [early, late])
        #expect(!pair.client.session.canOpenStream)

        pair.server.session.goAway()
        pair.run()
        #expect(pair.client.recorder.events.last == "goaway \(late) 0")
        #expect(!pair.server.session.isDone)
        for stream in [early, late] { pair.server.answer(stream) }
        pair.run()
        #expect(pair.client.recorder.open == [])
        #expect(pair.server.session.isDone)
        #expect(pair.client.session.isDone)
        #expect(pair.server.session.failure == nil)
    }

    @Test func aRequestAboveTheLastStreamIsRefused() throws {
        let pair = try Pair()
        let early = try pair.client.ask()
        pair.run()
        pair.server.session.goAway()
        let late = try pair.client.ask(HPACK.post)
        pair.run()
        #expect(!pair.server.recorder.events.contains("request \(late)"))
        #expect(pair.client.recorder.events.suffix(2) == ["goaway \(early) 0", "closed \(late) 7"])
        pair.server.answer(early)
        pair.run()
        #expect(pair.client.recorder.events.last == "closed \(early) 0")
        #expect(pair.client.session.isDone)
        #expect(pair.server.session.isDone)
    }

    @Test func aRequestThatNeverLeftIsRefused() throws {
        let client = try Peer(.client)
        client.hear(Frame.settings())
        let stream = try client.ask()
        client.hear(Frame.goAway(last: 0))
        #expect(client.recorder.events.suffix(2) == ["goaway 0 0", "closed \(stream) 7"])
        #expect(client.frames.allSatisfy { $0.type != Frame.headers })
        #expect(client.session.openStreams == 0)
        var list = client.fields(HPACK.get)
        #expect(client.session.submitRequest(&list, endStream: true) == nil)
    }

    @Test func aRequestThatIsTakenBackBeforeItLeftSaysNothing() throws {
        let client = try Peer(.client)
        client.hear(Frame.settings())
        let stream = try client.ask()
        client.session.reset(stream, .cancel)
        client.speak()
        #expect(client.recorder.events.last == "closed \(stream) 7")
        #expect(client.frames.allSatisfy { $0.type != Frame.headers && $0.type != Frame.rstStream })
        #expect(client.session.openStreams == 0)
    }

    @Test func aRefusedStreamSaysSo() throws {
        let pair = try Pair()
        let stream = try pair.client.ask(HPACK.post)
        pair.run()
        pair.server.session.reset(stream, .refusedStream)
        pair.run()
        #expect(pair.client.recorder.events.last == "closed \(stream) 7")
        #expect(pair.client.session.canOpenStream)
    }

    @Test func aStreamThatTheServerWorkedOnDoesNot() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.server.session.reset(stream, .internalError)
        pair.run()
        #expect(pair.client.recorder.events.last == "closed \(stream) 2")
    }

    @Test func theClientKeepsToTheLimitOfItsPeer() throws {
        let pair = try Pair(server: { $0.maxConcurrentStreams = 2 })
        #expect(pair.client.session.peerMaxConcurrentStreams == 2)
        let first = try pair.client.ask()
        _ = try pair.client.ask()
        #expect(!pair.client.session.canOpenStream)
        var list = pair.client.fields(HPACK.get)
        #expect(pair.client.session.submitRequest(&list, endStream: true) == nil)
        pair.run()
        pair.server.answer(first)
        pair.run()
        #expect(pair.client.session.canOpenStream)
        #expect(try pair.client.ask() == 5)
    }

    @Test func anErrorOfThePeerEndsTheConnection() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.client.hear(Frame.goAway(last: 0, 11))
        #expect(pair.client.recorder.events.suffix(2) == ["goaway 0 11", "closed \(stream) 7"])
        #expect(pair.client.session.isDone)
    }

    @Test func aGoAwayOfOursWithAnErrorIsNoFailure() throws {
        let pair = try Pair()
        pair.server.session.goAway(.enhanceYourCalm)
        pair.run()
        #expect(pair.server.session.failure == nil)
        #expect(pair.client.recorder.events.last == "goaway 0 11")
        #expect(pair.server.session.isDone)
    }

    @Test func nothingIsReadBehindAFailure() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + Frame.data(0, "x"))
        let events = server.recorder.events
        #expect(server.hear(Frame.get) == .broken(.protocolError))
        #expect(server.recorder.events == events)
        #expect(!server.session.wantsRead)
        #expect(!server.session.wantsWrite)
        #expect(server.speak() == [])
    }

    @Test func theLastStreamOfAGoAwayMayNotGrow() throws {
        let client = try Peer(.client)
        _ = try client.ask()
        client.speak()
        client.hear(Frame.settings() + Frame.goAway(last: 3) + Frame.goAway(last: 5))
        #expect(client.goAwayCode == 1)
    }
}
