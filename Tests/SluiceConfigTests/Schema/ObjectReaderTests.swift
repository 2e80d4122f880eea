internal import NIOCore
internal import SluiceConfig
internal import Testing

/// How a filter's author sees the reader: see `StampConfiguration`.
@Suite struct ObjectReaderTests {
    private func stamp(_ text: String) -> (value: StampConfiguration?, diagnostics: Diagnostics) {
        let (model, diagnostics) = load(
            """
            version: 1
            listeners: [{name: plain, address: ":8080"}]
            filters: [stamp: \(text)]
            routes: [{match: {path: /a}, respond: {}}]
            """
        )
        return (model?.filters.first?.configuration as? StampConfiguration, diagnostics)
    }

    @Test func givesDefaults() throws {
        let (value, diagnostics) = stamp("{value: hello}")
        #expect(diagnostics.text == "")
        let stamp = try #require(value)
        #expect(stamp.header == "x-stamp" && stamp.level == 3 && stamp.wait == .milliseconds(250) && stamp.key == nil)
    }

    @Test func givesWhatTheFileSays() throws {
        let stamp = try #require(
            stamp("{value: \"${request.id}\", header: X-Me, level: 9, wait: 1s, key: secret}").value
        )
        #expect(
            stamp.header == "x-me" && stamp.value == "${request.id}" && stamp.level == 9 && stamp.wait == .seconds(1)
                && stamp.key == "secret"
        )
    }

    @Test func findsAllProblemsInOneRun() {
        let (value, diagnostics) = stamp("{level: ten, wait: 5, header: \"a b\", colour: red, key: abc}")
        #expect(value == nil)
        #expect(Set(diagnostics.codes) == [.invalidValue, .unit, .fieldSyntax, .unknownField, .missingField])
        #expect(diagnostics.errorCount == 6)
    }

    @Test func neverShowsSecretFields() {
        let (_, diagnostics) = stamp("{value: x, key: [hunter2]}")
        #expect(!diagnostics.sorted.map(\.message).joined().contains("hunter2"))
        let scalar = decode(ValueType<String>.text.checked { _ in ValueProblem("is bad: {}") }, "visible")
        #expect(scalar.messages == ["'field' of filter 'test' is bad: 'visible'"])
        let (node, context) = tree("field: hunter2\n")
        var scope = Scope(context: context, owner: Owner(kind: "filter", name: "test"), field: "field")
        scope.isSecret = true
        if let node = node?["field"] { scope.report(ValueProblem("is bad: {}", help: "not {}"), in: node) }
        #expect(context.diagnostics.sorted.map(\.message) == ["'field' of filter 'test' is bad: '***'"])
        #expect(context.diagnostics.sorted.first?.help == "not ***")
    }

    @Test func aBareWordTakesTheDefaults() {
        let (model, diagnostics) = load(
            """
            version: 1
            listeners: [{name: plain, address: ":8080"}]
            filters: [gate]
            routes: [{match: {path: /a}, respond: {}}]
            """
        )
        #expect(diagnostics.text == "")
        #expect((model?.filters.first?.configuration as? GateConfiguration)?.side == .left)
    }

    @Test func pointsAtAFieldThatLiesDeeper() {
        let (_, diagnostics) = load("version: 1\nupstreams: {a: {url: \"http://b\", connect: 5s}}\n")
        #expect(diagnostics.sorted.first { $0.code == .unknownField }?.help == "'connect' belongs into 'timeouts'")
    }
}
