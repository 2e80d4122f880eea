import Glibc
import SluiceConfig
import SluiceFilters
import Testing

/// Cases in `Tests/Golden/filters`: items of a list of filters, a line of ten dashes, and what is said about them, word
/// for word. `=== name` begins a file that the settings name. `UPDATE_GOLDEN=1` writes the expectations anew.
@Suite struct GoldenFilterTests {
    static let folder = "Tests/Golden/filters"
    static let cases = [
        "concurrency", "cors", "fault", "grpc_json", "grpc_rules", "grpc_web", "ip_access", "mtls_auth", "request_size",
    ]

    @Test(arguments: cases)
    func says(_ name: String) throws {
        let path = "\(Self.folder)/\(name).case"
        let text = try Repository.read(path)
        let border = "----------\n"
        let input = text.firstRange(of: border).map { String(text[..<$0.lowerBound]) } ?? text
        let actual = input + border + Self.result(of: input)
        if Repository.isUpdating { return try Repository.write(actual, to: path) }
        #expect(actual == text, "UPDATE_GOLDEN=1 swift test --filter GoldenFilterTests")
    }

    private static func result(of input: String) -> String {
        var parts = input.split(separator: "=== ", omittingEmptySubsequences: false)
        let list = parts.removeFirst().split(separator: "\n").map { "  - \($0)\n" }.joined()
        let files = parts.map { part in
            let end = part.firstIndex(of: "\n") ?? part.endIndex
            return (name: String(part[..<end]), text: String(part[end...].dropFirst()))
        }
        let text = "version: 1\nroutes: [{name: all, respond: {status: 200}}]\nfilters:\n\(list)"
        let diagnostics = NativeConfiguration.load(
            files: [ConfigFile(path: "case.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { name in
                if let bytes = DescriptorFile.bytes(name) { return bytes }
                guard let file = files.first(where: { $0.name == name }) else { throw Missing() }
                return Array(file.text.utf8)
            }
        ).diagnostics
        return TextRenderer(sources: diagnostics.sources).render(diagnostics)
    }

    private struct Missing: Error {}
}
