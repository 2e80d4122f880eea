import NIOCore
import SluiceCore
import Testing

@Suite("Regular expressions over bytes")
struct RegularExpressionTests {
    private func matches(_ pattern: String, _ text: [UInt8], ignoreCase: Bool = false) throws -> Bool {
        let expression = try RegularExpression(pattern, ignoreCase: ignoreCase)
        return text.withUnsafeBytes { expression.matches($0) }
    }

    private func matches(_ pattern: String, _ text: String, ignoreCase: Bool = false) throws -> Bool {
        try matches(pattern, Array(text.utf8), ignoreCase: ignoreCase)
    }

    @Test(
        "the whole text must match",
        arguments: [
            ("/a", "/a", true), ("/a", "/ab", false), ("/a", "x/a", false), ("a|ab", "ab", true), ("", "", true),
            ("", "a", false), ("^/a$", "/a", true), ("[^/]+", "a/b", false), (#"\Q(a"#, "(a", true),
        ]
    )
    func wholeText(pattern: String, text: String, expected: Bool) throws {
        #expect(try matches(pattern, text) == expected)
    }

    /// In UTF-8 mode RE2 does not match such texts at all, so that a rule that denies would not fire.
    @Test("a header with obs-text is matched byte by byte, never refused (CVE-2026-73552)")
    func obsText() throws {
        #expect(try matches("admin.*", Array("admin".utf8) + [0xFF, 0xFE]))
        #expect(try matches(".*admin", [0xC3] + Array("admin".utf8)))
        #expect(try matches("[^x]+", [0x80]))
        #expect(try matches("é", "é"))
    }

    @Test("the dot is any byte, line ends included")
    func dot() throws {
        #expect(try matches("a.b", "a\nb"))
        #expect(try matches("a.*", "a\r\n\0"))
    }

    @Test("letters in either case, when asked")
    func ignoreCase() throws {
        #expect(try matches("/Orders", "/oRDERS", ignoreCase: true))
        #expect(try !matches("/Orders", "/orders"))
    }

    @Test("long and short texts give the same answer", arguments: [10, 255, 256, 257, 5000])
    func lengths(count: Int) throws {
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: count)
        #expect(try matches("a*", text))
        #expect(try matches("(a|b)*", text))
        #expect(try !matches("a*b", text))
        #expect(try !matches("(a|aa)*b", text))
    }

    @Test("groups by number, with names where they have one")
    func groups() throws {
        let expression = try RegularExpression(#"/users/(?P<id>\d+)(/x)?/(.*)"#)
        #expect(expression.groupNames == ["id", nil, nil])
        let text = Array("/users/42/a/b".utf8)
        var groups = RegularExpression.Groups()
        #expect(text.withUnsafeBytes { expression.matches($0, groups: &groups) })
        #expect(groups.count == 4)
        #expect(groups[0] == ByteRange(start: 0, count: 13))
        #expect(groups[1] == ByteRange(start: 7, count: 2))
        #expect(groups[2] == nil)
        #expect(groups[3] == ByteRange(start: 10, count: 3))
        #expect(groups[4] == nil)
        #expect(groups[-1] == nil)
        #expect(Array("/none".utf8).withUnsafeBytes { !expression.matches($0, groups: &groups) })
        #expect(groups[0] == nil)
    }

    @Test("only the first 16 groups are told")
    func manyGroups() throws {
        let expression = try RegularExpression(String(repeating: "(a)", count: 20))
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 20)
        var groups = RegularExpression.Groups()
        #expect(text.withUnsafeBytes { expression.matches($0, groups: &groups) })
        #expect(groups.count == 17)
        #expect(groups[16] == ByteRange(start: 15, count: 1))
    }

    @Test("a pattern without groups tells only the whole match")
    func noGroups() throws {
        let expression = try RegularExpression("a+")
        var groups = RegularExpression.Groups()
        #expect(Array("aaa".utf8).withUnsafeBytes { expression.matches($0, groups: &groups) })
        #expect(groups.count == 1)
        #expect(groups[1] == nil)
    }

    @Test(
        "PCRE's named groups are understood",
        arguments: [
            (#"(?<id>\d+)"#, ["id"]), (#"[(?<id>]"#, []), (#"\(?<id>"#, []), (#"\Q(?<id>\E"#, []),
            (#"[]](?<a>x)"#, ["a"]), (#"[^]](?<a>x)"#, ["a"]), (#"[[:alpha:]\]](?<a>x)"#, ["a"]),
            (#"(?P<a>x)(?<b>y)"#, ["a", "b"]),
        ]
    )
    func namedGroups(pattern: String, names: [String]) throws {
        #expect(try RegularExpression(pattern).groupNames.compactMap { $0 } == names)
    }

    @Test("a bracket that comes first belongs to the class, and so does what follows")
    func bracketFirst() throws {
        #expect(try matches("[](?<a>]", "<"))
        #expect(try !matches("[](?<a>]", "P"))
        #expect(try !matches("[^](?<a>]", "<"))
    }

    @Test("a first match at or after a place")
    func find() throws {
        let expression = try RegularExpression("b+")
        let text = Array("abbab".utf8)
        var groups = RegularExpression.Groups()
        #expect(text.withUnsafeBytes { expression.find(in: $0, groups: &groups) })
        #expect(groups[0] == ByteRange(start: 1, count: 2))
        #expect(text.withUnsafeBytes { expression.find(in: $0, from: 3, groups: &groups) })
        #expect(groups[0] == ByteRange(start: 4, count: 1))
        #expect(text.withUnsafeBytes { !expression.find(in: $0, from: 5, groups: &groups) })
        #expect(text.withUnsafeBytes { !expression.find(in: $0, from: 6, groups: &groups) })
    }
}

@Suite("Errors of regular expressions")
struct RegularExpressionErrorTests {
    @Test(
        "what RE2 leaves out is an error with help",
        arguments: [
            (#"a(?=b)"#, "look-around"), (#"a(?!b)"#, "look-around"), (#"(?<=a)b"#, "look-around"),
            (#"(?<!a)b"#, "look-around"), (#"(a)\1"#, "back references"), (#"((a{100}){100}){100}"#, "1000"),
            (String(repeating: "[a-z]{1000}", count: 25), "shorter"),
        ]
    )
    func help(pattern: String, help: String) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
        #expect(error?.help?.contains(help) == true, "\(String(describing: error))")
    }

    @Test("malformed patterns are refused", arguments: ["(", ")", "a)(b", "[a", "*a", #"a\"#])
    func malformed(pattern: String) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
        #expect(error?.message.isEmpty == false)
    }

    @Test("a pattern has a bound")
    func tooLong() {
        #expect(throws: RegularExpressionError.self) { try RegularExpression(String(repeating: "a", count: 16_385)) }
    }
}

@Suite("Literal prefix of regular expressions")
struct LiteralPrefixTests {
    @Test(
        "what every match begins with",
        arguments: [
            (#"/users/\d+"#, "/users/"), ("/users", "/users"), ("/v[12]/x", "/v"), ("/a|/b", "/"), (".*", ""),
            ("(?i)/abc", "/"), ("/a(b)?", "/a"), ("/a.*", "/a"), ("/orders/.*", "/orders/"), ("(/a.*)|/b", "/"),
            ("/a.*|/b.*", "/"), (#"/users/(\d+)/.*"#, "/users/"), ("^/a/b$", "/a/b"), ("x*", ""),
            (#"/\Qa.b\E.*"#, "/a.b"),
            ("(/a|/ab)c", "/a"), ("", ""),
        ]
    )
    func prefix(pattern: String, expected: String) throws {
        #expect(try RegularExpression(pattern).literalPrefix == Array(expected.utf8))
    }

    @Test("is bounded")
    func bounded() throws {
        let long = String(repeating: "a", count: 500)
        let prefix = try RegularExpression(long).literalPrefix
        #expect(prefix.count <= 64)
        #expect(prefix.count >= 32)
    }

    @Test("every match begins with it, for random patterns", arguments: 1...4)
    func property(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var matched = 0
        for _ in 0..<400 {
            let pattern = randomPattern(depth: 3, &random)
            let expression = try RegularExpression(pattern, ignoreCase: random.below(4) == 0)
            for _ in 0..<20 {
                let text = (0..<random.below(6)).map { _ in Array("abAB/".utf8)[Int(random.below(5))] }
                guard text.withUnsafeBytes({ expression.matches($0) }) else { continue }
                matched += 1
                #expect(text.starts(with: expression.literalPrefix), "\(pattern), seed \(seed)")
            }
        }
        #expect(matched > 100)
    }

    private func randomPattern(depth: Int, _ random: inout RandomSource) -> String {
        guard depth > 0 else { return ["a", "b", "/", "[ab]", "."][Int(random.below(5))] }
        let left = randomPattern(depth: depth - 1, &random)
        switch random.below(6) {
        case 0: return left + randomPattern(depth: depth - 1, &random)
        case 1: return "(?:" + left + "|" + randomPattern(depth: depth - 1, &random) + ")"
        case 2: return "(?:" + left + ")*" + randomPattern(depth: 0, &random)
        case 3: return "(?:" + left + ")?"
        case 4: return "(" + left + ")"
        default: return left
        }
    }
}

@Suite("Replacing with regular expressions")
struct ReplaceTests {
    private func replace(
        _ pattern: String,
        _ text: String,
        _ with: String,
        limit: Int = 100
    ) throws
        -> (RegularExpression.Replacement, String)
    {
        let expression = try RegularExpression(pattern)
        var out = ByteBuffer(string: "")
        let result = Array(text.utf8).withUnsafeBytes { text in
            Array(with.utf8).withUnsafeBytes { expression.replaceAll(in: text, with: $0, limit: limit, into: &out) }
        }
        return (result, String(buffer: out))
    }

    @Test(
        "all matches, with groups",
        arguments: [
            ("b", "abab", "x", "axax"), (#"/v1/(.*)"#, "/v1/a", #"/v2/\1"#, "/v2/a"), ("(a)(b)?", "ab", #"\2\1"#, "ba"),
            ("(a)(b)?", "a", #"[\2]"#, "[]"), ("a*", "baac", "x", "xbxcx"), ("b", "abc", #"\\"#, #"a\c"#),
            ("b", "abc", #"<\0>"#, "a<b>c"), ("^a", "aa", "x", "xa"), ("b|$", "ab", "x", "ax"),
        ]
    )
    func all(pattern: String, text: String, substitution: String, expected: String) throws {
        let (result, out) = try replace(pattern, text, substitution)
        #expect(result == .replaced)
        #expect(out == expected)
    }

    @Test("nothing to replace writes nothing")
    func unchanged() throws {
        let (result, out) = try replace("z", "abc", "x")
        #expect(result == .unchanged)
        #expect(out == "")
    }

    @Test("a result above the limit writes nothing")
    func limit() throws {
        #expect(try replace("a", "aaaa", "bb", limit: 8) == (.replaced, "bbbbbbbb"))
        #expect(try replace("a", "aaaa", "bb", limit: 7) == (.tooLarge, ""))
        #expect(try replace("b", "aaab", "", limit: 2) == (.tooLarge, ""))
        #expect(try replace("b", "baaa", "", limit: 2) == (.tooLarge, ""))
    }

    @Test("too many matches write nothing")
    func matches() throws {
        let text = String(repeating: "a", count: 1025)
        #expect(try replace("a", text, "b", limit: 5000).0 == .tooLarge)
        #expect(try replace("a", String(text.dropLast()), "b", limit: 5000).0 == .replaced)
    }

    @Test(
        "a substitution is checked against the pattern",
        arguments: [
            (#"\1"#, true), (#"\2"#, false), (#"\0"#, true), (#"\\"#, true), (#"\x"#, false), (#"a\"#, false),
            ("", true),
        ]
    )
    func check(substitution: String, valid: Bool) throws {
        let problem = try RegularExpression("(a)").problem(inSubstitution: substitution)
        #expect((problem == nil) == valid, "\(problem ?? "")")
    }
}
