import SluiceCore
import Testing

@testable import SluiceFilters

/// Where tokens are looked for, and what becomes of the request.
@Suite struct TokenPlaceTests {
    private let everywhere =
        "from: [{header: authorization}, {header: x-token}, {query: access_token}, {cookie: session}]"

    private func bench(_ settings: String = "") throws -> JWTBench {
        try JWTBench(settings, keys: .json(try keySet(["hmac"])))
    }

    private func exchange(_ fields: [(String, String)], query: String? = nil) -> TestExchange {
        let exchange = TestExchange(request: fields)
        if let query { exchange.request.query = exchange.request.fields.store(query.utf8) }
        return exchange
    }

    private func query(_ exchange: TestExchange) -> String? {
        exchange.request.query.map { exchange.request.fields.string($0) }
    }

    // MARK: - Authorization

    @Test func theSchemeMayBeInAnyCaseAndBlanksMayFollow() throws {
        let bench = try bench()
        let token = try TokenForge.hs256()
        for scheme in ["Bearer ", "bearer ", "BEARER ", "Bearer    "] {
            let exchange = exchange([("Authorization", scheme + token), ("A", "a")])
            #expect(bench.word(bench.filter.onRequest(exchange)) == "ok", "\(scheme)")
            #expect(exchange.requestLines == ["A: a"])
        }
    }

    @Test(arguments: ["Basic YTpi", "Bearer2 x", "Bear x", "Bearerx", "", "Token x", "b"])
    func otherCredentialsAreNoTokens(_ value: String) throws {
        #expect(
            try bench().word(try bench().filter.onRequest(exchange([("Authorization", value)])))
                == "401 credential_missing"
        )
        let other = exchange([("Authorization", value)])
        #expect(try bench("required: false").filter.onRequest(other).isNext)
        #expect(other.requestLines == ["Authorization: \(value)"])
    }

    @Test func aSchemeWithoutATokenIsABadRequest() throws {
        for settings in ["", "required: false"] {
            let bench = try bench(settings)
            #expect(
                bench.word(bench.filter.onRequest(exchange([("Authorization", "Bearer")]))) == "400 token_malformed"
            )
        }
    }

    @Test func moreThanOneTokenIsABadRequest() throws {
        let token = try TokenForge.hs256()
        let bearer = ("Authorization", "Bearer \(token)")
        for settings in [everywhere, "\(everywhere), required: false"] {
            let bench = try bench(settings)
            for twice in [
                exchange([bearer, bearer]), exchange([bearer, ("Authorization", "Basic YTpi")]),
                exchange([("Authorization", "Basic YTpi"), bearer]), exchange([bearer, ("X-Token", token)]),
                exchange([bearer], query: "access_token=\(token)"), exchange([bearer, ("Cookie", "session=\(token)")]),
                exchange([("X-Token", token), ("X-Token", "x")]),
                exchange([], query: "access_token=\(token)&access_token=x"),
                exchange([("Cookie", "session=\(token); session=x")]),
                exchange([("Cookie", "session=\(token)"), ("Cookie", "session=x")]),
                exchange([("Authorization", "Bearer"), ("X-Token", token)]),
            ] {
                #expect(bench.word(bench.filter.onRequest(twice)) == "400 token_malformed", "\(twice.requestLines)")
            }
        }
        #expect(try bench().word(bench().filter.onRequest(exchange([bearer, bearer]))) == "400 token_malformed")
    }

    @Test func twoCredentialsOfOtherKindsAreNoneOfOurs() throws {
        let other = exchange([("Authorization", "Basic YTpi"), ("Authorization", "Basic Yzpk")])
        #expect(try bench("required: false").filter.onRequest(other).isNext)
    }

    @Test("a token in a third line is not overlooked")
    func tokensInLaterLines() throws {
        let token = try TokenForge.hs256()
        let basic = ("Authorization", "Basic YTpi")
        for last in ["Bearer \(token)", "Bearer forged", "Bearer"] {
            let bench = try bench("required: false")
            let exchange = exchange([basic, ("A", "a"), basic, ("Authorization", last)])
            #expect(bench.word(bench.filter.onRequest(exchange)) == "400 token_malformed", "\(last)")
        }
    }

    // MARK: - Other places

    @Test func tokensAreFoundInEveryPlaceAndTakenOut() throws {
        let bench = try bench(everywhere)
        let token = try TokenForge.hs256()
        let header = exchange([("X-Token", token), ("Authorization", "Basic YTpi")])
        #expect(bench.word(bench.filter.onRequest(header)) == "ok")
        #expect(header.requestLines == ["Authorization: Basic YTpi"])
        for (before, after) in [
            ("access_token=%", nil), ("a=1&access_token=%", "a=1"), ("access_token=%&b=2", "b=2"),
            ("a&access_token=%&b=access_token", "a&b=access_token"),
        ] as [(String, String?)] {
            let exchange = exchange([("A", "a")], query: before.replacing("%", with: token))
            #expect(bench.word(bench.filter.onRequest(exchange)) == "ok", "\(before)")
            #expect(query(exchange) == after)
        }
        for (before, after) in [
            ("session=%", []), ("a=1; session=%", ["Cookie: a=1"]), ("session=%;b=2", ["Cookie: b=2"]),
            ("xsession=1; session=\"%\"; sessionx=2", ["Cookie: xsession=1; sessionx=2"]),
            (" session = x; session=%", []),
        ] as [(String, [String])] {
            let exchange = exchange([("Cookie", before.replacing("%", with: token))])
            #expect(bench.word(bench.filter.onRequest(exchange)) == "ok", "\(before)")
            #expect(exchange.requestLines == after || before.contains(" = "))
        }
    }

    @Test func tokensMayBePassedOn() throws {
        let bench = try bench("\(everywhere), forward: true")
        let token = try TokenForge.hs256()
        let fields = [("Authorization", "bearer  \(token)"), ("Cookie", "a=1")]
        let exchange = exchange(fields, query: "b=2")
        #expect(bench.word(bench.filter.onRequest(exchange)) == "ok")
        #expect(exchange.requestLines == fields.map { "\($0): \($1)" })
        #expect(query(exchange) == "b=2")
    }

    @Test func aPlaceWithoutAValueHasNoToken() throws {
        let bench = try bench("\(everywhere), required: false")
        for empty in [
            exchange([("Cookie", "session=")]), exchange([("Cookie", "session=\"\"")]),
            exchange([("Cookie", "session")]),
            exchange([("X-Token", "")]), exchange([], query: "access_token="), exchange([], query: "access_token"),
            exchange([], query: "ACCESS_TOKEN=x&access_token2=y&xaccess_token=z"),
            exchange([("Cookie", "Session=x; ; =; sess=y")]),
        ] {
            #expect(bench.word(bench.filter.onRequest(empty)) == "ok")
        }
        #expect(bench.count("anonymous") == 8)
    }

    @Test func onlyThePlacesOfTheConfigurationCount() throws {
        let bench = try bench("from: [{cookie: session}], required: false")
        let token = try TokenForge.hs256()
        let header = exchange([("Authorization", "Bearer \(token)")], query: "access_token=\(token)")
        #expect(bench.filter.onRequest(header).isNext)
        #expect(header.claims == nil)
        #expect(header.requestLines == ["Authorization: Bearer \(token)"])
    }

    @Test func schemesAreWhatTheConfigurationSays() throws {
        let bench = try bench("from: [{header: x-token, scheme: Token}, {header: authorization, scheme: DPoP}]")
        let token = try TokenForge.hs256()
        #expect(bench.word(bench.filter.onRequest(exchange([("X-Token", "token \(token)")]))) == "ok")
        #expect(bench.word(bench.filter.onRequest(exchange([("Authorization", "dpop \(token)")]))) == "ok")
        #expect(bench.word(bench.filter.onRequest(exchange([("X-Token", token)]))) == "401 credential_missing")
        #expect(
            bench.word(bench.filter.onRequest(exchange([("Authorization", "Bearer \(token)")])))
                == "401 credential_missing"
        )
    }

    // MARK: - Optional

    @Test func withoutATokenOnlyOptionalFiltersLetPass() throws {
        #expect(try bench().word(try bench().filter.onRequest(exchange([]))) == "401 credential_missing")
        let optional = try bench("required: false")
        let anonymous = exchange([])
        #expect(optional.filter.onRequest(anonymous).isNext)
        #expect(anonymous.claims == nil)
        #expect(optional.verdict("x") == "401 token_malformed")
        #expect(optional.verdict(try TokenForge.rs256()) == "401 token_signature_invalid")
        #expect(
            optional.verdict(
                try TokenForge.hs256(#"{"alg":"HS256"}"#, TokenForge.claims.replacing("1700003600", with: "1"))
            ) == "401 token_expired"
        )
        #expect(optional.verdict(try TokenForge.hs256()) == "ok")
    }
}
