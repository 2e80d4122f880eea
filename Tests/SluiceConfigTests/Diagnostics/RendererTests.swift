internal import SluiceConfig
internal import Testing

@Suite struct RendererTests {
    private func render(_ text: String, line: Int, column: Int, length: Int = 1) -> String {
        let file = ConfigFile(path: "a.yaml", text: text)
        let place = SourcePlace(file: "a.yaml", line: line, column: column)
        var out = ""
        TextRenderer(sources: [file]).render(
            Diagnostic(.unknownField, at: SourceSpan(place: place, length: length), "message", help: "help"),
            into: &out
        )
        return out
    }

    @Test func showsTheLineWithACaret() {
        #expect(
            render("a: 1\nb: value\n", line: 2, column: 4, length: 5) == """
                a.yaml:2:4: error[SL012]: message
                  b: value
                     ^~~~~
                help: help

                """
        )
    }

    @Test func keepsTabsBeforeTheCaret() {
        #expect(
            render("\t\tx: y", line: 1, column: 3)
                == "a.yaml:1:3: error[SL012]: message\n  \t\tx: y\n  \t\t^\nhelp: help\n"
        )
    }

    @Test func givesWideCharactersTwoColumns() {
        let lines = render("日本: 値x", line: 1, column: 6, length: 1).split(separator: "\n")
        #expect(lines[2] == "  " + String(repeating: " ", count: 8) + "^")
        let wide = render("a: 値段", line: 1, column: 4, length: 2).split(separator: "\n")
        #expect(wide[2] == "     ^~~~")
        let combining = render("e\u{301}: x", line: 1, column: 5).split(separator: "\n")
        #expect(combining[2] == "     ^")
    }

    @Test func windowsLongLines() {
        let line = String(repeating: "x", count: 500)
        let out = render(line, line: 1, column: 250, length: 3).split(separator: "\n")
        #expect(out[1].count == 2 + 3 + 120 + 3)
        #expect(out[1].hasPrefix("  ...x") && out[1].hasSuffix("x..."))
        #expect(out[2].hasSuffix("^~~"))
    }

    @Test(arguments: [(1, 100), (3, 1), (99, 1)])
    func survivesPlacesOutsideTheFile(_ line: Int, _ column: Int) {
        let out = render("short\n", line: line, column: column)
        #expect(out.hasPrefix("a.yaml:\(line):\(column): error[SL012]: message\n"))
        #expect(out.hasSuffix("help: help\n"))
    }

    @Test func hidesControlCharactersOfTheFile() {
        #expect(!render("a: \u{1B}[31mred", line: 1, column: 4).contains("\u{1B}"))
    }

    @Test func writesJSON() throws {
        var diagnostics = Diagnostics(sources: [ConfigFile(path: "a.yaml", text: "x\n")])
        let place = SourcePlace(file: "a.yaml", line: 1, column: 2)
        diagnostics.add(
            Diagnostic(
                .duplicateKey,
                at: SourceSpan(place: place, length: 3),
                "a \"quoted\" \\ message\n",
                notes: [Diagnostic.Note(text: "first", span: SourceSpan(place: place))],
                help: "do"
            )
        )
        diagnostics.add(Diagnostic(.noTimeout, .warning, at: SourceSpan(place: place), "slow"))
        let (node, context) = tree(JSONRenderer.render(diagnostics))
        #expect(context.diagnostics.text == "")
        #expect(node?["errors"]?.text == "1")
        #expect(node?["warnings"]?.text == "1")
        let first = try #require(node?["diagnostics"]?.items?.first)
        #expect(first["code"]?.text == "SL003")
        #expect(first["message"]?.text == "a \"quoted\" \\ message\n")
        #expect(first["length"]?.text == "3")
        #expect(first["help"]?.text == "do")
        #expect(first["notes"]?.items?.first?["message"]?.text == "first")
    }
}
