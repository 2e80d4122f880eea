import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

/// What a decoder made of its input.
private struct Decoded: Equatable {
    var data: [UInt8] = []
    var trailers: [FieldText]?
    var error: GatewayError?
    var isDone = false
    /// What it left in the input.
    var rest: [UInt8] = []
}

/// Decodes pieces as the engine does; what was not consumed is there again with the next piece.
private func decode(_ pieces: [[UInt8]], _ framing: BodyFraming) -> Decoded {
    var decoder = BodyDecoder()
    decoder.start(framing)
    var input = ByteBuffer()
    var decoded = Decoded()
    for piece in pieces {
        input.writeBytes(piece)
        loop: while decoded.error == nil, !decoded.isDone {
            switch decoder.next(&input) {
            case .data(let slice): decoded.data += Array(buffer: slice)
            case .end: decoded.isDone = true
            case .needMore: break loop
            case .invalid(let error): decoded.error = error
            }
        }
    }
    #expect(decoder.isDone == decoded.isDone)
    decoded.trailers = decoder.trailers?.fields.lines
    decoded.rest = Array(buffer: input)
    return decoded
}

/// Decodes in one piece, byte by byte and cut in two at every place; all must say the same.
private func decode(_ body: String, _ framing: BodyFraming, location: SourceLocation = #_sourceLocation) -> Decoded {
    let expected = decode([wire(body)], framing)
    for pieces in Delivery.all(wire(body)) {
        var decoded = decode(pieces, framing)
        // What stands behind a mistake is nobody's.
        if decoded.error != nil { decoded.rest = expected.rest }
        #expect(decoded == expected, "cut at \(pieces.first?.count ?? 0)", sourceLocation: location)
    }
    return expected
}

@Suite("Bodies with a length, to the end of the connection, and none")
struct PlainBodyTests {
    @Test("a length takes that many bytes and leaves the rest")
    func length() {
        #expect(decode("hello, next", .length(5)) == Decoded(data: wire("hello"), isDone: true, rest: wire(", next")))
        #expect(decode("hell", .length(5)) == Decoded(data: wire("hell")))
        #expect(decode("hello", .length(5)) == Decoded(data: wire("hello"), isDone: true))
    }

    @Test("no body, and a length of 0, are done at once and take nothing", arguments: [BodyFraming.none, .length(0)])
    func none(framing: BodyFraming) {
        var decoder = BodyDecoder()
        decoder.start(framing)
        #expect(decoder.isDone)
        #expect(decode("GET /", framing) == Decoded(isDone: true, rest: wire("GET /")))
    }

    @Test(
        "the largest lengths count down without overflow",
        arguments: [UInt64.max, 1 << 63, 9_999_999_999_999_999_999, UInt64(Int.max)]
    )
    func huge(count: UInt64) {
        #expect(decode("some bytes", .length(count)) == Decoded(data: wire("some bytes")))
    }

    @Test("until close, everything is data, and the end of the connection is its end")
    func untilClose() {
        var decoder = BodyDecoder()
        decoder.start(.untilClose)
        #expect(decoder.endsAtClose)
        #expect(!decoder.isDone)
        #expect(decode("0\r\n\r\n", .untilClose) == Decoded(data: wire("0\r\n\r\n")))
    }

    @Test("only a body that ends at the close says so", arguments: [BodyFraming.none, .length(1), .chunked])
    func endsAtClose(framing: BodyFraming) {
        var decoder = BodyDecoder()
        decoder.start(framing)
        #expect(!decoder.endsAtClose)
    }

    @Test("a decoder that never started is done")
    func unused() {
        var decoder = BodyDecoder()
        var input = ByteBuffer(string: "x")
        #expect(decoder.isDone)
        guard case .end = decoder.next(&input) else {
            Issue.record("not the end")
            return
        }
        #expect(input.readableBytes == 1)
    }

    @Test("payload is a slice of the input, not a copy")
    func slice() {
        var decoder = BodyDecoder()
        decoder.start(.length(5))
        var input = ByteBuffer(string: "hello")
        let address = input.withUnsafeReadableBytes { $0.baseAddress }
        guard case .data(let slice) = decoder.next(&input) else {
            Issue.record("no data")
            return
        }
        #expect(slice.withUnsafeReadableBytes { $0.baseAddress } == address)
    }
}

@Suite("Chunked bodies (RFC 9112, section 7.1)")
struct ChunkedBodyTests {
    @Test(
        "chunks",
        arguments: [
            ("0\r\n\r\n", ""), ("1\r\na\r\n0\r\n\r\n", "a"), ("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!"),
            ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789"), ("000000000000001\r\na\r\n000000000000000\r\n\r\n", "a"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"), ("1;x\r\na\r\n0;y=z\r\n\r\n", "a"),
            ("1;a=\"b;c\";d\r\na\r\n0\r\n\r\n", "a"), ("1 ;x\r\na\r\n0\r\n\r\n", "a"),
            ("1\t; x = y\r\na\r\n0\r\n\r\n", "a"), ("1;\r\na\r\n0;\r\n\r\n", "a"), ("1;\u{E9}\r\na\r\n0\r\n\r\n", "a"),
            ("1; \t\r\na\r\n0\r\n\r\n", "a"),
        ]
    )
    func chunks(body: String, data: String) {
        #expect(decode(body + "GET /", .chunked) == Decoded(data: wire(data), isDone: true, rest: wire("GET /")))
    }

    @Test(
        "a size may have 15 digits, whatever they are; it is counted down, never trusted",
        arguments: [
            ("fffffffffffffff\r\nabc", "abc"), ("FFFFFFFFFFFFFFF\r\n", ""), ("00000000000000f\r\nabc", "abc"),
            ("100000000000000\r\nabc", "abc"),
        ]
    )
    func hugeSize(body: String, data: String) {
        #expect(decode(body, .chunked) == Decoded(data: wire(data)))
    }

    @Test("every size is read right")
    func sizes() {
        for size in [1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65_535, 65_536, 100_000] {
            for digits in [
                String(size, radix: 16), String(size, radix: 16, uppercase: true), "00" + String(size, radix: 16),
            ] {
                let data = [UInt8](repeating: 0x0A, count: size)
                let decoded = decode([wire("\(digits)\r\n") + data + wire("\r\n0\r\n\r\n")], .chunked)
                #expect(decoded == Decoded(data: data, isDone: true))
            }
        }
    }

    @Test("what is refused stays refused with the same error, whatever comes next")
    func staysRefused() {
        for (body, error) in [
            ("x", GatewayError.badChunkSize), ("1\r\nab", .badChunkEnd), ("0\r\nX : y\r\n", .badTrailer),
        ] {
            var decoder = BodyDecoder()
            decoder.start(.chunked)
            var input = ByteBuffer(string: body)
            var events = 0
            while events < 5 {
                events += 1
                guard case .invalid(let found) = decoder.next(&input) else { continue }
                #expect(found == error)
            }
            #expect(!decoder.isDone)
        }
    }

    @Test(
        "a decoder forgets the message before",
        arguments: ["1\r\na\r\n0\r\nX: y\r\n\r\n", "5\r\nab", "0\r\nX: y\r\n", "x"]
    )
    func reuse(first: String) {
        var decoder = BodyDecoder()
        decoder.start(.chunked)
        var input = ByteBuffer(string: first)
        for _ in 0..<4 { _ = decoder.next(&input) }
        decoder.start(.chunked)
        #expect(decoder.trailers == nil)
        var next = ByteBuffer(string: "0\r\n\r\n")
        guard case .end = decoder.next(&next) else {
            Issue.record("not the end")
            return
        }
        #expect(decoder.trailers == nil)
    }

    @Test("random bodies in random pieces come out whole", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            var data: [UInt8] = []
            var body: [UInt8] = []
            for _ in 0..<random.below(6) {
                let piece = (0...random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                data += piece
                body +=
                    wire(String(piece.count, radix: 16) + (random.below(3) == 0 ? ";x=y" : "") + "\r\n") + piece
                    + wire("\r\n")
            }
            body += wire("0\r\n\r\nrest")
            var pieces: [[UInt8]] = []
            var rest = body[...]
            while !rest.isEmpty {
                let count = 1 + Int(random.below(12))
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            var expected = Decoded(data: data, isDone: true, rest: wire("rest"))
            let decoded = decode(pieces, .chunked)
            // Bytes behind the body that came in a piece of their own were never offered to the decoder.
            expected.rest = decoded.rest
            #expect(decoded == expected, "seed \(seed): \(text(body).debugDescription)")
            #expect(wire("rest").starts(with: decoded.rest) || decoded.rest == wire("rest"))
        }
    }
}

@Suite("Trailers (RFC 9110, section 6.5; RFC 9112, section 7.1.2)")
struct TrailerTests {
    @Test("trailers are kept in order, with their case")
    func kept() {
        let decoded = decode(
            "1\r\na\r\n0\r\nX-Checksum:  abc \r\ngrpc-status: 0\r\nX-Checksum: d\r\nEmpty:\r\n\r\nrest",
            .chunked
        )
        #expect(
            decoded.trailers?.map(\.description) == ["X-Checksum: abc", "grpc-status: 0", "X-Checksum: d", "Empty: "]
        )
        #expect(decoded.isDone)
        #expect(decoded.rest == wire("rest"))
    }

    @Test("they are written again as they came")
    func written() {
        var decoder = BodyDecoder()
        decoder.start(.chunked)
        var input = ByteBuffer(string: "0\r\nx-A:  b \r\nC: d\r\n\r\n")
        guard case .end = decoder.next(&input), let trailers = decoder.trailers else {
            Issue.record("no trailers")
            return
        }
        var out = ByteBuffer()
        trailers.fields.write(to: &out)
        #expect(String(buffer: out) == "x-A:  b \r\nC: d\r\n")
    }

    @Test(
        "what frames, routes, authenticates or steers a message is refused",
        arguments: [
            "Content-Length", "Transfer-Encoding", "Host", "Connection", "Trailer", "TE", "Upgrade", "Keep-Alive",
            "Expect", "Authorization",
            "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Cookie", "Set-Cookie", "Content-Type",
            "Forwarded", "X-Forwarded-For",
            "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "HTTP2-Settings", "Max-Forwards", "Location",
            "Retry-After",
        ]
    )
    func forbidden(name: String) {
        for spelling in [name, name.lowercased(), name.uppercased()] {
            #expect(decode("0\r\nX: y\r\n\(spelling): 1\r\n\r\n", .chunked).error == .badTrailer)
        }
        #expect(decode("0\r\nX-\(name): 1\r\n\r\n", .chunked).error == nil)
    }

    @Test("their number is bounded")
    func number() {
        func body(_ count: Int) -> String { "0\r\n" + String(repeating: "X: y\r\n", count: count) + "\r\n" }
        #expect(
            decode([wire(body(BodyDecoder.maximumTrailers))], .chunked).trailers?.count == BodyDecoder.maximumTrailers
        )
        let tooMany = decode(body(BodyDecoder.maximumTrailers + 1), .chunked)
        #expect(tooMany.error == .badTrailer)
    }

    @Test("their size is bounded, in one line or in many, complete or not")
    func size() {
        let most = BodyDecoder.maximumTrailerBytes
        func line(_ count: Int) -> String { "X: " + String(repeating: "v", count: count - 5) + "\r\n" }
        #expect(decode([wire("0\r\n" + line(most) + "\r\n")], .chunked).isDone)
        #expect(decode([wire("0\r\n" + line(most + 1) + "\r\n")], .chunked).error == .badTrailer)
        #expect(decode([wire("0\r\n" + line(most / 2) + line(most / 2) + "\r\n")], .chunked).isDone)
        #expect(decode([wire("0\r\n" + line(most / 2) + line(most / 2 + 1) + "\r\n")], .chunked).error == .badTrailer)
        let endless = wire("0\r\nX: " + String(repeating: "v", count: most))
        #expect(decode([endless], .chunked).error == .badTrailer)
        #expect(decode(Delivery.byteByByte(endless), .chunked).error == .badTrailer)
    }
}
