import CNGHTTP2
import NIOCore
import SluiceCore
import Testing

@testable import SluiceHTTP

/// Heads in HTTP/1 form as fields of HTTP/2.
@Suite struct HTTP2FieldListTests {
    /// What the library is given, `!` in front of what it must not index; nil when a line is malformed.
    private func show(_ list: inout HTTP2FieldList) -> [String]? {
        list.withVectors { vectors, count in
            UnsafeBufferPointer(start: vectors, count: count).map { vector in
                let name = text(UnsafeRawBufferPointer(start: vector.name, count: vector.namelen))
                let value = text(UnsafeRawBufferPointer(start: vector.value, count: vector.valuelen))
                let secret = vector.flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0
                return "\(secret ? "!" : "")\(name)=\(value)"
            }
        }
    }

    private func reads(_ list: inout HTTP2FieldList, _ read: (inout HTTP2FieldList) -> Bool) -> Bool { read(&list) }

    private func list(_ lines: String) -> HTTP2FieldList {
        var list = HTTP2FieldList()
        list.lines.writeBytes(wire(lines))
        return list
    }

    @Test func linesBecomeFieldsBehindThePseudoFields() {
        var list = list("Content-Type:  text/plain \r\nX-Empty:\r\nX: a:b\r\n")
        list.status(404)
        list.append("server", "sluice".utf8)
        #expect(show(&list) == [":status=404", "Content-Type=text/plain", "X-Empty=", "X=a:b", "server=sluice"])
    }

    @Test func anEmptyLineEndsThem() {
        var list = list("a: b\r\n\r\n")
        #expect(show(&list) == ["a=b"])
        list.lines.writeBytes(wire("c: d\r\n"))
        #expect(show(&list) == nil)
    }

    @Test func noLinesAreFineToo() {
        var list = HTTP2FieldList()
        #expect(show(&list) == [])
        list.status(200)
        #expect(show(&list) == [":status=200"])
    }

    @Test(arguments: [
        "a: b", "a: b\r", "a\r\n", ": b\r\n", "a : b\r\n", " a: b\r\n", "a: b\r\n c\r\n", "a: b\nc: d\r\n",
        "a: b\rc: d\r\n",
        "a: \0\r\n", "a b: c\r\n", ":path: /\r\n", "\r\n\r\n", "a: b\r\n\r\nx", "a: b\r\n\r",
    ])
    func malformedLinesAreRefused(lines: String) {
        var list = list(lines)
        #expect(show(&list) == nil)
    }

    @Test func whatBelongsToTheConnectionIsLeftOut() {
        var list = list(
            """
            Connection: keep-alive, te\r
            Keep-Alive: timeout=5\r
            PROXY-CONNECTION: close\r
            Transfer-Encoding: chunked\r
            upgrade: websocket\r
            HTTP2-Settings: AAMAAABkAAQAAP__\r
            TE: gzip, trailers\r
            TE: Trailers\r
            Trailer: x\r
            Host: example.com\r

            """
        )
        #expect(show(&list) == ["TE=Trailers", "Trailer=x", "Host=example.com"])
    }

    @Test func secretsAreNotIndexed() {
        var list = list(
            """
            Authorization: Bearer x\r
            Proxy-Authorization: Basic x\r
            Cookie: a=b\r
            Cookie: a=12345678901234567\r
            Cookie: a=123456789012345678\r
            Set-Cookie: session=12345678901234567890\r
            X-Api: key\r

            """
        )
        #expect(
            show(&list) == [
                "!Authorization=Bearer x", "!Proxy-Authorization=Basic x", "!Cookie=a=b",
                "!Cookie=a=12345678901234567", "Cookie=a=123456789012345678",
                "!Set-Cookie=session=12345678901234567890", "X-Api=key",
            ]
        )
    }

    @Test func aWholeAnswerIsRead() {
        var list = list("HTTP/1.1 503 Service Unavailable\r\nServer: a\r\nConnection: close\r\n\r\n")
        #expect(reads(&list) { $0.readAnswer() })
        #expect(show(&list) == [":status=503", "Server=a"])
        list.reset()
        list.lines.writeBytes(wire("HTTP/1.1 200\r\n\r\n"))
        #expect(reads(&list) { $0.readAnswer() })
        #expect(show(&list) == [":status=200"])
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "\r\n\r\n"])
    func whatIsNoAnswerIsRefused(lines: String) {
        var list = list(lines)
        #expect(!reads(&list) { $0.readAnswer() })
    }

    @Test func aWholeRequestIsRead() {
        var list = list("GET /a?b=c HTTP/1.1\r\nAccept: x\r\nhost: example.com:8080\r\n\r\n")
        #expect(reads(&list) { $0.readRequest(scheme: "https") })
        #expect(
            show(&list) == [
                ":method=GET", ":scheme=https", ":authority=example.com:8080", ":path=/a?b=c", "Accept=x",
            ]
        )
    }

    @Test func aRequestWithoutAHostHasNoAuthority() {
        var list = list("OPTIONS * HTTP/1.1\r\n\r\n")
        #expect(reads(&list) { $0.readRequest(scheme: "http") })
        #expect(show(&list) == [":method=OPTIONS", ":scheme=http", ":path=*"])
    }

    @Test func connectHasOnlyAnAuthority() {
        var list = list("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        #expect(reads(&list) { $0.readRequest(scheme: "https") })
        #expect(show(&list) == [":method=CONNECT", ":authority=example.com:443"])
    }

    @Test func anUpgradeBecomesExtendedConnect() {
        var list = list(
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Key: AQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        #expect(reads(&list) { $0.readRequest(scheme: "https", protocol: "websocket") })
        #expect(
            show(&list) == [
                ":method=CONNECT", ":protocol=websocket", ":scheme=https", ":authority=a", ":path=/chat",
                "Sec-WebSocket-Version=13",
            ]
        )
    }

    @Test(arguments: [
        "", "GET / HTTP/1.1", "GET  HTTP/1.1\r\n\r\n", "GET\r\n\r\n", " / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n",
    ])
    func whatIsNoRequestIsRefused(lines: String) {
        var list = list(lines)
        #expect(!reads(&list) { $0.readRequest(scheme: "http") })
    }

    @Test func aFieldThatNoPeerCouldUnpackIsRefused() {
        var list = list("a: \(String(repeating: "x", count: 65_535))\r\n")
        #expect(show(&list)?.count == 1)
        list.lines.writeBytes(wire("b: \(String(repeating: "x", count: 65_536))\r\n"))
        #expect(show(&list) == nil)
        var named = self.list("\(String(repeating: "x", count: 65_536)): a\r\n")
        #expect(show(&named) == nil)
    }

    @Test func aListCanBeUsedAgain() {
        var list = list("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(reads(&list) { $0.readRequest(scheme: "http") })
        #expect(show(&list)?.count == 4)
        list.reset()
        list.status(200)
        list.lines.writeBytes(wire("Host: b\r\n"))
        #expect(show(&list) == [":status=200", "Host=b"])
        list.lines = ByteBuffer(repeating: 0, count: 100_000)
        list.reset()
        #expect(list.lines.capacity < 100_000)
        #expect(show(&list) == [])
    }

    /// The bytes may begin anywhere in their buffer.
    @Test func aReaderIndexThatMovedIsRespected() {
        var list = HTTP2FieldList()
        list.lines.writeBytes(wire("garbageGET /x HTTP/1.1\r\nHost: a\r\n\r\n"))
        list.lines.moveReaderIndex(forwardBy: 7)
        #expect(reads(&list) { $0.readRequest(scheme: "http") })
        #expect(show(&list) == [":method=GET", ":scheme=http", ":authority=a", ":path=/x"])
    }

    @Test func anySeededLinesNeitherTrapNorReadBeyond() {
        var random = RandomSource(seed: 7)
        let alphabet = Array("a:b \r\n\t,;=HTTP/1.1 200GETosth\0\u{7F}".utf8)
        for _ in 0..<5000 {
            var list = HTTP2FieldList()
            for _ in 0..<Int.random(in: 0..<60, using: &random) {
                list.lines.writeInteger(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
            }
            var answer = list
            var request = list
            _ = show(&list)
            if answer.readAnswer() { _ = show(&answer) }
            if request.readRequest(scheme: "http") { _ = show(&request) }
        }
    }
}
