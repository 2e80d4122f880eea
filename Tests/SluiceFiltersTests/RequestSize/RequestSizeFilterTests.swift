import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("request_size") struct RequestSizeFilterTests {
    private func filter(_ settings: String) throws -> any Filter {
        let file = FilterFile("request_size: \(settings)")
        return try #require(file.filter(), "\(file.findings)")
    }

    private func error(_ settings: String, _ change: (TestExchange) -> Void) throws -> GatewayError? {
        let exchange = TestExchange()
        change(exchange)
        return try filter(settings).onRequest(exchange).reply?.error
    }

    @Test(
        "a length that is told is judged at once",
        arguments: [
            (0, nil), (1023, nil), (1024, nil), (1025, .bodyTooLarge), (.max, .bodyTooLarge),
        ] as [(UInt64, GatewayError?)]
    )
    func length(count: UInt64, expected: GatewayError?) throws {
        #expect(try error("{body: 1KiB}") { $0.request.framing = .length(count) } == expected)
    }

    @Test("a limit of nothing lets only requests without a body pass")
    func nothing() throws {
        #expect(try error("{body: 0}") { $0.request.framing = .length(0) } == nil)
        #expect(try error("{body: 0}") { $0.request.framing = .none } == nil)
        #expect(try error("{body: 0}") { $0.request.framing = .length(1) } == .bodyTooLarge)
    }

    @Test("chunks are counted by the engine, which is told the smallest limit that anybody set")
    func chunks() throws {
        let exchange = TestExchange()
        exchange.request.framing = .chunked
        for limit in ["{body: 1MiB}", "{body: 4KiB}", "{body: 64KiB}", "{header: 1KiB}"] {
            #expect(try filter(limit).onRequest(exchange).isNext)
        }
        #expect(exchange.requestBodyLimit == 4096)
        let other = TestExchange()
        #expect(try filter("{body: 4KiB}").onRequest(other).isNext)
        #expect(other.requestBodyLimit == .max)
    }

    @Test("bodies without a length are refused where one is required; requests without a body need none")
    func required() throws {
        let settings = "{body: 1MiB, require_content_length: true}"
        #expect(try error(settings) { $0.request.framing = .chunked } == .lengthRequired)
        #expect(try error(settings) { $0.request.framing = .length(5) } == nil)
        #expect(try error(settings) { $0.request.framing = .none } == nil)
        #expect(try error("{require_content_length: true}") { $0.request.framing = .chunked } == .lengthRequired)
    }

    @Test("a header counts with its name, all of them as they take on the wire, and removed ones not at all")
    func headers() throws {
        func fields(_ exchange: TestExchange) {
            exchange.request.fields.append(name: "abc".utf8, value: "1234567".utf8)
            exchange.request.fields.append(name: "d".utf8, value: "".utf8)
        }
        #expect(try error("{header: 10B}", fields) == nil)
        #expect(try error("{header: 9B}", fields) == .headTooLarge)
        // 10 + 4, 1 + 4.
        #expect(try error("{headers: 19B}", fields) == nil)
        #expect(try error("{headers: 18B}", fields) == .headTooLarge)
        #expect(
            try error("{headers: 5B, header: 5B}") {
                fields($0)
                $0.request.fields.removeEntry(at: 0)
            } == nil
        )
    }

    @Test("a query counts without its question mark")
    func query() throws {
        func query(_ text: String) -> (TestExchange) -> Void {
            { $0.request.query = $0.request.fields.store(text.utf8) }
        }
        #expect(try error("{query: 5B}", query("a=1&b")) == nil)
        #expect(try error("{query: 5B}", query("a=1&b=")) == .uriTooLong)
        #expect(try error("{query: 0}", query("")) == nil)
        #expect(try error("{query: 0}", query("a")) == .uriTooLong)
        #expect(try error("{query: 0}") { _ in } == nil)
    }

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "SL011 filter 'request_size' limits nothing"), ("{body: 1 MB x}", "SL014"), ("{body: -1}", "SL014"),
            ("{header: 0}", "SL015 'header' of filter 'request_size' must be at least 1B"),
            (
                "{header: 2KiB, headers: 1KiB}",
                "SL013 'header' allows a single header more than 'headers' allows all of them"
            ),
            ("{boddy: 1KiB}", "did you mean 'body'"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("request_size: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
