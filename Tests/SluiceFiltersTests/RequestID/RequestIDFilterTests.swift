import SluiceConfig
import SluiceCore
import SluiceFilters
import Testing

@Suite struct RequestIDFilterTests {
    private func filter(_ yaml: String) throws -> any Filter {
        try #require(FilterFile(yaml).filter(), "\(FilterFile(yaml).findings)")
    }

    private func isUUID(_ text: String?) -> Bool {
        guard let text else { return false }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts[2].first == "4"
            && text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || ASCII.hexValue($0) != nil }
    }

    @Test func makesAnIDForUpstreamClientAndLogs() throws {
        let exchange = TestExchange(request: [("Accept", "*/*")])
        let filter = try filter("request_id")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        let id = String(decoding: exchange.requestID, as: UTF8.self)
        #expect(isUUID(id))
        #expect(exchange.requestLines == ["Accept: */*", "x-request-id: \(id)"])
        #expect(exchange.responseLines == ["x-request-id: \(id)"])
    }

    @Test func everyRequestHasItsOwn() throws {
        let filter = try filter("request_id")
        let exchanges = (0..<3).map { _ in TestExchange() }
        for exchange in exchanges { #expect(filter.onRequest(exchange).isNext) }
        #expect(Set(exchanges.map(\.requestID)).count == 3)
    }

    @Test func doesNotTrustClientsByDefault() throws {
        let exchange = TestExchange(request: [("X-Request-Id", "mine"), ("x-request-id", "again")])
        #expect(try filter("request_id: {}").onRequest(exchange).isNext)
        #expect(exchange.values("x-request-id", of: exchange.request.fields).map(isUUID) == [true])
    }

    @Test func keepsTheIDOfATrustedClientAsItCame() throws {
        let exchange = TestExchange(request: [("X-REQUEST-ID", "a.B-3~"), ("B", "b")])
        let filter = try filter("request_id: {trust: true}")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        #expect(exchange.requestID == Array("a.B-3~".utf8))
        #expect(exchange.requestLines == ["X-REQUEST-ID: a.B-3~", "B: b"])
        #expect(exchange.responseLines == ["x-request-id: a.B-3~"])
    }

    static let unusable = [
        [""], ["a b"], ["a\"b"], ["{}"], ["\u{E9}"], [String(repeating: "a", count: 129)], ["one", "two"], [],
    ]

    @Test(arguments: unusable)
    func replacesAnIDThatIsNoToken(_ values: [String]) throws {
        let exchange = TestExchange(request: values.map { ("x-request-id", $0) })
        #expect(try filter("request_id: {trust: true}").onRequest(exchange).isNext)
        #expect(exchange.values("x-request-id", of: exchange.request.fields).map(isUUID) == [true])
    }

    @Test func takesTheLongestAllowed() throws {
        let id = String(repeating: "a", count: 128)
        let exchange = TestExchange(request: [("x-request-id", id)])
        #expect(try filter("request_id: {trust: true}").onRequest(exchange).isNext)
        #expect(exchange.requestID == Array(id.utf8))
    }

    @Test func theHeaderMayHaveAnotherName() throws {
        let exchange = TestExchange(request: [("X-Correlation-ID", "mine"), ("X-Request-Id", "other")])
        let filter = try filter("request_id: {header: X-Correlation-Id, trust: true}")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        #expect(exchange.requestID == Array("mine".utf8))
        #expect(exchange.responseLines == ["X-Correlation-Id: mine"])
    }

    @Test func aResponseCarriesItExactlyOnce() throws {
        // An upstream that echoes it, and the gateway's own errors, which have it already.
        let exchange = TestExchange(response: [("X-Request-Id", "upstream's"), ("A", "a"), ("x-request-id", "more")])
        let filter = try filter("request_id")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        #expect(exchange.values("x-request-id", of: exchange.response.fields).map(isUUID) == [true])
        #expect(exchange.responseLines.count == 2)
    }

    @Test func withoutEchoTheResponseStaysAsItIs() throws {
        let exchange = TestExchange(response: [("X-Request-Id", "upstream's")])
        let filter = try filter("request_id: {echo: false}")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        #expect(exchange.responseLines == ["X-Request-Id: upstream's"])
    }

    @Test func anExchangeHasOneID() throws {
        let exchange = TestExchange(request: [("x-request-id", "client's")])
        #expect(try filter("request_id: {header: x-first}").onRequest(exchange).isNext)
        let id = exchange.requestID
        #expect(try filter("request_id: {trust: true}").onRequest(exchange).isNext)
        #expect(exchange.requestID == id)
        let text = String(decoding: id, as: UTF8.self)
        #expect(exchange.requestLines == ["x-first: \(text)", "x-request-id: \(text)"])
    }

    @Test func refusesWhatCannotCarryIt() {
        #expect(
            FilterFile("request_id: {header: Content-Length}").findings == [
                "5:26 SL013 'header' of filter 'request_id' cannot be 'Content-Length': the gateway itself answers for that header"
            ]
        )
        #expect(FilterFile("request_id: {header: 'a b', trust: yes, ech: true}").findings.count == 3)
        #expect(FilterFile("request_id", "request_id").findings.map { $0.contains("SL036") } == [true])
    }
}
