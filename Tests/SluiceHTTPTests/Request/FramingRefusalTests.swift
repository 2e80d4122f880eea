import SluiceCore
import SluiceHTTP
import Testing

@Suite("Requests whose end could be read two ways are refused")
struct FramingRefusalTests {
    private func refuses(_ bytes: String, _ error: GatewayError) {
        let reading = sameInPieces(bytes)
        #expect(reading.end == .refused(error))
        #expect(reading.complete.isEmpty)
    }

    @Test(
        "Content-Length is not 1*DIGIT",
        arguments: [
            "", "+5", "-5", "5 5", "5,5", "5, 5", "0x5", "5a", "a", "1_000", "5.0", "1e3", "5;", "\"5\"", "5\u{E9}",
            ",5", "5,",
            "18446744073709551616", "00000000000000000005", "99999999999999999999", "1 ;", "chunked", "- 5", "0b1",
            "\u{B2}",
        ]
    )
    func length(value: String) { refuses(get("Content-Length: \(value)"), .badContentLength) }

    @Test(
        "Content-Length has several values",
        arguments: [
            "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 0\r\nX: y\r\ncontent-length: 1",
            "Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 50",
        ]
    )
    func lengths(lines: String) { refuses(get(lines), .conflictingContentLength) }

    @Test(
        "Content-Length and Transfer-Encoding come together",
        arguments: [
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 0\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 0",
            "CONTENT-LENGTH: 5\r\ntransfer-encoding: CHUNKED",
        ]
    )
    func both(lines: String) { refuses(get(lines), .lengthAndTransferEncoding) }

    @Test(
        "chunked is not the one and only coding",
        arguments: [
            "", "chunked, chunked", "chunked,chunked", "chunked, gzip", "chunked, identity", "chunked,", ",chunked",
            ", chunked", "chunked,,",
            "chunked;a=b", "chunked; ", "chunked ;", "chunkedx", "chunked-", "chunked_", "chunked\tx", "chunked x",
            "\"chunked\"", "'chunked',",
            "x\u{E9}", "gzip, chunked, chunked", "gzip,,chunked", "gzip/chunked", "(chunked)", "[chunked]", "chunked=",
            ";", ",", "@",
        ]
    )
    func coding(value: String) { refuses(get("Transfer-Encoding: \(value)"), .badTransferEncoding) }

    @Test("Transfer-Encoding comes twice", arguments: ["chunked", "identity", "", "gzip"])
    func codings(value: String) {
        refuses(get("Transfer-Encoding: chunked\r\nTransfer-Encoding: \(value)"), .badTransferEncoding)
        refuses(get("transfer-encoding: chunked\r\nX: y\r\nTRANSFER-ENCODING: \(value)"), .badTransferEncoding)
    }

    @Test(
        "a coding that is not known",
        arguments: [
            "gzip", "identity", "deflate", "compress", "x-gzip", "xchunked", "gzip, chunked", "gzip, deflate", "br;q=1",
            "cow", "chunke", "chun ked",
        ]
    )
    func unknownCoding(value: String) {
        refuses(get("Transfer-Encoding: \(value)"), .unknownTransferCoding)
        #expect(GatewayError.unknownTransferCoding.status == 501)
    }

    @Test("Transfer-Encoding in HTTP/1.0")
    func oldVersion() {
        refuses("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .transferEncodingInHTTP10)
        refuses("POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10)
    }

    @Test(
        "a chunk size",
        arguments: [
            "x\r\n", "\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "\t1\r\n", "0x1\r\n", "0X1\r\na", "1_0\r\n", "1 \r\n",
            "1\t\r\n", "1 x\r\n", "1\n", "1\na\n",
            "1\rx", "1\r\r\n", "1\u{0}\r\n", "1,\r\n", "1.\r\n", "1h\r\n", "\u{E9}\r\n", ";a\r\n", "1\u{B}\r\n",
            "g\r\n", "\"1\"\r\n",
            "0000000000000001\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n", "1;a\n", "1;a\u{0}b\r\n",
            "1;a\rb\r\n", "1;a\u{7F}\r\n",
            "1 ;a\n", "1;\n", "1;a=\"\r\"\r\n", "0\n\r\n", "0 \r\n\r\n", "1\r\na\r\n\r\n", "1\r\na\r\n-1\r\n", "1=\r\n",
            "1:\r\n",
        ]
    )
    func chunkSize(body: String) { refuses(chunked(body), .badChunkSize) }

    @Test("a chunk extension that is too long")
    func chunkExtension() {
        let most = String(repeating: "x", count: BodyDecoder.maximumChunkLine - 2)
        #expect(sameInPieces(chunked("1;\(most)\r\na\r\n0\r\n\r\n")).complete.first?.body == wire("a"))
        refuses(chunked("1;\(most)x\r\na\r\n"), .chunkExtensionTooLong)
        refuses(chunked("1;\(most)\(most)"), .chunkExtensionTooLong)
        refuses(chunked("0;\(most)x\r\n\r\n"), .chunkExtensionTooLong)
    }

    @Test(
        "bytes between a chunk and the next size",
        arguments: [
            "1\r\nab\r\n", "1\r\na\n", "1\r\na\n0\r\n\r\n", "1\r\na0\r\n\r\n", "1\r\na\r0\r\n\r\n", "1\r\na\rx",
            "1\r\na \r\n", "1\r\na\r\u{0}", "1\r\naX",
            "5\r\nhello!\r\n0\r\n\r\n", "1\r\n\r\r\r\n",
        ]
    )
    func chunkEnd(body: String) { refuses(chunked(body), .badChunkEnd) }

    @Test(
        "a trailer that is malformed",
        arguments: [
            "X\r\n\r\n", "X : y\r\n\r\n", " X: y\r\n\r\n", "\tX: y\r\n\r\n", "X: y\r\n z\r\n\r\n", "X: y\n\r\n",
            "X: y\rz\r\n", "\n", "\rx", ": y\r\n",
            "X: \u{0}\r\n\r\n", "X\u{0}: y\r\n\r\n", "A: b\r\n\n", "X: y\u{7F}\r\n",
        ]
    )
    func malformedTrailer(lines: String) {
        refuses(chunked("0\r\n\(lines)"), .badTrailer)
    }
}
