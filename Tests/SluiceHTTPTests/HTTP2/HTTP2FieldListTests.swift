import CNGHTTP2
import NIOCore
import SluiceCore
import Testing

@testable import SluiceHTTP

/// Heads in HTTP/1 form as fields of HTTP/2.
@Suite struct HTTP2FieldListTests {
    /// What the library is given, `!` in front of what it must not index; nil when a line is malformed.
    private func show(_ list: inout HTTP2FieldList) -> [String]? { list.gather() ? describe(list.vectors) : nil }

    /// The same with the fields of a table.
    private func show(_ list: inout HTTP2FieldList, _ table: inout HeaderTable, date: String? = nil) -> [String]? {
        guard let date else { return list.gather(&table) ? describe(list.vectors) : nil }
        return Array(date.utf8).withUnsafeBytes { list.gather(&table, date: $0) ? describe(list.vectors) : nil }
    }

    private func describe(_ vectors: borrowing HTTP2Vectors) -> [String] {
        UnsafeBufferPointer(start: vectors.base, count: vectors.count).map { vector in
            let name = text(UnsafeRawBufferPointer(start: vector.name, count: vector.namelen))
            let value = text(UnsafeRawBufferPointer(start: vector.value, count: vector.valuelen))
            let secret = vector.flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0
            return "\(secret ? "!" : "")\(name)=\(value)"
        }
    }

    /// What becomes of a request head, and how long it is.
    private func request(
        _ head: some StringProtocol,
        scheme: StaticString = "http",
        protocol upgrade: StaticString? = nil,
        with list: inout HTTP2FieldList
    ) -> (fields: [String], end: Int)? {
        wire(String(head)).withUnsafeBytes { bytes in
            list.gather(request: bytes, scheme: scheme, protocol: upgrade).map { (describe(list.vectors), $0) }
        }
    }

    private func request(
        _ head: String,
        scheme: StaticString = "http",
        protocol upgrade: StaticString? = nil
    ) -> [String]? {
        var list = HTTP2FieldList()
        return request(head, scheme: scheme, protocol: upgrade, with: &list)?.fields
    }

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

    @Test(arguments: [(100, "100"), (204, "204"), (599, "599")] as [(UInt16, String)])
    func aStatusHasThreeDigits(status: UInt16, digits: String) {
        var list = HTTP2FieldList()
        list.status(status)
        #expect(show(&list) == [":status=\(digits)"])
    }

    // MARK: - Tables

    private func table(_ lines: String) throws -> HeaderTable {
        var head = ResponseHead()
        var parser = ResponseParser()
        let result = parser.parse(
            ByteBuffer(string: "HTTP/1.1 200 OK\r\n\(lines)\r\n"),
            into: &head,
            requestMethod: .get,
            maximumHead: 300_000,
            maximumFields: 100
        )
        guard case .complete = result else { throw HTTP2Error.failed }
        return head.fields
    }

    @Test func tablesBecomeFieldsBehindTheStatus() throws {
        var table = try table("Server:  a \r\nConnection: close\r\nX-Empty:\r\nSet-Cookie: b\r\nX-Gone: 1\r\n")
        table.remove(lowercased: Array("x-gone".utf8))
        table.append(name: "X-New".utf8, value: " c\t".utf8)
        var list = HTTP2FieldList()
        list.status(200)
        #expect(
            show(&list, &table, date: "now")
                == [":status=200", "Server=a", "X-Empty=", "!Set-Cookie=b", "X-New=c", "date=now"]
        )
        #expect(show(&list, &table)?.count == 5)
        list.reset()
        #expect(show(&list, &table)?.first == "Server=a")
    }

    @Test(arguments: [
        ("a", "b\r\nc: d"), ("a", "b\0"), ("a", "\u{7F}"), ("", "b"), ("a b", "c"), (":path", "/"), ("a\r\n", "b"),
        ("a", "b\r"),
    ])
    func whatCouldNotStandInALineIsRefused(name: String, value: String) throws {
        var table = try table("Server: a\r\n")
        table.append(name: name.utf8, value: value.utf8)
        var list = HTTP2FieldList()
        #expect(show(&list, &table) == nil)
    }

    @Test func aTableWithAFieldThatNoPeerCouldUnpackIsRefused() throws {
        var table = try table("a: \(String(repeating: "x", count: 65_535))\r\n")
        var list = HTTP2FieldList()
        #expect(show(&list, &table)?.count == 1)
        table.append(name: "b".utf8, value: String(repeating: "x", count: 65_536).utf8)
        #expect(show(&list, &table) == nil)
    }

    // MARK: - Requests

    @Test func aWholeRequestIsRead() {
        #expect(
            request("GET /a?b=c HTTP/1.1\r\nAccept: x\r\nhost: example.com:8080\r\nHost: b\r\n\r\n", scheme: "https")
                == [
                    ":method=GET", ":scheme=https", ":authority=example.com:8080", ":path=/a?b=c", "Accept=x",
                ]
        )
    }

    @Test func aRequestWithoutAHostHasNoAuthority() {
        #expect(request("OPTIONS * HTTP/1.1\r\n\r\n") == [":method=OPTIONS", ":scheme=http", ":path=*"])
        #expect(
            request("GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n")
                == [":method=GET", ":scheme=http", ":path=/", "Host=", "Host=a"]
        )
    }

    @Test func connectHasOnlyAnAuthority() {
        #expect(
            request("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", scheme: "https")
                == [":method=CONNECT", ":authority=example.com:443"]
        )
    }

    @Test func anUpgradeBecomesExtendedConnect() {
        let head =
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Key: AQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        #expect(
            request(head, scheme: "https", protocol: "websocket") == [
                ":method=CONNECT", ":protocol=websocket", ":scheme=https", ":authority=a", ":path=/chat",
                "Sec-WebSocket-Version=13",
            ]
        )
    }

    @Test(arguments: [
        "", "GET / HTTP/1.1", "GET  HTTP/1.1\r\n\r\n", "GET\r\n\r\n", " / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\na: b\r\n", "GET / HTTP/1.1\r\na b: c\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n",
    ])
    func whatIsNoRequestIsRefused(head: String) { #expect(request(head) == nil) }

    @Test func whatIsBehindTheHeadIsNotLookedAt() throws {
        var list = HTTP2FieldList()
        let read = try #require(request("GET / HTTP/1.1\r\na: b\r\n\r\n\0 body\r\n", with: &list))
        #expect(read.end == 24)
        #expect(read.fields.last == "a=b")
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
        var list = HTTP2FieldList()
        #expect(request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", with: &list)?.fields.count == 4)
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
        list.lines.writeBytes(wire("garbagea: b\r\n"))
        list.lines.moveReaderIndex(forwardBy: 7)
        #expect(show(&list) == ["a=b"])
    }

    @Test func anySeededLinesNeitherTrapNorReadBeyond() {
        var random = RandomSource(seed: 7)
        let alphabet = Array("a:b \r\n\t,;=HTTP/1.1 200GETosth\0\u{7F}")
        for _ in 0..<5000 {
            let text = String(
                (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                }
            )
            var list = list(text)
            _ = show(&list)
            if let (fields, end) = request(text, with: &list) {
                #expect(fields.count >= 2)
                #expect(end <= text.utf8.count)
            }
            _ = request("GET / HTTP/1.1\r\n\(text)", with: &list)
        }
    }
}
