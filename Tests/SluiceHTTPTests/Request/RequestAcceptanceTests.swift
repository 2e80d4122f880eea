import SluiceCore
import SluiceHTTP
import Testing

@Suite("What is accepted from a client, and what the head then says")
struct RequestAcceptanceTests {
    /// The one request in these bytes.
    private func one(_ bytes: String, _ location: SourceLocation = #_sourceLocation) throws -> Message<RequestFacts> {
        let reading = sameInPieces(bytes, location: location)
        try #require(reading.complete.count == 1, "\(reading)", sourceLocation: location)
        return reading.complete[0]
    }

    @Test("a usual request")
    func usual() throws {
        let head = try one(
            "GET /v1/orders?limit=5&x HTTP/1.1\r\nHost: api.example.com:8080\r\nUser-Agent: curl/8\r\naccept:*/*\r\n\r\n"
        ).head
        #expect(head.method == "GET")
        #expect(head.kind == .get)
        #expect(head.target == "/v1/orders?limit=5&x")
        #expect(head.path == "/v1/orders")
        #expect(head.query == "limit=5&x")
        #expect(head.authority == "api.example.com:8080")
        #expect(head.host == "api.example.com")
        #expect(head.minorVersion == 1)
        #expect(head.framing == .none)
        #expect(head.keepAlive)
        #expect(!head.expectsContinue)
        #expect(!head.wantsUpgrade)
        #expect(!head.isAsterisk)
        #expect(!head.nominatesFields)
        #expect(head.fields.map(\.name) == ["Host", "User-Agent", "accept"])
        #expect(head.fields.map(\.value) == ["api.example.com:8080", "curl/8", "*/*"])
    }

    @Test(
        "any token is a method",
        arguments: [
            ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
            ("OPTIONS", .options),
            ("PATCH", .patch), ("TRACE", .trace), ("get", .other), ("Get", .other), ("PURGE", .other),
            ("M-SEARCH", .other),
            ("!#$%&'*+-.^_`|~09AZaz", .other), ("X", .other), ("GETT", .other), ("GE", .other),
        ]
    )
    func method(name: String, kind: Method) throws {
        let head = try one("\(name) /a HTTP/1.1\r\nHost: a\r\n\r\n").head
        #expect(head.method == name)
        #expect(head.kind == kind)
    }

    @Test("one leading empty line is forgiven, and no part of the head")
    func leadingLine() throws {
        let head = try one("\r\nGET /a?b HTTP/1.1\r\nHost: X.y\r\nA: b\r\n\r\n").head
        #expect(head == (try one("GET /a?b HTTP/1.1\r\nHost: X.y\r\nA: b\r\n\r\n").head))
        #expect(head.host == "x.y")
    }

    @Test(
        "origin form",
        arguments: [
            ("/", "/", nil), ("/?", "/", ""), ("/a?b?c", "/a", "b?c"), ("//a", "//a", nil),
            ("/%41%ff?%00", "/%41%ff", "%00"),
            ("/a:b@c!$&'()*+,;=-._~", "/a:b@c!$&'()*+,;=-._~", nil), ("/\"<>\\^`{|}", "/\"<>\\^`{|}", nil),
            ("/a?http://b/", "/a", "http://b/"),
            ("/http://b/", "/http://b/", nil), ("/a/../b", "/a/../b", nil), ("/[x]?[y]", "/[x]", "[y]"),
        ] as [(String, String, String?)]
    )
    func origin(target: String, path: String, query: String?) throws {
        let head = try one("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").head
        #expect(head.target == target)
        #expect(head.path == path)
        #expect(head.query == query)
        #expect(head.authority == "a")
    }

    @Test(
        "absolute form wins over the Host field",
        arguments: [
            ("http://b/x?y", "/x", "y", "b", "b"), ("HTTP://B.Example:80/", "/", nil, "B.Example:80", "b.example"),
            ("https://b", "", nil, "b", "b"),
            ("http://b?q", "", "q", "b", "b"), ("http://b:/", "/", nil, "b:", "b"),
            ("http://[2001:DB8::1]:81/x", "/x", nil, "[2001:DB8::1]:81", "[2001:db8::1]"),
            ("http://b/http://c/", "/http://c/", nil, "b", "b"), ("http://b%41c/", "/", nil, "b%41c", "b%41c"),
            ("hTTpS://1.2.3.4/", "/", nil, "1.2.3.4", "1.2.3.4"),
        ] as [(String, String, String?, String, String)]
    )
    func absolute(target: String, path: String, query: String?, authority: String, host: String) throws {
        let head = try one("GET \(target) HTTP/1.1\r\nHost: Other.example\r\n\r\n").head
        #expect(head.target == target)
        #expect(head.path == path)
        #expect(head.query == query)
        #expect(head.authority == authority)
        #expect(head.host == host)
    }

    @Test("asterisk form, also where a proxy is asked for it")
    func asterisk() throws {
        let head = try one("OPTIONS * HTTP/1.1\r\nHost: A\r\n\r\n").head
        #expect(head.isAsterisk)
        #expect(head.path == "*")
        #expect(head.query == nil)
        #expect(head.host == "a")
        let proxied = try one("OPTIONS http://B HTTP/1.1\r\nHost: a\r\n\r\n").head
        #expect(proxied.isAsterisk)
        #expect(proxied.path == "*")
        #expect(proxied.host == "b")
        #expect(!(try one("OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n").head.isAsterisk))
        #expect(!(try one("OPTIONS http://b?x HTTP/1.1\r\nHost: a\r\n\r\n").head.isAsterisk))
        #expect(!(try one("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n").head.isAsterisk))
    }

    @Test(
        "authority form of CONNECT",
        arguments: [("A.b:443", "a.b"), ("[::1]:80", "[::1]"), ("a:0", "a"), ("a:65535", "a")]
    )
    func connect(target: String, host: String) throws {
        let head = try one("CONNECT \(target) HTTP/1.1\r\nHost: other\r\n\r\n").head
        #expect(head.kind == .connect)
        #expect(head.authority == target)
        #expect(head.host == host)
        #expect(head.path == "")
    }

    @Test(
        "hosts",
        arguments: [
            ("a", "a"), ("A.EXAMPLE", "a.example"), ("a:", "a"), ("a:0", "a"), ("a:65535", "a"), ("a:00080", "a"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"), ("[::FFFF:1.2.3.4]:8", "[::ffff:1.2.3.4]"), ("xn--a.example.", "xn--a.example"),
            ("A.:80", "a"), (".", "."), ("my_host", "my_host"),
            ("a,b", "a,b"), ("~!$&'()*+;=-._", "~!$&'()*+;=-._"), ("a%2Db", "a%2db"), ("  a\t", "a"),
        ]
    )
    func host(value: String, host: String) throws {
        #expect(try one("GET / HTTP/1.1\r\nHost:\(value)\r\n\r\n").head.host == host)
    }

    @Test("HTTP/1.0, with and without a Host")
    func oldVersion() throws {
        let head = try one("GET /a HTTP/1.0\r\n\r\n").head
        #expect(head.minorVersion == 0)
        #expect(!head.keepAlive)
        #expect(head.host == "")
        #expect(try one("GET /a HTTP/1.0\r\nHost: A\r\n\r\n").head.host == "a")
        #expect(try one("GET http://B/ HTTP/1.0\r\n\r\n").head.host == "b")
    }

    @Test(
        "who keeps the connection",
        arguments: [
            (1, "X: y", true, false), (1, "Connection: close", false, false), (1, "Connection: CLOSE", false, false),
            (1, "Connection: keep-alive, close", false, false),
            (1, "Connection: keep-alive\r\nConnection: close", false, false),
            (1, "Connection: x-y", true, true), (1, "Connection: close, x-y", false, true),
            (1, "Connection: , ,close,", false, false),
            (1, "Connection: closed", true, true), (1, "Connection: \"close\"", true, true),
            (1, "Connection:", true, false),
            (0, "X: y", false, false), (0, "Connection: keep-alive", true, false),
            (0, "Connection: Keep-Alive, x", true, true),
            (0, "Connection: keep-alive, close", false, false), (0, "Keep-Alive: timeout=5", false, false),
            (0, "Proxy-Connection: keep-alive", false, false),
        ]
    )
    func persistence(minor: Int, lines: String, keepAlive: Bool, nominates: Bool) throws {
        let head = try one("GET / HTTP/1.\(minor)\r\nHost: a\r\n\(lines)\r\n\r\n").head
        #expect(head.keepAlive == keepAlive)
        #expect(head.nominatesFields == nominates)
    }

    @Test(
        "an upgrade needs both fields and HTTP/1.1",
        arguments: [
            (1, "Connection: Upgrade\r\nUpgrade: websocket", true),
            (1, "Upgrade: websocket\r\nConnection: keep-alive, upgrade", true),
            (1, "Upgrade: websocket", false), (1, "Connection: upgrade", false),
            (0, "Connection: upgrade\r\nUpgrade: websocket", false),
        ]
    )
    func upgrade(minor: Int, lines: String, wants: Bool) throws {
        #expect(try one("GET / HTTP/1.\(minor)\r\nHost: a\r\n\(lines)\r\n\r\n").head.wantsUpgrade == wants)
    }

    @Test(
        "100-continue counts where a body comes and the client knows it",
        arguments: [
            ("1", "Content-Length: 3", true), ("1", "X: y", false), ("1", "Content-Length: 0", false),
            ("0", "Content-Length: 3", false),
        ]
    )
    func expectation(minor: String, line: String, expects: Bool) throws {
        let reading = sameInPieces("POST / HTTP/1.\(minor)\r\nHost: a\r\nExpect: 100-Continue\r\n\(line)\r\n\r\n")
        #expect(reading.messages.first?.head.expectsContinue == expects)
        #expect(sameInPieces("POST / HTTP/1.0\r\nExpect: nonsense\r\n\r\n").complete.count == 1)
    }

    @Test(
        "lengths",
        arguments: [
            ("0", BodyFraming.none), ("00", .none), ("5", .length(5)), ("007", .length(7)),
            ("9999999999999999999", .length(9_999_999_999_999_999_999)),
            ("0000000000000000005", .length(5)), (" \t5\t ", .length(5)),
        ]
    )
    func length(value: String, framing: BodyFraming) throws {
        let reading = sameInPieces("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\(value)\r\n\r\n")
        #expect(reading.messages.first?.head.framing == framing)
    }

    @Test("a length that is repeated is kept once")
    func repeatedLength() throws {
        let message = try one(get("Content-Length: 2\r\nX: y\r\ncontent-length:2\r\nContent-Length: 02") + "ab")
        #expect(message.body == wire("ab"))
        #expect(message.head.fields.map(\.description) == ["Host: a", "Content-Length: 2", "X: y"])
    }

    @Test(
        "chunked, in any case and with white space around it",
        arguments: ["chunked", "CHUNKED", " \t chunked \t", "Chunked"]
    )
    func coding(value: String) throws {
        let message = try one("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\(value)\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(message.head.framing == .chunked)
        #expect(message.body == wire("abc"))
    }

    @Test("values: white space around them goes, obs-text and inner white space stay")
    func values() throws {
        let value = "a \t b\u{80}\u{FF}\u{A0}\"(,;:)@"
        let head = try one(get("A:\(value)\r\nB: \t \(value) \t \r\nC:\r\nD: \t\r\nE: x")).head
        #expect(head.fields.dropFirst().map(\.value) == [value, value, "", "", "x"])
    }

    @Test("values of every length around the eight bytes of a step", arguments: 0...33)
    func stepsOfEight(count: Int) throws {
        let value =
            String(repeating: "\u{E9}", count: count / 2) + String(repeating: "\t", count: count % 3)
            + String(repeating: "v", count: count)
        let head = try one(get("X: a\(value)z\r\nY: \(value)")).head
        #expect(head.fields[1].value == "a\(value)z")
    }

    @Test("every token byte makes a name")
    func names() throws {
        var limits = RequestParser.Limits()
        limits.refuseUnderscores = false
        let name = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let reading = sameInPieces(get("\(name): x\r\n-: y"), limits: limits)
        #expect(reading.complete.first?.head.fields.dropFirst().map(\.name) == [name, "-"])
    }

    @Test("pipelined requests come out one by one, with what belongs to each")
    func pipelined() {
        let reading = sameInPieces(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nxy"
                + "PUT /3 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nT: u\r\n\r\n"
                + "GET /4 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n"
        )
        #expect(reading.complete.map(\.head.path) == ["/1", "/2", "/3", "/4"])
        #expect(reading.complete.map(\.head.host) == ["a", "b", "c", "d"])
        #expect(reading.complete.map { text($0.body) } == ["", "xy", "z", ""])
        #expect(reading.complete[2].trailers == [FieldText(name: "T", value: "u")])
        #expect(reading.end == .last)
    }

    @Test("a request says nothing of the one behind it")
    func independent() {
        let reading = sameInPieces(
            "GET http://b/1?q HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: x\r\n\r\n"
                + "OPTIONS * HTTP/1.1\r\nHost: c\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"
                + "GET /3 HTTP/1.1\r\nHost: d\r\n\r\n"
        )
        #expect(reading.complete.map(\.head.authority) == ["b", "c", "d"])
        #expect(reading.complete.map(\.head.query) == ["q", nil, nil])
        #expect(reading.complete.map(\.head.isAsterisk) == [false, true, false])
        #expect(reading.complete.map(\.head.nominatesFields) == [true, false, false])
        #expect(reading.complete.map(\.head.fields.count) == [3, 2, 1])
    }

    @Test(
        "what is not complete yet waits",
        arguments: [
            "", "\r", "\r\n", "G", "GET", "GET ", "GET /", "GET / ", "GET / HTTP/1.", "GET / HTTP/1.1",
            "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHo", "GET / HTTP/1.1\r\nHost:", "GET / HTTP/1.1\r\nHost: a\r",
            "GET / HTTP/1.1\r\nHost: a\r\n\r", "GET / HTTP/1.1\r\nX\r",
            "GET / HTTP/1.1\r\nX: y ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
        ]
    )
    func waits(bytes: String) {
        #expect(sameInPieces(bytes).end == (bytes.isEmpty ? .idle : .incomplete))
    }
}
