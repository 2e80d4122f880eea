import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

/// Reads answers in one piece, byte by byte and cut in two at every place; all must say the same.
@discardableResult
private func answers(
    _ bytes: String,
    to methods: [Method] = [],
    maximumHead: Int = 64 * 1024,
    maximumFields: Int = 200,
    location: SourceLocation = #_sourceLocation
) -> Reading<ResponseFacts> {
    func read(_ pieces: [[UInt8]]) -> Reading<ResponseFacts> {
        Wire.responses(pieces, to: methods, maximumHead: maximumHead, maximumFields: maximumFields)
    }
    let expected = read([wire(bytes)])
    for pieces in Delivery.all(wire(bytes)) {
        let reading = read(pieces)
        guard reading != expected else { continue }
        Issue.record("cut at \(pieces.first?.count ?? 0): \(reading) instead of \(expected)", sourceLocation: location)
        break
    }
    return expected
}

private func ok(_ lines: String) -> String { "HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n" }

@Suite("What is refused from an upstream")
struct ResponseRefusalTests {
    private func refuses(_ bytes: String, to method: Method = .get) {
        let reading = answers(bytes, to: [method])
        #expect(reading.end == .refused(.upstreamProtocolError))
        #expect(reading.complete.isEmpty)
    }

    @Test(
        "a status line",
        arguments: [
            "http/1.1 200 OK", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "HTTP/1.10 200 OK",
            "HTTP/1 200 OK", "HTTP/11 200 OK",
            "HTTP 1.1 200 OK", " HTTP/1.1 200 OK", "\r\nHTTP/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
            "HTTP/1.1 99 OK     ",
            "HTTP/1.1 099 OK", "HTTP/1.1 600 OK", "HTTP/1.1 999 OK", "HTTP/1.1 000 OK", "HTTP/1.1 20 OK   ",
            "HTTP/1.1 2000 OK", "HTTP/1.1 +20 OK",
            "HTTP/1.1 -20 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 0x2 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 200OK",
            "HTTP/1.1 200,OK", "HTTP/1.1 OK 200",
            "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200 O\u{7F}K", "HTTP/1.1 200 O\u{1B}[1mK", "HTTP/1.1 200 O\rK",
            "HTTP/1.1 200 OK\r", "ICY 200 OK     ",
            "<html><body>404</body></html>", "200 OK         ", "HTTP/1.1 200 OK\nX: y", "HTTP/1.1\n200 OK",
            "HTTP/1.1 \u{B2}00 OK",
        ]
    )
    func statusLine(line: String) { refuses("\(line)\r\n\r\n") }

    @Test(
        "a head that breaks the rules of a request head",
        arguments: [
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nX: y\n\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n\n",
            "HTTP/1.1 200 OK\rX: y\r\n\r\n", ok("X: y\rZ: w"), ok("\rX: y"), ok("X: y\r\r"), ok(" X: y"),
            ok("X: y\r\n z"), ok("X: y\r\n\tz"),
            ok("X : y"), ok("X\t: y"), ok(": y"), ok("X"), ok("X Y: z"), ok("(X): y"), ok("X\u{0}: y"), ok("X: \u{0}"),
            ok("X: \u{1}"), ok("X: \u{7F}"),
            ok("X\u{E9}: y"), ok("X: a\u{B}b"),
        ]
    )
    func lines(bytes: String) { refuses(bytes) }

    @Test(
        "a length or coding that could be read two ways",
        arguments: [
            "Content-Length:", "Content-Length: +5", "Content-Length: -1", "Content-Length: 5,5",
            "Content-Length: 5, 5", "Content-Length: 0x5",
            "Content-Length: 5 5", "Content-Length: 18446744073709551616", "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: identity", "Transfer-Encoding:", "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: xchunked",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding: chunked;q=1", "Transfer-Encoding:\u{B}chunked",
        ]
    )
    func framing(lines: String) {
        for method in [Method.get, .head, .post] { refuses(ok(lines), to: method) }
        refuses("HTTP/1.1 304 Not Modified\r\n\(lines)\r\n\r\n")
        refuses("HTTP/1.1 103 Early Hints\r\n\(lines)\r\n\r\n")
    }

    @Test("chunks in HTTP/1.0", arguments: [Method.get, .head])
    func oldVersion(method: Method) {
        refuses("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", to: method)
    }

    @Test(
        "a body where none can be",
        arguments: [
            (100, Method.get), (101, .get), (102, .get), (103, .get), (199, .get), (204, .get), (204, .head),
            (200, .connect), (299, .connect),
        ]
    )
    func noBody(status: Int, method: Method) {
        refuses("HTTP/1.1 \(status) X\r\nContent-Length: 5\r\n\r\n", to: method)
        refuses("HTTP/1.1 \(status) X\r\nTransfer-Encoding: chunked\r\n\r\n", to: method)
    }

    @Test("a head that is too large, or has too many fields")
    func limits() {
        let head = "HTTP/1.1 200 OK\r\nX: y\r\nZ: w\r\n\r\n"
        let size = head.utf8.count
        #expect(answers(head, maximumHead: size, maximumFields: 2).end == .last)
        #expect(answers(head, maximumHead: size - 1).end == .refused(.upstreamHeadTooLarge))
        #expect(answers(head, maximumFields: 1).end == .refused(.upstreamHeadTooLarge))
        for endless in [
            "HTTP/1.1 200 " + String(repeating: "r", count: 99),
            "HTTP/1.1 200 OK\r\n" + String(repeating: "n", count: 99),
            "HTTP/1.1 200 OK\r\nX:" + String(repeating: "v", count: 99),
        ] {
            #expect(answers(endless, maximumHead: 60).end == .refused(.upstreamHeadTooLarge))
        }
        let long = String(repeating: "n", count: 0x1_0000)
        #expect(Wire.responses([wire(ok("\(long): v"))], maximumHead: 1 << 20).end == .refused(.upstreamHeadTooLarge))
    }

    @Test(
        "a head that comes byte by byte costs its bytes once",
        .timeLimit(.minutes(5)),
        arguments: ["HTTP/1.1 200 OK\r\nn", "HTTP/1.1 200 OK\r\nX:v"]
    )
    func dripped(start: String) {
        let count = 400_000
        var parser = ResponseParser()
        var head = ResponseHead()
        var input = ByteBuffer(string: start)
        input.reserveCapacity(2 * count)
        for _ in 0..<count {
            input.writeInteger(UInt8(ascii: "x"))
            let result = parser.parse(input, into: &head, requestMethod: .get, maximumHead: 2 * count, maximumFields: 1)
            guard result == .incomplete else {
                Issue.record("not incomplete after \(input.readableBytes) bytes")
                return
            }
        }
    }
}

@Suite("What is accepted from an upstream, and what the head then says")
struct ResponseAcceptanceTests {
    @Test("a usual answer")
    func usual() throws {
        let reading = answers("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\nX_Y: z \r\n\r\nab")
        let message = try #require(reading.complete.first)
        #expect(message.head.status == 200)
        #expect(message.head.reason == "OK")
        #expect(message.head.minorVersion == 1)
        #expect(message.head.framing == .length(2))
        #expect(message.head.keepAlive)
        #expect(message.head.fields.map(\.description) == ["Server: x", "Content-Length: 2", "X_Y: z"])
        #expect(message.body == wire("ab"))
        #expect(reading.end == .idle)
    }

    @Test(
        "reasons",
        arguments: [
            ("HTTP/1.1 200 OK", "OK"), ("HTTP/1.1 200 ", ""), ("HTTP/1.1 200", ""),
            ("HTTP/1.1 404 Not \t Found at all", "Not \t Found at all"),
            ("HTTP/1.1 200  x", " x"), ("HTTP/1.1 200 na\u{EF}f", "na\u{EF}f"), ("HTTP/1.0 599 #!", "#!"),
            ("HTTP/1.1 200 200", "200"),
        ]
    )
    func reason(line: String, reason: String) {
        let reading = answers("\(line)\r\nContent-Length: 0\r\n\r\n")
        #expect(reading.complete.first?.head.reason == reason)
    }

    @Test(
        "how the body ends",
        arguments: [
            (200, Method.get, "Content-Length: 5", BodyFraming.length(5)), (200, .get, "Content-Length: 0", .none),
            (200, .get, "Transfer-Encoding: Chunked", .chunked),
            (200, .get, "X: y", .untilClose), (404, .post, "X: y", .untilClose),
            (205, .get, "Content-Length: 0", .none), (206, .get, "X: y", .untilClose),
            (200, .head, "Content-Length: 5", .none), (200, .head, "Transfer-Encoding: chunked", .none),
            (200, .head, "X: y", .none),
            (304, .get, "Content-Length: 5", .none), (304, .get, "Transfer-Encoding: chunked", .none),
            (304, .get, "X: y", .none), (204, .get, "X: y", .none),
            (204, .get, "Content-Length: 0", .none), (101, .get, "Upgrade: x", .none), (200, .connect, "X: y", .none),
            (200, .connect, "Content-Length: 0", .none),
            (403, .connect, "Content-Length: 5", .length(5)), (300, .connect, "X: y", .untilClose),
        ]
    )
    func framing(status: Int, method: Method, line: String, framing: BodyFraming) {
        let reading = answers("HTTP/1.1 \(status) X\r\n\(line)\r\n\r\n", to: [method])
        #expect(reading.messages.first?.head.framing == framing)
    }

    @Test(
        "fields that would say something else to the client than to the gateway are taken out",
        arguments: [
            (204, Method.get, "Content-Length: 0", []), (101, .get, "Content-Length: 0", []),
            (200, .connect, "Content-Length: 0", []),
            (200, .head, "Transfer-Encoding: chunked", []), (304, .get, "Transfer-Encoding: chunked", []),
            (200, .head, "Content-Length: 5", ["Content-Length: 5"]),
            (304, .get, "Content-Length: 5", ["Content-Length: 5"]),
            (200, .get, "Content-Length: 0\r\nContent-Length: 0", ["Content-Length: 0"]),
        ]
    )
    func takenOut(status: Int, method: Method, lines: String, left: [String]) {
        let reading = answers("HTTP/1.1 \(status) X\r\n\(lines)\r\n\r\n", to: [method])
        #expect(reading.complete.first?.head.fields.map(\.description) == left)
    }

    @Test(
        "who keeps the connection",
        arguments: [
            ("1.1", "Content-Length: 0", true, false), ("1.1", "Content-Length: 0\r\nConnection: close", false, false),
            ("1.1", "X: y", false, false),
            ("1.0", "Content-Length: 0", false, false),
            ("1.0", "Content-Length: 0\r\nConnection: keep-alive", true, false),
            ("1.1", "Content-Length: 0\r\nConnection: keep-alive, CLOSE", false, false),
            ("1.1", "Transfer-Encoding: chunked\r\nConnection: foo", true, true),
        ]
    )
    func persistence(version: String, lines: String, keepAlive: Bool, nominates: Bool) {
        let reading = answers("HTTP/\(version) 200 OK\r\n\(lines)\r\n\r\n")
        #expect(reading.messages.first?.head.keepAlive == keepAlive)
        #expect(reading.messages.first?.head.nominatesFields == nominates)
    }

    @Test("interim answers come before the final one, and the method counts only for that")
    func interim() {
        let reading = answers(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n",
            to: [.head, .get]
        )
        #expect(reading.complete.map(\.head.status) == [100, 103, 200, 200])
        #expect(reading.complete.map { text($0.body) } == ["", "", "", "ab"])
        #expect(reading.complete.last?.trailers == [FieldText(name: "X", value: "y")])
        #expect(reading.end == .last)
    }

    @Test("a body that ends with the connection is everything that comes")
    func untilClose() {
        let reading = answers("HTTP/1.1 200 OK\r\n\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        #expect(reading.complete.map { text($0.body) } == ["abc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"])
        #expect(reading.end == .last)
    }

    @Test("a parser that refused can be used again after a reset")
    func reuse() {
        var parser = ResponseParser()
        var head = ResponseHead()
        func parse(_ bytes: String) -> ParseResult {
            parser.parse(
                ByteBuffer(bytes: wire(bytes)),
                into: &head,
                requestMethod: .get,
                maximumHead: 1000,
                maximumFields: 10
            )
        }
        #expect(
            parse(ok("Content-Length: 5\r\nConnection: close, x\r\nBad Name: y")) == .invalid(.upstreamProtocolError)
        )
        _ = parse("")
        _ = parse("HTTP")
        parser.reset()
        #expect(parse("HTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\n") == .complete(consumed: 40))
        #expect(ResponseFacts(head).fields.map(\.description) == ["Content-Length: 1"])
        #expect(head.keepAlive)
        #expect(!head.nominatesFields)
        #expect(head.framing == .length(1))
    }
}
