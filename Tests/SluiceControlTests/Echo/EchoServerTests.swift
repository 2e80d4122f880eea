import NIOCore
import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

@Suite struct EchoServerTests {
    private func run(_ body: (RawPeer) throws -> Void) throws {
        let server = try EchoServer.start(on: .ip(host: "127.0.0.1", port: 0), name: "test \"1\"")
        defer { server.stop() }
        try body(try RawPeer(connectingTo: server.address))
    }

    @Test("the answer is what was asked, as JSON, and the connection goes on")
    func description() throws {
        try run { peer in
            try peer.send(
                "POST /a?b=%20 HTTP/1.1\r\nHost: a.test\r\nX-One: 1\r\nx-one: \"2\"\r\nContent-Length: 5\r\n\r\nhello"
            )
            let answer = try peer.readResponse()
            #expect(answer.status == 200)
            #expect(answer["Content-Type"] == "application/json")
            let fields = #"{"Host": "a.test", "X-One": "1, \"2\"", "Content-Length": "5"}"#
            let start = #"{"server": "test \"1\"", "method": "POST", "path": "/a?b=%20", "headers": "#
            #expect(answer.text == start + fields + #", "body_bytes": 5}"# + "\n")
            #expect(try peer.get("/next").text.contains(#""path": "/next""#))
        }
    }

    @Test(
        "paths that do more",
        arguments: [
            ("/status/503", 503, nil), ("/status/204", 204, 0), ("/status/999", 200, nil), ("/status/100", 200, nil),
            ("/status/x", 200, nil), ("/bytes/0", 200, 0), ("/bytes/70000", 200, 70_000), ("/bytes/-1", 200, nil),
            ("/delay/1", 200, nil), ("/stream/0", 200, 0), ("/stream/3", 200, 24),
            ("/drip?numbytes=3&duration=0.01", 200, 3),
            ("/drip?numbytes=0", 200, 1),
        ] as [(String, Int, Int?)]
    )
    func paths(path: String, status: Int, count: Int?) throws {
        try run { peer in
            let answer = try peer.get(path)
            #expect(answer.status == status)
            if let count { #expect(answer.body.count == count) } else { #expect(answer.text.hasPrefix("{")) }
            #expect(answer.wasChunked == path.hasPrefix("/stream"))
            #expect(try peer.get("/after").status == 200)
        }
    }

    @Test("a large answer waits for a slow reader and comes whole")
    func backpressure() throws {
        try run { peer in
            try peer.send(Wire.get("/bytes/20000000"))
            #expect(try peer.readResponse().body.count == 20_000_000)
        }
    }

    @Test("the answer to HEAD has no body")
    func head() throws {
        try run { peer in
            for path in ["/", "/bytes/10", "/stream/3"] {
                try peer.send("HEAD \(path) HTTP/1.1\r\nHost: a.test\r\n\r\n")
                #expect(try peer.readResponse(to: "HEAD").status == 200)
            }
            #expect(try peer.get().status == 200)
        }
    }

    @Test("requests in a row are answered in order, also when the client has ended its direction")
    func pipelining() throws {
        try run { peer in
            try peer.send(Wire.get("/delay/5") + Wire.post("/stream/2", body: "x") + Wire.get("/third"))
            peer.endOutput()
            #expect(try peer.readResponse().text.contains("/delay/5"))
            #expect(try peer.readResponse().text == "chunk 1\nchunk 2\n")
            #expect(try peer.readResponse().text.contains("/third"))
            try peer.expectEnd()
        }
    }

    @Test("a client that asks before it sends its body is told to go on; a chunked body is counted")
    func expectation() throws {
        try run { peer in
            try peer.send(
                "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            #expect(try peer.readResponse().status == 100)
            try peer.send(Wire.chunked("abc", "de"))
            #expect(try peer.readResponse().text.contains("\"body_bytes\": 5}"))
        }
    }

    @Test("HTTP/1.0 gets no chunks, and keeps the connection only when asked to")
    func http10() throws {
        try run { peer in
            try peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try peer.readResponse()["Connection"] == "keep-alive")
            try peer.send("GET /stream/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try peer.readResponse()
            #expect(answer.text == "chunk 1\nchunk 2\n")
            #expect(answer["Connection"] == "close")
        }
    }

    @Test("a bad request is refused and ends the connection")
    func badRequest() throws {
        try run { peer in
            try peer.send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
            #expect(try peer.readResponse().status == 400)
            try peer.expectEnd()
        }
    }

    @Test("an upgrade sends back what comes")
    func upgrade() throws {
        try run { peer in
            try peer.send(Wire.get("/", "Connection: Upgrade", "Upgrade: echo") + "early ")
            let answer = try peer.readHead()
            #expect(answer.status == 101)
            #expect(answer["Upgrade"] == "echo")
            try peer.send("late")
            #expect(try peer.readText(10) == "early late")
            peer.endOutput()
            try peer.expectEnd()
        }
    }

    @Test("a WebSocket answers each frame, pings and the close (RFC 6455, section 1.3 gives the handshake)")
    func webSocket() throws {
        try run { peer in
            let handshake = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            try peer.send(Wire.message("GET /chat HTTP/1.1", ["Host: a.test", key] + handshake))
            #expect(try peer.readHead()["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            // Section 5.7: a masked "Hello".
            try peer.send([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
            #expect(try peer.read(7) == [0x81, 0x05] + Array("Hello".utf8))
            try peer.send([0x89, 0x80, 1, 2, 3, 4])
            #expect(try peer.read(2) == [0x8A, 0x00])
            try peer.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
            #expect(try peer.read(4) == [0x88, 0x02, 0x03, 0xE8])
            try peer.expectEnd()
        }
    }
}
