import SluiceCore
import Testing

@testable import SluiceFilters

/// Which JWKs are keys, and for which algorithm (RFC 7517, 7518, 8037).
@Suite struct VerificationKeyTests {
    private func key(
        _ object: JSONObject,
        _ allowed: [JWTAlgorithm] = JWTAlgorithm.allCases
    ) -> Result<VerificationKey, KeyProblem> {
        Result { () throws(KeyProblem) in try VerificationKey(KeyParameters(object), allowed: allowed) }
    }

    private func problem(_ object: JSONObject) -> KeyProblem? {
        if case .failure(let problem) = key(object) { problem } else { nil }
    }

    private func algorithm(_ object: JSONObject, _ allowed: [JWTAlgorithm] = JWTAlgorithm.allCases) -> String {
        (try? key(object, allowed).get().algorithm.rawValue) ?? "none"
    }

    @Test func theKindOfKeyDecidesWhereAlgIsNotThere() throws {
        #expect(algorithm(try JWTFixtures.key("rsa")) == "RS256")
        #expect(algorithm(try JWTFixtures.key("hmac")) == "HS256")
        #expect(algorithm(try JWTFixtures.key("p256")) == "ES256")
        #expect(algorithm(try JWTFixtures.key("p384")) == "ES384")
        #expect(algorithm(try JWTFixtures.key("p521")) == "ES512")
        #expect(algorithm(try JWTFixtures.key("ed25519")) == "EdDSA")
        // Or the configuration, in its order.
        #expect(algorithm(try JWTFixtures.key("rsa"), [.es256, .ps384, .rs512]) == "PS384")
        #expect(algorithm(try JWTFixtures.key("hmac"), [.hs512, .hs256]) == "HS512")
        #expect(algorithm(try JWTFixtures.key("p256"), [.es384, .rs256]) == "none")
    }

    @Test func algIsTheOneAlgorithmOfTheKey() throws {
        let rsa = try JWTFixtures.key("rsa")
        #expect(algorithm(rsa.with(["alg": "PS512"])) == "PS512")
        #expect(algorithm(rsa.with(["alg": "PS512"]), [.rs256]) == "none")
        #expect(problem(rsa.with(["alg": "ES256"])) == .broken("its 'alg' does not go with its 'kty'"))
        #expect(problem(rsa.with(["alg": "HS256"])) == .broken("its 'alg' does not go with its 'kty'"))
        #expect(
            problem(try JWTFixtures.key("p256").with(["alg": "ES384"]))
                == .broken("its 'alg' does not go with its 'kty'")
        )
        #expect(problem(rsa.with(["alg": "RSA-OAEP"])) == .notForThis("its 'alg' is not one of signatures"))
        #expect(problem(rsa.with(["alg": "none"])) == .notForThis("its 'alg' is not one of signatures"))
        #expect(problem(rsa.with(["alg": "rs256"])) == .notForThis("its 'alg' is not one of signatures"))
    }

    @Test func useAndOperationsMustAllowVerifying() throws {
        let rsa = try JWTFixtures.key("rsa")
        let verify = JSONValue.array([.string(Array("verify".utf8))])
        #expect(problem(rsa.with(["use": "sig"])) == nil)
        #expect(problem(rsa.with(["key_ops": verify])) == nil)
        #expect(problem(rsa.with(["use": "enc"])) == .notForThis("'use' is not 'sig'"))
        #expect(problem(rsa.with(["use": "SIG"])) == .notForThis("'use' is not 'sig'"))
        let sign = JSONValue.array([.string(Array("sign".utf8)), .string(Array("encrypt".utf8))])
        #expect(problem(rsa.with(["key_ops": sign])) == .notForThis("'key_ops' does not hold 'verify'"))
        #expect(problem(rsa.with(["key_ops": .array([])])) == .notForThis("'key_ops' does not hold 'verify'"))
        // Both: both must.
        #expect(problem(rsa.with(["use": "enc"]).with(["key_ops": verify])) == .notForThis("'use' is not 'sig'"))
        for odd in [JSONValue.string([]), .array([.null]), .array([.string([1]), .string([1])]), .bool(true)] {
            #expect(problem(rsa.with(["key_ops": odd])) == .broken("'key_ops' is not of the form that it must have"))
        }
        #expect(
            problem(rsa.with(["use": .number(JSONNumber(1))])) == .broken("'use' is not of the form that it must have")
        )
    }

    @Test func shortKeysAreRefused() throws {
        #expect(problem(try JWTFixtures.key("rsa1024")) == .broken("it has 1024 bits, and RSA needs 2048"))
        func secret(_ count: Int) -> JSONObject {
            let text = Base64.encode([UInt8](repeating: 7, count: count), as: .url)
            return JSONObject([]).with(["kty": "oct"]).with(["k": .string(text)])
        }
        for (algorithm, least) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
            #expect(problem(secret(least).with(["alg": algorithm])) == nil)
            #expect(
                problem(secret(least - 1).with(["alg": algorithm]))
                    == .broken("the secret is shorter than the \(least) bytes that \(algorithm) needs")
            )
        }
        #expect(problem(secret(4096)) == nil)
        #expect(problem(secret(4097)) == .broken("'k' is longer than 4096 bytes"))
    }

    @Test func numbersThatMakeNoKeyAreRefused() throws {
        let rsa = try JWTFixtures.key("rsa")
        for exponent in ["AA", "AQ", "Ag", "AQAA", "AQAAAAE"] {
            #expect(problem(rsa.with(["e": exponent])) == .broken("'e' is no exponent of an RSA key"), "\(exponent)")
        }
        #expect(problem(rsa.with(["e": "Aw"])) == nil)
        var even = try rsa.bytes("n")
        even[even.count - 1] &= 0xFE
        #expect(problem(rsa.with(["n": .string(Base64.encode(even, as: .url))])) == .broken("its numbers make no key"))
        let huge = [UInt8](repeating: 0xFF, count: 1025)
        #expect(
            problem(rsa.with(["n": .string(Base64.encode(huge, as: .url))])) == .broken("it has more than 8192 bits")
        )
        // A zero byte in front is tolerated, and changes nothing.
        let padded = [0] + (try rsa.bytes("n"))
        #expect(try key(rsa.with(["n": .string(Base64.encode(padded, as: .url))])).get() == key(rsa).get())
    }

    @Test func pointsMustLieOnTheirCurve() throws {
        let p256 = try JWTFixtures.key("p256")
        var x = try p256.bytes("x")
        x[5] ^= 1
        #expect(problem(p256.with(["x": .string(Base64.encode(x, as: .url))])) == .broken("its numbers make no key"))
        let zero = JSONValue.string(Base64.encode([UInt8](repeating: 0, count: 32), as: .url))
        #expect(problem(p256.with(["x": zero, "y": zero])) == .broken("its numbers make no key"))
        let short = JSONValue.string(Base64.encode(x.dropFirst(), as: .url))
        #expect(problem(p256.with(["x": short])) == .broken("'x' and 'y' must have 32 bytes on P-256"))
        #expect(problem(p256.with(["crv": "P-384"])) == .broken("'x' and 'y' must have 48 bytes on P-384"))
        #expect(problem(p256.with(["crv": "secp256k1"])) == .notForThis("its 'crv' is not known"))
        #expect(problem(try JWTFixtures.key("ed25519").with(["crv": "Ed448"])) == .notForThis("its 'crv' is not known"))
        #expect(
            problem(try JWTFixtures.key("ed25519").with(["x": "AAAA"])) == .broken("'x' must have 32 bytes on Ed25519")
        )
    }

    @Test(arguments: ["rsa", "p256", "ed25519"])
    func privateKeysAreRefused(_ name: String) throws {
        let object = try JWTFixtures.key(name).with(["d": "AAAA"])
        #expect(problem(object) == .broken("it holds the private part ('d'), which nobody but the issuer may have"))
    }

    @Test func everyParameterMustBeThereInItsForm() throws {
        for (name, parameters) in [
            ("rsa", ["n", "e"]), ("p256", ["x", "y", "crv"]), ("hmac", ["k"]), ("ed25519", ["x", "crv"]),
        ] {
            let object = try JWTFixtures.key(name)
            for parameter in parameters + ["kty"] {
                #expect(problem(object.with([parameter: nil])) == .broken("'\(parameter)' is missing"))
                #expect(problem(object.with([parameter: .bool(true)])) != nil)
            }
        }
        let rsa = try JWTFixtures.key("rsa")
        #expect(problem(rsa.with(["e": "AQAB="])) == .broken("'e' is not base64url"))
        #expect(problem(rsa.with(["e": "AQAC"])) != nil)
        #expect(problem(rsa.with(["e": ""])) == .broken("'e' is not base64url"))
        #expect(problem(rsa.with(["kty": "rsa"])) == .notForThis("its 'kty' is not known"))
        #expect(problem(rsa.with(["kid": .number(JSONNumber(1))])) == .broken("'kid' is no text"))
        #expect(problem(rsa.with(["kid": String(repeating: "a", count: 256)])) == nil)
        #expect(
            problem(rsa.with(["kid": String(repeating: "a", count: 257)])) == .broken("'kid' is longer than 256 bytes")
        )
        // What the set says besides is not looked at.
        #expect(problem(rsa.with(["x5c": .array([.null]), "x5u": .bool(false), "ext": .bool(true)])) == nil)
    }

    // MARK: - Sets

    private func set(_ json: String) -> Result<KeySet, KeySet.Problem> {
        Result { () throws(KeySet.Problem) in try KeySet(json: Array(json.utf8), allowed: JWTAlgorithm.allCases) }
    }

    private func problem(_ json: String) -> String? {
        if case .failure(let problem) = set(json) { problem.text } else { nil }
    }

    @Test func keysThatAreOfNoUseAreLeftOut() throws {
        let rsa = try JWTFixtures.key("rsa")
        let json = keySet(rsa.with(["use": "enc"]), try JWTFixtures.key("rsa1024"), rsa, try JWTFixtures.key("p256"))
        let keys = try set(json).get()
        #expect(keys.keys.map(\.algorithm) == [.rs256, .es256])
        #expect(keys.ignored.map(\.index) == [0, 1])
        // Only what is wrong is worth a word.
        #expect(keys.warnings == ["key 2 ('rsa1024'): it has 1024 bits, and RSA needs 2048"])
    }

    @Test func whatIsNoSetIsRefusedAsAWhole() throws {
        #expect(problem("") == "is not JSON (byte 0)")
        #expect(problem("[]") == "is no JWK Set: an object with the list 'keys' is needed")
        #expect(problem("{\"keys\":{}}") == "is no JWK Set: an object with the list 'keys' is needed")
        #expect(problem("{\"keys\":[]}") == "holds no key that is of use")
        #expect(problem("{\"keys\":[1]}") == "holds no key that is of use: key 1: it is no object")
        #expect(problem("{\"keys\":[],\"keys\":[]}") == "holds a name twice in one object (byte 11)")
        let rsa = try JWTFixtures.key("rsa")
        #expect(
            problem("{\"keys\":[\(rsa.json.dropLast()),\"kty\":\"oct\"}]}")?.hasPrefix("holds a name twice") == true
        )
        #expect(
            problem(keySet(rsa.with(["kid": "a\nb"]).with(["use": "enc"])))
                == "holds no key that is of use: key 1 ('a?b'): 'use' is not 'sig'"
        )
        let many = [String](repeating: "{}", count: 257).joined(separator: ",")
        #expect(problem("{\"keys\":[\(many)]}") == "holds more than 256 keys")
        #expect(
            problem("{\"keys\":" + String(repeating: "[", count: 9) + String(repeating: "]", count: 9) + "}")?
                .hasPrefix("is nested") == true
        )
        #expect(problem(String(repeating: " ", count: 1 << 20) + "{}")?.hasPrefix("is too large") == true)
    }

    @Test func secretsAreNotShown() throws {
        let key = try key(try JWTFixtures.key("hmac")).get()
        let secret = try #require(Base64.decode(JWTFixtures.privateKey("hmac"), as: .url))
        #expect("\(key)" == "HS256 key")
        var text = ""
        dump(key, to: &text)
        #expect(!text.contains("\(secret[40])"))
    }
}
