import SluiceConfig
import SluiceCore
import Testing

@Suite("Formats of log lines") struct LogSyntaxTests {
    private func problem(_ format: String) -> LogSyntax.Problem? {
        if case .failure(let problem) = LogSyntax.parse(format) { problem } else { nil }
    }

    @Test("literals and operators in order, one line a request")
    func segments() throws {
        let format = try LogSyntax.parse("a%%b %PROTOCOL%!").get()
        #expect(
            format.segments == [
                .literal(Array("a%b ".utf8)), .value(.protocolName, limit: nil), .literal(Array("!\n".utf8)),
            ]
        )
        #expect(try LogSyntax.parse("x\n").get().segments == [.literal(Array("x\n".utf8))])
    }

    @Test(
        "operators",
        arguments: [
            ("REQ(:METHOD)", .method), ("REQ(X-ENVOY-ORIGINAL-PATH?:PATH)", .originalPath), ("REQ(:PATH)", .path),
            ("REQ(Host)", .requestHost), ("REQ(X-A?X-B)", .requestField("x-a", or: "x-b")),
            ("RESP(X-A)", .responseField("x-a", or: nil)), ("TRAILER(X)", .absent),
            ("UPSTREAM_TRANSPORT_FAILURE_REASON", .upstreamTLSFailure),
            ("DURATION", .duration(.whole)),
            ("UPSTREAM_HOST", .endpoint), ("DOWNSTREAM_TLS_VERSION", .tls(.version)),
            ("QUERY_PARAM(a)", .queryParameter("a")),
            ("JWT(sub)", .claim("sub")), ("START_TIME", .startTime(.standard)), ("PATH(NQ)", .pathWithoutQuery),
            ("START_TIME(%s.%3f)", .startTime(LogTimeFormat(parts: [.epoch, .literal([0x2E]), .fraction(3)]))),
        ] as [(String, LogOperator)]
    )
    func operators(text: String, expected: LogOperator) throws {
        #expect(try LogSyntax.parse("%\(text)%\n").get().segments.first == .value(expected, limit: nil))
        #expect(try LogSyntax.parse("%\(text):12%\n").get().segments.first == .value(expected, limit: 12))
    }

    @Test(
        "what cannot be meant is refused, with a hint",
        arguments: [
            ("%PROTOCOLL%", "unknown operator", "did you mean '%PROTOCOL%'?"), ("%", "without an end", nil),
            ("% done", "without an end", nil), ("%REQ%", "needs an argument", nil),
            ("%REQ()%", "empty header name", nil), ("%REQ(A):0%", "length", nil), ("%REQ(A):x%", "length", nil),
            ("%REQ(A)x%", "behind the argument", nil), ("%START_TIME(%q)%", "%q", nil),
            ("%REQ(A%", "without an end", nil),
        ] as [(String, String, String?)]
    )
    func problems(format: String, message: String, help: String?) throws {
        let found = try #require(problem("x " + format))
        #expect(found.message.contains(message), "\(found.message)")
        #expect(found.offset == 2)
        if let help { #expect(found.help == help) }
    }
}
