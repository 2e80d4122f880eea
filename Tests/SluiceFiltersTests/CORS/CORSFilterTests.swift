import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("cors") struct CORSFilterTests {
    private func filter(_ settings: String) throws -> any Filter {
        let file = FilterFile("cors: \(settings)")
        return try #require(file.filter(), "\(file.findings)")
    }

    private func exchange(_ origin: String?, preflight: Bool = false, _ more: [(String, String)] = [], response: [(String, String)] = []) -> TestExchange {
        var request = origin.map { [("Origin", $0)] } ?? []
        if preflight { request.append(("Access-Control-Request-Method", "PUT")) }
        let exchange = TestExchange(request: request + more, response: response, slots: 1)
        exchange.request.method = preflight ? .options : .get
        return exchange
    }

    /// The CORS fields of the answer, sorted.
    private func answer(_ filter: any Filter, _ exchange: TestExchange) -> [String] {
        _ = filter.onRequest(exchange)
        filter.onResponse(exchange)
        return exchange.responseLines.sorted()
    }

    @Test("a request of a known origin")
    func simple() throws {
        let filter = try filter(#"{origins: ["https://app.example.com"], expose_headers: [x-total]}"#)
        #expect(
            answer(filter, exchange("https://app.example.com")) == [
                "Access-Control-Allow-Origin: https://app.example.com", "Access-Control-Expose-Headers: x-total",
                "Vary: Origin",
            ]
        )
        #expect(answer(filter, exchange("https://evil.example")) == ["Vary: Origin"])
        #expect(answer(filter, exchange(nil)) == ["Vary: Origin"])
    }

    @Test("what the upstream says about CORS gives way, and Vary is not doubled")
    func upstreamFields() throws {
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        let exchange = exchange(
            "https://evil.example",
            response: [
                ("access-control-allow-origin", "*"), ("Access-Control-Allow-Credentials", "true"), ("VARY", "accept, ORIGIN"),
            ]
        )
        #expect(answer(filter, exchange) == ["VARY: accept, ORIGIN"])
    }

    @Test("a preflight is answered by the gateway")
    func preflight() throws {
        let filter = try filter(
            #"{origins: ["https://a.example"], methods: [GET, PUT], max_age: 10m, credentials: true, private_network: true}"#
        )
        let exchange = exchange(
            "https://a.example",
            preflight: true,
            [("Access-Control-Request-Headers", "x-a, content-type"), ("Access-Control-Request-Private-Network", "true")]
        )
        #expect(filter.onRequest(exchange).reply?.status == 204)
        filter.onResponse(exchange)
        #expect(
            exchange.responseLines.sorted() == [
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: x-a, content-type",
                "Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Origin: https://a.example",
                "Access-Control-Allow-Private-Network: true", "Access-Control-Max-Age: 600",
                "Vary: Access-Control-Request-Headers", "Vary: Access-Control-Request-Private-Network", "Vary: Origin",
            ]
        )
    }

    @Test("a preflight of a stranger ends here too, and says nothing")
    func strangePreflight() throws {
        let exchange = exchange("https://evil.example", preflight: true)
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        #expect(filter.onRequest(exchange).reply?.status == 204)
        filter.onResponse(exchange)
        #expect(exchange.responseLines == ["Vary: Origin"])
    }

    @Test("everybody: the star, and no Vary, since all get the same")
    func everybody() throws {
        let filter = try filter(#"{origins: ["*"], headers: [x-a]}"#)
        #expect(answer(filter, exchange("null")) == ["Access-Control-Allow-Origin: *"])
        #expect(answer(filter, exchange("https://x.example", preflight: true)).contains("Access-Control-Allow-Headers: x-a"))
    }

    @Test("enforcement refuses strangers and leaves those without an origin alone")
    func enforce() throws {
        let filter = try filter(#"{origins: ["https://a.example"], enforce: true}"#)
        #expect(filter.onRequest(exchange("https://evil.example")).reply?.error == .originForbidden)
        #expect(filter.onRequest(exchange("https://evil.example", preflight: true)).reply?.status == 403)
        #expect(filter.onRequest(exchange(nil)).isNext)
        #expect(filter.onRequest(exchange("https://a.example")).isNext)
        // Two origins are none.
        #expect(filter.onRequest(exchange("https://a.example", [("origin", "https://a.example")])).reply?.status == 403)
    }

    @Test("preflights may go on to the upstream")
    func continued() throws {
        let filter = try filter(#"{origins: ["https://a.example"], continue_preflight: true}"#)
        let exchange = exchange("https://a.example", preflight: true, response: [("Access-Control-Allow-Methods", "TRACE")])
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
        #expect(exchange.values("access-control-allow-methods", of: exchange.response.fields).count == 1)
        #expect(!exchange.responseLines.contains("Access-Control-Allow-Methods: TRACE"))
    }

    @Test(
        "origins",
        arguments: [
            ("https://a.example", "https://a.example", true), ("https://a.example:443", "https://a.example", true),
            ("HTTPS://A.Example", "https://a.example", true), ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false), ("https://a.example", "https://a.example.evil", false),
            ("https://*.example.com", "https://a.example.com", true), ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false), ("https://*.example.com", "https://evil/.example.com", false),
            ("https://*.example.com", "https://evil.com#.example.com", false),
            ("https://*.example.com", "https://evil@.example.com", false), ("https://*.example.com", "https://.example.com", false),
            ("~https://[a-z]+\\.example\\.com", "https://abc.example.com", true),
            ("~https://[a-z]+\\.example\\.com", "https://abc.example.com.evil", false), ("null", "null", true),
            ("https://a.example", "null", false), ("http://localhost:3000", "http://localhost:3000", true),
        ]
    )
    func origins(rule: String, origin: String, isAllowed: Bool) throws {
        let matcher = OriginMatcher([try #require(OriginRule(rule))])
        #expect(Array(origin.utf8).withUnsafeBytes { matcher.allows($0) } == isAllowed)
    }

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "needs 'origins'"), ("{origins: []}", ""), (#"{origins: ["app.example.com"]}"#, "is not an origin"),
            (#"{origins: ["https://a.example/"]}"#, "is not an origin"), (#"{origins: ["https://*"]}"#, "is not an origin"),
            (#"{origins: ["*"], credentials: true}"#, "would let every site act as the user"),
            (#"{origins: ["~("]}"#, "is not a regular expression"), (#"{origins: ["*"], max_age: x}"#, "max_age"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("cors: \(settings)").findings
        #expect(findings.contains { finding.isEmpty || $0.contains(finding) }, "\(findings)")
    }
}
