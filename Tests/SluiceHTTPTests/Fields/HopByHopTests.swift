import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

/// The table of a response with these field lines.
private func table(_ lines: String) -> HeaderTable {
    var parser = ResponseParser()
    var head = ResponseHead()
    let bytes = ByteBuffer(bytes: wire("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n"))
    _ = parser.parse(bytes, into: &head, requestMethod: .get, maximumHead: 1 << 16, maximumFields: 200)
    return head.fields
}

@Suite("Fields of one connection (RFC 9110, section 7.6.1)")
struct HopByHopTests {
    @Test("the usual ones go, others stay as they were")
    func usual() {
        var fields = table(
            "Server: x\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nAge: 1"
        )
        HopByHop.remove(from: &fields, nominated: false)
        #expect(fields.lines.map(\.description) == ["Server: x", "Age: 1"])
    }

    @Test("what Connection names goes too, in any case and over several lines")
    func nominated() {
        var fields = table(
            "X-A: 1\r\nx-b: 2\r\nConnection: close, X-B\r\nX-a: 3\r\nX-C: 4\r\nconnection:  x-A ,, x-none"
        )
        HopByHop.remove(from: &fields, nominated: true)
        #expect(fields.lines.map(\.description) == ["X-C: 4"])
    }

    @Test("what is not nominated stays, though its name begins alike")
    func prefix() {
        var fields = table("X-A: 1\r\nX-AB: 2\r\nConnection: X-A")
        HopByHop.removeNominated(from: &fields)
        #expect(fields.lines.map(\.description) == ["X-AB: 2"])
    }

    @Test(
        "what frames or routes a message, or says who sent it, cannot be nominated away",
        arguments: [
            "Host", "Content-Length", "Transfer-Encoding", "TE", "Expect", "Trailer", "Authorization", "Cookie",
            "Content-Type", "Date",
            "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded",
        ]
    )
    func protected(name: String) {
        let value = name == "Transfer-Encoding" ? "chunked" : "1"
        var fields = table("\(name): \(value)\r\nX: y\r\nConnection: x, \(name), \(name.lowercased())")
        HopByHop.removeNominated(from: &fields)
        #expect(fields.lines.map(\.name) == [name])
    }

    @Test(
        "nonsense in Connection removes nothing and traps on nothing",
        arguments: [
            "", ",", "\"x\"", "x y", "(x)", "x;y", "=", "\u{E9}", "x\u{E9}", String(repeating: "a,", count: 3000),
            "connection", "close",
        ]
    )
    func nonsense(value: String) {
        var fields = table("X: y\r\nConnection: \(value)")
        HopByHop.removeNominated(from: &fields)
        #expect(fields.lines.map(\.description) == ["X: y"])
    }

    @Test(
        "TE keeps nothing but trailers",
        arguments: [
            ("TE: trailers", ["TE: trailers", "X: y"]), ("TE: gzip, Trailers;q=1, trailers", ["X: y", "TE: trailers"]),
            ("TE: gzip", ["X: y"]), ("TE:", ["X: y"]),
            ("TE: trailers;q=0", ["X: y"]), ("TE: gzip\r\nTE: trailers", ["X: y", "TE: trailers"]),
            ("te: TRAILERS\r\nTE: trailers", ["X: y", "TE: trailers"]),
            ("A: b", ["A: b", "X: y"]),
        ]
    )
    func trailers(lines: String, left: [String]) {
        var fields = table("\(lines)\r\nX: y")
        let wantsTrailers = HopByHop.keepOnlyTrailers(in: &fields)
        #expect(wantsTrailers == left.contains("TE: trailers"))
        #expect(fields.lines.map(\.description) == left)
    }
}

@Suite("Query parameters and cookies")
struct RequestFieldsTests {
    private func head(_ target: String, _ lines: String = "X: y") -> RequestHead {
        var parser = RequestParser()
        var head = RequestHead()
        let bytes = ByteBuffer(bytes: wire("GET \(target) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n"))
        _ = parser.parse(bytes, into: &head, limits: .init())
        return head
    }

    @Test(
        "the first parameter of a name",
        arguments: [
            ("/", "a", nil), ("/?", "a", nil), ("/?a=1", "a", "1"), ("/?b=2&a=1&a=3", "a", "1"), ("/?a", "a", ""),
            ("/?a=", "a", ""), ("/?a&a=1", "a", ""),
            ("/?aa=1&a=2", "a", "2"), ("/?a=b=c", "a", "b=c"), ("/?a=%31", "a", "%31"), ("/?A=1", "a", nil),
            ("/?&&a=1&&", "a", "1"), ("/?=1", "", "1"),
            ("/a=1?b", "a", nil), ("/?b=a=1", "a", nil), ("/?a=1?b", "a", "1?b"), ("/?", "", ""),
        ] as [(String, String, String?)]
    )
    func query(target: String, name: String, value: String?) {
        let head = head(target)
        #expect(QueryParameters.first(name, in: head).map { head.fields.show($0) } == value)
    }

    @Test(
        "the first cookie of a name, over several lines",
        arguments: [
            ("X: y", "a", nil), ("Cookie: a=1", "a", "1"), ("Cookie: b=2; a=1; a=3", "a", "1"), ("Cookie: a=", "a", ""),
            ("Cookie: a", "a", nil),
            ("Cookie: ab=1;a=2", "a", "2"), ("Cookie: a=b=c", "a", "b=c"), ("Cookie: a=\"1\"", "a", "\"1\""),
            ("Cookie: A=1", "a", nil),
            ("Cookie: b=1\r\nX: z\r\nCOOKIE: a=2", "a", "2"), ("Cookie:  ;; \t a=1 ;", "a", "1 "),
            ("Cookie:", "a", nil), ("Cookie: =1", "", "1"),
            ("Cookie: b=a=1", "a", nil), ("Set-Cookie: a=1", "a", nil),
        ] as [(String, String, String?)]
    )
    func cookie(lines: String, name: String, value: String?) {
        let head = head("/", lines)
        #expect(Cookies.value(name, in: head).map { head.fields.show($0) } == value)
    }

    @Test("a removed Cookie field has no cookies")
    func removed() {
        var head = head("/", "Cookie: a=1")
        head.fields.remove(.cookie)
        #expect(Cookies.value("a", in: head) == nil)
    }
}

@Suite("Reason phrases")
struct ReasonPhraseTests {
    @Test("every status that the gateway answers by itself has its phrase", arguments: GatewayError.allCases)
    func phrases(error: GatewayError) {
        // 499 and 0 are for logs: nobody is there to be answered.
        guard error.status != 499, error.status != 0 else { return }
        #expect("\(ReasonPhrase.of(error.status))" != "Status")
    }

    @Test(
        "phrases are those of RFC 9110",
        arguments: [
            (200, "OK"), (404, "Not Found"), (413, "Content Too Large"), (431, "Request Header Fields Too Large"),
            (505, "HTTP Version Not Supported"), (299, "Status"),
        ]
    )
    func some(status: Int, phrase: String) {
        #expect("\(ReasonPhrase.of(UInt16(status)))" == phrase)
    }

    @Test("no phrase could end the status line")
    func clean() {
        for status in UInt16(100)...599 {
            let phrase = "\(ReasonPhrase.of(status))".utf8
            #expect(!phrase.isEmpty && phrase.allSatisfy { ASCII.isFieldValue($0) })
        }
    }
}
