import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

/// Keys of a URL: not there yet, replaced, wrong, gone.
@Suite struct RemoteKeysTests {
    private func bench(_ settings: String = "") throws -> JWTBench { try JWTBench(settings, keys: .url) }

    private func keys(_ names: String...) throws -> String { try keySet(names) }

    /// A request that says `wait`, and what it is told later.
    private func waiting(_ bench: JWTBench, _ token: String) throws -> TestExchange {
        let exchange = bench.request(token)
        try #require(bench.word(bench.filter.onRequest(exchange)) == "wait")
        return exchange
    }

    private func told(_ exchange: TestExchange, _ bench: JWTBench) -> [String] {
        bench.loop.run()
        return exchange.resumed.map(bench.word)
    }

    // MARK: - The first time

    @Test func keysAreAskedForBeforeTheFirstRequest() throws {
        let bench = try bench()
        #expect(bench.background.total == 1)
        let request = try #require(bench.background.pending.first)
        #expect(request.url.text == "http://127.0.0.1/keys.json")
        #expect(request.method == "GET")
        #expect(request.timeout == .seconds(5))
        #expect(request.answerLimit == 1 << 20)
        try bench.background.answer(try keys("rsa"))
        #expect(bench.verdict(try TokenForge.rs256()) == "ok")
        #expect(bench.background.total == 1)
    }

    @Test func requestsWaitForKeysThatAreNotThereYet() throws {
        let bench = try bench()
        let good = try waiting(bench, try TokenForge.rs256())
        let bad = try waiting(bench, try TokenForge.es256())
        #expect(told(good, bench) == [])
        try bench.background.answer(try keys("rsa"))
        #expect(told(good, bench) == ["ok"])
        #expect(good.claims?.text(ofClaim: "sub") == Array("alice".utf8))
        #expect(good.requestLines == [])
        #expect(told(bad, bench) == ["401 token_signature_invalid"])
        #expect(bench.background.total == 1)
    }

    @Test func requestsAreRefusedWhenThatFails() throws {
        let bench = try bench()
        let token = try TokenForge.rs256()
        let first = try waiting(bench, token)
        try bench.background.fail()
        #expect(told(first, bench) == ["503 keys_unavailable"])
        // Nothing is under way: no reason to wait.
        #expect(bench.verdict(token) == "503 keys_unavailable")
        bench.advance(by: 1)
        #expect(bench.background.total == 2)
        let second = try waiting(bench, token)
        try bench.background.answer(try keys("rsa"))
        #expect(told(second, bench) == ["ok"])
        #expect(bench.count("keys_unavailable") == 2)
    }

    @Test func withoutATokenNothingIsWaitedFor() throws {
        let bench = try bench()
        #expect(bench.word(bench.filter.onRequest(TestExchange())) == "401 credential_missing")
        let optional = try self.bench("required: false")
        #expect(optional.filter.onRequest(TestExchange()).isNext)
    }

    @Test func whoHasGoneMeanwhileIsLeftAlone() throws {
        let bench = try bench("claim_headers: {x-user: sub}")
        let token = try TokenForge.rs256()
        let gone = try waiting(bench, token)
        // The engine ends the exchange, and uses the object for another one.
        gone.generation &+= 1
        try bench.background.answer(try keys("rsa"))
        #expect(told(gone, bench) == [])
        #expect(gone.requestLines == ["Authorization: Bearer \(token)"])
        #expect(bench.count("ok") == 0)
    }

    @Test func aFloodOfWaitingRequestsIsTurnedAway() throws {
        let bench = try bench()
        let token = try TokenForge.rs256()
        let exchanges = try (0..<LoopKeys.maximumWaiting).map { _ in try waiting(bench, token) }
        #expect(bench.verdict(token) == "503 keys_unavailable")
        try bench.background.answer(try keys("rsa"))
        bench.loop.run()
        #expect(exchanges.allSatisfy { $0.resumed.count == 1 })
        #expect(bench.count("ok") == LoopKeys.maximumWaiting)
        #expect(bench.verdict(token) == "ok")
    }

    // MARK: - Unknown keys

    @Test func anUnknownKeyIsAskedForOnce() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        let token = try TokenForge.es256()
        let found = try waiting(bench, token)
        let stranger = try waiting(bench, try TokenForge.es256(#"{"alg":"ES256","kid":"stranger"}"#))
        #expect(bench.background.total == 2)
        // Others go on meanwhile.
        #expect(bench.verdict(try TokenForge.rs256()) == "ok")
        try bench.background.answer(try keys("rsa", "p256"))
        #expect(told(found, bench) == ["ok"])
        #expect(told(stranger, bench) == ["401 token_signature_invalid"])
        #expect(bench.count("unknown_key") == 1)
    }

    @Test func strangersCannotHaveTheIssuerAskedAgainAndAgain() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        func strange(_ number: Int) throws -> String {
            try TokenForge.es256("{\"alg\":\"ES256\",\"kid\":\"\(number)\"}")
        }
        let first = try waiting(bench, try strange(0))
        try bench.background.answer(try keys("rsa"))
        #expect(told(first, bench) == ["401 token_signature_invalid"])
        for number in 1..<50 { #expect(bench.verdict(try strange(number)) == "401 token_signature_invalid") }
        #expect(bench.background.total == 2)
        bench.advance(by: 29)
        #expect(bench.verdict(try strange(50)) == "401 token_signature_invalid")
        bench.advance(by: 1)
        _ = try waiting(bench, try strange(51))
        #expect(bench.background.total == 3)
    }

    @Test func anUnknownKeyIsRefusedWhenTheIssuerIsGone() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        let unknown = try waiting(bench, try TokenForge.es256())
        try bench.background.fail()
        #expect(told(unknown, bench) == ["401 token_signature_invalid"])
        #expect(bench.verdict(try TokenForge.rs256()) == "ok")
    }

    @Test func aKeyWithoutANameDoesNotHideThatANamedOneIsMissing() throws {
        let bench = try bench()
        try bench.background.answer(keySet(try JWTFixtures.key("p256").with(["kid": nil])))
        // It may be what the token means,
        #expect(bench.verdict(try TokenForge.es256()) == "ok")
        // or not: then it is asked for.
        let own = TokenForge.token(#"{"alg":"ES256","kid":"new"}"#) { _ in [UInt8](repeating: 1, count: 64) }
        let exchange = try waiting(bench, own)
        try bench.background.answer(keySet(try JWTFixtures.key("p256").with(["kid": nil])))
        #expect(told(exchange, bench) == ["401 token_signature_invalid"])
    }

    @Test func keysOfAFileAreNotAskedFor() throws {
        let bench = try JWTBench(keys: .json(try keys("rsa")))
        #expect(bench.verdict(try TokenForge.es256()) == "401 token_signature_invalid")
        #expect(bench.background.total == 0)
    }

    // MARK: - Changes

    @Test func keysAreFetchedRegularly() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        bench.advance(by: 599)
        #expect(bench.background.total == 1)
        bench.advance(by: 1)
        #expect(bench.background.total == 2)
        try bench.background.answer(try keys("rsa"))
        bench.advance(by: 600)
        #expect(bench.background.total == 3)
    }

    @Test func aKeyThatIsRemovedIsGoneAlsoForTokensThatWereVerified() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa", "p256"))
        let token = try TokenForge.rs256()
        #expect(bench.verdict(token) == "ok")
        #expect(bench.verdict(token) == "ok")
        bench.advance(by: 600)
        try bench.background.answer(try keys("p256"))
        let exchange = try waiting(bench, token)
        try bench.background.answer(try keys("p256"))
        #expect(told(exchange, bench) == ["401 token_signature_invalid"])
        #expect(bench.cacheHits == 1)
    }

    @Test func theSameKeysAgainChangeNothing() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        let token = try TokenForge.rs256()
        #expect(bench.verdict(token) == "ok")
        bench.advance(by: 600)
        try bench.background.answer(" " + (try keys("rsa")) + "\n")
        #expect(bench.verdict(token) == "ok")
        #expect(bench.cacheHits == 1)
    }

    static let wrong: [(String, Int)] = [
        ("", 200), ("{}", 200), ("{\"keys\":[]}", 200), ("<html>", 200), ("{\"keys\":[{\"kty\":\"RSA\"}]}", 200),
        ("[[[[", 200),
        ("x", 404), ("x", 500), ("", 302), ("", 204), ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", 200),
    ]

    @Test(arguments: wrong)
    func theLastGoodKeysStayWhateverTheIssuerSays(_ body: String, _ status: Int) throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        bench.advance(by: 600)
        for _ in 0..<5 {
            try bench.background.answer(body, status: status)
            #expect(bench.verdict(try TokenForge.rs256()) == "ok")
            bench.advance(by: 60)
        }
        #expect(bench.background.lines.count == 1)
        try bench.background.answer(try keys("p256"))
        #expect(bench.verdict(try TokenForge.es256()) == "ok")
        #expect(bench.background.lines.count == 2)
        #expect(bench.background.lines.last == "the JWK Set http://127.0.0.1/keys.json is fine again")
    }

    @Test func aHugeSetIsRefused() throws {
        let bench = try bench()
        let padding = String(repeating: " ", count: 1 << 20)
        try bench.background.answer((try keys("rsa")) + padding)
        #expect(bench.verdict(try TokenForge.rs256()) == "503 keys_unavailable")
        #expect(bench.background.lines == ["the JWK Set http://127.0.0.1/keys.json is too large (byte 0)"])
    }

    @Test func secretsAtAURLAreIgnoredUnlessTheConfigurationAsksForThem() throws {
        let bench = try bench()
        try bench.background.answer(try keys("hmac", "rsa"))
        // Unknown, so that the issuer is asked again; but it stays so.
        let exchange = try waiting(bench, try TokenForge.hs256())
        try bench.background.answer(try keys("hmac", "rsa"))
        #expect(told(exchange, bench) == ["401 token_signature_invalid"])
        let asked = try self.bench("algorithms: [HS256]")
        try asked.background.answer(try keys("hmac", "rsa"))
        #expect(asked.verdict(try TokenForge.hs256()) == "ok")
    }

    @Test func brokenKeysAreReportedOnce() throws {
        let bench = try bench()
        for _ in 0..<3 {
            try bench.background.answer(try keys("rsa1024", "rsa"))
            bench.advance(by: 600)
        }
        #expect(
            bench.background.lines == [
                "the JWK Set http://127.0.0.1/keys.json is left without one: key 1 ('rsa1024'): it has 1024 bits, and RSA needs 2048"
            ]
        )
    }

    @Test func fetchesAreCounted() throws {
        let bench = try bench()
        let url = "http://127.0.0.1/keys.json"
        func count(_ result: String) -> Int {
            bench.background.metrics.counter(KeyReport.fetches, [url, result]).current
        }
        try bench.background.answer(try keys("rsa", "p256"))
        #expect(count("ok") == 1)
        #expect(bench.background.metrics.counter(KeyReport.keys, [url]).current == 2)
        let first = bench.background.metrics.counter(KeyReport.fetchedAt, [url]).current
        #expect(first > 0)
        bench.advance(by: 600)
        try bench.background.fail()
        #expect(count("failed") == 1)
        #expect(bench.background.metrics.counter(KeyReport.fetchedAt, [url]).current == first)
    }

    // MARK: - Reloads

    @Test func aReloadKeepsKeysAndVerifiedTokens() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        let token = try TokenForge.rs256()
        #expect(bench.verdict(token) == "ok")
        let next = try bench.reloaded(keys: .url)
        #expect(bench.background.total == 1)
        #expect(bench.word(next.onRequest(bench.request(token))) == "ok")
        #expect(bench.cacheHits == 1)
    }

    @Test func otherRulesAfterAReloadVerifyAnew() throws {
        let bench = try bench()
        try bench.background.answer(try keys("rsa"))
        let token = try TokenForge.rs256()
        #expect(bench.verdict(token) == "ok")
        let next = try bench.reloaded("claims: {tenant: acme}", keys: .url)
        #expect(bench.word(next.onRequest(bench.request(token))) == "401 token_claim_invalid")
        #expect(bench.cacheHits == 0)
    }

    @Test func keysThatNoConfigurationUsesAreFetchedNoMore() throws {
        func run(_ keeps: Bool) throws -> Int {
            var bench: JWTBench? = try bench()
            let background = try #require(bench?.background)
            try background.answer(try keys("rsa"))
            if !keeps { bench = nil }
            background.embedded.advanceTime(by: .minutes(60))
            withExtendedLifetime(bench) {}
            return background.total
        }
        #expect(try run(true) == 2)
        #expect(try run(false) == 1)
    }
}
