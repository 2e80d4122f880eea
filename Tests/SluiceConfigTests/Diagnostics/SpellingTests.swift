internal import SluiceConfig
internal import Testing

@Suite struct SpellingTests {
    private static let names = ["max_connections", "timeout", "timeouts", "retry", "host", "hosts", "tls"]

    @Test(arguments: [
        ("max_conections", "max_connections"), ("max-connections", "max_connections"), ("Timeout", "timeout"),
        ("tiemout", "timeout"), ("timeoutss", "timeouts"), ("rety", "retry"), ("hsot", "host"), ("tsl", "tls"),
    ])
    func findsTheNearest(_ word: String, _ expected: String) {
        #expect(Spelling.nearest(to: word, in: Self.names) == expected)
    }

    @Test(arguments: ["", "x", "abc", "connection_pool", "upstream", String(repeating: "t", count: 65)])
    func staysSilentWhenNothingIsNear(_ word: String) {
        #expect(Spelling.nearest(to: word, in: Self.names) == nil)
    }

    @Test func listsShortChoicesOnly() {
        #expect(Spelling.choices([]) == nil)
        #expect(Spelling.choices(["a"]) == "only 'a' is possible here")
        #expect(Spelling.choices(["a", "b"]) == "possible here: 'a', 'b'")
        #expect(Spelling.choices((0..<13).map { "\($0)" }) == nil)
    }

    @Test func shortensAndCleansTexts() {
        #expect(Printable.visible("a\u{1B}b\u{85}") == "a\\u{1b}b\\u{85}")
        #expect(Printable.short("plain é 日") == "plain é 日")
        #expect(Printable.short("a\u{1B}[0m\n") == "a\\u{1b}[0m\\u{a}")
        #expect(Printable.short("x\u{202E}y") == "x\\u{202e}y")
        #expect(Printable.short(String(repeating: "a", count: 61)) == String(repeating: "a", count: 60) + "...")
    }
}

@Suite struct FieldSpellingTests {
    private static let limits = ["connections", "pending", "requests", "retry_budget", "min_retries"]

    /// Through the reader, as a file's author meets it.
    private func help(_ field: String, in names: [String]) -> String? {
        let schema = ObjectSchema("test", doc: "", fields: names.map { Field($0, .flag, default: false, doc: "") })
        let (node, context) = tree("\(field): true\n")
        guard let node else { return nil }
        let scope = Scope(context: context, owner: Owner(kind: "test"), field: "")
        ObjectReader(node, schema: schema, scope: scope)?.finish()
        return context.diagnostics.sorted.first?.help
    }

    @Test(arguments: [
        ("max_conections", "connections"), ("max-connections", "connections"), ("connection_limit", "connections"),
        ("max_pending_requests", "pending"), ("retry_budget_percent", "retry_budget"), ("requsts", "requests"),
        ("MAX_REQUESTS", "requests"),
    ])
    func findsTheFieldInOtherWords(_ word: String, _ expected: String) {
        #expect(help(word, in: Self.limits) == "did you mean '\(expected)'?")
    }

    @Test("max is not min, and two letters are no hint", arguments: ["max_retries", "on_error", "budget"])
    func staysSilent(_ word: String) {
        #expect(help(word, in: Self.limits + ["on"])?.hasPrefix("possible here: ") == true)
    }
}
