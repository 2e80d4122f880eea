import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("Origins") struct OriginTests {
    private func match(_ rules: [String], _ origin: String) throws -> OriginMatcher.Match {
        let matcher = OriginMatcher(try rules.map { try OriginRule.parse($0).get() })
        return Array(origin.utf8).withUnsafeBytes { matcher.match($0) }
    }

    private func allows(_ rule: String, _ origin: String) throws -> Bool { try match([rule], origin) != .none }

    // MARK: - Syntax

    @Test(
        "what is an origin, and in which form",
        arguments: [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com:443", "https://app.example.com", false),
            ("HTTPS://App.Example.COM", "https://app.example.com", false),
            ("http://localhost:3000", "http://localhost:3000", true), ("http://a.test:80", "http://a.test", false),
            ("https://a.test:80", "https://a.test:80", true), ("http://[::1]:8080", "http://[::1]:8080", true),
            ("http://[::FFFF:1.2.3.4]", "http://[::ffff:1.2.3.4]", false),
            ("http://127.0.0.1", "http://127.0.0.1", true),
            ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop", true),
            ("capacitor://localhost", "capacitor://localhost", true), ("app://-", "app://-", true),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", true),
            ("https://a_b.example", "https://a_b.example", true), ("https://a.example.", "https://a.example.", true),
        ]
    )
    func normal(text: String, normal: String, isNormal: Bool) throws {
        let bytes = Array(text.utf8)
        let parts = try #require(bytes.withUnsafeBytes { OriginParts($0) })
        #expect(parts.isNormal == isNormal)
        #expect(bytes.withUnsafeBytes { String(decoding: parts.normalized($0), as: UTF8.self) } == normal)
    }

    static let noOrigins = [
        "", "null", "*", "https", "https:", "https:/", "https://", "https:///", "://a.test", "//a.test", "a.test",
        "https://a.test/", "https://a.test/path", "https://a.test?q", "https://a.test#f", "https://u@a.test",
        "https://a.test:", "https://a.test:0", "https://a.test:08", "https://a.test:65536", "https://a.test:123456",
        "https://a.test:+80", "https://a.test:80:80", "https://a.test: 80", "https://.a.test", "https://a..test",
        "https://.", "https://[", "https://[]", "https://[::1", "https://[::1]x", "https://[::1%25eth0]", "https://::1",
        "1https://a.test", "ht tps://a.test", "https://a test", " https://a.test", "https://a.test ",
        "https://a.test\u{0}",
        "https://a.test\\.b", "https://a.test%2e", "https://b\u{FC}cher.example", "https://a.test{.b",
        "https://a.test`",
        "https://a.test,https://b.test", "https://a.test https://b.test",
        "https://" + String(repeating: "a", count: 600),
    ]

    @Test("what is none, and is never shown to a pattern or an expression", arguments: noOrigins)
    func nonsense(text: String) throws {
        #expect(Array(text.utf8).withUnsafeBytes { OriginParts($0) == nil })
        for rule in ["https://*", "https://*.test", "http://*:*", "~.*", "~(?s).+", "https://a.test"] {
            #expect(try match([rule], text) == .none, "\(rule)")
        }
    }

    @Test("any bytes at all are judged without a trap")
    func anyBytes() throws {
        var random = RandomSource(seed: 11)
        let letters = Array("https://a.b:c[]%\u{0}\u{80}*-_0189".utf8)
        let matcher = OriginMatcher(
            try ["https://*.a:*", "https://a", "~h.*", "null"].map { try OriginRule.parse($0).get() }
        )
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(24)).map { _ in letters[Int(random.below(UInt64(letters.count)))] }
            bytes.withUnsafeBytes { bytes in
                _ = matcher.match(bytes)
                if let parts = OriginParts(bytes) {
                    #expect(!parts.host.isEmpty && parts.host.upperBound <= bytes.count)
                }
            }
        }
    }

    // MARK: - Matching

    @Test(
        "exact origins",
        arguments: [
            ("https://a.example", "https://a.example", true), ("https://a.example:443", "https://a.example", true),
            ("https://a.example", "https://a.example:443", true), ("HTTPS://A.Example", "https://a.example", true),
            ("https://a.example", "HTTPS://A.EXAMPLE", true), ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example:8443", "https://a.example", false),
            ("https://a.example", "https://a.example.evil.test", false),
            ("https://a.example", "https://evil-a.example", false),
            ("https://a.example", "https://a.example.", false), ("https://a.example", "https://sub.a.example", false),
            ("http://localhost:3000", "http://localhost:3000", true),
            ("http://localhost:3000", "http://localhost:30001", false),
            ("http://localhost:80", "http://localhost", true), ("https://localhost:80", "https://localhost", false),
        ]
    )
    func exact(rule: String, origin: String, isAllowed: Bool) throws { #expect(try allows(rule, origin) == isAllowed) }

    @Test("among many exact ones the right one is found, byte by byte")
    func many() throws {
        let rules = (0..<300).map { "https://\(String(repeating: "a", count: $0 % 7 + 1))\($0).example" }
        let matcher = OriginMatcher(try rules.map { try OriginRule.parse($0).get() })
        for rule in rules {
            let bytes = Array(rule.utf8)
            let match = bytes.withUnsafeBytes { matcher.match($0) }
            guard case .exact(let place) = match else {
                Issue.record("\(rule): \(match)")
                return
            }
            #expect(matcher.exact[place] == bytes)
            #expect((bytes + [0x6D]).withUnsafeBytes { matcher.match($0) } == .none)
            #expect(bytes.dropLast().withUnsafeBytes { matcher.match($0) } == .none)
        }
    }

    @Test(
        "a star that is a whole label stands for one or more labels",
        arguments: [
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://A.EXAMPLE.com:443", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "http://a.example.com", false),
            ("https://*.example.com", "https://a.example.com:444", false),
            ("https://*.example.com", "https://a.example.com.evil.test", false),
            ("https://*.example.com", "https://evil.test/.example.com", false),
            ("https://*.example.com", "https://evil.test#.example.com", false),
            ("https://*.example.com", "https://evil.test?.example.com", false),
            ("https://*.example.com", "https://evil.test\\.example.com", false),
            ("https://*.example.com", "https://evil.test:80.example.com", false),
            ("https://*.example.com", "https://evil@.example.com", false),
            ("https://*.example.com", "https://evil.test%00.example.com", false),
            ("https://*.example.com", "https://evil.test{.example.com", false),
            ("https://*.example.com:8443", "https://a.example.com:8443", true),
            ("https://*.example.com:8443", "https://a.example.com", false),
            ("https://*", "https://anything.at.all", true), ("https://*", "https://[::1]", true),
            ("https://*", "http://anything.at.all", false), ("https://*", "https://a.test:8443", false),
        ]
    )
    func labels(rule: String, origin: String, isAllowed: Bool) throws { #expect(try allows(rule, origin) == isAllowed) }

    @Test(
        "one beside other characters stands for a part of that label, one for the port for any port",
        arguments: [
            ("https://app-*.example.com", "https://app-42.example.com", true),
            ("https://app-*.example.com", "https://app-.example.com", false),
            ("https://app-*.example.com", "https://app-42.evil.example.com", false),
            ("https://*-app.example.com", "https://pr-7-app.example.com", true),
            ("https://*-app.example.com", "https://evil.pr-app.example.com", false),
            ("https://a*z.example.com", "https://abcz.example.com", true),
            ("https://a*z.example.com", "https://az.example.com", false),
            ("http://localhost:*", "http://localhost:5173", true), ("http://localhost:*", "http://localhost", true),
            ("http://localhost:*", "https://localhost:5173", false),
            ("http://localhost:*", "http://localhost.evil:1", false),
            ("http://*.localhost:*", "http://a.localhost:1", true),
            ("http://*.localhost:*", "http://localhost:1", false),
        ]
    )
    func parts(rule: String, origin: String, isAllowed: Bool) throws { #expect(try allows(rule, origin) == isAllowed) }

    @Test(
        "an expression takes the whole origin in its normal form",
        arguments: [
            (#"~https://[a-z]+\.example\.com"#, "https://abc.example.com", true),
            (#"~https://[a-z]+\.example\.com"#, "HTTPS://ABC.example.com:443", true),
            (#"~https://[a-z]+\.example\.com"#, "https://abc.example.com.evil.test", false),
            (#"~https://[a-z]+\.example\.com"#, "https://abc.example.com:8443", false),
            (#"~https://[a-z]+\.example\.com(:\d+)?"#, "https://abc.example.com:8443", true),
            (#"~https://.*\.example\.com"#, "https://evil.test/.example.com", false),
            (#"~https://(a|b)\.test|http://c\.test"#, "http://c.test", true),
            (#"~https://(a|b)\.test|http://c\.test"#, "http://c.test.evil", false),
        ]
    )
    func expressions(rule: String, origin: String, isAllowed: Bool) throws {
        #expect(try allows(rule, origin) == isAllowed)
    }

    @Test("null is a rule of its own")
    func null() throws {
        for (rule, origin, isAllowed) in [
            ("null", "null", true), ("*", "null", true), ("null", "NULL", false), ("null", "null ", false),
            ("https://*", "null", false), ("~.*", "null", false),
        ] {
            #expect(try allows(rule, origin) == isAllowed, "\(rule) \(origin)")
        }
    }

    // MARK: - Rules

    @Test(
        "what is no rule, and what to write instead",
        arguments: [
            ("app.example.com", "begin with the scheme: 'https://{}'"),
            ("*.example.com", "begin with the scheme: 'https://{}'"),
            ("https://a.test/", "an origin ends before the path: 'https://a.test'"),
            ("https://a.test/app", "an origin ends before the path: 'https://a.test'"),
            ("https://u:p@a.test", "an origin has no user"),
            ("https://b\u{FC}cher.example", "write international names in their 'xn--' form"),
            (#"https://.*\.example\.com"#, "a regular expression begins with '~'"),
            ("(https://a)", "a regular expression begins with '~'"),
            ("https://a.*.test", "'*' stands in the first label"),
            ("https://*.*.test", "'*' stands in the first label"),
            ("https://**.test", "'*' stands in the first label"), ("*://a.test", "'*' stands in the first label"),
            ("https://*.test:4*", "'*' stands in the first label"),
            ("https://*..test", "'*' stands in the first label"),
            ("https://a.test:99999", "scheme and host, and nothing behind them"),
            ("https://", "scheme and host, and nothing behind them"),
        ]
    )
    func noRules(text: String, help: String) {
        guard case .failure(let problem) = OriginRule.parse(text) else {
            Issue.record("\(text) is a rule")
            return
        }
        #expect(problem.help?.hasPrefix(help) == true, "\(problem.help ?? "")")
    }

    @Test(
        "a dot in an expression that stands for any character is refused: others can register that domain",
        arguments: [
            ("https://app.example\\.com", true), ("https://app\\.example.com", true), (".", true), ("a.", true),
            ("a.|b", true),
            ("https://app\\.example\\.com", false), ("https://.*\\.example\\.com", false), ("https://.+", false),
            ("https://.{3}\\.test", false), ("https://[.]test", false), ("https://[^.]+\\.test", false),
            ("a\\\\\\.", false),
            ("https://[].]a", false), ("\\Qa.b\\E", false), ("a\\", false),
        ]
    )
    func carelessDots(pattern: String, isCareless: Bool) { #expect(OriginRule.hasCarelessDot(pattern) == isCareless) }

    @Test(
        "rules say what they are",
        arguments: ["*", "null", "https://a.test", "https://*.a.test:8443", "http://localhost:*", "~https://.*"]
    )
    func text(rule: String) throws { #expect(try OriginRule.parse(rule).get().text == rule) }
}
