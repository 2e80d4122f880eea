import Testing

@testable import SluiceHTTP

private let post = Frame.headers(1, HPACK.post, end: false)
private let get = Frame.headers(1, HPACK.get)
private let protocolError = Violation.Outcome.connection(1)
private let flowControlError = Violation.Outcome.connection(3)
private let streamClosed = Violation.Outcome.connection(5)
private let frameSizeError = Violation.Outcome.connection(6)
private let compressionError = Violation.Outcome.connection(9)

/// What a client may not do, frame by frame: RFC 9113, sections 3 to 7.
@Suite struct HTTP2FramingTests {
    static let frames: [Violation] = [
        Violation("4.1 an unknown type is ignored", .fine, [Frame.make(0x42, flags: 0xFF, stream: 7, [1, 2, 3])]),
        Violation(
            "4.1 undefined flags are ignored",
            .fine,
            [Frame.make(Frame.ping, flags: 0xFE, Array("12345678".utf8))]
        ),
        Violation(
            "4.1 the reserved bit of the stream is ignored",
            .fine,
            [Frame.make(Frame.ping, stream: 0x8000_0000, Array("12345678".utf8))]
        ),
        Violation(
            "4.2 DATA above the largest frame",
            frameSizeError,
            [post, Frame.make(Frame.data, stream: 1, Array(repeating: 0, count: 16_385))]
        ),
        Violation(
            "4.2 HEADERS above the largest frame",
            frameSizeError,
            [Frame.make(Frame.headers, flags: 5, stream: 1, Array(repeating: 0, count: 16_385))]
        ),
        Violation(
            "4.2 only the header of a frame that is too large",
            frameSizeError,
            [
                Frame.make(Frame.headers, stream: 1, [], length: 0xFF_FFFF)
            ]
        ),
        Violation(
            "4.2 DATA as large as it may be",
            .fine,
            [
                post, Frame.make(Frame.data, flags: 1, stream: 1, Array(repeating: 0, count: 16_384)),
            ]
        ),
        Violation(
            "4.3 a block that does not unpack",
            compressionError,
            [
                Frame.make(Frame.headers, flags: 5, stream: 1, [0xFF, 0xFF, 0xFF])
            ]
        ),
        Violation(
            "4.3 PRIORITY inside of a block",
            protocolError,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.block(HPACK.get)),
                Frame.make(Frame.priority, stream: 1, [0, 0, 0, 0, 1]),
            ]
        ),
        Violation(
            "4.3 HEADERS of another stream inside of a block",
            protocolError,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.block(HPACK.get)), Frame.headers(3, HPACK.get),
            ]
        ),
        Violation(
            "5.5 an unknown frame inside of a block",
            protocolError,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.block(HPACK.get)), Frame.make(0x42, stream: 1),
            ]
        ),
        Violation(
            "6.10 a block in many pieces",
            .fine,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.literal(":method", "GET")),
                Frame.make(
                    Frame.continuation,
                    stream: 1,
                    HPACK.literal(":scheme", "http") + HPACK.literal(":path", "/")
                ),
                Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal(":authority", "example.com")),
            ]
        ),
        Violation(
            "6.10 CONTINUATION of another stream",
            protocolError,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.block(HPACK.get)),
                Frame.make(Frame.continuation, flags: 4, stream: 3, HPACK.literal("a", "b")),
            ]
        ),
        Violation(
            "6.10 CONTINUATION behind the end of the block",
            protocolError,
            [
                post, Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal("a", "b")),
            ]
        ),
        Violation(
            "6.10 CONTINUATION behind DATA",
            protocolError,
            [
                post, Frame.data(1, "x"), Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal("a", "b")),
            ]
        ),
        Violation(
            "6.10 CONTINUATION of stream 0",
            protocolError,
            [
                Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.block(HPACK.get)),
                Frame.make(Frame.continuation, flags: 4, stream: 0, HPACK.literal("a", "b")),
            ]
        ),
        Violation("6.1 DATA of stream 0", protocolError, [Frame.data(0, "x")]),
        Violation(
            "6.1 DATA that is all padding and more",
            protocolError,
            [
                post, Frame.make(Frame.data, flags: Frame.padded, stream: 1, [5, 0, 0]),
            ]
        ),
        Violation(
            "6.1 DATA without room for its padding",
            frameSizeError,
            [
                post, Frame.make(Frame.data, flags: Frame.padded, stream: 1),
            ]
        ),
        Violation(
            "6.1 padded DATA",
            .fine,
            [
                post, Frame.make(Frame.data, flags: Frame.padded | 1, stream: 1, [2, 0x61, 0, 0]),
            ]
        ),
        Violation("6.2 HEADERS of stream 0", protocolError, [Frame.headers(0, HPACK.get)]),
        Violation(
            "6.2 HEADERS that are all padding and more",
            protocolError,
            [
                Frame.make(Frame.headers, flags: Frame.padded | 5, stream: 1, [200] + HPACK.block(HPACK.get))
            ]
        ),
        Violation(
            "6.2 padded HEADERS with a priority",
            .fine,
            [
                Frame.make(
                    Frame.headers,
                    flags: Frame.padded | Frame.prioritised | 5,
                    stream: 1,
                    [2, 0, 0, 0, 0, 15] + HPACK.block(HPACK.get) + [0, 0]
                )
            ]
        ),
        Violation(
            "6.2 HEADERS without room for their priority",
            frameSizeError,
            [
                Frame.make(Frame.headers, flags: Frame.prioritised | 5, stream: 1, [0, 0])
            ]
        ),
        Violation("6.3 PRIORITY of stream 0", protocolError, [Frame.make(Frame.priority, [0, 0, 0, 0, 1])]),
        Violation(
            "6.3 PRIORITY of a wrong size",
            frameSizeError,
            [
                post, Frame.make(Frame.priority, stream: 1, [0, 0, 0, 1]),
            ]
        ),
        Violation(
            "6.3 PRIORITY on a stream that is not there yet",
            .fine,
            [
                Frame.make(Frame.priority, stream: 51, [0, 0, 0, 0, 1])
            ]
        ),
        Violation("6.4 RST_STREAM of stream 0", protocolError, [Frame.reset(0)]),
        Violation("6.4 RST_STREAM of an idle stream", protocolError, [Frame.reset(1)]),
        Violation(
            "6.4 RST_STREAM of a wrong size",
            frameSizeError,
            [
                post, Frame.make(Frame.rstStream, stream: 1, [0, 0, 0]),
            ]
        ),
        Violation("7 RST_STREAM with a code that nobody knows", .fine, [post, Frame.reset(1, 0xFFFF)]),
        Violation(
            "6.6 PUSH_PROMISE of a client",
            protocolError,
            [
                Frame.make(Frame.pushPromise, flags: 4, stream: 1, Frame.int(2) + HPACK.block(HPACK.get))
            ]
        ),
        Violation("6.7 PING of a stream", protocolError, [Frame.make(Frame.ping, stream: 1, Array("12345678".utf8))]),
        Violation("6.7 PING of a wrong size", frameSizeError, [Frame.make(Frame.ping, Array("1234567".utf8))]),
        Violation("6.7 an answer to a PING that was never sent", .fine, [Frame.ping(flags: Frame.ack)]),
        Violation(
            "6.8 GOAWAY of a stream",
            protocolError,
            [
                Frame.make(Frame.goAway, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])
            ]
        ),
        Violation("6.8 GOAWAY of a wrong size", frameSizeError, [Frame.make(Frame.goAway, [0, 0, 0, 0])]),
    ]

    static let settings: [Violation] = [
        Violation("6.5 SETTINGS of a stream", protocolError, [Frame.make(Frame.settings, stream: 1)]),
        Violation(
            "6.5 an answer to SETTINGS with a payload",
            frameSizeError,
            [
                Frame.make(Frame.settings, flags: Frame.ack, [0, 1, 0, 0, 0, 0])
            ]
        ),
        Violation("6.5 SETTINGS of a wrong size", frameSizeError, [Frame.make(Frame.settings, [0, 1, 0])]),
        Violation("6.5.2 ENABLE_PUSH that is neither 0 nor 1", protocolError, [Frame.settings([(2, 2)])]),
        Violation(
            "6.5.2 INITIAL_WINDOW_SIZE that is too large",
            flowControlError,
            [Frame.settings([(4, 0x8000_0000)])]
        ),
        Violation("6.5.2 MAX_FRAME_SIZE that is too small", protocolError, [Frame.settings([(5, 16_383)])]),
        Violation("6.5.2 MAX_FRAME_SIZE that is too large", protocolError, [Frame.settings([(5, 0x100_0000)])]),
        Violation("6.5.2 a setting that nobody knows", .fine, [Frame.settings([(0xFF, 1)])]),
        Violation(
            "RFC 8441, 3 ENABLE_CONNECT_PROTOCOL that is neither 0 nor 1",
            protocolError,
            [
                Frame.settings([(8, 2)])
            ]
        ),
        Violation(
            "6.9.2 a window made larger than can be",
            flowControlError,
            [
                post, Frame.window(1, 0x7FFF_FFFF - 65_535), Frame.settings([(4, 65_536)]),
            ]
        ),
    ]

    static let windows: [Violation] = [
        Violation("6.9 WINDOW_UPDATE by nothing, of the connection", protocolError, [Frame.window(0, 0)]),
        Violation("6.9 WINDOW_UPDATE by nothing, of a stream", .stream(1, 1), [post, Frame.window(1, 0)]),
        Violation(
            "6.9 WINDOW_UPDATE of a wrong size",
            frameSizeError,
            [
                Frame.make(Frame.windowUpdate, [0, 0, 1])
            ]
        ),
        Violation(
            "6.9.1 the window of the connection runs over",
            flowControlError,
            [
                Frame.window(0, 0x7FFF_FFFF), Frame.window(0, 1),
            ]
        ),
        Violation(
            "6.9.1 the window of a stream runs over",
            .stream(1, 3),
            [
                post, Frame.window(1, 0x7FFF_FFFF), Frame.window(1, 1),
            ]
        ),
        Violation(
            "6.9.1 DATA beyond the window of the stream",
            .stream(1, 3),
            [post] + Array(repeating: Frame.make(Frame.data, stream: 1, Array(repeating: 0, count: 16_384)), count: 5)
        ),
    ]

    static let streams: [Violation] = [
        Violation("5.1 DATA on an idle stream", protocolError, [Frame.data(1, "x")]),
        Violation("5.1 WINDOW_UPDATE on an idle stream", protocolError, [Frame.window(1, 1)]),
        Violation(
            "5.1 CONTINUATION on an idle stream",
            protocolError,
            [
                Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.block(HPACK.get))
            ]
        ),
        Violation("5.1 DATA behind the end of the request", streamClosed, [get, Frame.data(1, "x")]),
        Violation(
            "5.1 HEADERS behind the end of the request",
            streamClosed,
            [
                get, Frame.headers(1, [("a", "b")]),
            ]
        ),
        Violation(
            "5.1 CONTINUATION behind the end of the request",
            protocolError,
            [
                get, Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal("a", "b")),
            ]
        ),
        Violation("5.1 WINDOW_UPDATE behind the end of the request", .fine, [get, Frame.window(1, 1)]),
        Violation("5.1 DATA behind the client's own reset", streamClosed, [post, Frame.reset(1), Frame.data(1, "x")]),
        Violation(
            "5.1 HEADERS behind the client's own reset",
            streamClosed,
            [
                post, Frame.reset(1), Frame.headers(1, [("a", "b")]),
            ]
        ),
        Violation(
            "5.1 CONTINUATION behind the client's own reset",
            protocolError,
            [
                post, Frame.reset(1), Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal("a", "b")),
            ]
        ),
        Violation("5.1 DATA on a stream that both have ended", streamClosed, answers: true, [get, Frame.data(1, "x")]),
        Violation(
            "5.1 HEADERS on a stream that both have ended",
            streamClosed,
            answers: true,
            [
                get, Frame.headers(1, [("a", "b")]),
            ]
        ),
        Violation(
            "5.1 what may come late on a stream that both have ended",
            .fine,
            answers: true,
            [
                get, Frame.window(1, 1), Frame.reset(1), Frame.make(Frame.priority, stream: 1, [0, 0, 0, 0, 1]),
            ]
        ),
        Violation(
            "5.1 DATA behind our own reset",
            .stream(1, 1),
            [
                post, Frame.window(1, 0), Frame.data(1, "x"), Frame.data(1, "y", end: true), Frame.window(1, 5),
            ]
        ),
        Violation(
            "5.1 HEADERS behind our own reset",
            .stream(1, 1),
            [
                post, Frame.window(1, 0), Frame.headers(1, [("a", "b")]),
            ]
        ),
        Violation("5.1.1 a request on a stream of the server's", protocolError, [Frame.headers(2, HPACK.get)]),
        Violation(
            "5.1.1 streams that go back",
            protocolError,
            [Frame.headers(5, HPACK.get), Frame.headers(3, HPACK.get)]
        ),
        Violation(
            "5.1.1 DATA on a stream that was passed over",
            streamClosed,
            [
                Frame.headers(5, HPACK.get), Frame.data(3, "x"),
            ]
        ),
    ]

    @Test(arguments: frames + settings + windows + streams)
    func byTheBook(_ violation: Violation) throws {
        try violation.check(pieces: nil)
        try violation.check(pieces: 1)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", "INVALID", "\u{16}\u{3}\u{1}",
    ])
    func anotherPrefaceEndsTheConnection(preface: String) throws {
        let server = try Peer(.server)
        #expect(server.hear(Array(preface.utf8)) == .badPreface)
        #expect(server.goAwayCode == 1)
        #expect(server.session.isDone)
        #expect(server.recorder.events == [])
    }

    @Test func theFirstFrameMustBeSettings() throws {
        let server = try Peer(.server)
        server.hear(Frame.preface + Frame.ping())
        #expect(server.goAwayCode == 1)
        #expect(server.session.failure == .broken(.protocolError))
    }

    @Test func settingsAreTakenAndAnswered() throws {
        let server = try Peer(.server)
        server.hear(Frame.preface + Frame.settings([(3, 7), (8, 1), (3, 9)]))
        #expect(server.frames.contains { $0.type == Frame.settings && $0.flags == Frame.ack })
        #expect(server.session.peerMaxConcurrentStreams == 9)
        #expect(server.session.peerTakesConnectProtocol)
    }

    @Test func theFrameSizeOfThePeerIsKept() throws {
        let pair = try Pair(client: { $0.maxFrameSize = 65_536 })
        let stream = try pair.client.ask()
        pair.run()
        pair.server.answer(stream, [(":status", "200")], Array(repeating: .zeros(16_384), count: 3))
        pair.run()
        #expect(pair.server.recorder.pulls.allSatisfy { $0.upTo <= 65_536 })
        #expect(pair.client.recorder.received[1]?.count == 3 * 16_384)
    }

    @Test func aLargerFrameMayBeAllowed() throws {
        let server = try Peer(.server) { $0.maxFrameSize = 32_768 }
        server.hear(Frame.opening + post)
        server.hear(Frame.make(Frame.data, flags: 1, stream: 1, Array(repeating: 0, count: 32_768)))
        #expect(server.recorder.received[1]?.count == 32_768)
        #expect(server.recorder.events.last == "end 1")
    }
}
