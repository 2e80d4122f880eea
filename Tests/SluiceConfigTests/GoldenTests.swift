internal import SluiceConfig
internal import Testing

/// Cases in `Tests/Golden`: configuration, a line of ten dashes, and what comes of it: the diagnostics, then `ok` and
/// the model when there is one. `=== name.yaml` begins a further file. `UPDATE_GOLDEN=1` writes the expectations anew.
@Suite struct GoldenTests {
    static let folder = TextFiles.root + "/Tests/Golden"
    static let cases = TextFiles.list(folder, ending: ".case")

    @Test(arguments: cases)
    func says(_ name: String) throws {
        let path = Self.folder + "/" + name
        let text = try TextFiles.read(path)
        let parts = Self.split(text)
        let actual = Self.result(of: parts.input)
        if TextFiles.isUpdating {
            TextFiles.write(parts.input + "----------\n" + actual, to: path)
        } else if actual != parts.expected {
            let difference = TextFiles.difference(expected: parts.expected, actual: actual)
            Issue.record("\(name) differs (UPDATE_GOLDEN=1 writes it anew):\n\(difference)")
        }
    }

    /// Codes that need what no case can hold; ConfigFilesTests, YAMLReaderTests, PolicyLintTests and, for those about
    /// certificates, CertificateReviewTests have them.
    static let elsewhere: Set<DiagnosticCode> = [
        .unreadableFile, .unusedConsumers, .certificate, .certificateExpires, .certificateUnused, .certificateFlaw,
        .hostWithoutCertificate,
    ]

    @Test func coverEveryCode() throws {
        var expectations = ""
        for name in Self.cases { expectations += Self.split(try TextFiles.read(Self.folder + "/" + name)).expected }
        for code in DiagnosticCode.allCases where !Self.elsewhere.contains(code) {
            #expect(expectations.contains("[\(code.rawValue)]"), "no case shows \(code)")
        }
        #expect(Self.cases.count >= 60)
    }

    private static func split(_ text: String) -> (input: String, expected: String) {
        guard let range = text.firstRange(of: "----------\n") else { return (text, "") }
        return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
    }

    private static func result(of input: String) -> String {
        let (model, diagnostics) = load(files(in: input))
        let findings = diagnostics.text
        return findings + (model.map { "ok\n" + ModelDump.text($0) } ?? "")
    }

    private static func files(in input: String) -> [ConfigFile] {
        var files: [ConfigFile] = []
        var name = "case.yaml"
        var text = ""
        for line in input.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("=== ") {
                if !text.isEmpty { files.append(ConfigFile(path: name, text: text)) }
                name = String(line.dropFirst(4))
                text = ""
            } else {
                text += line + "\n"
            }
        }
        return files + [ConfigFile(path: name, text: text)]
    }
}
