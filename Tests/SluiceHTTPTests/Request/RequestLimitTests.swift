import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

@Suite("Bounds of a request head")
struct RequestLimitTests {
    private func limits(_ change: (inout RequestParser.Limits) -> Void) -> RequestParser.Limits {
        var limits = RequestParser.Limits()
        change(&limits)
        return limits
    }

    @Test("the default bounds are the design's")
    func defaults() {
        let limits = RequestParser.Limits()
        #expect(limits.headBytes == 32 * 1024)
        #expect(limits.fields == 100)
        #expect(limits.uriBytes == 16 * 1024)
        #expect(limits.refuseUnderscores)
    }

    @Test(
        "a head of exactly the limit passes, one byte more does not, leading CRLF not counted",
        arguments: ["", "\r\n"]
    )
    func head(lead: String) {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyy\r\n\r\n"
        let exact = limits { $0.headBytes = head.utf8.count }
        #expect(sameInPieces(lead + head, limits: exact).complete.count == 1)
        #expect(sameInPieces(lead + head + "GET", limits: exact).complete.count == 1, "what follows does not count")
        let less = limits { $0.headBytes = head.utf8.count - 1 }
        #expect(sameInPieces(lead + head, limits: less).end == .refused(.headTooLarge))
        #expect(GatewayError.headTooLarge.status == 431)
    }

    @Test(
        "a head that never ends is refused at the limit, wherever it stands",
        arguments: [
            "X: y\r\n", "X: \(String(repeating: "v", count: 500))", String(repeating: "n", count: 500),
            "X:\(String(repeating: " ", count: 500))",
        ]
    )
    func endless(line: String) {
        let limits = limits {
            $0.headBytes = 200
            $0.fields = 1000
        }
        let bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: line, count: 40)
        #expect(sameInPieces(String(bytes.prefix(400)), limits: limits).end == .refused(.headTooLarge))
    }

    @Test("the first head limits nothing of what follows it")
    func secondHead() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let limits = limits { $0.headBytes = head.utf8.count }
        #expect(sameInPieces(head + head + head, limits: limits).complete.count == 3)
    }

    @Test("a target of exactly the limit passes, one byte more does not")
    func target() {
        let limits = limits { $0.uriBytes = 20 }
        let target = "/" + String(repeating: "a", count: 19)
        #expect(
            sameInPieces("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).complete.first?.head.path
                == target
        )
        #expect(sameInPieces("GET \(target)a HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).end == .refused(.uriTooLong))
        #expect(sameInPieces("GET \(target)a", limits: limits).end == .refused(.uriTooLong), "at once, not at its end")
        #expect(
            sameInPieces("GET http://\(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).end
                == .refused(.uriTooLong)
        )
        #expect(GatewayError.uriTooLong.status == 414)
    }

    @Test("as many fields as the limit pass, one more does not")
    func fields() {
        let limits = limits { $0.fields = 5 }
        let lines = (1...4).map { "X\($0): y" }
        #expect(
            sameInPieces(get(lines.joined(separator: "\r\n")), limits: limits).complete.first?.head.fields.count == 5
        )
        #expect(
            sameInPieces(get(lines.joined(separator: "\r\n") + "\r\nX5: y"), limits: limits).end
                == .refused(.tooManyFields)
        )
        #expect(GatewayError.tooManyFields.status == 431)
    }

    @Test("a method of 64 bytes passes, a longer one does not, in whatever pieces it comes")
    func method() {
        let most = String(repeating: "M", count: RequestParser.maximumMethod)
        #expect(sameInPieces("\(most) / HTTP/1.1\r\nHost: a\r\n\r\n").complete.first?.head.method == most)
        #expect(sameInPieces("\(most)M / HTTP/1.1\r\nHost: a\r\n\r\n").end == .refused(.badRequestLine))
        #expect(sameInPieces("\(most)M").end == .refused(.badRequestLine))
        #expect(sameInPieces("\r\n\(most)").end == .incomplete)
    }

    @Test("a name longer than the table can count is refused, not cut")
    func longName() {
        let limits = limits { $0.headBytes = 200_000 }
        for (count, expected) in [(0xFFFF, true), (0x1_0000, false), (0x1_0003, false)] {
            let bytes = wire(get(String(repeating: "n", count: count) + ": v"))
            let reading = Wire.requests([bytes], limits: limits)
            #expect(reading.complete.first?.head.fields.last?.name.utf8.count == (expected ? count : nil))
            #expect(reading.end == (expected ? .idle : .refused(.badFieldName)))
            #expect(Wire.requests(Delivery.split(bytes, at: 50_000), limits: limits) == reading)
        }
    }

    @Test(
        "a head that comes byte by byte costs its bytes once, not once per byte",
        .timeLimit(.minutes(5)),
        arguments: [
            ("GET /", UInt8(ascii: "a")), ("GET / HTTP/1.1\r\n", UInt8(ascii: "n")),
            ("GET / HTTP/1.1\r\nX:", UInt8(ascii: "v")),
            ("GET / HTTP/1.1\r\nX:", UInt8(ascii: " ")), ("GET / HTTP/1.1\r\nX:", 0x09),
        ]
    )
    func dripped(start: String, byte: UInt8) {
        let count = 400_000
        let limits = limits {
            $0.headBytes = 2 * count
            $0.uriBytes = 2 * count
        }
        var parser = RequestParser()
        var head = RequestHead()
        var input = ByteBuffer(string: start)
        input.reserveCapacity(2 * count)
        for _ in 0..<count {
            input.writeInteger(byte)
            guard parser.parse(input, into: &head, limits: limits) == .incomplete else {
                Issue.record("not incomplete after \(input.readableBytes) bytes")
                return
            }
        }
    }

    // MARK: - What the head and the parser remember

    @Test(
        "a refused head never shows what an earlier client sent",
        arguments: ["\r", "\rX", "", "X\u{0}", "GET / HTTP/1.1\r\nBad Name: x"]
    )
    func noMemory(bytes: String) {
        var parser = RequestParser()
        var head = RequestHead()
        let earlier = wire(
            "HEAD /secret?token HTTP/1.0\r\nHost: Secret.Example\r\nAccept: text/plain\r\nX-Secret: 1\r\n\r\n"
        )
        _ = parser.parse(ByteBuffer(bytes: earlier), into: &head, limits: .init())
        #expect(head.method == .head)
        parser.reset()
        let result = parser.parse(ByteBuffer(bytes: wire(bytes)), into: &head, limits: .init())
        #expect(result != .complete(consumed: bytes.utf8.count))
        #expect(head.method == .get)
        #expect(head.fields.entries.isEmpty)
        #expect(!head.fields.has(.accept))
        #expect(head.host.isEmpty)
        #expect(!text(head.fields.bytes.readableBytesView).lowercased().contains("secret"))
    }

    @Test("a refused head shows what was read before the mistake")
    func refusedHead() {
        var parser = RequestParser()
        var head = RequestHead()
        let bytes = wire("\r\nPURGE /a?b HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\nBad Name: x\r\n\r\n")
        #expect(parser.parse(ByteBuffer(bytes: bytes), into: &head, limits: .init()) == .invalid(.badFieldName))
        #expect(head.fields.show(head.methodRange) == "PURGE")
        #expect(head.fields.show(head.target) == "/a?b")
        #expect(head.fields.lines.map(\.description) == ["Host: h", "Accept: text/plain"])
    }

    @Test("a parser that refused can be used again after a reset, and traps on nothing before it")
    func reuse() {
        let bad = [
            "GET / HTTP/1.1\r\nHost: a\r\nX\r\n", "GET  /", get("Content-Length: x"), "\rx", get("Host: b"),
            "GET /%zz HTTP/1.1\r\n",
        ]
        let good = ByteBuffer(bytes: wire("GET /ok HTTP/1.1\r\nHost: b\r\n\r\n"))
        for text in bad {
            var parser = RequestParser()
            var head = RequestHead()
            guard case .invalid = parser.parse(ByteBuffer(bytes: wire(text)), into: &head, limits: .init()) else {
                Issue.record("\(text) was not refused")
                continue
            }
            // Whatever a careless caller gives it now, shorter or longer, nothing traps.
            for other in [ByteBuffer(), ByteBuffer(string: "G"), good, ByteBuffer(bytes: wire(text + text))] {
                _ = parser.parse(other, into: &head, limits: .init())
            }
            parser.reset()
            #expect(!parser.isUnderWay)
            #expect(parser.parse(good, into: &head, limits: .init()) == .complete(consumed: good.readableBytes))
            #expect(RequestFacts(head).path == "/ok")
            #expect(RequestFacts(head).fields.map(\.description) == ["Host: b"])
        }
    }

    @Test("the input may begin anywhere in its buffer")
    func readerIndex() {
        var input = ByteBuffer(string: "rubbish")
        input.writeString("GET /a HTTP/1.1\r\nHost: B\r\n\r\nrest")
        input.moveReaderIndex(forwardBy: 7)
        var parser = RequestParser()
        var head = RequestHead()
        #expect(parser.parse(input, into: &head, limits: .init()) == .complete(consumed: 28))
        #expect(input.readerIndex == 7)
        #expect(RequestFacts(head).path == "/a")
        #expect(RequestFacts(head).host == "b")
        #expect(String(buffer: head.fields.bytes).hasPrefix("GET /a HTTP/1.1\r\nHost: B\r\n\r\n"))
    }

    @Test("a head is under way from its first byte behind the leading empty line")
    func underWay() {
        for (bytes, expected) in [
            ("", false), ("\r", false), ("\r\n", false), ("G", true), ("\r\nG", true), ("GET / HTTP/1.1\r\nX", true),
        ] {
            var parser = RequestParser()
            var head = RequestHead()
            _ = parser.parse(ByteBuffer(string: bytes), into: &head, limits: .init())
            #expect(parser.isUnderWay == expected, "\(bytes.debugDescription)")
        }
    }
}
