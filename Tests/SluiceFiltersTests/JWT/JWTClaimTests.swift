import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

/// What a token must say (RFC 7519, section 4.1), and what its claims become.
@Suite struct JWTClaimTests {
    private let invalid = "401 token_claim_invalid"

    private func bench(_ settings: String = "", consumers: [String] = []) throws -> JWTBench {
        try JWTBench(settings, keys: .json(try keySet(["hmac"])), consumers: consumers)
    }

    /// A token with exactly these claims.
    private func token(_ claims: String, type: String? = nil) throws -> String {
        let type = type.map { ",\"typ\":\"\($0)\"" } ?? ""
        return try TokenForge.hs256("{\"alg\":\"HS256\",\"kid\":\"hmac\"\(type)}", claims)
    }

    /// The verdict on a token with the usual claims and these.
    private func verdict(_ bench: JWTBench, _ more: String) throws -> String {
        bench.verdict(try token(TokenForge.claims(more)))
    }

    // MARK: - Times

    /// `exp` and `nbf` as seconds from now, and the verdict with a leeway of 30 seconds.
    static let times: [(exp: Int64, nbf: Int64, verdict: String)] = [
        (1, 0, "ok"), (0, 0, "ok"), (-29, 0, "ok"), (-30, 0, "401 token_expired"), (-31, 0, "401 token_expired"),
        (60, 30, "ok"), (60, 31, "401 token_not_yet_valid"), (60, 29, "ok"), (-1_700_000_000, 0, "401 token_expired"),
        (-40, 40, "401 token_expired"),
    ]

    @Test(arguments: times)
    func oneSecondAroundTheLeewayDecides(_ time: (exp: Int64, nbf: Int64, verdict: String)) throws {
        let (exp, nbf) = (JWTFixtures.now + time.exp, JWTFixtures.now + time.nbf)
        let claims = #"{"iss":"https://issuer.example","aud":"orders","exp":\#(exp),"nbf":\#(nbf)}"#
        #expect(try bench().verdict(try token(claims)) == time.verdict)
    }

    @Test func aTokenExpiresWhileItIsKept() throws {
        let bench = try bench("leeway: 5s")
        let claims = #"{"iss":"https://issuer.example","aud":"orders","exp":\#(JWTFixtures.now + 10)}"#
        let token = try token(claims)
        #expect(bench.verdict(token) == "ok")
        bench.advance(by: 14)
        #expect(bench.verdict(token) == "ok")
        #expect(bench.cacheHits == 1)
        bench.advance(by: 1)
        #expect(bench.verdict(token) == "401 token_expired")
        #expect(bench.verdict(token) == "401 token_expired")
        #expect(bench.cacheHits == 2)
    }

    @Test func leewayMayBeNone() throws {
        let bench = try bench("leeway: 0")
        func verdict(_ exp: Int64) throws -> String {
            bench.verdict(try token(#"{"iss":"https://issuer.example","aud":"orders","exp":\#(exp)}"#))
        }
        #expect(try verdict(JWTFixtures.now + 1) == "ok")
        #expect(try verdict(JWTFixtures.now) == "401 token_expired")
    }

    @Test func fractionsAreRoundedToTheSafeSide() throws {
        let bench = try bench("leeway: 0")
        func verdict(_ times: String) throws -> String {
            bench.verdict(try token(#"{"iss":"https://issuer.example","aud":"orders",\#(times)}"#))
        }
        #expect(try verdict(#""exp":1700000000.9"#) == "401 token_expired")
        #expect(try verdict(#""exp":1700000001.0"#) == "ok")
        #expect(try verdict(#""exp":1.700000001e9"#) == "ok")
        #expect(try verdict(#""exp":1700003600,"nbf":1700000000.1"#) == "401 token_not_yet_valid")
        #expect(try verdict(#""exp":1700003600,"nbf":1700000000.0"#) == "ok")
        #expect(try verdict(#""exp":9223372036854775807,"nbf":-9223372036854775807"#) == "ok")
    }

    @Test func anExpiryIsNeededUnlessTheConfigurationSaysOtherwise() throws {
        let claims = #"{"iss":"https://issuer.example","aud":"orders"}"#
        #expect(try bench().verdict(try token(claims)) == invalid)
        #expect(try bench("require_expiry: false").verdict(try token(claims)) == "ok")
        let past = #"{"iss":"https://issuer.example","aud":"orders","exp":1}"#
        #expect(try bench("require_expiry: false").verdict(try token(past)) == "401 token_expired")
    }

    @Test(
        arguments: ["exp", "nbf", "iat"],
        ["\"1700003600\"", "null", "true", "[1700003600]", "{}", "1e400", "99999999999999999999"]
    )
    func datesMustBeNumbers(_ name: String, _ value: String) throws {
        let rest = name == "exp" ? "" : ",\"exp\":1700003600"
        let claims = "{\"iss\":\"https://issuer.example\",\"aud\":\"orders\",\"\(name)\":\(value)\(rest)}"
        #expect(try bench().verdict(try token(claims)) == invalid)
    }

    // MARK: - Issuer and audience

    @Test(arguments: [
        "\"https://issuer.example/\"", "\"HTTPS://issuer.example\"", "\"\"", "null", "[\"https://issuer.example\"]",
        "1",
    ])
    func theIssuerMustBeTheOne(_ issuer: String) throws {
        let claims = "{\"iss\":\(issuer),\"aud\":\"orders\",\"exp\":1700003600}"
        #expect(try bench().verdict(try token(claims)) == invalid)
        #expect(try bench().verdict(try token(#"{"aud":"orders","exp":1700003600}"#)) == invalid)
    }

    @Test func severalIssuersMayShareKeys() throws {
        let yaml = "jwt: {issuer: [a, b], audiences: any, jwks: {inline: '\(try keySet(["hmac"]))'}}"
        let filter = try #require(JWTFile(yaml).filter())
        for (issuer, verdict) in [("a", true), ("b", true), ("c", false)] {
            let claims = "{\"iss\":\"\(issuer)\",\"exp\":9700003600}"
            let exchange = TestExchange(request: [("Authorization", "Bearer \(try token(claims))")])
            #expect(filter.onRequest(exchange).isNext == verdict)
        }
    }

    static let audiences: [(String, Bool)] = [
        ("\"orders\"", true), ("[\"orders\"]", true), ("[\"other\",\"orders\"]", true), ("\"billing\"", true),
        ("\"other\"", false), ("[\"other\"]", false), ("[]", false), ("\"\"", false), ("null", false), ("1", false),
        ("[\"orders\",1]", false), ("[[\"orders\"]]", false), ("{\"orders\":1}", false), ("\"Orders\"", false),
        ("\"orders \"", false), ("\"orders billing\"", false),
    ]

    @Test(arguments: audiences)
    func theAudienceMustHoldOneOfTheNames(_ audience: String, _ passes: Bool) throws {
        let bench = try bench("audiences: [orders, billing]")
        let claims = "{\"iss\":\"https://issuer.example\",\"aud\":\(audience),\"exp\":1700003600}"
        #expect(bench.verdict(try token(claims)) == (passes ? "ok" : invalid))
    }

    @Test func audiencesMayBeLeftToTheIssuer() throws {
        let bench = try bench("audiences: any")
        #expect(bench.verdict(try token(#"{"iss":"https://issuer.example","exp":1700003600}"#)) == "ok")
        #expect(bench.verdict(try token(#"{"iss":"https://issuer.example","aud":"x","exp":1700003600}"#)) == "ok")
        #expect(try self.bench().verdict(try token(#"{"iss":"https://issuer.example","exp":1700003600}"#)) == invalid)
    }

    // MARK: - Types

    @Test func typesTellAccessTokensFromOthers() throws {
        let bench = try bench("types: [at+jwt]")
        for type in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            #expect(bench.verdict(try token(TokenForge.claims, type: type)) == "ok")
        }
        for type in ["JWT", "", "at+jwt ", "id+jwt", "application/x/at+jwt"] {
            #expect(bench.verdict(try token(TokenForge.claims, type: type)) == invalid)
        }
        #expect(bench.verdict(try token(TokenForge.claims)) == invalid)
        #expect(try self.bench().verdict(try token(TokenForge.claims, type: "anything")) == "ok")
    }

    // MARK: - Claims

    @Test func claimsMustHaveTheirValues() throws {
        let bench = try bench(
            "claims: {tenant: [acme, globex], email_verified: 'true', level: '3', org.id: [], 'a.b': x}"
        )
        let good = #""tenant":"acme","email_verified":true,"level":3,"org":{"id":0},"a.b":"x""#
        #expect(try verdict(bench, good) == "ok")
        #expect(try verdict(bench, good.replacing("\"acme\"", with: "[\"x\",\"globex\"]")) == "ok")
        #expect(try verdict(bench, good.replacing("{\"id\":0}", with: "{\"id\":{}}")) == "ok")
        #expect(try verdict(bench, good.replacing("\"a.b\":\"x\"", with: "\"a\":{\"b\":\"x\"}")) == "ok")
        for (old, new) in [
            ("\"acme\"", "\"initech\""), ("\"acme\"", "[]"), ("\"acme\"", "\"ACME\""), ("\"acme\"", "null"),
            ("\"acme\"", "{\"acme\":1}"),
            ("true", "false"), ("3", "3.0"), ("{\"id\":0}", "{\"id\":null}"), ("{\"id\":0}", "7"), ("\"x\"", "\"y\""),
        ] {
            #expect(try verdict(bench, good.replacing(old, with: new)) == invalid, "\(old) \(new)")
        }
        #expect(bench.verdict(try token(TokenForge.claims)) == invalid)
    }

    @Test func scopesAreThoseOfScopeAndScp() throws {
        let all = try bench("scopes: [read, write]")
        let any = try bench("scopes: {any: [read, write]}")
        let cases: [(String, Bool, Bool)] = [
            (#""scope":"read write""#, true, true), (#""scope":"write x read""#, true, true),
            (#""scp":["read","write"]"#, true, true),
            (#""scp":"read write""#, true, true), (#""scope":["read","write"]"#, true, true),
            (#""scope":"read","scp":["write"]"#, true, true),
            (#""scope":"read""#, false, true), (#""scp":["write"]"#, false, true),
            (#""scope":"reads writes""#, false, false),
            (#""scope":"read,write""#, false, false), (#""scope":"READ""#, false, false),
            (#""scope":"""#, false, false),
            (#""scp":["read write"]"#, false, false), (#""scope":null"#, false, false),
            (#""scope":{"read":1}"#, false, false),
            (#""scopes":"read write""#, false, false),
        ]
        for (claims, passesAll, passesAny) in cases {
            #expect(try verdict(all, claims) == (passesAll ? "ok" : "403 scope_missing"), "\(claims)")
            #expect(try verdict(any, claims) == (passesAny ? "ok" : "403 scope_missing"), "\(claims)")
        }
    }

    // MARK: - Headers

    private func lines(_ bench: JWTBench, _ more: String, _ sent: [(String, String)] = []) throws -> [String] {
        let exchange = bench.request(try token(TokenForge.claims(more)), sent)
        #expect(bench.filter.onRequest(exchange).isNext)
        // The second time it comes from the cache, and must be the same.
        let again = bench.request(try token(TokenForge.claims(more)), sent)
        #expect(bench.filter.onRequest(again).isNext)
        #expect(exchange.requestLines == again.requestLines)
        return exchange.requestLines
    }

    @Test func claimsBecomeHeaders() throws {
        let bench = try bench(
            "claim_headers: {X-User: sub, x-org: org.name, x-level: level, x-ok: ok, x-roles: roles, x-none: none}"
        )
        let lines = try lines(
            bench,
            #""org":{"name":"Zoë & Co"},"level":1.50,"ok":false,"roles":["a",2,true]"#,
            [("Accept", "*/*")]
        )
        #expect(
            lines == [
                "Accept: */*", "X-User: alice", "x-org: Zoë & Co", "x-level: 1.50", "x-ok: false", "x-roles: a,2,true",
            ]
        )
    }

    @Test func valuesThatNoHeaderHoldsUnchangedAreLeftOut() throws {
        let bench = try bench("claim_headers: {x-a: a, x-user: sub}")
        for value in [
            #""x\r\nX-Admin: 1""#, #""a\u0000b""#, #""\t x""#, #"" x""#, #""x ""#, #""""#, "null", "{}", "[]",
            #"["a,b","c"]"#,
            #"["a",""]"#, #"["a",null]"#, #"["a",["b"]]"#, #"["a"," b"]"#, #"["a\nb"]"#, #""\u007f""#,
        ] {
            #expect(try lines(bench, "\"a\":\(value)") == ["x-user: alice"], "\(value)")
        }
        #expect(try lines(bench, #""a":"x y; z, \u00e9""#) == ["x-a: x y; z, é", "x-user: alice"])
    }

    @Test func whatClientsSayAboutThemselvesIsAlwaysRemoved() throws {
        let lies = [
            ("X-User", "admin"), ("x-user", "admin"), ("X_User", "admin"), ("x_USER", "root"), ("X-Org-Id", "1"),
            ("x_org-id", "2"),
            ("X-Users", "kept"), ("X-Use", "kept"),
        ]
        let kept = ["X-Users: kept", "X-Use: kept"]
        let settings = "claim_headers: {x-user: sub, x-org-id: org}, required: false"
        let bench = try bench(settings)
        #expect(try lines(bench, "\"a\":1", lies) == kept + ["x-user: alice"])
        // Without a token too,
        let anonymous = TestExchange(request: lies)
        #expect(bench.filter.onRequest(anonymous).isNext)
        #expect(anonymous.requestLines == kept)
        // and when the request is refused: later filters and the log see no lies.
        let refused = TestExchange(request: [("Authorization", "Bearer x")] + lies)
        #expect(bench.word(bench.filter.onRequest(refused)) == "401 token_malformed")
        #expect(refused.requestLines == ["Authorization: Bearer x"] + kept)
    }

    // MARK: - Consumers

    @Test func aClaimMayNameTheConsumer() throws {
        let bench = try bench("consumer: sub", consumers: ["bob", "alice"])
        let exchange = bench.request(try token(TokenForge.claims))
        #expect(bench.filter.onRequest(exchange).isNext)
        #expect(exchange.consumer?.index == 1)
        #expect(
            bench.verdict(try token(TokenForge.claims.replacing("alice", with: "carol"))) == "403 consumer_forbidden"
        )
        #expect(
            bench.verdict(try token(TokenForge.claims.replacing("\"alice\"", with: "null"))) == "403 consumer_forbidden"
        )
        #expect(
            bench.verdict(try token(TokenForge.claims.replacing("\"sub\"", with: "\"x\""))) == "403 consumer_forbidden"
        )
    }

    @Test func consumersAreThoseOfTheNewestConfiguration() throws {
        let bench = try bench("consumer: sub", consumers: ["alice"])
        let token = try token(TokenForge.claims)
        #expect(bench.verdict(token) == "ok")
        let keys = JWTBench.Keys.json(try keySet(["hmac"]))
        let without = try bench.reloaded("consumer: sub", keys: keys, consumers: ["bob"])
        #expect(bench.word(without.onRequest(bench.request(token))) == "403 consumer_forbidden")
        let with = try bench.reloaded("consumer: sub", keys: keys, consumers: ["bob", "alice"])
        let exchange = bench.request(token)
        #expect(with.onRequest(exchange).isNext)
        #expect(exchange.consumer?.index == 1)
        // All of them found the token that the first had verified.
        #expect(bench.cacheHits == 2)
    }

    @Test func withoutThatNobodyIsAConsumer() throws {
        let bench = try bench(consumers: ["alice"])
        let exchange = bench.request(try token(TokenForge.claims))
        #expect(bench.filter.onRequest(exchange).isNext)
        #expect(exchange.consumer == nil)
    }
}

extension JWTFile {
    /// The first filter, ready to run.
    func filter() -> (any Filter)? {
        (model?.filters.first?.configuration as? any RunnableFilterConfiguration)?.makeFilter(.forTest())
    }
}
