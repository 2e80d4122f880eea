import SluiceCore
import SluiceHTTP
import Testing

@Suite("RFC 9112, sections 6 to 8: bodies")
struct RFC9112BodyTests {
    private func post(_ lines: String, _ body: String) -> Outcome<RequestHead> {
        Codec.request("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(body)")
    }

    private func chunked(_ body: String) -> Outcome<RequestHead> { post("Transfer-Encoding: chunked", body) }

    @Test("6.1: Transfer-Encoding in HTTP/1.0 is a faulty framing")
    func oldVersion() {
        let bytes = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        #expect(Codec.request(bytes).error == .transferEncodingInHTTP10)
        #expect(
            Codec.response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").error
                == .upstreamProtocolError
        )
    }

    @Test("6.1: a coding that is not known gets 501", arguments: ["gzip", "gzip, chunked", "identity"])
    func unknownCoding(value: String) { #expect(post("Transfer-Encoding: \(value)", "").error?.status == 501) }

    @Test(
        "6.1: no Transfer-Encoding in 1xx, 204, and 2xx to CONNECT",
        arguments: [(100, Method.get), (204, .get), (200, .connect)]
    )
    func neverCoded(status: Int, method: Method) {
        let bytes = "HTTP/1.1 \(status) X\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(Codec.response(bytes, to: method).error == .upstreamProtocolError)
    }

    @Test(
        "6.3, 1: answers to HEAD, 1xx, 204 and 304 end with their head",
        arguments: [
            (200, Method.head, "Content-Length: 5"), (304, .get, "Content-Length: 5"), (204, .get, "X: y"),
            (103, .get, "X: y"), (200, .head, "X: y"),
        ]
    )
    func noBody(status: Int, method: Method, line: String) {
        let message = Codec.response("HTTP/1.1 \(status) X\r\n\(line)\r\n\r\nnext", to: method).message
        #expect(message?.body == "")
        #expect(message?.rest == "next")
    }

    @Test("6.3, 2: a 2xx to CONNECT ends with its head, what follows is the tunnel")
    func tunnel() {
        #expect(Codec.response("HTTP/1.1 200 OK\r\n\r\nbytes", to: .connect).message?.rest == "bytes")
    }

    @Test(
        "6.3, 3: Content-Length with Transfer-Encoding is refused, and the connection with it",
        arguments: [
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        ]
    )
    func both(lines: String) {
        #expect(post(lines, "0\r\n\r\n").error == .lengthAndTransferEncoding)
        #expect(Codec.response("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n0\r\n\r\n").error == .upstreamProtocolError)
    }

    @Test(
        "6.3, 4: chunked that is not the last coding gets 400",
        arguments: ["chunked, gzip", "chunked, chunked", "chunked, identity"]
    )
    func chunkedNotLast(value: String) { #expect(post("Transfer-Encoding: \(value)", "").error?.status == 400) }

    @Test(
        "6.3, 5: an invalid Content-Length gets 400, from an upstream 502",
        arguments: ["+5", "-5", "5,6", "5, 6", "0x5", "", "5 5", "1e1"]
    )
    func invalidLength(value: String) {
        #expect(post("Content-Length: \(value)", "").error?.status == 400)
        #expect(Codec.response("HTTP/1.1 200 OK\r\nContent-Length: \(value)\r\n\r\n").error?.status == 502)
    }

    @Test("6.3, 5: different lengths get 400; RFC 9110, 8.6: the same one twice is made one")
    func severalLengths() throws {
        #expect(post("Content-Length: 5\r\nContent-Length: 6", "").error?.status == 400)
        let head = try #require(post("Content-Length: 1\r\nContent-Length: 1", "x").message).head
        #expect(Codec.lines(of: head.fields) == ["Host: a", "Content-Length: 1"])
    }

    @Test("6.3, 6: a length is the length; less is not complete")
    func length() {
        #expect(post("Content-Length: 3", "abcd").message?.body == "abc")
        #expect(post("Content-Length: 3", "abcd").message?.rest == "d")
        #expect(post("Content-Length: 3", "ab").message == nil)
    }

    @Test("6.3, 7: a request without both has no body")
    func noLength() {
        #expect(post("X: y", "abc").message?.rest == "abc")
    }

    @Test("6.3, 8: an answer without both ends with its connection, which is then not used again")
    func untilClose() {
        let message = Codec.response("HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it").message
        #expect(message?.body == "all of it")
        #expect(message?.head.keepAlive == false)
    }

    @Test("7: transfer codings are named in any case")
    func codingCase() { #expect(post("Transfer-Encoding: Chunked", "0\r\n\r\n").message?.head.framing == .chunked) }

    @Test("7.1: chunks are put together; sizes are hexadecimal in both cases; zeros in front do not count")
    func chunks() {
        #expect(
            chunked("3\r\nabc\r\nA\r\n0123456789\r\n00b\r\nhello world\r\n0\r\n\r\nnext").message?.body
                == "abc0123456789hello world"
        )
        #expect(chunked("0\r\n\r\nnext").message?.rest == "next")
    }

    @Test("7.1: very large sizes are refused before they overflow")
    func overflow() {
        #expect(chunked("10000000000000000\r\n").error == .badChunkSize)
        #expect(chunked("ffffffffffffffff\r\n").error == .badChunkSize)
    }

    @Test(
        "7.1: each chunk ends with CRLF and nothing else",
        arguments: ["1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "1\r\na0\r\n\r\n"]
    )
    func chunkEnd(body: String) { #expect(chunked(body).error == .badChunkEnd) }

    @Test("7.1.1: extensions that are not known are ignored, white space around them too; their length is bounded")
    func extensions() {
        #expect(chunked("1;a=b;c=\"d e\"\r\nx\r\n0;f\r\n\r\n").message?.body == "x")
        #expect(chunked("1 ; a = b\r\nx\r\n0\r\n\r\n").message?.body == "x")
        #expect(chunked("1;\(String(repeating: "a", count: 300))\r\nx\r\n").error == .chunkExtensionTooLong)
        #expect(chunked("1;a\nx\r\n0\r\n\r\n").error == .badChunkSize)
    }

    @Test("7.1.2: trailers are kept apart from the header")
    func trailers() throws {
        let message = try #require(chunked("0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n").message)
        #expect(message.trailers == ["X-Sum: 1", "X-Sum: 2"])
        #expect(Codec.lines(of: message.head.fields) == ["Host: a", "Transfer-Encoding: chunked"])
    }

    @Test(
        "RFC 9110, 6.5.1: framing, routing and authentication have no place in trailers",
        arguments: [
            "Content-Length: 1", "Transfer-Encoding: chunked", "Host: b", "Authorization: x", "Cookie: a=b",
            "X-Forwarded-For: 127.0.0.1",
        ]
    )
    func forbiddenTrailers(line: String) { #expect(chunked("0\r\n\(line)\r\n\r\n").error == .badTrailer) }

    @Test(
        "8: a chunked body without its last chunk, or its end, is not complete",
        arguments: ["", "1", "1\r\nx", "1\r\nx\r\n", "0", "0\r\n", "0\r\nX: y\r\n"]
    )
    func incomplete(body: String) {
        #expect(chunked(body).message == nil)
        #expect(chunked(body).error == nil)
    }
}
