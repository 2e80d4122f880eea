import Testing

@testable import SluiceTLS

@Suite struct DNSNameTests {
    static let names: [(String, String?)] = [
        ("Example.COM", "example.com"), ("example.com.", "example.com"), ("a", "a"), ("_svc.x-1.test", "_svc.x-1.test"),
        ("", nil), (".", nil), ("..", nil), (".a", nil), ("a..b", nil), ("a.b..", nil), ("a b", nil), ("*.a", nil),
        ("a\u{0}b", nil), ("bücher.test", nil), ("xn--bcher-kva.test", "xn--bcher-kva.test"),
        (String(repeating: "a", count: 253), String(repeating: "a", count: 253)),
        (String(repeating: "a", count: 254), nil),
    ]

    @Test(arguments: names)
    func normalises(name: String, expected: String?) {
        #expect(DNSName.normalised(Array(name.utf8)) == expected.map { Array($0.utf8) })
    }

    static let patterns: [(String, String, Bool)] = [
        ("a.test", "a.test", true), ("A.Test", "a.test", true), ("a.test.", "a.test", false),
        ("b.test", "a.test", false),
        ("*.a.test", "x.a.test", true), ("*.A.test", "x.a.test", true), ("*.a.test", "a.test", false),
        ("*.a.test", "x.y.a.test", false), ("*.test", "a.test", false), ("*", "a", false), ("*.", "a", false),
        ("*.*.test", "a.b.test", false), ("x*.a.test", "xx.a.test", false), ("*.a.test.", "x.a.test", false),
        ("*..test", "x..test", false), ("", "", false),
    ]

    @Test(arguments: patterns)
    func matches(pattern: String, host: String, expected: Bool) {
        #expect(DNSName.matches(pattern: Array(pattern.utf8), host: Array(host.utf8)) == expected)
    }
}
