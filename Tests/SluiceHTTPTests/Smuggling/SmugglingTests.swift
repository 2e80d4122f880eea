import SluiceCore
import SluiceHTTP
import Testing

/// Known request smuggling payloads. For each the whole connection is read: either it is refused before anything behind
/// the first request can be taken for another one, or there is exactly one reading and this is it.
@Suite("Request smuggling")
struct SmugglingTests {
    struct Payload: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let error: GatewayError

        var testDescription: String { name }
    }

    /// A POST with these framing fields and this body, and behind it the request that is to be smuggled.
    private static func post(_ lines: String, _ body: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(body)GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    private static func coding(_ name: String, _ line: String, _ error: GatewayError) -> Payload {
        Payload(name: "TE.TE: \(name)", bytes: post("Content-Length: 4\r\n\(line)", "5c\r\n0\r\n\r\n"), error: error)
    }

    static let lengths: [Payload] = [
        Payload(
            name: "CL.TE",
            bytes: post("Content-Length: 13\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
            error: .lengthAndTransferEncoding
        ),
        Payload(
            name: "TE.CL",
            bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n"),
            error: .lengthAndTransferEncoding
        ),
        Payload(
            name: "CL.CL",
            bytes: post("Content-Length: 0\r\nContent-Length: 44", ""),
            error: .conflictingContentLength
        ),
        Payload(name: "CL list", bytes: post("Content-Length: 0, 44", ""), error: .badContentLength),
        Payload(name: "CL +", bytes: post("Content-Length: +44", ""), error: .badContentLength),
        Payload(name: "CL -", bytes: post("Content-Length: -1", ""), error: .badContentLength),
        Payload(name: "CL space", bytes: post("Content-Length: 4 4", "abcd"), error: .badContentLength),
        Payload(name: "CL hex", bytes: post("Content-Length: 0x2c", ""), error: .badContentLength),
        Payload(name: "CL underscore", bytes: post("Content-Length: 4_4", ""), error: .badContentLength),
        Payload(name: "CL overflow", bytes: post("Content-Length: 18446744073709551660", ""), error: .badContentLength),
        Payload(name: "CL vertical tab", bytes: post("Content-Length: \u{B}44", ""), error: .badFieldValue),
        Payload(name: "CL NUL", bytes: post("Content-Length: 44\u{0}0", ""), error: .badFieldValue),
        Payload(name: "CL empty", bytes: post("Content-Length:", ""), error: .badContentLength),
        Payload(name: "CL space colon", bytes: post("Content-Length : 44", ""), error: .badFieldName),
        Payload(name: "CL underscore name", bytes: post("Content_Length: 44", ""), error: .underscoreInName),
        Payload(name: "CL folded", bytes: post("Content-Length: 4\r\n 4", ""), error: .obsoleteFold),
        Payload(name: "CL in a folded line", bytes: post("X: y\r\n Content-Length: 44", ""), error: .obsoleteFold),
        Payload(name: "CL behind a bare CR", bytes: post("X: y\rContent-Length: 44", ""), error: .bareCarriageReturn),
        Payload(name: "CL behind a bare LF", bytes: post("X: y\nContent-Length: 44", ""), error: .bareLineFeed),
        Payload(
            name: "CL in the first folded line",
            bytes: "POST / HTTP/1.1\r\n Content-Length: 44\r\nHost: a\r\n\r\n",
            error: .obsoleteFold
        ),
    ]

    static let codings: [Payload] = [
        coding("space before the colon", "Transfer-Encoding : chunked", .badFieldName),
        coding("tab before the colon", "Transfer-Encoding\t: chunked", .badFieldName),
        coding("vertical tab", "Transfer-Encoding:\u{B}chunked", .badFieldValue),
        coding("form feed behind", "Transfer-Encoding: chunked\u{C}", .badFieldValue),
        coding("NUL behind", "Transfer-Encoding: chunked\u{0}", .badFieldValue),
        coding("no-break space", "Transfer-Encoding: \u{A0}chunked", .badTransferEncoding),
        coding("x prefix", "Transfer-Encoding: xchunked", .unknownTransferCoding),
        coding("identity", "Transfer-Encoding: identity", .unknownTransferCoding),
        coding("identity, chunked", "Transfer-Encoding: identity, chunked", .unknownTransferCoding),
        coding("cow, chunked", "Transfer-Encoding: cow, chunked", .unknownTransferCoding),
        coding("chunked, cow", "Transfer-Encoding: chunked, cow", .badTransferEncoding),
        coding("chunked, chunked", "Transfer-Encoding: chunked, chunked", .badTransferEncoding),
        coding("two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", .badTransferEncoding),
        coding(
            "two lines, the other first",
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
            .unknownTransferCoding
        ),
        coding("two spellings", "Transfer-Encoding: chunked\r\nTransfer-encoding: identity", .badTransferEncoding),
        coding("quoted", "Transfer-Encoding: \"chunked\"", .badTransferEncoding),
        coding("trailing comma", "Transfer-Encoding: chunked,", .badTransferEncoding),
        coding("leading comma", "Transfer-Encoding: ,chunked", .badTransferEncoding),
        coding("parameter", "Transfer-Encoding: chunked;q=0", .badTransferEncoding),
        coding("obs-fold before the value", "Transfer-Encoding:\r\n chunked", .badTransferEncoding),
        coding("obs-fold in a value", "Transfer-Encoding: chunked\r\n , identity", .obsoleteFold),
        coding("folded into another field", "X: y\r\n Transfer-Encoding: chunked", .obsoleteFold),
        coding("leading space", " Transfer-Encoding: chunked", .obsoleteFold),
        coding("bare LF", "X: y\nTransfer-Encoding: chunked", .bareLineFeed),
        coding("bare CR", "X: y\rTransfer-Encoding: chunked", .bareCarriageReturn),
        coding("underscore", "Transfer_Encoding: chunked", .underscoreInName),
        coding("NUL in the name", "Transfer-Encoding\u{0}: chunked", .badFieldName),
        coding("high byte in the name", "Transfer-Encoding\u{FF}: chunked", .badFieldName),
        coding("any case", "tRANSFER-eNCODING: cHUNKED", .lengthAndTransferEncoding),
        coding("tab before the value", "Transfer-Encoding:\tchunked", .lengthAndTransferEncoding),
    ]

    private static func chunk(_ name: String, _ body: String, _ error: GatewayError) -> Payload {
        Payload(name: "chunk: \(name)", bytes: post("Transfer-Encoding: chunked", body), error: error)
    }

    static let chunks: [Payload] = [
        chunk("0x", "0x2c\r\n", .badChunkSize), chunk("underscore", "1_0\r\n", .badChunkSize),
        chunk("sign", "+2c\r\n", .badChunkSize),
        chunk("minus", "-2c\r\n", .badChunkSize), chunk("space in front", " 2c\r\n", .badChunkSize),
        chunk("space behind", "2c \r\n", .badChunkSize),
        chunk("overflow of 64 bits", "1000000000000002c\r\n", .badChunkSize),
        chunk("leading zeros", "000000000000000002c\r\n", .badChunkSize),
        chunk("LF only", "0\n\n", .badChunkSize), chunk("CR only", "0\r\r", .badChunkSize),
        chunk("LF behind the data", "1\r\nx\n0\r\n\r\n", .badChunkEnd),
        chunk("nothing behind the data", "1\r\nx0\r\n\r\n", .badChunkEnd),
        chunk("two bytes behind the data", "1\r\nxyz0\r\n\r\n", .badChunkEnd),
        chunk("extension with a bare LF", "1;a\nx\r\n0\r\n\r\n", .badChunkSize),
        chunk("extension with a bare CR", "1;a\rx\r\n0\r\n\r\n", .badChunkSize),
        chunk("last chunk with a bare LF in its extension", "0;\n\r\n", .badChunkSize),
        chunk("semicolon alone in front", ";\r\n", .badChunkSize),
        chunk("NUL", "0\u{0}\r\n\r\n", .badChunkSize), chunk("comment", "0 (x)\r\n\r\n", .badChunkSize),
        chunk("empty size", "\r\n\r\n", .badChunkSize),
        chunk("trailer that frames", "0\r\nContent-Length: 44\r\n\r\n", .badTrailer),
        chunk("trailer that codes", "0\r\nTransfer-Encoding: chunked\r\n\r\n", .badTrailer),
        chunk("trailer with a host", "0\r\nHost: evil\r\n\r\n", .badTrailer),
        chunk("trailer with an address", "0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", .badTrailer),
        chunk("trailer line with a bare LF", "0\r\nX: y\n\r\n", .badTrailer),
        chunk("trailer section with a bare LF", "0\r\n\n", .badTrailer),
        chunk("trailer that is folded", "0\r\nX: y\r\n z\r\n\r\n", .badTrailer),
        chunk("trailer without an end", "0\r\n", .badTrailer),
    ]

    static let routing: [Payload] = [
        Payload(name: "two hosts", bytes: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", error: .severalHosts),
        Payload(
            name: "two hosts, one in another case",
            bytes: "GET / HTTP/1.1\r\nhost: a\r\nHOST: a\r\n\r\n",
            error: .severalHosts
        ),
        Payload(
            name: "host with a space before the colon",
            bytes: "GET / HTTP/1.1\r\nHost : a\r\nHost: b\r\n\r\n",
            error: .badFieldName
        ),
        Payload(name: "host with user info", bytes: "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", error: .badHost),
        Payload(name: "host with a path", bytes: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", error: .badHost),
        Payload(name: "host list", bytes: "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", error: .badHost),
        Payload(name: "folded host", bytes: "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", error: .obsoleteFold),
        Payload(
            name: "absolute target with user info",
            bytes: "GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            error: .badTarget
        ),
        Payload(
            name: "absolute target and a bad host",
            bytes: "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n",
            error: .badHost
        ),
        Payload(name: "HTTP/0.9", bytes: "GET /\r\nHost: a\r\n\r\n", error: .badRequestLine),
        Payload(
            name: "chunked in HTTP/1.0",
            bytes: "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            error: .transferEncodingInHTTP10
        ),
        Payload(
            name: "line of another request in the target",
            bytes: "GET /\r\nX: y HTTP/1.1\r\nHost: a\r\n\r\n",
            error: .badRequestLine
        ),
    ]

    @Test("is refused before the second request", arguments: lengths + codings + chunks + routing)
    func refused(payload: Payload) {
        let reading = sameInPieces(payload.bytes)
        #expect(reading.end == .refused(payload.error))
        #expect(!reading.messages.contains { $0.head.path == "/smuggled" })
        #expect(reading.complete.isEmpty)
    }

    @Test("a chunk size that needs more than 32 bits is not cut down to them")
    func largeSize() {
        let reading = sameInPieces(Self.post("Transfer-Encoding: chunked", "100000001\r\nx\r\n0\r\n\r\n"))
        #expect(reading.end == .incomplete)
        #expect(reading.messages.map(\.head.path) == ["/"])
    }

    @Test("a Host that differs from an absolute target cannot choose another route")
    func absoluteWins() {
        let reading = sameInPieces("GET http://public/ HTTP/1.1\r\nHost: internal\r\n\r\n")
        #expect(reading.complete.first?.head.host == "public")
        #expect(reading.complete.first?.head.authority == "public")
    }

    @Test("a GET with a body does not turn its body into a request")
    func getWithBody() {
        let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        let reading = sameInPieces("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \(inner.utf8.count)\r\n\r\n\(inner)")
        #expect(reading.complete.map(\.head.path) == ["/"])
        #expect(reading.complete.first?.body == wire(inner))
        #expect(reading.end == .idle)
    }

    @Test("nothing is read behind a request that asks for another protocol")
    func upgrade() {
        let reading = sameInPieces(
            get("Connection: upgrade\r\nUpgrade: x") + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        #expect(reading.complete.map(\.head.path) == ["/"])
        #expect(reading.end == .last)
    }
}
