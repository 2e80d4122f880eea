import SluiceCore
import Testing

@testable import SluiceFilters

/// Tokens and signatures that this code did not make itself.
@Suite struct JWTKnownAnswerTests {
    @Test func allFixturesAreThere() {
        #expect(JWTFixtures.tokens.count == 2 * JWTAlgorithm.allCases.count)
        #expect(Set(JWTFixtures.tokens.map(\.algorithm)) == Set(JWTAlgorithm.allCases.map(\.rawValue)))
        #expect(JWTFixtures.examples.count == 5)
    }

    @Test(arguments: JWTFixtures.examples)
    func examplesOfTheSpecificationsAreSignedRight(_ example: JWTFixtures.Example) throws {
        let bytes = Array(example.token.utf8)
        let key = try VerificationKey(KeyParameters(example.key), allowed: JWTAlgorithm.allCases)
        try bytes.withUnsafeBytes { buffer in
            let token = try CompactToken(buffer)
            #expect(token.algorithm == key.algorithm)
            let verifier = try #require(KeyVerifier(key.material))
            let message = UnsafeRawBufferPointer(rebasing: buffer[..<token.signedCount])
            #expect(verifier.isValid(token.signature, of: message, by: key.algorithm))
            // One bit of anything makes it wrong.
            for index in [0, token.signature.count / 2, token.signature.count - 1] {
                var other = token.signature
                other[index] ^= 1
                #expect(!verifier.isValid(other, of: message, by: key.algorithm))
            }
            let shorter = UnsafeRawBufferPointer(rebasing: message.dropLast())
            #expect(!verifier.isValid(token.signature, of: shorter, by: key.algorithm))
        }
    }

    /// RFC 7515, appendix A.1: a whole token, whose header and claims have line ends in them.
    @Test func theFirstExampleIsATokenThatExpiredIn2011() throws {
        let example = try #require(JWTFixtures.examples.first)
        let bytes = Array(example.token.utf8)
        let claims = try bytes.withUnsafeBytes { try CompactToken($0).claims(of: $0) }
        #expect(claims["iss"]?.text == Array("joe".utf8))
        #expect(claims["exp"]?.number?.integer == 1_300_819_380)
        #expect(claims["http://example.com/is_root"] == .bool(true))
        var rules = TokenRules()
        rules.issuers = [Array("joe".utf8)]
        rules.leeway = 0
        let times = try rules.check(claims, type: nil)
        #expect(times.problem(at: 1_300_819_379) == nil)
        #expect(times.problem(at: 1_300_819_380) == .expired)
    }

    @Test(arguments: JWTFixtures.tokens)
    func tokensOfOtherImplementationsPass(_ fixture: JWTFixtures.Token) throws {
        let bench = try JWTBench(keys: .json(try keySet([fixture.key])), algorithm: fixture.algorithm)
        let exchange = bench.request(fixture.token)
        #expect(bench.word(bench.filter.onRequest(exchange)) == "ok")
        #expect(exchange.claims?.text(ofClaim: "sub") == Array("alice".utf8))
        #expect(exchange.claims?.text(ofClaim: "org.name") == Array("Zoë & Co".utf8))
        #expect(exchange.claims?.text(ofClaim: "org.id") == Array("7".utf8))
        #expect(exchange.claims?.text(ofClaim: "email_verified") == Array("true".utf8))
        #expect(exchange.claims?.text(ofClaim: "roles") == nil)
        #expect(exchange.claims?.text(ofClaim: "org") == nil)
        #expect(exchange.claims?.text(ofClaim: "nothing") == nil)
    }

    @Test(arguments: JWTFixtures.tokens)
    func anyChangeOfSuchATokenIsNoticed(_ fixture: JWTFixtures.Token) throws {
        let bench = try JWTBench(keys: .json(try keySet([fixture.key])), algorithm: fixture.algorithm)
        let letters = Array(fixture.token.utf8)
        for place in stride(from: 3, to: letters.count, by: 37) where letters[place] != UInt8(ascii: ".") {
            var other = letters
            other[place] = letters[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(bench.verdict(String(decoding: other, as: UTF8.self)).hasPrefix("401"))
        }
        #expect(bench.count("ok") == 0)
    }
}

extension JWTBench {
    /// With keys without `alg`, for that algorithm.
    convenience init(keys: Keys, algorithm: String) throws {
        try self.init("algorithms: [\(algorithm)]", keys: keys)
    }
}
