import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("cors") struct CORSFilterTests {
    private func filter(_ settings: String) throws -> any Filter {
        let file = FilterFile("cors: \(settings)")
        return try #require(file.filter(), "\(file.findings)")
    }

    private func exchange(
        _ origin: String?,
        preflight: Bool = false,
        _ more: [(String, String)] = [],
        response: [(String, String)] = []
    ) -> TestExchange {
        var request = origin.map { [("Origin", $0)] } ?? []
        if preflight { request.append(("Access-Control-Request-Method", "PUT")) }
        let exchange = TestExchange(request: request + more, response: response, slots: 1)
        exchange.request.method = preflight ? .options : .get
        return exchange
    }

    /// The fields of the answer, sorted.
    private func answer(_ filter: any Filter, _ exchange: TestExchange) -> [String] {
        _ = filter.onRequest(exchange)
        filter.onResponse(exchange)
        return exchange.responseLines.sorted()
    }

    // MARK: - Requests

    @Test("a request of a known origin")
    func simple() throws {
        let filter = try filter(#"{origins: ["https://app.example.com"], expose_headers: [x-total, x-next]}"#)
        #expect(
            answer(filter, exchange("https://app.example.com")) == [
                "Access-Control-Allow-Origin: https://app.example.com",
                "Access-Control-Expose-Headers: x-total, x-next",
                "Vary: Origin",
            ]
        )
        #expect(answer(filter, exchange("https://evil.example")) == ["Vary: Origin"])
        #expect(answer(filter, exchange(nil)) == ["Vary: Origin"])
        #expect(answer(filter, exchange("")) == ["Vary: Origin"])
    }

    @Test("the origin goes back as it came, since browsers compare bytes")
    func asItCame() throws {
        let filter = try filter(#"{origins: ["https://app.example.com", "https://*.example.com"], credentials: true}"#)
        for origin in ["https://app.example.com", "https://APP.example.com:443", "https://other.example.com"] {
            #expect(
                answer(filter, exchange(origin)) == [
                    "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Origin: \(origin)", "Vary: Origin",
                ]
            )
        }
    }

    @Test("what is decided stays decided, also when another filter takes the origin away (CVE-2023-35943)")
    func originRemoved() throws {
        for origins in ["https://a.example", "https://*.example"] {
            let filter = try filter("{origins: ['\(origins)']}")
            let exchange = exchange("https://a.example")
            #expect(filter.onRequest(exchange).isNext)
            exchange.request.fields.remove(.origin)
            exchange.request.fields.append(name: "Origin".utf8, value: "https://evil.example".utf8)
            filter.onResponse(exchange)
            #expect(exchange.responseLines.contains("Access-Control-Allow-Origin: https://a.example"))
        }
    }

    @Test("two origins are none, even if they are alike")
    func severalOrigins() throws {
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        for second in ["https://a.example", "https://evil.example", ""] {
            #expect(answer(filter, exchange("https://a.example", [("origin", second)])) == ["Vary: Origin"])
        }
        #expect(answer(filter, exchange("https://a.example, https://a.example")) == ["Vary: Origin"])
    }

    @Test("everybody: the star for all, those without an origin too, and no Vary, since all get the same")
    func everybody() throws {
        let filter = try filter(#"{origins: ["*"], expose_headers: ["*"]}"#)
        for origin in ["null", "https://x.example", "nonsense", nil] {
            #expect(
                answer(filter, exchange(origin)) == [
                    "Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: *",
                ]
            )
        }
    }

    // MARK: - Responses of upstreams

    @Test("what the upstream says about CORS gives way")
    func upstreamFields() throws {
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        let said = [
            ("access-control-allow-origin", "*"), ("Access-Control-Allow-Credentials", "true"),
            ("ACCESS-CONTROL-MAX-AGE", "99"),
            ("Access-Control-Allow-Methods", "TRACE"), ("Access-Control-Allow-Headers", "*"),
            ("Access-Control-Expose-Headers", "x-secret"), ("Access-Control-Allow-Private-Network", "true"),
            ("Access-Control-Allow-Origin", "https://evil.example"), ("Timing-Allow-Origin", "*"),
            ("X-Access-Control-A", "kept"),
        ]
        #expect(
            answer(filter, exchange("https://evil.example", response: said)) == [
                "Timing-Allow-Origin: *", "Vary: Origin", "X-Access-Control-A: kept",
            ]
        )
        #expect(
            answer(filter, exchange("https://a.example", response: said)) == [
                "Access-Control-Allow-Origin: https://a.example", "Timing-Allow-Origin: *", "Vary: Origin",
                "X-Access-Control-A: kept",
            ]
        )
    }

    @Test(
        "Vary is said once, joined to what is there",
        arguments: [
            ([], ["Vary: Origin"]), (["Accept-Encoding"], ["Vary: Accept-Encoding, Origin"]),
            (["accept, ORIGIN"], ["vary: accept, ORIGIN"]), (["*"], ["vary: *"]), (["a, *"], ["vary: a, *"]),
            (["a", "b"], ["Vary: a, Origin", "vary: b"]), (["a", "origin"], ["vary: a", "vary: origin"]),
            ([""], ["Vary: Origin"]),
            (["X-Origin"], ["Vary: X-Origin, Origin"]), (["origin-x, aorigin"], ["Vary: origin-x, aorigin, Origin"]),
        ]
    )
    func vary(said: [String], expected: [String]) throws {
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        #expect(answer(filter, exchange(nil, response: said.map { ("vary", $0) })) == expected)
    }

    @Test("two policies on the way do not say anything twice")
    func twice() throws {
        let filter = try filter(#"{origins: ["https://a.example"], credentials: true}"#)
        let exchange = exchange("https://a.example")
        _ = filter.onRequest(exchange)
        filter.onResponse(exchange)
        filter.onResponse(exchange)
        #expect(exchange.responseLines.count == 3)
    }

    // MARK: - Preflights

    @Test("a preflight is answered by the gateway")
    func preflight() throws {
        let filter = try filter(
            #"{origins: ["https://a.example"], methods: [GET, PUT], max_age: 10m, credentials: true, private_network: true, expose_headers: [x-b]}"#
        )
        let exchange = exchange(
            "https://a.example",
            preflight: true,
            [
                ("Access-Control-Request-Headers", "x-a, content-type"),
                ("Access-Control-Request-Private-Network", "true"),
            ]
        )
        let reply = try #require(filter.onRequest(exchange).reply)
        #expect(reply.status == 204 && reply.body.isEmpty && reply.error == nil)
        filter.onResponse(exchange)
        #expect(
            exchange.responseLines.sorted() == [
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: x-a, content-type",
                "Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Origin: https://a.example",
                "Access-Control-Allow-Private-Network: true", "Access-Control-Max-Age: 600",
                "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
            ]
        )
    }

    @Test("a preflight of a stranger ends here too, and says nothing")
    func strangePreflight() throws {
        let filter = try filter(#"{origins: ["https://a.example"], max_age: 1m}"#)
        for origin in ["https://evil.example", "null", ""] {
            let exchange = exchange(origin, preflight: true)
            #expect(filter.onRequest(exchange).reply?.status == 204)
            filter.onResponse(exchange)
            #expect(
                exchange.responseLines == [
                    "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
                ]
            )
        }
    }

    @Test("an OPTIONS request that is no preflight goes on")
    func noPreflight() throws {
        let filter = try filter(#"{origins: ["https://a.example"]}"#)
        let plain = exchange("https://a.example")
        plain.request.method = .options
        #expect(filter.onRequest(plain).isNext)
        let withoutOrigin = exchange(nil, preflight: true)
        #expect(filter.onRequest(withoutOrigin).isNext)
        let get = exchange("https://a.example", preflight: true)
        get.request.method = .get
        #expect(filter.onRequest(get).isNext)
    }

    @Test("for everybody the star; what is asked for is repeated by name, since the star covers no Authorization")
    func everybodysPreflight() throws {
        let exchange = exchange(
            "https://x.example",
            preflight: true,
            [("Access-Control-Request-Headers", "authorization,x-a")]
        )
        #expect(
            answer(try filter(#"{origins: ["*"], methods: ["*"], headers: ["*"], max_age: 0}"#), exchange) == [
                "Access-Control-Allow-Headers: authorization,x-a", "Access-Control-Allow-Methods: PUT",
                "Access-Control-Allow-Origin: *", "Access-Control-Max-Age: 0",
                "Vary: Access-Control-Request-Method, Access-Control-Request-Headers",
            ]
        )
    }

    @Test(
        "nothing but a list of names is repeated",
        arguments: [
            "x-a,,x-b", "x a", "x-a;q=1", "x-a:b", "x-a\"", "", ",", "\u{FC}", "x-a, ",
            String(repeating: "a", count: 4097),
            "x-a" + String(repeating: ",", count: 4000),
        ]
    )
    func hostileLists(list: String) throws {
        let filter = try filter(#"{origins: ["https://a.example"], methods: ["*"]}"#)
        let exchange = exchange("https://a.example", preflight: true, [("Access-Control-Request-Headers", list)])
        #expect(!answer(filter, exchange).contains { $0.hasPrefix("Access-Control-Allow-Headers") })
        let method = self.exchange("https://a.example", [("Access-Control-Request-Method", list)])
        method.request.method = .options
        #expect(!answer(filter, method).contains { $0.hasPrefix("Access-Control-Allow-Methods") })
    }

    @Test("no headers may be set where the list is empty")
    func noHeaders() throws {
        let exchange = exchange("https://a.example", preflight: true, [("Access-Control-Request-Headers", "x-a")])
        let answer = answer(try filter(#"{origins: ["https://a.example"], headers: []}"#), exchange)
        #expect(!answer.contains { $0.hasPrefix("Access-Control-Allow-Headers") })
    }

    @Test("a private network opens only to those who ask, and where the file says so")
    func privateNetwork() throws {
        for (isOpen, asked, isAllowed) in [
            (true, "true", true), (false, "true", false), (true, "false", false), (true, nil, false),
        ] as [(Bool, String?, Bool)] {
            let filter = try filter("{origins: ['https://a.example'], private_network: \(isOpen)}")
            let fields = asked.map { [("Access-Control-Request-Private-Network", $0)] } ?? []
            let answer = answer(filter, exchange("https://a.example", preflight: true, fields))
            #expect(answer.contains("Access-Control-Allow-Private-Network: true") == isAllowed)
        }
    }

    @Test("preflights may go on to the upstream, which then answers for all but origin and credentials")
    func continued() throws {
        let filter = try filter(#"{origins: ["https://a.example"], credentials: true, continue_preflight: true}"#)
        let said = [
            ("Access-Control-Allow-Methods", "PURGE"), ("Access-Control-Max-Age", "5"),
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Expose-Headers", "x-secret"),
        ]
        let known = exchange("https://a.example", preflight: true, response: said)
        #expect(filter.onRequest(known).isNext)
        filter.onResponse(known)
        #expect(
            known.responseLines.sorted() == [
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Methods: PURGE",
                "Access-Control-Allow-Origin: https://a.example", "Access-Control-Max-Age: 5", "Vary: Origin",
            ]
        )
        let strange = exchange("https://evil.example", preflight: true, response: said)
        #expect(filter.onRequest(strange).isNext)
        filter.onResponse(strange)
        #expect(strange.responseLines == ["Vary: Origin"])
    }

    // MARK: - Enforcement

    @Test("enforcement refuses strangers and leaves those without an origin alone")
    func enforce() throws {
        let filter = try filter(#"{origins: ["https://a.example"], enforce: true}"#)
        #expect(filter.onRequest(exchange("https://evil.example")).reply?.error == .originForbidden)
        #expect(filter.onRequest(exchange("https://evil.example", preflight: true)).reply?.status == 403)
        #expect(filter.onRequest(exchange("null")).reply?.status == 403)
        #expect(filter.onRequest(exchange("")).reply?.status == 403)
        #expect(filter.onRequest(exchange(nil)).isNext)
        #expect(filter.onRequest(exchange("https://a.example")).isNext)
        #expect(filter.onRequest(exchange("https://a.example", [("origin", "https://a.example")])).reply?.status == 403)
    }

    @Test(
        "a site's own requests name their origin too, and are no matter of CORS",
        arguments: [
            ("https://api.test", "api.test", true), ("https://API.test:443", "api.TEST", true),
            ("http://api.test", "api.test:80", true), ("https://api.test:8443", "api.test:8443", true),
            ("http://[::1]:8080", "[::1]:8080", true), ("https://api.test:8443", "api.test", false),
            ("https://api.test", "api.test:8443", false), ("https://api.test", "api.test.evil", false),
            ("https://evil.api.test", "api.test", false), ("https://api.test", "", false),
            ("https://api.tes", "api.test", false),
            ("null", "null", false), ("app://api.test", "api.test", true), ("app://api.test", "api.test:80", false),
        ]
    )
    func ownOrigin(origin: String, host: String, isOwn: Bool) throws {
        let filter = try filter(#"{origins: ["https://a.example"], enforce: true}"#)
        let exchange = exchange(origin)
        exchange.request.authority = exchange.request.fields.store(host.utf8)
        #expect(filter.onRequest(exchange).isNext == isOwn)
        filter.onResponse(exchange)
        #expect(exchange.responseLines == ["Vary: Origin"])
    }

    // MARK: - The file

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "needs 'origins'"), ("{origins: []}", "must not be empty"),
            (#"{origins: ["app.example.com"]}"#, "is not an origin"),
            (#"{origins: ["https://a.example/"]}"#, "is not an origin"), ("{origins: [null]}", "has no value"),
            (
                #"{origins: ["*"], credentials: true}"#,
                "'credentials' with the origin '*' would let every site act as the user"
            ),
            (
                #"{origins: ["null"], credentials: true}"#,
                "'credentials' with the origin 'null' would let every site act as the user"
            ),
            (
                #"{origins: ["*", "https://a.example"]}"#,
                "'origins' has '*', which lets in every origin, and others beside it"
            ),
            (
                #"{origins: ["https://a.example"], credentials: true, expose_headers: ["*"]}"#,
                "'expose_headers' has '*'"
            ),
            (#"{origins: ["~("]}"#, "SL025"), (#"{origins: ["~https://a.example"]}"#, "SL025"),
            (#"{origins: ["*"], max_age: x}"#, "max_age"),
            (#"{origins: ["*"], max_age: 1500ms}"#, "must be whole seconds"),
            (#"{origins: ["*"], methods: [get]}"#, "methods are case-sensitive"),
            (#"{origins: ["*"], methods: []}"#, "must not be empty"),
            (#"{origins: ["*"], enforce: true}"#, "'enforce' refuses nobody where every origin is allowed"),
            (
                #"{origins: ["https://a.example"], continue_preflight: true, max_age: 1m}"#,
                "SL016 'max_age' has no effect with 'continue_preflight': the upstream answers the preflight"
            ),
            (#"{origins: ["https://a.example"], origin: x}"#, "did you mean 'origins'?"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("cors: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
