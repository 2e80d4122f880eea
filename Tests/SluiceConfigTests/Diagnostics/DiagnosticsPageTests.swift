internal import SluiceConfig
internal import Testing

/// `docs/diagnostics.md` has a section for each code, and none besides.
@Suite struct DiagnosticsPageTests {
    private static let page = (try? TextFiles.read(TextFiles.root + "/" + DiagnosticCode.page)) ?? ""

    private static let sections: [Substring] = page.split(separator: "\n## ").dropFirst().map { $0 }

    @Test func everyCodeHasASection() {
        let titles = Self.sections.map { String($0.prefix { $0 != "\n" }) }
        #expect(titles == DiagnosticCode.allCases.map(\.rawValue))
        // What the page's host makes of a title is what the diagnostics point to.
        #expect(titles.map { $0.lowercased() } == DiagnosticCode.allCases.map(\.anchor))
    }

    @Test(arguments: DiagnosticCode.allCases)
    func aSectionSaysWhatTheCodeMeansAndWhatToDo(_ code: DiagnosticCode) throws {
        let section = try #require(Self.sections.first { $0.hasPrefix(code.rawValue + "\n") })
        let start = "\(code.rawValue)\n\n\(code.meaning)\n\n"
        #expect(section.hasPrefix(start), "the section begins with the meaning of the code")
        #expect(section.dropFirst(start.count).count > 40, "and goes on with what to do about it")
    }

    @Test func theReferenceLeadsThere() {
        for code in DiagnosticCode.allCases {
            #expect(
                NativeSchema.markdown().contains(
                    "| [\(code.rawValue)](diagnostics.md#\(code.anchor)) | \(code.meaning) |"
                )
            )
        }
    }
}
