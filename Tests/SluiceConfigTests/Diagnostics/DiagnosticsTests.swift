internal import SluiceConfig
internal import Testing

@Suite struct DiagnosticsTests {
    private func diagnostic(_ code: DiagnosticCode, _ file: String, _ line: Int, warning: Bool = false) -> Diagnostic {
        Diagnostic(
            code,
            warning ? .warning : .error,
            at: SourceSpan(place: SourcePlace(file: file, line: line, column: 1)),
            "\(file) \(line)"
        )
    }

    @Test func sortsByTheOrderOfTheFilesThenByLine() {
        var list = Diagnostics(sources: [ConfigFile(path: "z", text: ""), ConfigFile(path: "a", text: "")])
        for (file, line) in [("a", 2), ("z", 9), ("a", 1), ("elsewhere", 1), ("z", 3)] {
            list.add(diagnostic(.syntax, file, line))
        }
        #expect(list.sorted.map(\.message) == ["z 3", "z 9", "a 1", "a 2", "elsewhere 1"])
    }

    @Test func keepsFewOfACodeAndCountsAll() {
        var list = Diagnostics()
        for line in 1...100_000 { list.add(diagnostic(.noTimeout, "a", line, warning: true)) }
        list.add(diagnostic(.syntax, "a", 200_000))
        #expect(list.sorted.count == Diagnostics.perCode + 1)
        #expect(list.warningCount == 100_000)
        #expect(list.errorCount == 1)
        #expect(list.omitted.map(\.count) == [100_000 - Diagnostics.perCode])
        let text = TextRenderer(sources: []).render(list)
        #expect(text.hasSuffix("... and 99980 more of SL103\n1 error, 100000 warnings\n"))
    }

    @Test func joinsTwoListsWithTheirCounts() {
        var first = Diagnostics(sources: [ConfigFile(path: "a", text: "")])
        var second = Diagnostics(sources: [ConfigFile(path: "a", text: ""), ConfigFile(path: "b", text: "")])
        for line in 1...30 {
            first.add(diagnostic(.syntax, "a", line))
            second.add(diagnostic(.syntax, "b", line))
        }
        second.add(diagnostic(.noTimeout, "b", 1, warning: true))
        first.append(contentsOf: second)
        #expect(first.errorCount == 60)
        #expect(first.warningCount == 1)
        #expect(first.sources.map(\.path) == ["a", "b"])
        #expect(first.omitted.map(\.count) == [60 - Diagnostics.perCode])
    }

    @Test func codesAreUniqueAndExplained() {
        let codes = DiagnosticCode.allCases
        #expect(Set(codes.map(\.rawValue)).count == codes.count)
        for code in codes {
            #expect(code.rawValue.wholeMatch(of: /SL[0-9]{3}/) != nil)
            #expect(code.meaning.hasSuffix(".") && !code.meaning.contains("\n"))
        }
        #expect(Set(codes.map(\.meaning)).count == codes.count)
    }
}
