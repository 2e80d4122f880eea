import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTesting
import Testing

/// Heads of HTTP/2 that would be something else in HTTP/1 ("HTTP/2: the sequel is always worse", 2021).
///
/// Each is sent frame by frame, since no library would. Whatever the gateway makes of it, an origin must see either
/// nothing or exactly one request that says what the client said.
@Suite struct HTTP2SmugglingTests {
    typealias Fields = [(String, String)]

    struct Attack: Sendable, CustomStringConvertible {
        let name: String
        let fields: Fields
        var body: String?

        var description: String { name }
    }

    private static let head: Fields = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/")]

    /// The usual head with one field in another way.
    private static func head(_ name: String, _ value: String) -> Fields {
        head.map { $0.0 == name ? (name, value) : $0 }
    }

    static let attacks: [Attack] = [
        // Line breaks and other bytes that end something.
        Attack(name: "CR LF in a value", fields: head + [("x", "a\r\nx-injected: b")]),
        Attack(name: "LF in a value", fields: head + [("x", "a\nx-injected: b")]),
        Attack(name: "CR in a value", fields: head + [("x", "a\rb")]),
        Attack(name: "NUL in a value", fields: head + [("x", "a\0b")]),
        Attack(name: "a request in a value", fields: head + [("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b")]),
        Attack(name: "CR LF in a name", fields: head + [("x\r\nx-injected", "b")]),
        Attack(name: "a colon in a name", fields: head + [("x: y\r\nz", "b")]),
        Attack(name: "a space in a name", fields: head + [("x y", "b")]),
        Attack(name: "an empty name", fields: head + [("", "b")]),
        Attack(name: "a name in capitals", fields: head + [("X-Upper", "b")]),
        Attack(name: "a space before a value", fields: head + [("x", " b")]),
        Attack(name: "a space behind a value", fields: head + [("x", "b ")]),
        Attack(name: "a control byte in a value", fields: head + [("x", "a\u{1}b")]),
        Attack(name: "DEL in a value", fields: head + [("x", "a\u{7F}b")]),
        Attack(name: "CR LF in a cookie", fields: head + [("cookie", "a=b\r\nx-injected: c")]),
        // The request line.
        Attack(name: "a version in :path", fields: head(":path", "/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /smuggled")),
        Attack(name: "a space in :path", fields: head(":path", "/a b")),
        Attack(name: "a tab in :path", fields: head(":path", "/a\tb")),
        Attack(name: "an empty :path", fields: head(":path", "")),
        Attack(name: "no slash in :path", fields: head(":path", "a")),
        Attack(name: "an asterisk without OPTIONS", fields: head(":path", "*")),
        Attack(name: "another host in :path", fields: head(":path", "http://evil.test/")),
        Attack(
            name: "another host in :path, unknown scheme",
            fields: [
                (":method", "GET"), (":scheme", "foo"), (":authority", "test"), (":path", "http://evil.test/"),
            ]
        ),
        Attack(name: "a fragment in :path", fields: head(":path", "/a#b")),
        Attack(name: "a space in :method", fields: head(":method", "GET /smuggled HTTP/1.1\r\nx:")),
        Attack(name: "an empty :method", fields: head(":method", "")),
        Attack(name: "a colon in :method", fields: head(":method", "GET:")),
        Attack(name: "a line in :scheme", fields: head(":scheme", "http://evil.test/\r\nx: y")),
        Attack(name: "an unknown :scheme", fields: head(":scheme", "ftp")),
        // The host.
        Attack(name: "a line in :authority", fields: head(":authority", "test\r\nx-injected: b")),
        Attack(name: "a path in :authority", fields: head(":authority", "test/path")),
        Attack(name: "a user in :authority", fields: head(":authority", "user@test")),
        Attack(name: "a space in :authority", fields: head(":authority", "test evil")),
        Attack(name: "a huge :authority", fields: head(":authority", String(repeating: "a", count: 40_000))),
        Attack(name: "another Host", fields: head + [("host", "evil.test")]),
        Attack(name: "two Hosts", fields: head + [("host", "test"), ("host", "test")]),
        Attack(name: "no host", fields: head.filter { $0.0 != ":authority" }),
        Attack(name: "an empty :authority and a Host", fields: head(":authority", "") + [("host", "evil.test")]),
        // Pseudo fields.
        Attack(name: "two :path", fields: head + [(":path", "/b")]),
        Attack(name: "two :authority", fields: head + [(":authority", "evil.test")]),
        Attack(name: "two :method", fields: head + [(":method", "POST")]),
        Attack(name: "two :scheme", fields: head + [(":scheme", "https")]),
        Attack(name: ":path behind a field", fields: Array(head.dropLast()) + [("x", "y"), (":path", "/")]),
        Attack(name: ":status in a request", fields: head + [(":status", "200")]),
        Attack(name: "an unknown pseudo field", fields: head + [(":evil", "b")]),
        Attack(name: ":protocol without CONNECT", fields: head + [(":protocol", "websocket")]),
        Attack(name: "CONNECT with a path", fields: head(":method", "CONNECT")),
        Attack(name: "no :scheme", fields: head.filter { $0.0 != ":scheme" }),
        Attack(name: "no :method", fields: head.filter { $0.0 != ":method" }),
        // Framing and what concerns a connection.
        Attack(
            name: "Transfer-Encoding",
            fields: head + [("transfer-encoding", "chunked")],
            body: "0\r\n\r\nGET /smuggled"
        ),
        Attack(
            name: "Transfer-Encoding and a length",
            fields: head + [("transfer-encoding", "chunked"), ("content-length", "4")],
            body: "abcd"
        ),
        Attack(name: "Connection", fields: head + [("connection", "x-forwarded-for, close")]),
        Attack(name: "Upgrade", fields: head + [("upgrade", "websocket")]),
        Attack(name: "Keep-Alive", fields: head + [("keep-alive", "timeout=5")]),
        Attack(name: "Proxy-Connection", fields: head + [("proxy-connection", "keep-alive")]),
        Attack(name: "HTTP2-Settings", fields: head + [("http2-settings", "AAMAAABk")]),
        Attack(name: "TE", fields: head + [("te", "gzip")]),
        Attack(name: "two lengths", fields: head + [("content-length", "4"), ("content-length", "5")], body: "abcde"),
        Attack(name: "a length that is a list", fields: head + [("content-length", "4, 4")], body: "abcd"),
        Attack(name: "a length with a sign", fields: head + [("content-length", "+4")], body: "abcd"),
        Attack(name: "a length beyond the body", fields: head + [("content-length", "40")], body: "abcd"),
        Attack(name: "a length short of the body", fields: head + [("content-length", "2")], body: "abcd"),
        Attack(name: "a length of a body that is not there", fields: head + [("content-length", "4")]),
        Attack(name: "an underscore in a name", fields: head + [("x_forwarded_for", "1.2.3.4")]),
    ]

    @Test("nothing of it reaches an origin, and the connection goes on", arguments: attacks)
    func attack(_ attack: Attack) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let peer = try gateway.connect()
            let head = HTTP2Frames.headers(1, HTTP2Frames.block(attack.fields), endStream: attack.body == nil)
            let body = attack.body.map { HTTP2Frames.data(1, Array($0.utf8), endStream: true) } ?? []
            try peer.send(HTTP2Frames.hello() + head + body)
            // It is answered by an error or reset.
            let end = try peer.readFrame { $0.stream == 1 && ($0.kind == .headers || $0.kind == .reset) }
            if end.kind == .reset { #expect(end.code == .protocolError) }
            try peer.send(HTTP2Frames.get(3, "/next"))
            let upstream = try origin.acceptBusy()
            let request = try upstream.readRequest()
            #expect(request.startLine == "GET /next HTTP/1.1", "\(attack.name) came through as \(request.startLine)")
            try upstream.send(Wire.ok())
            _ = try peer.readFrame { $0.stream == 3 && $0.kind == .headers }
            try gateway.settle()
            #expect(try upstream.isSilent)
        }
    }

    @Test("what a client says of itself over HTTP/2 counts as little as over HTTP/1")
    func forwarded() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let fields = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4")]
            let stream = try client.request("GET", "/", fields)
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request["X-Forwarded-For"] == "127.0.0.1" && request["X-Forwarded-Proto"] == "http")
            #expect(request["Forwarded"] == nil)
            try upstream.send(Wire.ok())
            _ = try client.answer(to: stream)
        }
    }

    @Test(
        "a trailer cannot bring a field, a line or a request",
        arguments: [
            [("x", "a\r\nx-injected: b")], [("host", "evil.test")], [("transfer-encoding", "chunked")],
            [(":path", "/")],
            [("content-length", "4")], [("x\r\ny", "b")],
        ]
    )
    func trailers(fields: Fields) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let peer = try gateway.connect()
            let head = HTTP2Frames.headers(1, HTTP2Frames.block(Self.head(":method", "POST")), endStream: false)
            try peer.send(HTTP2Frames.hello() + head + HTTP2Frames.data(1, Array("body".utf8)))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            #expect(try upstream.readText(9) == "4\r\nbody\r\n")
            try peer.send(HTTP2Frames.headers(1, HTTP2Frames.block(fields), endStream: true))
            try gateway.settle()
            try gateway.settle()
            // Either the body breaks off, or it ends without them.
            let rest = String(decoding: try upstream.peek(), as: UTF8.self)
            #expect(rest == "" || rest == "0\r\n\r\n")
            if rest.isEmpty { try upstream.expectGone() } else { try upstream.send(Wire.ok()) }
        }
    }

    @Test("frames of a stream that is over do not join the next request")
    func afterTheEnd() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let peer = try gateway.connect()
            try peer.send(HTTP2Frames.hello() + HTTP2Frames.get(1, "/a"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/a")
            try peer.send(HTTP2Frames.data(1, Array("GET /smuggled HTTP/1.1\r\n\r\n".utf8), endStream: true))
            // RFC 9113, section 5.1: half-closed (remote).
            let end = try peer.readFrame { $0.kind == .reset || $0.kind == .goAway }
            #expect(end.code == .streamClosed || end.code == .protocolError)
            try gateway.settle()
            #expect(!upstream.sawText("smuggled"))
        }
    }
}
