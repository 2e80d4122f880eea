import NIOEmbedded
import SluiceConfig
import SluiceCore
import SluiceFilters
import Testing

@Suite("key_auth") struct KeyAuthFilterTests {
    /// `bob`'s key is known by its digest only: that of `bob-secret`.
    private static let consumers = """
        consumers:
          - {name: alice, groups: [gold, beta], keys: [alice-secret, other-secret]}
          - {name: bob, keys: [{sha256: "1e2bbbe9e1ea92dd07a56b41fbab4e4cbc0b6a8f3e64d4ea1a7ae0d4d52b1c44"}]}
        """

    private func filter(_ settings: String = "{}", consumers: String = Self.consumers) throws -> any Filter {
        let digest = SHA256Digest(of: Array("bob-secret".utf8)).hexadecimal
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            routes: [{name: all, respond: {status: 200}}]
            \(consumers.replacing(#/[0-9a-f]{64}/#, with: digest))
            filters:
              - key_auth: \(settings)
            """
        let file = FilterFile(text: text)
        let model = try #require(file.model, "\(file.findings)")
        let resources = FilterResources(
            loop: FilterResources.forTest().loop,
            slot: 0,
            surroundings: FilterSurroundings(gateway: model)
        )
        return try #require(file.filter(resources))
    }

    @Test("a known key is a caller, whom the upstream is told about, and not the key")
    func known() throws {
        let exchange = TestExchange(request: [
            ("X-Api-Key", "alice-secret"), ("X-Consumer-Name", "root"), ("x-consumer-groups", "admin"), ("a", "b"),
        ])
        #expect(try filter().onRequest(exchange).isNext)
        #expect(exchange.consumer?.name == Array("alice".utf8))
        #expect(exchange.requestLines == ["a: b", "x-consumer-name: alice", "x-consumer-groups: gold, beta"])
    }

    @Test("a key may be known by its digest")
    func digest() throws {
        let exchange = TestExchange(request: [("x-api-key", "bob-secret")])
        #expect(try filter("{forward: true}").onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["x-api-key: bob-secret", "x-consumer-name: bob"])
    }

    @Test(
        "who has no good key is refused",
        arguments: [
            ([], GatewayError.credentialMissing), ([("x-api-key", "")], .credentialMissing),
            ([("x-api-key", "wrong")], .credentialInvalid), ([("x-api-key", "Alice-secret")], .credentialInvalid),
            ([("x-api-key", "alice-secret"), ("x-api-key", "bob-secret")], .credentialInvalid),
            ([("x-api-key", String(repeating: "x", count: 5000))], .credentialInvalid),
        ] as [([(String, String)], GatewayError)]
    )
    func refused(request: [(String, String)], error: GatewayError) throws {
        let exchange = TestExchange(request: request)
        let reply = try #require(try filter().onRequest(exchange).reply)
        #expect(reply.error == error && reply.status == 401)
        #expect(reply.fields.map { String(decoding: $0.name, as: UTF8.self) } == ["WWW-Authenticate"])
        #expect(exchange.consumer == nil)
    }

    @Test("optional: nobody passes as nobody, and a wrong key never; the client names nobody")
    func optional() throws {
        let filter = try filter("{required: false}")
        let exchange = TestExchange(request: [("x-consumer-name", "root")])
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.consumer == nil && exchange.requestLines == [])
        #expect(filter.onRequest(TestExchange(request: [("x-api-key", "wrong")])).reply?.status == 401)
    }

    @Test("groups")
    func groups() throws {
        let filter = try filter("{groups: [silver, gold]}")
        #expect(filter.onRequest(TestExchange(request: [("x-api-key", "alice-secret")])).isNext)
        let reply = filter.onRequest(TestExchange(request: [("x-api-key", "bob-secret")])).reply
        #expect(reply?.error == .consumerForbidden && reply?.status == 403)
    }

    private func request(query: String? = nil, cookie: String? = nil) -> TestExchange {
        let exchange = TestExchange(request: cookie.map { [("Cookie", $0)] } ?? [])
        if let query { exchange.request.query = exchange.request.fields.store(Array(query.utf8)) }
        return exchange
    }

    @Test("a key in the query is decoded, found and taken out")
    func query() throws {
        let filter = try filter("{in: [header, query], name: key}")
        for (query, rest) in [
            ("key=alice-secret", nil), ("a=1&key=alice%2Dsecret&b=2", "a=1&b=2"), ("key=alice-secret&key=x&c", "c"),
        ] as [(String, String?)] {
            let exchange = request(query: query)
            #expect(filter.onRequest(exchange).isNext, "\(query)")
            #expect(exchange.request.query.map { exchange.request.fields.string($0) } == rest)
        }
        #expect(filter.onRequest(request(query: "keyy=alice-secret")).reply?.status == 401)
    }

    @Test("a key in a cookie is found and taken out, other cookies stay")
    func cookie() throws {
        let filter = try filter("{in: cookie, name: key}")
        let exchange = request(cookie: "a=1; key=alice-secret; b=2")
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.values("cookie", of: exchange.request.fields) == ["a=1; b=2"])
        let only = request(cookie: "key=alice-secret")
        #expect(filter.onRequest(only).isNext)
        #expect(only.values("cookie", of: only.request.fields) == [])
    }

    @Test(
        "mistakes with consumers are told where they are, and no key is shown",
        arguments: [
            ("consumers: [{name: a, keys: [k1k1]}, {name: a}]", "there are two consumers with the name 'a'"),
            ("consumers: [{name: a, keys: [k1k1]}, {name: b, keys: [k1k1]}]", "consumer 'b' has a key of consumer 'a'"),
            ("consumers: [{name: a, keys: [{sha256: abc}]}]", "must be 64 hexadecimal digits"),
            ("consumers: [{keys: [k1k1]}]", "needs 'name'"),
            ("consumers: [{name: a, keys: ['']}]", "must not be empty"),
            ("consumers: [{name: a, group: [x]}]", "did you mean 'groups'?"),
        ]
    )
    func diagnostics(consumers: String, finding: String) {
        let file = FilterFile(
            text: "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:0\"}]\n\(consumers)\nfilters: [key_auth]\n"
        )
        #expect(file.findings.contains { $0.contains(finding) }, "\(file.findings)")
        #expect(!file.findings.contains { $0.contains("k1k1") })
    }

    // MARK: - Names and places

    @Test("names of parameters and cookies are taken as they are written, those of headers in any case")
    func caseOfNames() throws {
        let inQuery = try filter("{in: query, name: apiKey}")
        #expect(inQuery.onRequest(request(query: "apiKey=alice-secret")).isNext)
        #expect(inQuery.onRequest(request(query: "apikey=alice-secret")).reply?.error == .credentialMissing)
        let inCookie = try filter("{in: cookie, name: Key}")
        #expect(inCookie.onRequest(request(cookie: "Key=alice-secret")).isNext)
        #expect(inCookie.onRequest(request(cookie: "key=alice-secret")).reply?.error == .credentialMissing)
        let inHeader = try filter("{name: X-KEY}")
        #expect(inHeader.onRequest(TestExchange(request: [("x-key", "alice-secret")])).isNext)
    }

    @Test("a plus in the query is one: keys are told as they are")
    func plus() throws {
        let consumers = "consumers: [{name: alice, keys: [\"a+b/c==\"]}]"
        let filter = try filter("{in: query, name: key}", consumers: consumers)
        for query in ["key=a+b/c==", "key=a%2Bb%2Fc%3D%3D", "key=a+b/c%3d%3D"] {
            #expect(filter.onRequest(request(query: query)).isNext, "\(query)")
        }
    }

    @Test("several names at several places: the first that is there counts, and no key goes upstream from any")
    func severalNames() throws {
        let filter = try filter("{in: [header, query], name: [first, second]}")
        let exchange = TestExchange(request: [("second", "bob-secret"), ("a", "b"), ("FIRST", "alice-secret")])
        exchange.request.query = exchange.request.fields.store(Array("x=1&second=other&first=&first=other".utf8))
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.consumer?.name == Array("alice".utf8))
        #expect(exchange.requestLines == ["a: b", "x-consumer-name: alice", "x-consumer-groups: gold, beta"])
        #expect(exchange.request.query.map { exchange.request.fields.string($0) } == "x=1")
        let wrongFirst = TestExchange(request: [("first", "wrong"), ("second", "bob-secret")])
        #expect(filter.onRequest(wrongFirst).reply?.error == .credentialInvalid)
    }

    @Test("in Authorization the key follows 'Bearer'; another scheme is somebody else's business")
    func bearer() throws {
        let filter = try filter("{name: authorization}")
        for value in ["Bearer alice-secret", "bearer alice-secret", "BEARER   alice-secret"] {
            let exchange = TestExchange(request: [("Authorization", value)])
            #expect(filter.onRequest(exchange).isNext, "\(value)")
            #expect(exchange.values("authorization", of: exchange.request.fields) == [])
        }
        for value in [
            "alice-secret", "Basic alice-secret", "Bearer", "Bearer ", "Beareralice-secret", "Bearer\talice-secret",
        ] {
            let reply = filter.onRequest(TestExchange(request: [("Authorization", value)])).reply
            #expect(reply?.error == .credentialMissing, "\(value)")
            #expect(reply?.fields.map { String(decoding: $0.value, as: UTF8.self) } == ["Bearer"])
        }
        let both = try self.filter("{name: [authorization, x-api-key]}")
        let exchange = TestExchange(request: [("authorization", "Basic dTpw"), ("x-api-key", "bob-secret")])
        #expect(both.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["authorization: Basic dTpw", "x-consumer-name: bob"])
    }

    // MARK: - Who the caller is

    @Test("the names of the identity headers are the gateway's, however a client spells them")
    func identity() throws {
        let filter = try filter("{consumer_header: X-Caller, groups_header: X-Teams}")
        let exchange = TestExchange(request: [
            ("x-caller", "root"), ("X_CALLER", "root"), ("X-Teams", "admin"), ("x_teams", "admin"),
            ("x-api-key", "alice-secret"),
            ("X-Consumer-Name", "free"),
        ])
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["X-Consumer-Name: free", "X-Caller: alice", "X-Teams: gold, beta"])
    }

    @Test("without a key, a caller whom an earlier filter knows stays known")
    func earlier() throws {
        let exchange = TestExchange(request: [("x-consumer-name", "root")])
        exchange.consumer = Consumer(name: Array("carol".utf8), groups: [Array("a".utf8)], index: 7)
        #expect(try filter("{required: false}").onRequest(exchange).isNext)
        #expect(exchange.consumer?.index == 7)
        #expect(exchange.requestLines == ["x-consumer-name: carol", "x-consumer-groups: a"])
    }

    @Test("who is turned away for the group is known to the log all the same")
    func turnedAway() throws {
        let exchange = TestExchange(request: [("x-api-key", "bob-secret")])
        #expect(try filter("{groups: [gold]}").onRequest(exchange).reply?.status == 403)
        #expect(exchange.consumer?.name == Array("bob".utf8))
    }

    @Test(
        arguments: [
            ("{in: []}", "'in' of filter 'key_auth' must not be empty"),
            ("{in: body}", "'in' of filter 'key_auth' cannot be 'body'"),
            ("{name: []}", "'name' of filter 'key_auth' must not be empty"),
            ("{name: \"a b\"}", "is not the name of a header, parameter or cookie: 'a b'"),
            ("{name: Content-Length}", "'name' of filter 'key_auth' cannot be 'Content-Length'"),
            ("{name: [x, Host]}", "'name' of filter 'key_auth' cannot be 'Host'"),
            ("{groups: [\"a,b\"]}", "must not hold a comma: 'a,b'"),
            ("{required: false, groups: [gold]}", "'groups' keeps nobody out"),
            ("{name: [k, X_Consumer_Name]}", "the header 'x-consumer-name' cannot tell who the caller is"),
            ("{groups_header: X-API-Key}", "the header 'X-API-Key' cannot tell who the caller is"),
            ("{in: [query, cookie], consumer_header: Cookie}", "the header 'Cookie' cannot tell who the caller is"),
            ("{consumer_header: X-A, groups_header: x_a}", "are one header, 'X-A'"),
        ]
    )
    func settings(settings: String, finding: String) {
        let findings = FilterFile("key_auth: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
        #expect(findings.count { !$0.contains("SL1") } == 1, "\(findings)")
    }
}
