import Testing

@testable import SluiceHTTP

private let post = Frame.post
private let fieldBytes = HPACK.block(HPACK.get)
private let malformed = Violation.Outcome.stream(1, 1)

private func request(_ fields: [(String, String)], end: Bool = true) -> [UInt8] {
    Frame.headers(1, fields, end: end)
}

private func with(_ name: String, _ value: String) -> [UInt8] { request(HPACK.get + [(name, value)]) }

/// The usual request with another value.
private func but(_ name: String, _ value: String) -> [UInt8] {
    request(HPACK.get.map { $0.0 == name ? (name, value) : $0 })
}

private func connect(_ fields: [(String, String)]) -> [UInt8] { request([(":method", "CONNECT")] + fields, end: false) }

/// A request that promises a body of two bytes.
private let two = Frame.headers(1, HPACK.post + [("content-length", "2")], end: false)

private func without(_ name: String) -> [UInt8] { request(HPACK.get.filter { $0.0 != name }) }

/// Messages that are malformed (RFC 9113, section 8), and header blocks (RFC 7541).
@Suite struct HTTP2MessageTests {
    static let fields: [Violation] = [
        Violation("8.2 an upper-case name", malformed, with("X-Upper", "1")),
        Violation("8.2 an empty name", malformed, with("", "1")),
        Violation("8.2.1 a space in a name", malformed, with("a b", "1")),
        Violation("8.2.1 a colon in a name", malformed, with("a:b", "1")),
        Violation("8.2.1 a control in a name", malformed, with("a\u{1}", "1")),
        Violation("8.2.1 NUL in a value", malformed, with("a", "1\0")),
        Violation("8.2.1 CR in a value", malformed, with("a", "1\rb: 2")),
        Violation("8.2.1 LF in a value", malformed, with("a", "1\nb: 2")),
        Violation("8.2.1 a value that begins with a space", malformed, with("a", " 1")),
        Violation("8.2.1 a value that ends with a tab", malformed, with("a", "1\t")),
        Violation("8.2.1 an empty value", .fine, with("a", "")),
        Violation("8.2.1 bytes above 127 in a value", .fine, with("a", "gr\u{fc}n")),
        Violation("8.2.2 Connection", malformed, with("connection", "keep-alive")),
        Violation("8.2.2 Keep-Alive", malformed, with("keep-alive", "timeout=5")),
        Violation("8.2.2 Proxy-Connection", malformed, with("proxy-connection", "close")),
        Violation("8.2.2 Transfer-Encoding", malformed, with("transfer-encoding", "chunked")),
        Violation("8.2.2 Upgrade", malformed, with("upgrade", "websocket")),
        Violation("8.2.2 TE that is not trailers", malformed, with("te", "gzip")),
        Violation("8.2.2 TE: trailers", .fine, with("te", "trailers")),
        Violation("8.3 a pseudo field that nobody knows", malformed, with(":extra", "1")),
        Violation("8.3 a pseudo field of responses", malformed, with(":status", "200")),
        Violation("8.3 a pseudo field behind others", malformed, request([("a", "b")] + HPACK.get)),
        Violation("8.3 a pseudo field twice", malformed, request([(":path", "/a")] + HPACK.get)),
        Violation("8.3 a pseudo field in trailers", malformed, post, Frame.headers(1, [(":path", "/")])),
        Violation("8.3.1 no method", malformed, without(":method")),
        Violation("8.3.1 no scheme", malformed, without(":scheme")),
        Violation("8.3.1 no path", malformed, without(":path")),
        Violation(
            "8.3.1 no authority, but Host",
            .fine,
            request([(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), ("host", "a")])
        ),
        Violation("8.3.1 an empty path", malformed, but(":path", "")),
        Violation("8.3.1 a path without its slash", malformed, but(":path", "a")),
        Violation("8.3.1 an asterisk is for OPTIONS", malformed, but(":path", "*")),
        Violation("8.3.1 a space in the path", malformed, but(":path", "/a b")),
        Violation("8.3.1 a space in the authority", malformed, but(":authority", "a b")),
        Violation("8.3.1 a line end in the method", malformed, but(":method", "GET\r\n")),
        Violation("8.3.1 an empty method", malformed, but(":method", "")),
        Violation("8.3.1 a scheme that is none", malformed, but(":scheme", "ht tp")),
        Violation("8.5 CONNECT with a path", malformed, connect([(":authority", "a:80"), (":path", "/")])),
        Violation("8.5 CONNECT", .fine, connect([(":authority", "a:80")])),
        Violation("8.5 CONNECT without an authority", malformed, connect([])),
        Violation("RFC 8441, 4 a protocol without CONNECT", malformed, with(":protocol", "websocket")),
        Violation(
            "RFC 8441, 4 no path",
            malformed,
            connect([(":protocol", "websocket"), (":scheme", "http"), (":authority", "a")])
        ),
    ]

    static let messages: [Violation] = [
        Violation("8.1 a block between that is no end", malformed, post, Frame.headers(1, [("a", "b")], end: false)),
        Violation("8.1 trailers", .fine, post, Frame.data(1, "x"), Frame.headers(1, [("a", "b")])),
        Violation("8.1.1 a length, but no body", malformed, with("content-length", "1")),
        Violation("8.1.1 a body that is too short", malformed, two, Frame.data(1, "x", end: true)),
        Violation("8.1.1 a body that is too long", malformed, two, Frame.data(1, "xyz")),
        Violation(
            "8.1.1 a body in pieces that is too long",
            malformed,
            two,
            Frame.data(1, "x"),
            Frame.data(1, "yz", end: true)
        ),
        Violation(
            "8.1.1 a body as long as it should be",
            .fine,
            two,
            Frame.data(1, "x"),
            Frame.data(1, "y", end: true)
        ),
        Violation("8.1.1 a length that is no number", malformed, with("content-length", "1x")),
        Violation("8.1.1 a length with a sign", malformed, with("content-length", "+0")),
        Violation("8.1.1 a length beyond all numbers", malformed, with("content-length", "99999999999999999999")),
        Violation(
            "8.1.1 two lengths",
            malformed,
            request(HPACK.get + [("content-length", "0"), ("content-length", "0")])
        ),
    ]

    static let blocks: [Violation] = [
        Violation("RFC 7541, 2.3.3 an index that is not there", .compressionError, Frame.block([0x80 | 70])),
        Violation("RFC 7541, 6.1 index 0", .compressionError, Frame.block([0x80])),
        Violation("RFC 7541, 4.2 a table update behind a field", .compressionError, Frame.block(fieldBytes + [0x20])),
        Violation("RFC 7541, 6.3 a larger table", .compressionError, Frame.block([0x3F, 0xE2, 0x1F] + fieldBytes)),
        Violation("RFC 7541, 6.3 a smaller table", .fine, Frame.block([0x20] + fieldBytes)),
        Violation(
            "RFC 7541, 5.2 too much padding",
            .compressionError,
            Frame.block(fieldBytes + [0, 1, 0x61, 0x82, 0x1F, 0xFF])
        ),
        Violation(
            "RFC 7541, 5.2 padding of zeros",
            .compressionError,
            Frame.block(fieldBytes + [0, 1, 0x61, 0x81, 0x18])
        ),
        Violation(
            "RFC 7541, 5.2 the end symbol",
            .compressionError,
            Frame.block(fieldBytes + [0, 1, 0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF])
        ),
        Violation(
            "RFC 7541, 5.1 a number without end",
            .compressionError,
            Frame.block(Array(repeating: 0xFF, count: 13))
        ),
        Violation("4.3 a block that breaks off", .compressionError, Frame.block(Array(fieldBytes.dropLast(3)))),
    ]

    @Test(arguments: fields + messages + blocks)
    func byTheBook(_ violation: Violation) throws {
        try violation.check(pieces: nil)
        try violation.check(pieces: 1)
    }

    /// The table of a connection must stay the same on both sides whatever becomes of a stream.
    @Test func aMalformedBlockStillCountsForTheTable() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening)
        let bad = fieldBytes + HPACK.literal("BAD", "1") + HPACK.indexed("x-kept", "yes")
        server.hear(Frame.block(bad))
        server.hear(Frame.make(Frame.headers, flags: 5, stream: 3, fieldBytes + [0x80 | 62]))
        #expect(server.recorder.events.contains("  x-kept: yes"))
        #expect(server.recorder.events.last == "end 3")
    }

    @Test func aServerThatAnswersWrongIsCutOff() throws {
        let wrong: [[(String, String)]] = [
            [("a", "b")], [(":status", "1000")], [(":status", "20")], [(":status", "200"), (":path", "/")],
            [(":status", "200"), ("connection", "close")], [(":status", "200"), ("A", "b")],
            [(":status", "101")], [(":status", "200"), (":status", "200")], [(":status", "abc")],
        ]
        for fields in wrong {
            let client = try Peer(.client)
            _ = try client.ask()
            client.speak()
            client.hear(Frame.settings() + Frame.settingsAck + Frame.headers(1, fields, end: true))
            #expect(client.resetCode(1) == 1, "\(fields)")
            #expect(client.recorder.events.contains("invalid 1"), "\(fields)")
            #expect(client.recorder.events.last == "closed 1 1", "\(fields)")
            #expect(client.session.failure == nil)
            #expect(client.recorder.complaints == [])
        }
    }

    @Test func trailersWithoutAnyFieldAreTrailers() throws {
        let client = try Peer(.client)
        _ = try client.ask()
        client.speak()
        client.hear(Frame.settings() + Frame.headers(1, [(":status", "200")], end: false) + Frame.headers(1, []))
        #expect(client.recorder.events.suffix(4) == ["trailers 1", "whole 1", "end 1", "closed 1 0"])
    }

    @Test func anAnswerOnAStreamThatWasNeverAskedForEndsTheConnection() throws {
        let client = try Peer(.client)
        client.speak()
        client.hear(Frame.settings() + Frame.headers(1, [(":status", "200")]))
        #expect(client.goAwayCode == 1)
    }

    @Test func aBodyOfAnAnswerToHeadEndsTheStream() throws {
        let client = try Peer(.client)
        _ = try client.ask([(":method", "HEAD")] + HPACK.get.dropFirst())
        client.speak()
        client.hear(Frame.settings())
        client.hear(Frame.headers(1, [(":status", "200"), ("content-length", "5")], end: true))
        #expect(client.recorder.events.last == "closed 1 0")
    }
}
