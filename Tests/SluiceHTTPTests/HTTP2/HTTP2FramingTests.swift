import Testing

@testable import SluiceHTTP

private let fieldBytes = HPACK.block(HPACK.get)

/// What a client may not do, frame by frame: RFC 9113, sections 3, 4, 6 and 7.
@Suite struct HTTP2FramingTests {
    static let frames: [Violation] = [
        Violation("4.1 an unknown type", .fine, Frame.make(0x42, flags: 0xFF, stream: 7, [1, 2, 3])),
        Violation("4.1 undefined flags", .fine, Frame.make(Frame.ping, flags: 0xFE, Frame.eight)),
        Violation("4.1 the reserved bit of the stream", .fine, Frame.make(Frame.ping, stream: 1 << 31, Frame.eight)),
        Violation("4.2 DATA that is too large", .frameSizeError, Frame.post, Frame.zeros(1, 16_385)),
        Violation("4.2 DATA as large as it may be", .fine, Frame.post, Frame.zeros(1, 16_384, end: true)),
        Violation("4.2 HEADERS that are too large", .frameSizeError, Frame.block(Array(repeating: 0, count: 16_385))),
        Violation("4.2 only its header", .frameSizeError, Frame.make(Frame.headers, stream: 1, length: 0xFF_FFFF)),
        Violation(
            "4.2 CONTINUATION that is too large",
            .frameSizeError,
            Frame.getBegun,
            Frame.make(Frame.continuation, flags: 4, stream: 1, Array(repeating: 0x90, count: 16_385))
        ),
        Violation("4.3 a block that does not unpack", .compressionError, Frame.block([0xFF, 0xFF, 0xFF])),
        Violation("4.3 PRIORITY inside of a block", .protocolError, Frame.getBegun, Frame.priority(1)),
        Violation("4.3 other HEADERS inside of a block", .protocolError, Frame.getBegun, Frame.headers(3, HPACK.get)),
        Violation("5.5 an unknown frame in a block", .protocolError, Frame.getBegun, Frame.make(0x42, stream: 1)),
        Violation("6.10 a block in two pieces", .fine, Frame.getBegun, Frame.more(1)),
        Violation(
            "6.10 a block in many pieces",
            .fine,
            Frame.make(Frame.headers, flags: 1, stream: 1, HPACK.literal(":method", "GET")),
            Frame.make(Frame.continuation, stream: 1, HPACK.literal(":scheme", "http")),
            Frame.make(Frame.continuation, stream: 1, Array(HPACK.literal(":path", "/").prefix(4))),
            Frame.make(Frame.continuation, stream: 1, Array(HPACK.literal(":path", "/").dropFirst(4))),
            Frame.make(Frame.continuation, flags: 4, stream: 1, HPACK.literal(":authority", "example.com"))
        ),
        Violation("6.10 CONTINUATION of another stream", .protocolError, Frame.getBegun, Frame.more(3)),
        Violation("6.10 CONTINUATION of stream 0", .protocolError, Frame.getBegun, Frame.more(0)),
        Violation("6.10 CONTINUATION behind the block", .protocolError, Frame.post, Frame.more(1)),
        Violation("6.10 CONTINUATION behind DATA", .protocolError, Frame.post, Frame.data(1, "x"), Frame.more(1)),
        Violation("6.10 CONTINUATION alone", .protocolError, Frame.more(1)),
        Violation("6.1 DATA of stream 0", .protocolError, Frame.data(0, "x")),
        Violation("6.1 too much padding", .protocolError, Frame.post, Frame.make(0, flags: 8, stream: 1, [5, 0])),
        Violation("6.1 no room for padding", .protocolError, Frame.post, Frame.make(Frame.data, flags: 8, stream: 1)),
        Violation("6.1 padded DATA", .fine, Frame.post, Frame.make(Frame.data, flags: 9, stream: 1, [2, 0x61, 0, 0])),
        Violation("6.2 HEADERS of stream 0", .protocolError, Frame.headers(0, HPACK.get)),
        Violation("6.2 too much padding", .protocolError, Frame.block([200] + fieldBytes, flags: Frame.padded)),
        Violation(
            "6.2 padded HEADERS with a priority",
            .fine,
            Frame.block([2, 0, 0, 0, 0, 15] + fieldBytes + [0, 0], flags: Frame.padded | Frame.prioritised)
        ),
        Violation("6.2 no room for a priority", .frameSizeError, Frame.block([0, 0], flags: Frame.prioritised)),
        Violation("6.3 PRIORITY of stream 0", .protocolError, Frame.priority(0)),
        Violation(
            "6.3 PRIORITY of a wrong size",
            .frameSizeError,
            Frame.make(Frame.priority, stream: 1, [0, 0, 0, 1])
        ),
        Violation("6.3 PRIORITY on an idle stream", .fine, Frame.priority(51)),
        Violation("RFC 7540, 5.3.1 PRIORITY on itself", .protocolError, Frame.priority(51, on: 51)),
        Violation("RFC 7540, 5.3.1 exclusively", .protocolError, Frame.priority(51, on: 51 | 1 << 31)),
        Violation(
            "RFC 7540, 5.3.1 HEADERS on themselves",
            .protocolError,
            Frame.block([0x80, 0, 0, 1, 15] + fieldBytes, flags: Frame.prioritised)
        ),
        Violation("6.4 RST_STREAM of stream 0", .protocolError, Frame.reset(0)),
        Violation("6.4 RST_STREAM of an idle stream", .protocolError, Frame.reset(1)),
        Violation("6.4 a wrong size", .frameSizeError, Frame.post, Frame.make(Frame.rstStream, stream: 1, [0, 0, 0])),
        Violation("7 RST_STREAM with an unknown code", .fine, Frame.post, Frame.reset(1, 0xFFFF)),
        Violation(
            "6.6 PUSH_PROMISE of a client",
            .protocolError,
            Frame.make(Frame.pushPromise, flags: 4, stream: 1, Frame.int(2) + fieldBytes)
        ),
        Violation("6.7 PING of a stream", .protocolError, Frame.make(Frame.ping, stream: 1, Frame.eight)),
        Violation("6.7 PING of a wrong size", .frameSizeError, Frame.make(Frame.ping, Array(Frame.eight.dropLast()))),
        Violation("6.7 an answer that nobody asked for", .fine, Frame.ping(flags: Frame.ack)),
        Violation("6.8 GOAWAY of a stream", .protocolError, Frame.make(Frame.goAway, stream: 1, Frame.eight)),
        Violation("6.8 GOAWAY of a wrong size", .frameSizeError, Frame.make(Frame.goAway, [0, 0, 0, 0])),
    ]

    static let settings: [Violation] = [
        Violation("6.5 SETTINGS of a stream", .protocolError, Frame.make(Frame.settings, stream: 1)),
        Violation("6.5 ACK with a payload", .frameSizeError, Frame.make(Frame.settings, flags: 1, [0, 1, 0, 0, 0, 0])),
        Violation("6.5.3 an answer to no SETTINGS", .protocolError, Frame.settingsAck),
        Violation("6.5 a wrong size", .frameSizeError, Frame.make(Frame.settings, [0, 1, 0])),
        Violation("6.5.2 ENABLE_PUSH 2", .protocolError, Frame.settings([(2, 2)])),
        Violation("6.5.2 a window that is too large", .flowControlError, Frame.settings([(4, 1 << 31)])),
        Violation("6.5.2 a frame size that is too small", .protocolError, Frame.settings([(5, 16_383)])),
        Violation("6.5.2 a frame size that is too large", .protocolError, Frame.settings([(5, 0x100_0000)])),
        Violation("6.5.2 a setting that nobody knows", .fine, Frame.settings([(0xFF, 1)])),
        Violation("RFC 8441, 3 ENABLE_CONNECT_PROTOCOL 2", .protocolError, Frame.settings([(8, 2)])),
        // A stream error where section 6.9.2 asks for a connection error: nghttp2 leaves the others alone.
        Violation(
            "6.9.2 a window that grows too large",
            .stream(1, 3),
            Frame.post,
            Frame.window(1, 0x7FFF_FFFF - 65_535),
            Frame.settings([(4, 65_536)])
        ),
    ]

    static let windows: [Violation] = [
        Violation("6.9 WINDOW_UPDATE of the connection by nothing", .protocolError, Frame.window(0, 0)),
        Violation("6.9 WINDOW_UPDATE of a stream by nothing", .protocolError, Frame.post, Frame.window(1, 0)),
        Violation("6.9 WINDOW_UPDATE of a wrong size", .frameSizeError, Frame.make(Frame.windowUpdate, [0, 0, 1])),
        Violation("6.9.1 the connection", .flowControlError, Frame.window(0, 0x7FFF_FFFF), Frame.window(0, 1)),
        Violation("6.9.1 a stream", .stream(1, 3), Frame.post, Frame.window(1, 0x7FFF_FFFF), Frame.window(1, 1)),
        Violation(
            "6.9.1 DATA beyond the window",
            .stream(1, 3),
            Frame.post,
            Frame.zeros(1, 16_384),
            Frame.zeros(1, 16_384),
            Frame.zeros(1, 16_384),
            Frame.zeros(1, 16_384),
            Frame.zeros(1, 1)
        ),
    ]

    @Test(arguments: frames + settings + windows)
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

    @Test func aLargerFrameMayBeAllowed() throws {
        let server = try Peer(.server) { $0.maxFrameSize = 32_768 }
        server.hear(Frame.opening + Frame.post + Frame.zeros(1, 32_768, end: true))
        #expect(server.recorder.received[1]?.count == 32_768)
        #expect(server.recorder.events.last == "end 1")
    }
}
