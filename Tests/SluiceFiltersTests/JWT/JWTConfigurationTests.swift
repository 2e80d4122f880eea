import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

/// What a file may say, and what is said about the rest.
@Suite struct JWTConfigurationTests {
    private static let inline = "inline: {keys: [{kty: oct, k: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8}]}"

    private func configuration(_ fields: String, files: [String: String] = [:]) throws -> JWTConfiguration {
        let file = JWTFile("jwt: {\(fields)}", files: files)
        #expect(file.findings == [])
        return try #require(file.model?.filters.first?.configuration as? JWTConfiguration)
    }

    private func findings(
        _ fields: String,
        files: [String: String] = [:],
        environment: [String: String] = [:]
    ) -> [String] {
        JWTFile("jwt: {\(fields)}", files: files, environment: environment).findings
    }

    /// Of the part behind `audiences`.
    private func finding(_ fields: String) -> String {
        let found = findings("audiences: [a], \(fields)")
        return found.count == 1 ? String(found[0].drop { $0 != " " }.dropFirst()) : "\(found)"
    }

    @Test func theSmallestHasSafeDefaults() throws {
        let made = try configuration("audiences: [a], jwks: {\(Self.inline)}")
        #expect(made.rules.issuers == [])
        #expect(made.rules.audiences == [Array("a".utf8)])
        #expect(made.rules.leeway == 30)
        #expect(made.rules.requiresExpiry)
        #expect(made.isRequired)
        #expect(!made.forwards)
        #expect(made.sizeLimit == 16 * 1024)
        #expect(made.places == [.header("authorization", scheme: "Bearer")])
        guard case .fixed(let set) = made.keys else { return #expect(Bool(false), "no fixed keys") }
        #expect(set.keys.map(\.algorithm) == [.hs256])
    }

    @Test func everythingCanBeSaid() throws {
        let made = try configuration(
            """
            issuer: [a, b], audiences: any, types: [at+jwt], leeway: 1m, require_expiry: false, claims: {x: [1, y], z: w},\
             scopes: {any: [r]}, claim_headers: {X-U: sub}, consumer: sub, forward: true, required: false, realm: R,\
             max_size: 1KiB, algorithms: [ES256, RS512], from: [{header: X-T, scheme: T}, {query: t}, {cookie: c}],\
             jwks: {url: "https://issuer.example/keys?x=1", refresh: 1h, cooldown: 1m, timeout: 2s}
            """
        )
        #expect(made.rules.audiences == nil)
        #expect(made.rules.claims.map(\.values) == [[Array("1".utf8), Array("y".utf8)], [Array("w".utf8)]])
        #expect(made.scopes == ScopeModel(names: ["r"], needsAll: false))
        #expect(made.rules.consumer == ClaimPath("sub"))
        #expect(made.places == [.header("x-t", scheme: "T"), .query("t"), .cookie("c")])
        let url = try #require(FetchURL("https://issuer.example/keys?x=1"))
        let source = RemoteKeySource(
            url: url,
            refresh: .hours(1),
            cooldown: .minutes(1),
            timeout: .seconds(2),
            algorithms: [.es256, .rs512]
        )
        #expect(made.keys == .remote(source))
        #expect(
            made.effects == [
                "request: check a token of 'a' or 'b', signed with a key of https://issuer.example/keys",
                "request: only with scope r", "request: set X-U to the claim 'sub'",
            ]
        )
    }

    @Test func theOnlyKeyIsNotCalledOneOfOneKeys() throws {
        let made = try configuration("audiences: [a], jwks: {\(Self.inline)}")
        #expect(made.effects.first == "request: only a token of any issuer, signed with the one known key")
        let two = try configuration("audiences: [a], jwks: {inline: \(try keySet(["rsa", "p256"]))}")
        #expect(two.effects.first?.hasSuffix("signed with one of 2 keys") == true)
    }

    @Test func theAccessLogIsToldWhereTokensAre() throws {
        let places = "from: [{header: X-T, scheme: T}, {query: Ticket}, {cookie: C}]"
        let made = try configuration("audiences: [a], jwks: {\(Self.inline)}, \(places)")
        #expect(made.needs.secretNames == ["x-t", "ticket", "c"])
    }

    @Test func keysOfAFileAreReadFromItsFolder() throws {
        let text = try keySet(["rsa", "p256"])
        let made = try configuration("audiences: [a], jwks: {file: keys/set.json}", files: ["conf/keys/set.json": text])
        guard case .fixed(let set) = made.keys else { return #expect(Bool(false), "no fixed keys") }
        #expect(set.keys.map(\.algorithm) == [.rs256, .es256])
        _ = try configuration("audiences: [a], jwks: {file: /etc/set.json}", files: ["/etc/set.json": text])
        // Through the function that notices changes.
        #expect(JWTFile("jwt: {audiences: [a], jwks: {file: set.json}}").read == ["conf/set.json"])
    }

    @Test func keysMayStandInTheFileAsJSON() throws {
        let made = try configuration("audiences: [a], jwks: {inline: '\(try keySet(["rsa"]))'}")
        guard case .fixed(let set) = made.keys else { return #expect(Bool(false), "no fixed keys") }
        #expect(set.keys.map(\.id) == [Array("rsa".utf8)])
    }

    @Test func secretsComeFromTheEnvironment() throws {
        let file = JWTFile(
            "jwt: {audiences: [a], jwks: {inline: {keys: [{kty: oct, k: '${SECRET}'}]}}}",
            environment: ["SECRET": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]
        )
        #expect(file.findings == [])
        let short = JWTFile(
            "jwt: {audiences: [a], jwks: {inline: {keys: [{kty: oct, k: '${SECRET}'}]}}}",
            environment: ["SECRET": "c2hvcnQ"]
        )
        #expect(short.findings.count == 1)
        #expect(short.findings.allSatisfy { $0.contains("shorter than the 32 bytes") && !$0.contains("c2hvcnQ") })
    }

    static let wrong: [(String, String)] = [
        (
            "jwks: {url: http://issuer.example/k}",
            "SL013 'url' of 'jwks' of filter 'jwt' would be fetched over an open network: 'http://issuer.example/k' (use https; http is for servers on this machine)"
        ),
        (
            "jwks: {url: ftp://issuer.example/k}",
            "SL022 'url' of 'jwks' of filter 'jwt' is not an http or https URL: 'ftp://issuer.example/k' (URLs look like https://auth.example.com/jwks.json)"
        ),
        (
            "jwks: {url: https://user@issuer.example/k}",
            "SL022 'url' of 'jwks' of filter 'jwt' is not an http or https URL: 'https://***@issuer.example/k' (URLs look like https://auth.example.com/jwks.json)"
        ),
        ("jwks: {file: none.json}", "SL019 the file 'none.json' cannot be read"),
        ("jwks: {inline: '{'}", "SL013 'inline' is not JSON (byte 1)"),
        ("jwks: {inline: {keys: []}}", "SL013 the set holds no key that is of use"),
        (
            "jwks: {inline: {keys: [{kty: oct, k: AAAA}]}}",
            "SL013 the set holds no key that is of use: key 1: the secret is shorter than the 32 bytes that HS256 needs"
        ),
        ("jwks: {\(inline), refresh: 1m}", "SL016 'refresh' goes with 'url' only"),
        (
            "jwks: {\(inline), url: https://x.example/}",
            "SL016 'jwks' of filter 'jwt' has 'inline' and 'url': only one of them can apply"
        ),
        ("jwks: {}", "SL016 'jwks' of filter 'jwt' needs one of 'url', 'file', 'inline'"),
        ("jwks: {\(inline)}, algorithms: [none]", "SL013 an item of 'algorithms' of filter 'jwt' cannot be 'none'"),
        (
            "jwks: {\(inline)}, algorithms: [RS256]",
            "SL013 the set holds no key that is of use: key 1: it is for none of 'algorithms'"
        ),
        ("jwks: {\(inline)}, leeway: 11m", "SL015 'leeway' of filter 'jwt' must be at most 10m, not '11m'"),
        ("jwks: {\(inline)}, scopes: ['a b']", "SL026 an item of 'scopes' of filter 'jwt' is not a scope: 'a b'"),
        (
            "jwks: {\(inline)}, realm: 'a\"b'",
            "SL026 'realm' of filter 'jwt' may hold letters of ASCII, but no quote or backslash: 'a\"b'"
        ),
        (
            "jwks: {\(inline)}, claim_headers: {authorization: sub}",
            "SL013 the header 'authorization' cannot be filled from a claim: the token is looked for there"
        ),
        (
            "jwks: {\(inline)}, from: [{header: X-Token}], claim_headers: {x_token: sub}",
            "SL013 the header 'x_token' cannot be filled from a claim: the token is looked for there"
        ),
        (
            "jwks: {\(inline)}, from: [{cookie: session}], claim_headers: {Cookie: sub}",
            "SL013 the header 'Cookie' cannot be filled from a claim: the token is looked for there"
        ),
        ("jwks: {\(inline)}, claim_headers: {X-A: sub, x-a: b}", "SL003 the header 'x-a' is twice in 'claim_headers'"),
        ("jwks: {\(inline)}, from: []", "SL013 'from' of filter 'jwt' must not be empty"),
        ("jwks: {\(inline)}, from: [{query: t, scheme: x}]", "SL013 'scheme' goes with 'header' only"),
        (
            "jwks: {\(inline)}, from: [{query: 'a%b'}]",
            "SL026 'query' of an item of 'from' of filter 'jwt' is not the name of a query parameter: 'a%b'"
        ),
    ]

    @Test(arguments: wrong)
    func saysWhatIsWrong(_ fields: String, _ text: String) {
        #expect(finding(fields) == text)
    }

    @Test func audiencesMustBeSaid() {
        #expect(findings("jwks: {\(Self.inline)}") == ["5:10 SL011 filter 'jwt' needs 'audiences'"])
        #expect(
            findings("audiences: orders, jwks: {\(Self.inline)}")
                == [
                    "5:22 SL013 'audiences' of filter 'jwt' must be a list of names, or 'any': 'orders' (write it as a list: [orders])"
                ]
        )
    }

    @Test func wrongKeysArePointedAt() throws {
        let file = JWTFile(
            """
            jwt:
                  audiences: [a]
                  jwks:
                    inline:
                      keys:
                        - {kty: oct, k: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8}
                        - {kty: oct, kid: short, k: AAAA}
                        - {kty: RSA, use: enc}
                        - {kty: OKP, crv: Ed25519, x: AAAA, d: AAAA}
                        - nonsense
            """
        )
        #expect(
            file.findings == [
                "11:15 SL013 the set: key 2 ('short'): the secret is shorter than the 32 bytes that HS256 needs",
                "13:15 SL013 the set: key 4: it holds the private part ('d'), which nobody but the issuer may have",
                "14:15 SL010 an item of 'keys' of 'inline' of filter 'jwt' must be a mapping, not a text",
            ]
        )
    }

    @Test func wrongKeysOfAFileAreNamed() throws {
        let set = keySet(try JWTFixtures.key("rsa"), try JWTFixtures.key("rsa1024"))
        #expect(
            findings("audiences: [a], jwks: {file: k.json}", files: ["conf/k.json": set])
                == ["5:40 SL013 the file 'k.json': key 2 ('rsa1024'): it has 1024 bits, and RSA needs 2048"]
        )
        #expect(
            findings("audiences: [a], jwks: {file: k.json}", files: ["conf/k.json": "{\"keys\": 1}"])
                == ["5:40 SL013 the file 'k.json' is no JWK Set: an object with the list 'keys' is needed"]
        )
    }

    /// Whatever makes a difference for a token must make different rules.
    @Test func everyFieldThatMattersIsPartOfTheRules() throws {
        let base = try configuration("audiences: [a], jwks: {\(Self.inline)}").rules
        for field in [
            "issuer: x", "types: [x]", "leeway: 1s", "require_expiry: false", "claims: {x: y}", "scopes: [x]",
            "scopes: {any: [x]}", "claim_headers: {x: y}", "consumer: x",
        ] {
            #expect(try configuration("audiences: [a], jwks: {\(Self.inline)}, \(field)").rules != base, "\(field)")
        }
        #expect(try configuration("audiences: [b], jwks: {\(Self.inline)}").rules != base)
        #expect(try configuration("audiences: [a], jwks: {\(Self.inline)}, realm: x, forward: true").rules == base)
    }

    @Test func differentKeysAreNeverShared() throws {
        func identity(_ jwks: String) throws -> String {
            try configuration("audiences: [a], jwks: {\(jwks)}").keys.identity
        }
        let all = try [
            identity(Self.inline), identity("inline: '\(try keySet(["rsa"]))'"),
            identity("inline: '\(try keySet(["p256"]))'"),
            identity("inline: '\(keySet(try JWTFixtures.key("p256").with(["kid": "x"])))'"),
            identity("inline: '\(keySet(try JWTFixtures.key("p256").with(["kid": nil])))'"),
            identity("inline: '\(keySet(try JWTFixtures.key("rsa").with(["alg": "RS512"])))'"),
            identity("url: https://a.example/"), identity("url: https://a.example/?x"),
            identity("url: https://a.example/, refresh: 1m"),
            identity("url: https://a.example/, cooldown: 1m"), identity("url: https://a.example/, timeout: 1m"),
        ]
        #expect(Set(all).count == all.count)
        #expect(try identity("inline: '\(try keySet(["rsa"]))'") == all[1])
    }
}
