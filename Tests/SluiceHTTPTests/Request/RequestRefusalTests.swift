import SluiceCore
import SluiceHTTP
import Testing

/// Reads bytes in one piece, byte by byte and cut in two at every place; all must say the same.
@discardableResult
func sameInPieces(
    _ bytes: String,
    limits: RequestParser.Limits = RequestParser.Limits(),
    location: SourceLocation = #_sourceLocation
) -> Reading<RequestFacts> {
    let expected = Wire.requests([wire(bytes)], limits: limits)
    for pieces in Delivery.all(wire(bytes)) {
        let reading = Wire.requests(pieces, limits: limits)
        guard reading != expected else { continue }
        let place = pieces.first?.count ?? 0
        Issue.record("cut at \(place): \(reading) instead of \(expected)", sourceLocation: location)
        break
    }
    return expected
}

/// `GET / HTTP/1.1`, a Host, and these field lines.
func get(_ lines: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n" }

/// A chunked request with this body.
func chunked(_ body: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)" }

@Suite("What is refused from a client")
struct RequestRefusalTests {
    private func refuses(_ bytes: String, _ error: GatewayError) {
        let reading = sameInPieces(bytes)
        #expect(reading.end == .refused(error))
        #expect(reading.complete.isEmpty, "nothing of it was taken for a request")
    }

    @Test(
        "the request line has other than one space, or lacks a part",
        arguments: [
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "GET / HTTP/1.1  \r\nHost: a\r\n\r\n",
            "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\r\n\r\n", "GET\r\n\r\n", "GET \r\n\r\n", "GET / \r\nHost: a\r\n\r\n",
            "/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP /1.1\r\nHost: a\r\n\r\n", "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1 .1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "(GET) / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G\u{0}T / HTTP/1.1\r\nHost: a\r\n\r\n", "G\u{E9}T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G\u{7F} / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n", "GET, / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET: / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{FC}\u{3}",
            "\u{EF}\u{BB}\u{BF}GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\r\n / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n",
        ]
    )
    func requestLine(bytes: String) { refuses(bytes, .badRequestLine) }

    @Test(
        "the version is in lower case or malformed",
        arguments: [
            "http/1.1", "Http/1.1", "HTTp/1.1", "HTTPS/1.1", "HTP/1.1", "HTTP/1.10", "HTTP/1.01", "HTTP/01.1",
            "HTTP/11", "HTTP/1",
            "HTTP/1.", "HTTP/.1", "HTTP/1,1", "HTTP/a.b", "HTTP/-1.1", "HTTP/+1.1", "HTTP/1.1x", "HTTP/1.x", "HTTP-1.1",
            "HTTP/1.1.1",
            "HTTP/1.1\u{0}", "HTTP/1.1\t", "\tHTTP/1.1", "ICAP/1.0", "RTSP/1.0",
        ]
    )
    func version(version: String) { refuses("GET / \(version)\r\nHost: a\r\n\r\n", .badVersion) }

    @Test(
        "the version is one that nobody speaks here",
        arguments: [
            "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0",
        ]
    )
    func unsupported(version: String) {
        refuses("GET / \(version)\r\nHost: a\r\n\r\n", .unsupportedVersion)
        #expect(GatewayError.unsupportedVersion.status == 505)
    }

    @Test(
        "an LF stands without its CR",
        arguments: [
            "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\n/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\nHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / \nHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP\n/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1\nHost: a\r\n\r\n", "GET / HTTP/1.\nHost: a\r\n\r\n",
            "GET / HTTP/\n1.1\r\nHost: a\r\n\r\n", "GET /\n", get("X\n: y"), get("X:\n y"), get("X: y\nZ: w"),
            get("X: y\n"),
            get("\n"), get("X: y\n\r"),
        ]
    )
    func lineFeed(bytes: String) { refuses(bytes, .bareLineFeed) }

    @Test(
        "a CR stands without its LF",
        arguments: [
            "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\rHost: a\r\n\r\n", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n",
            get("X\r: y"), get("X: y\rZ: w"), get("X: y\r\r"), get("\rX: y"), get("X: \ry"), get("X: y\r Z"),
            get("X:\r"), get("X\r\r"),
        ]
    )
    func carriageReturn(bytes: String) { refuses(bytes, .bareCarriageReturn) }

    @Test(
        "the name of a field is no token",
        arguments: [
            "X : y", "X\t: y", "X Y: z", ": y", ":", "X", "X-Y", "(X): y", "X\u{0}: y", "X\u{E9}: y", "X\u{7F}: y",
            "\"X\": y", "X=1",
            "X/Y: z", "X@Y: z", "X,Y: z", "{X}: y", "X[0]: y", "X\\Y: z", "\u{0}", "Transfer-Encoding : chunked",
            "Content-Length\u{B}: 5", "Content-Length : 5", "Host : b", "\u{1}X: y", "GET / HTTP/1.1",
        ]
    )
    func fieldName(line: String) { refuses(get(line), .badFieldName) }

    @Test(
        "a line is folded",
        arguments: [
            get("X: y\r\n z"), get("X: y\r\n\tz"), get("X: y\r\n "), get("X:\r\n y"), get(" X: y"), get("\tX: y"),
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\n \r\n\r\n",
            get("Transfer-Encoding: chunked\r\n , x"), get("Content-Length: 1\r\n 0"), get(" \r\nX: y"),
        ]
    )
    func folded(bytes: String) { refuses(bytes, .obsoleteFold) }

    @Test("a value holds a control byte", arguments: Array(0...0x1F) + [0x7F])
    func control(byte: UInt8) {
        guard byte != 0x09, byte != 0x0A, byte != 0x0D else { return }
        let control = text([byte])
        for value in [control, "a\(control)", "\(control)a", "abcdefgh\(control)ijklmnop", "\t\(control)"] {
            refuses(get("X: \(value)"), .badFieldValue)
            refuses(get("Transfer-Encoding: \(value)chunked"), .badFieldValue)
        }
    }

    @Test("a name holds an underscore, unless the listener lets it")
    func underscore() {
        refuses(get("X_Y: z"), .underscoreInName)
        refuses(get("Content_Length: 5"), .underscoreInName)
        refuses(get("_: z"), .underscoreInName)
        var limits = RequestParser.Limits()
        limits.refuseUnderscores = false
        let reading = sameInPieces(get("X_Y: z"), limits: limits)
        #expect(reading.complete.first?.head.fields.last == FieldText(name: "X_Y", value: "z"))
    }

    @Test(
        "the expectation is not 100-continue",
        arguments: [
            "Expect: 200-ok", "Expect:", "Expect: 100-continue, 100-continue", "Expect: 100-continue;q=1",
            "Expect: \"100-continue\"",
            "Expect: 100-continue\r\nExpect: other", "Expect: other\r\nExpect: 100-continue", "Expect: 100",
        ]
    )
    func expectation(lines: String) {
        refuses(get(lines), .unknownExpectation)
        #expect(GatewayError.unknownExpectation.status == 417)
    }
}
