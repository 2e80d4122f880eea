internal import SluiceConfig
internal import Testing

@Suite struct SubstitutionTests {
    @Test(arguments: [
        ("plain", "plain"), ("${PORT}", "9001"), ("a${PORT}b${PORT}", "a9001b9001"), ("$${PORT}", "${PORT}"),
        ("$PORT $ $$ $", "$PORT $ $$ $"), ("${EMPTY}", ""), ("${file:token.txt}", "from-a-file"),
        ("$$${PORT}", "$${PORT}"),
        ("a}b{c", "a}b{c"), ("${HOSTILE}", "${path.id}"),
    ])
    func fillsTexts(_ text: String, _ expected: String) {
        #expect(decode(.text, "\"\(text)\"").value == expected)
    }

    @Test(arguments: [
        ("${request.id}", "${request.id}"), ("$${request.id}", "$${request.id}"),
        ("${PORT}/${path.x}", "9001/${path.x}"),
        ("${HOSTILE}", "$${path.id}"),
    ])
    func leavesTemplates(_ text: String, _ expected: String) {
        #expect(decode(.template, "\"\(text)\"").value == expected)
    }

    @Test(arguments: [
        "${MISSING}", "${file:missing}", "${file:binary}", "${lower}", "${}", "${PORT", "${request.id}", "${PO RT}",
        "${1A}",
    ])
    func refusesWhatIsNotThere(_ text: String) {
        let (value, messages) = decode(.text, "\"\(text)\"")
        #expect(value == nil)
        #expect(messages.count == 1)
    }

    @Test func readsEachFileOnce() {
        let file = ConfigFile(path: "case.yaml", text: "[\"${file:a}\", \"${file:a}\"]")
        var reads = 0
        let context = DecodeContext(
            files: [file],
            filters: FakeFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in
                reads += 1
                return Array("x\r\n".utf8)
            }
        )
        guard let node = YAMLReader.read(file, index: 0, context: context) else {
            Issue.record("no tree")
            return
        }
        let scope = Scope(context: context, owner: Owner(kind: ""), field: "f")
        #expect(ValueType<[String]>.list(of: .text).decode(node, scope) == ["x", "x"])
        #expect(reads == 1)
    }

    @Test(arguments: ["${API_TOKEN}", "x ${API_TOKEN} y", "${file:token.txt}"])
    func neverShowsWhatItPutIn(_ text: String) {
        let (_, diagnostics) = load(
            """
            version: 1
            listeners: [{name: "\(text)", address: "\(text)", allow_trace: "\(text)", limits: {head: "\(text)"}}]
            upstreams: {a: {endpoints: ["\(text)"], host: "\(text)", load_balancing: "\(text)"}}
            filters: ["\(text)"]
            routes:
              - {name: "\(text)", upstream: "\(text)", timeout: "\(text)", match: {regex: "(\(text)", listeners: ["\(text)"]}}
              - {name: "\(text)", match: {template: "\(text)"}, redirect: "\(text)"}
            """
        )
        #expect(diagnostics.errorCount > 8)
        let shown = diagnostics.sorted.map { $0.message + ($0.help ?? "") + $0.notes.map(\.text).joined() }.joined(
            separator: "\n"
        )
        #expect(!shown.contains("s3cr3t-value"))
        #expect(!shown.contains("from-a-file"))
        #expect(!JSONRenderer.render(diagnostics).contains("s3cr3t-value"))
    }
}
