import SluiceCore
import Testing

@testable import SluiceFilters

/// Tokens of other forms, spellings and sizes than the one that is right (RFC 7515, RFC 7519, RFC 8725).
@Suite struct JWTFormTests {
    private let malformed = "401 token_malformed"

    private func bench(_ settings: String = "", keys: [String] = ["rsa", "p256", "ed25519"]) throws -> JWTBench {
        try JWTBench(settings, keys: .json(try keySet(keys)))
    }

    @Test func criticalExtensionsAreRefused() throws {
        let bench = try bench()
        for header in [
            #"{"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false}"#,
            #"{"alg":"RS256","kid":"rsa","crit":["exp"],"exp":1}"#,
            #"{"alg":"RS256","kid":"rsa","crit":["alg"]}"#,
            #"{"alg":"RS256","kid":"rsa","crit":["http://x.example/y"]}"#,
        ] {
            #expect(bench.verdict(try TokenForge.rs256(header)) == malformed)
        }
        #expect(bench.count("critical") == 4)
        for header in [#""crit":[]"#, #""crit":null"#, #""crit":"b64""#, #""crit":[1]"#, #""crit":{}"#] {
            #expect(bench.verdict(try TokenForge.rs256("{\"alg\":\"RS256\",\"kid\":\"rsa\",\(header)}")) == malformed)
        }
        #expect(bench.count("malformed") == 5)
    }

    @Test func otherKindsOfTokensAreRefused() throws {
        let bench = try bench()
        let part = TokenForge.part("x")
        #expect(
            bench.verdict("\(TokenForge.part(#"{"alg":"dir","enc":"A128GCM"}"#))..\(part).\(part).\(part)") == malformed
        )
        #expect(bench.count("encrypted") == 1)
        let inner = try TokenForge.rs256()
        for type in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
            #expect(
                bench.verdict(try TokenForge.rs256("{\"alg\":\"RS256\",\"kid\":\"rsa\",\"cty\":\"\(type)\"}", inner))
                    == malformed
            )
        }
        #expect(bench.count("nested") == 4)
        // And one inside without saying so.
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"RS256","kid":"rsa"}"#, inner)) == malformed)
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"RS256","kid":"rsa"}"#, "\"\(inner)\"")) == malformed)
    }

    @Test(arguments: [
        "x", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e.f", "e30.e30.", "e30.e30.e30", ".e30.e30",
        "{}.{}.{}", "null",
        "........................", "e30", "Bearer e30.e30.e30", "W10.e30.e30", "bnVsbA.e30.e30", "%65.e30.e30",
    ])
    func whatIsNoTokenIsMalformed(_ text: String) throws {
        #expect(try bench().verdict(text) == malformed)
    }

    @Test func otherSpellingsOfTheSameBytesAreRefused() throws {
        let bench = try bench()
        let good = try TokenForge.es256()
        let parts = good.split(separator: ".").map(String.init)
        #expect(bench.verdict(good) == "ok")
        // The last letter of a signature of 64 bytes carries four bits that mean nothing.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let last = try #require(parts[2].last.flatMap { alphabet.firstIndex(of: $0) })
        for extra in 1...15 {
            let other = "\(parts[0]).\(parts[1]).\(parts[2].dropLast())\(alphabet[last ^ extra])"
            #expect(bench.verdict(other) == malformed)
        }
        for other in [
            good + "=", good + "==", good + " ", "\(parts[0])=.\(parts[1]).\(parts[2])",
            good.replacing(".", with: ". "), good + ".", good + "\t",
            good.replacing("-", with: "+").replacing("_", with: "/") + "+",
        ] {
            #expect(bench.verdict(other) == malformed)
        }
    }

    /// Also where the signature is right: the issuer signed another spelling of the claims.
    @Test(arguments: ["=", "==", " ", "\n", "A"])
    func otherSpellingsOfTheClaimsAreRefused(_ end: String) throws {
        let bench = try bench(keys: ["hmac"])
        let signed = "\(TokenForge.part(#"{"alg":"HS256"}"#)).\(TokenForge.part(TokenForge.claims))\(end)"
        let signature = TokenForge.hmac(Array(signed.utf8), Array(0..<64))
        #expect(bench.verdict("\(signed).\(TokenForge.part(signature))") == malformed)
    }

    @Test(arguments: [
        #"{"alg":"RS256","alg":"none","kid":"rsa"}"#, #"{"alg":"none","alg":"RS256","kid":"rsa"}"#,
        #"{"alg":"RS256","\u0061lg":"none","kid":"rsa"}"#, #"{"alg":"RS256","kid":"rsa","kid":"x"}"#,
        #"{"alg":"RS256","kid":"rsa"} "x""#, #"["alg"]"#, #"{"kid":"rsa"}"#, #"{"alg":null,"kid":"rsa"}"#,
        #"{"alg":["RS256"],"kid":"rsa"}"#, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":1}",
        "\u{FEFF}{\"alg\":\"RS256\"}", "{alg:RS256}",
        #"{"alg":"RS256","kid":"rsa","x":[[[[[[1]]]]]]}"#,
    ])
    func headersThatCanBeReadInTwoWaysAreRefused(_ header: String) throws {
        #expect(try bench().verdict(try TokenForge.rs256(header)) == malformed)
    }

    @Test(arguments: [
        TokenForge.claims(#""sub":"admin""#), TokenForge.claims(#""\u0073ub":"admin""#),
        TokenForge.claims(#""aud":"orders""#),
        TokenForge.claims(#""exp":9999999999"#), TokenForge.claims(#""org":{"id":1,"id":2}"#), "[]", "", "null",
        "\"x\"", "1",
        TokenForge.claims + " x", TokenForge.claims(#""a":"\ud800""#), TokenForge.claims(#""a":01"#),
        TokenForge.claims("\"a\":" + String(repeating: "[", count: 16) + String(repeating: "]", count: 16)),
    ])
    func claimsThatCanBeReadInTwoWaysAreRefused(_ claims: String) throws {
        #expect(try bench().verdict(try TokenForge.rs256(#"{"alg":"RS256","kid":"rsa"}"#, claims)) == malformed)
    }

    // MARK: - Size

    @Test func tokensThatAreTooLongAreRefusedUnread() throws {
        let bench = try bench()
        for count in [16 * 1024 + 1, 1 << 20] {
            #expect(bench.verdict(String(repeating: "a", count: count)) == malformed)
            #expect(bench.verdict(String(repeating: ".", count: count)) == malformed)
        }
        #expect(bench.count("too_large") == 4)
        let padding = String(repeating: "x", count: 20_000)
        #expect(
            bench.verdict(
                try TokenForge.rs256(#"{"alg":"RS256","kid":"rsa"}"#, TokenForge.claims("\"p\":\"\(padding)\""))
            ) == malformed
        )
        #expect(bench.count("too_large") == 5)
    }

    @Test func theLongestThatIsAllowedPasses() throws {
        let header = #"{"alg":"HS256","kid":"hmac"}"#
        let short = try TokenForge.hs256(header, TokenForge.claims("\"p\":\"\""))
        // Three letters more are four of base64url.
        let padding = String(repeating: "x", count: (16 * 1024 - short.utf8.count) / 4 * 3)
        let bench = try bench(keys: ["hmac"])
        let long = try TokenForge.hs256(header, TokenForge.claims("\"p\":\"\(padding)\""))
        #expect((16 * 1024 - 3...16 * 1024).contains(long.utf8.count))
        #expect(bench.verdict(long) == "ok")
        let limited = try self.bench("max_size: 400", keys: ["hmac"])
        #expect(limited.verdict(long) == malformed)
        #expect(limited.verdict(short) == "ok")
    }
}
