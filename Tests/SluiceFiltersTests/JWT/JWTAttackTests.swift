import Crypto
import CryptoExtras
import SluiceCore
import Testing

@testable import SluiceFilters

/// The tokens that attackers send (RFC 8725, sections 2 and 3). None passes, and none is an error of another kind.
@Suite struct JWTAttackTests {
    private let malformed = "401 token_malformed"
    private let signature = "401 token_signature_invalid"

    /// A filter with the public keys of all kinds, and no secret.
    private func bench(_ settings: String = "", keys: [String] = ["rsa", "p256", "ed25519"]) throws -> JWTBench {
        try JWTBench(settings, keys: .json(try keySet(keys)))
    }

    @Test func theGoodOnesPass() throws {
        let bench = try bench(keys: ["rsa", "p256", "hmac"])
        #expect(bench.verdict(try TokenForge.rs256()) == "ok")
        #expect(bench.verdict(try TokenForge.es256()) == "ok")
        #expect(bench.verdict(try TokenForge.hs256()) == "ok")
    }

    // MARK: - Algorithms

    @Test(arguments: [
        "none", "None", "NONE", "nOnE", "", "HS1", "RS1", "hs256", "RS256 ", "RSA-OAEP", "dir", "ES256K", "Ed448",
    ])
    func algorithmsThatAreNoneAreRefused(_ name: String) throws {
        let bench = try bench(keys: ["rsa", "hmac"])
        for header in [
            "{\"alg\":\"\(name)\"}", "{\"alg\":\"\(name)\",\"kid\":\"rsa\"}", "{\"alg\":\"\(name)\",\"kid\":\"hmac\"}",
        ] {
            let unsigned = "\(TokenForge.part(header)).\(TokenForge.part(TokenForge.claims))."
            #expect(bench.verdict(unsigned) == signature)
            let signed = TokenForge.token(header) { TokenForge.hmac($0, Array(0..<64)) }
            #expect(bench.verdict(signed) == signature)
        }
        #expect(bench.count("algorithm") == 6)
    }

    @Test func aTokenWithoutASignatureIsRefused() throws {
        let bench = try bench(keys: ["rsa", "p256", "ed25519", "hmac"])
        for algorithm in JWTAlgorithm.allCases {
            let header = TokenForge.part("{\"alg\":\"\(algorithm.rawValue)\"}")
            #expect(bench.verdict("\(header).\(TokenForge.part(TokenForge.claims)).") == signature)
        }
    }

    /// The public key is no secret: whoever takes it for one signs what he likes (RFC 8725, section 2.1).
    @Test func aPublicKeyIsNeverASecret() throws {
        let key = try _RSA.Signing.PrivateKey(pemRepresentation: JWTFixtures.privateKey("rsa")).publicKey
        let jwk = try JWTFixtures.key("rsa")
        let modulus = try jwk.bytes("n")
        let secrets = [
            Array(key.pemRepresentation.utf8), Array((key.pemRepresentation + "\n").utf8), Array(key.derRepresentation),
            Array(key.pkcs1PEMRepresentation.utf8), Array(key.pkcs1DERRepresentation), modulus, Array(jwk.json.utf8),
            [],
        ]
        let bench = try bench()
        for secret in secrets {
            for header in [#"{"alg":"HS256","kid":"rsa"}"#, #"{"alg":"HS256"}"#, #"{"alg":"HS256","kid":"p256"}"#] {
                #expect(bench.verdict(TokenForge.token(header) { TokenForge.hmac($0, secret) }) == signature)
            }
        }
    }

    /// Also where both are configured: a name leads to one key, and that key is for one algorithm.
    @Test func theAlgorithmIsThatOfTheKey() throws {
        let bench = try bench(keys: ["rsa", "p256", "hmac"])
        let secret = [UInt8](0..<64)
        #expect(
            bench.verdict(TokenForge.token(#"{"alg":"HS256","kid":"rsa"}"#) { TokenForge.hmac($0, secret) })
                == signature
        )
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"PS256","kid":"rsa"}"#)) == signature)
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"RS512","kid":"rsa"}"#)) == signature)
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"RS256","kid":"p256"}"#)) == signature)
        #expect(bench.verdict(try TokenForge.es256(#"{"alg":"ES384","kid":"p256"}"#)) == signature)
        // A token of the right key, but with another algorithm of the same kind.
        #expect(bench.verdict(try JWTFixtures.token("PS256")) == signature)
        #expect(bench.verdict(try JWTFixtures.token("RS512")) == signature)
        #expect(bench.verdict(try JWTFixtures.token("HS512")) == signature)
        #expect(bench.count("ok") == 0)
    }

    @Test func algorithmsOfTheConfigurationAreTheOnlyOnes() throws {
        let bench = try bench("algorithms: [ES256]", keys: ["rsa", "p256"])
        #expect(bench.verdict(try TokenForge.es256()) == "ok")
        #expect(bench.verdict(try TokenForge.rs256()) == signature)
    }

    // MARK: - Keys that come with the token

    @Test func keysInsideOfTheTokenAreIgnored() throws {
        let own = P256.Signing.PrivateKey()
        let point = Array(own.publicKey.x963Representation)
        let (x, y) = (TokenForge.part(point[1..<33]), TokenForge.part(point[33...]))
        let jwk = #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)","kid":"p256"}"#
        let bench = try bench()
        for parameter in [
            #""jwk":\#(jwk)"#, #""jku":"http://127.0.0.1/keys.json""#, #""x5u":"http://127.0.0.1/cert.pem""#,
            #""x5c":["MIIB"]"#,
            #""x5t":"AAAA","x5t#S256":"AAAA""#,
        ] {
            for kid in [#","kid":"p256""#, ""] {
                let forged = try TokenForge.token("{\"alg\":\"ES256\",\(parameter)\(kid)}") { message in
                    Array(try own.signature(for: message).rawRepresentation)
                }
                #expect(bench.verdict(forged) == signature)
            }
            // With a good signature they do no harm either: nobody looks at them.
            #expect(bench.verdict(try TokenForge.es256("{\"alg\":\"ES256\",\(parameter),\"kid\":\"p256\"}")) == "ok")
        }
        #expect(bench.background.total == 0)
    }

    static let kids = [
        "../../../../dev/null", "/dev/null", "x' UNION SELECT 'secret'--", "|/bin/sh", "http://127.0.0.1/",
        "rsa\\u0000", "RSA",
        "rsa ", " rsa", "", "%72sa", "rsa\\n", "*", "hmac\\u0000rsa",
    ]

    @Test(arguments: kids)
    func theNameOfAKeyIsComparedAndNothingElse(_ kid: String) throws {
        let bench = try bench(keys: ["rsa", "hmac"])
        #expect(bench.verdict(try TokenForge.rs256("{\"alg\":\"RS256\",\"kid\":\"\(kid)\"}")) == signature)
        #expect(
            bench.verdict(TokenForge.token("{\"alg\":\"HS256\",\"kid\":\"\(kid)\"}") { TokenForge.hmac($0, []) })
                == signature
        )
        #expect(bench.count("unknown_key") == 2)
        // The escaped form of the right name is the right name.
        #expect(bench.verdict(try TokenForge.rs256(#"{"alg":"RS256","kid":"\u0072sa"}"#)) == "ok")
    }

    @Test(arguments: ["1", "null", "[\"rsa\"]", "{\"a\":1}", "true"])
    func aNameThatIsNoTextIsMalformed(_ kid: String) throws {
        #expect(try bench().verdict(try TokenForge.rs256("{\"alg\":\"RS256\",\"kid\":\(kid)}")) == malformed)
    }

    // MARK: - Signatures

    @Test(arguments: [[0, 0], [1, 0], [0, 1]])
    func psychicSignaturesAreRefused(_ halves: [UInt8]) throws {
        let bench = try JWTBench(keys: .json(try keySet(["p256", "p384", "p521"])))
        for (algorithm, kid, count) in [("ES256", "p256", 32), ("ES384", "p384", 48), ("ES512", "p521", 66)] {
            let zeros = [UInt8](repeating: 0, count: count - 1)
            let forged = TokenForge.token("{\"alg\":\"\(algorithm)\",\"kid\":\"\(kid)\"}") { _ in
                zeros + [halves[0]] + zeros + [halves[1]]
            }
            #expect(bench.verdict(forged) == signature)
        }
    }

    /// Numbers of the order of the curve and beyond stand for the same remainder, and must not pass for it.
    @Test func numbersBeyondTheOrderOfTheCurveAreRefused() throws {
        let order: [UInt8] = [
            0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
            0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
        ]
        let bench = try bench()
        let header = #"{"alg":"ES256","kid":"p256"}"#
        #expect(bench.verdict(TokenForge.token(header) { _ in order + order }) == signature)
        let all = [UInt8](repeating: 0xFF, count: 64)
        #expect(bench.verdict(TokenForge.token(header) { _ in all }) == signature)
    }

    @Test func signaturesInDERAreRefused() throws {
        let bench = try bench()
        #expect(bench.verdict(try TokenForge.es256(asDER: true)) == signature)
        #expect(bench.verdict(try TokenForge.es256()) == "ok")
    }

    @Test(arguments: [0, 1, 31, 32, 63, 65, 66, 96, 128, 255, 257, 512, 4000])
    func signaturesOfAnotherLengthAreRefused(_ count: Int) throws {
        let bench = try bench(keys: ["rsa", "p256", "ed25519", "hmac"])
        let some = [UInt8](repeating: 1, count: count)
        for header in [
            #"{"alg":"RS256","kid":"rsa"}"#, #"{"alg":"ES256","kid":"p256"}"#, #"{"alg":"EdDSA","kid":"ed25519"}"#,
            #"{"alg":"HS256","kid":"hmac"}"#,
        ] {
            #expect(bench.verdict(TokenForge.token(header) { _ in some }) == signature)
        }
    }

    @Test func aSignatureWithBytesBehindItIsRefused() throws {
        let bench = try bench(keys: ["rsa", "p256", "hmac"])
        for token in [try TokenForge.rs256(), try TokenForge.es256(), try TokenForge.hs256()] {
            let parts = token.split(separator: ".")
            let signed = try #require(Base64.decode(String(parts[2]), as: .url))
            for other in [signed + [0], [0] + signed, signed + signed, Array(signed.dropLast())] {
                #expect(bench.verdict("\(parts[0]).\(parts[1]).\(TokenForge.part(other))") == signature)
            }
        }
    }

    // MARK: - Other audiences

    @Test func aTokenForAnotherAudienceDoesNotPassByHavingPassedElsewhere() throws {
        let bench = try bench()
        let other = try bench.reloaded("audiences: [billing]", keys: .json(try keySet(["rsa", "p256", "ed25519"])))
        let token = try TokenForge.rs256()
        for _ in 0..<3 {
            #expect(bench.verdict(token) == "ok")
            #expect(bench.word(other.onRequest(bench.request(token))) == "401 token_claim_invalid")
        }
        #expect(bench.cacheHits == 2)
    }

    @Test func aTokenOfAKeyThatIsGoneDoesNotPassByHavingPassedBefore() throws {
        let bench = try bench()
        let token = try TokenForge.rs256()
        #expect(bench.verdict(token) == "ok")
        #expect(bench.verdict(token) == "ok")
        let without = try bench.reloaded(keys: .json(try keySet(["p256", "ed25519"])))
        #expect(bench.word(without.onRequest(bench.request(token))) == signature)
        // Another key of the same name.
        let renamed = try JWTFixtures.key("p256").with(["kid": "rsa"])
        let replaced = try bench.reloaded(keys: .json(keySet(renamed)))
        #expect(bench.word(replaced.onRequest(bench.request(token))) == signature)
    }
}
