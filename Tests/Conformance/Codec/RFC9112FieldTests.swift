import SluiceCore
import SluiceHTTP
import Testing

@Suite("RFC 9112, sections 4, 5 and 9: status line, fields, connections")
struct RFC9112FieldTests {
    private func get(_ lines: String) -> Outcome<RequestHead> {
        Codec.request("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n")
    }

    @Test("4: the reason may be empty; its space is sent all the same, but not asked for")
    func reason() {
        #expect(Codec.response("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").message?.head.status == 200)
        #expect(Codec.response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").message?.head.status == 200)
    }

    @Test("4: the status is three digits", arguments: ["20", "2000", "2x0", " 200", "099", "600"])
    func status(status: String) {
        #expect(Codec.response("HTTP/1.1 \(status) OK\r\nContent-Length: 0\r\n\r\n").error == .upstreamProtocolError)
    }

    @Test("5: white space around a value is no part of it")
    func optionalSpace() throws {
        let head = try #require(get("A:b\r\nC: \t d e \t ").message).head
        #expect(Codec.lines(of: head.fields) == ["Host: a", "A: b", "C: d e"])
    }

    @Test("5.1: white space between name and colon is refused with 400")
    func spaceBeforeColon() {
        #expect(get("A : b").error?.status == 400)
        #expect(get("A\t: b").error?.status == 400)
    }

    @Test("5.1: from an upstream such an answer is no answer: 502")
    func spaceBeforeColonInResponse() {
        #expect(Codec.response("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n").error?.status == 502)
    }

    @Test("5.2: a folded line is refused with 400")
    func folding() {
        #expect(get("A: b\r\n c").error?.status == 400)
        #expect(get("A: b\r\n\tc").error?.status == 400)
    }

    @Test("5.2: from an upstream it gets 502")
    func foldingInResponse() {
        #expect(Codec.response("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n").error?.status == 502)
    }

    @Test(
        "9.3: HTTP/1.1 stays open unless it says close; HTTP/1.0 closes unless it says keep-alive",
        arguments: [
            ("1.1", "X: y", true), ("1.1", "Connection: close", false), ("1.0", "X: y", false),
            ("1.0", "Connection: keep-alive", true),
        ]
    )
    func persistence(version: String, line: String, staysOpen: Bool) {
        let outcome = Codec.request("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n\r\n")
        #expect(outcome.message?.head.keepAlive == staysOpen)
    }

    @Test("9.3.2: what is pipelined behind a request is left for the next")
    func pipelining() {
        let next = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(Codec.request("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\(next)").message?.rest == next)
        #expect(Codec.request("PUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\(next)").message?.rest == next)
    }

    @Test("RFC 9110, 5.1: names are tokens and are found in any case")
    func names() {
        #expect(get("cOnTeNt-LeNgTh: 0\r\n!#$%&'*+-.^`|~: x").message?.head.framing == BodyFraming.none)
        #expect(get("(A): b").error == .badFieldName)
        #expect(get(": b").error == .badFieldName)
    }

    @Test("RFC 9110, 5.5: obs-text passes; CR, LF, NUL and other controls do not")
    func values() throws {
        let head = try #require(get("A: \u{80}\u{FF}").message).head
        #expect(Codec.lines(of: head.fields).last == "A: \u{80}\u{FF}")
        for control in ["\u{0}", "\u{1}", "\u{B}", "\u{1F}", "\u{7F}"] {
            #expect(get("A: b\(control)c").error?.status == 400)
        }
    }

    @Test("RFC 9110, 7.2: an empty Host cannot be routed")
    func emptyHost() { #expect(Codec.request("GET / HTTP/1.1\r\nHost:\r\n\r\n").error == .badHost) }

    @Test("RFC 9110, 7.6.1: what Connection names is taken out, with the field itself")
    func connectionOptions() throws {
        var head = try #require(get("Connection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2").message).head
        #expect(head.nominatesFields)
        HopByHop.removeNominated(from: &head.fields)
        #expect(Codec.lines(of: head.fields) == ["Host: a", "X-End: 2"])
    }

    @Test("RFC 9110, 7.8: an Upgrade without its connection option, or in HTTP/1.0, is ignored")
    func upgrade() {
        #expect(get("Connection: upgrade\r\nUpgrade: websocket").message?.head.wantsUpgrade == true)
        #expect(get("Upgrade: websocket").message?.head.wantsUpgrade == false)
        let old = "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        #expect(Codec.request(old).message?.head.wantsUpgrade == false)
    }

    @Test("RFC 9110, 10.1.1: an expectation that is not known gets 417; HTTP/1.0 has none")
    func expectation() {
        #expect(get("Expect: x").error?.status == 417)
        #expect(Codec.request("GET / HTTP/1.0\r\nExpect: x\r\n\r\n").message != nil)
        let waiting = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-CONTINUE\r\nContent-Length: 1\r\n\r\nx"
        #expect(Codec.request(waiting).message?.head.expectsContinue == true)
    }

    @Test("RFC 6585, 5: a head that is too large, or has too many fields, gets 431")
    func tooLarge() {
        #expect(get("A: \(String(repeating: "b", count: 32 * 1024))").error?.status == 431)
        #expect(get((0..<100).map { "A\($0): b" }.joined(separator: "\r\n")).error?.status == 431)
    }
}
