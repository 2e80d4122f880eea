import Testing

@testable import SluiceHTTP

/// Frames on streams that are idle, half closed or closed (RFC 9113, section 5.1).
@Suite struct HTTP2StreamStateTests {
    /// A request that the server resets because it is malformed.
    private static let malformed = Frame.headers(1, HPACK.post + [("BAD", "1")], end: false)

    static let streams: [Violation] = [
        Violation("5.1 idle: DATA", .protocolError, Frame.data(1, "x")),
        Violation("5.1 idle: WINDOW_UPDATE", .protocolError, Frame.window(1, 1)),
        Violation("5.1 idle: CONTINUATION", .protocolError, Frame.more(1)),
        Violation("5.1 request ended: DATA", .streamClosed, Frame.get, Frame.data(1, "x")),
        Violation("5.1 request ended: HEADERS", .streamClosed, Frame.get, Frame.trailers(1)),
        Violation("5.1 request ended: CONTINUATION", .protocolError, Frame.get, Frame.more(1)),
        Violation("5.1 request ended: WINDOW_UPDATE", .fine, Frame.get, Frame.window(1, 1)),
        Violation("5.1 ended by trailers: DATA", .streamClosed, Frame.post, Frame.trailers(1), Frame.data(1, "x")),
        Violation("5.1 reset by the client: DATA", .streamClosed, Frame.post, Frame.reset(1), Frame.data(1, "x")),
        Violation("5.1 reset by the client: HEADERS", .streamClosed, Frame.post, Frame.reset(1), Frame.trailers(1)),
        Violation("5.1 reset by the client: CONTINUATION", .protocolError, Frame.post, Frame.reset(1), Frame.more(1)),
        Violation("5.1 both ended: DATA", .streamClosed, answers: true, Frame.get, Frame.ping(), Frame.data(1, "x")),
        Violation("5.1 both ended: HEADERS", .streamClosed, answers: true, Frame.get, Frame.trailers(1)),
        Violation(
            "5.1 both ended: what may come late",
            .fine,
            answers: true,
            Frame.get,
            Frame.window(1, 1),
            Frame.reset(1),
            Frame.priority(1)
        ),
        Violation(
            "5.1 reset by us: what is under way",
            .stream(1, 1),
            malformed,
            Frame.data(1, "x"),
            Frame.data(1, "y", end: true),
            Frame.window(1, 5)
        ),
        Violation("5.1 reset by us: trailers", .stream(1, 1), malformed, Frame.data(1, "x"), Frame.trailers(1)),
        Violation("5.1.1 a stream of the server's", .protocolError, Frame.headers(2, HPACK.get)),
        Violation("5.1.1 back", .protocolError, Frame.headers(5, HPACK.get), Frame.headers(3, HPACK.get)),
        Violation("5.1.1 DATA on what was passed over", .streamClosed, Frame.headers(5, HPACK.get), Frame.data(3, "x")),
    ]

    @Test(arguments: streams)
    func byTheBook(_ violation: Violation) throws {
        try violation.check(pieces: nil)
        try violation.check(pieces: 1)
    }

    /// As many resets as the client may not know of yet, and then the rest of each body.
    @Test func allResetsOfOneRoundTripAreRemembered() throws {
        let server = try Peer(.server) {
            $0.maxConcurrentStreams = 50
            $0.floods.provokedResets.burst = 1000
        }
        server.hear(Frame.opening)
        let streams = (0..<500).map { UInt32($0) * 2 + 1 }
        for batch in stride(from: 0, to: streams.count, by: 50).map({ streams[$0..<$0 + 50] }) {
            for stream in batch { server.hear(Frame.headers(stream, HPACK.post, end: false)) }
            for stream in batch { server.session.reset(Int32(stream), .noError) }
            server.speak()
            for stream in batch { server.hear(Frame.data(stream, "rest", end: true)) }
        }
        #expect(server.session.failure == nil)
        // An old one is no longer excused.
        server.hear(Frame.data(1, "x"))
        #expect(server.session.failure == .broken(.streamClosed))
    }

    @Test func resettingAStreamThatIsOverSaysNothing() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + Frame.get)
        server.answer(1)
        server.speak()
        #expect(server.recorder.events.last == "closed 1 0")
        server.session.reset(1, .cancel)
        server.session.reset(77, .cancel)
        #expect(server.speak() == [])
    }

    /// An answer that comes too late for a stream that is gone must not stir it up again.
    @Test func answeringAStreamThatIsOverSaysNothing() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + Frame.get + Frame.reset(1))
        #expect(server.recorder.events.last == "closed 1 8")
        server.answer(1, [(":status", "200")], [.lastText("late")])
        #expect(server.speak() == [])
        server.session.dataReady(1)
        server.session.consume(1, 10)
        server.trailers(1, [("a", "b")])
        #expect(server.speak() == [])
        #expect(server.recorder.pulls.isEmpty)
    }
}
