import Glibc
import SluiceConfig
import SluiceFilters
import Testing

/// A configuration whose only point is a list of filters.
struct FilterFile {
    let model: GatewayModel?
    /// `line:column code message`, with ` (help)`.
    let findings: [String]

    /// - Parameter filters: the items of the list as the file writes them, one a line, without the dash.
    init(_ filters: String...) {
        let items = filters.map { "  - \($0)\n" }.joined()
        self.init(
            text: """
                version: 1
                listeners: [{name: main, address: "127.0.0.1:0"}]
                routes: [{name: all, respond: {status: 200}}]
                filters:
                \(items)
                """
        )
    }

    init(text: String) {
        let files = [ConfigFile(path: "case.yaml", text: text)]
        let loaded = NativeConfiguration.load(
            files: files,
            filters: BuiltInFilters.catalog,
            environment: { $0 == "EMPTY" ? "" : $0 == "TOKEN" ? "s3cr3t${path.id}" : nil },
            readFile: { DescriptorFile.bytes($0) ?? [] }
        )
        model = loaded.model
        findings = loaded.diagnostics.sorted.map { finding in
            let place = finding.span.place
            let help = finding.help.map { " (\($0))" } ?? ""
            return "\(place.line):\(place.column) \(finding.code.rawValue) \(finding.message)\(help)"
        }
    }

    /// The first filter, ready to run.
    func filter(_ resources: FilterResources = .forTest()) -> (any Filter)? {
        (model?.filters.first?.configuration as? any RunnableFilterConfiguration)?.makeFilter(resources)
    }
}

/// Files of the repository.
enum Repository {
    private static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(4)
        return parts.joined(separator: "/")
    }()

    static func path(_ name: String) -> String { root + "/" + name }

    static func read(_ name: String) throws -> String {
        String(decoding: try ConfigFiles.read(path(name)), as: UTF8.self)
    }

    /// Whether pages that are made from code are written instead of compared.
    static let isUpdating = ConfigFiles.environment("UPDATE_GOLDEN") == "1"

    static func write(_ text: String, to name: String) throws {
        let file = try #require(fopen(path(name), "w"), "cannot write \(path(name))")
        fputs(text, file)
        fclose(file)
    }
}

/// Descriptor sets, by the names that tests give them.
enum DescriptorFile {
    /// nil: there is none of that name.
    static func bytes(_ name: String) -> [UInt8]? {
        switch name.split(separator: "/").last {
        case "library.pb": return try? ConfigFiles.read(Repository.path("examples/library.pb"))
        case "text.pb": return Array("syntax = \"proto3\";".utf8)
        case "ambiguous.pb": return ambiguous
        default: return nil
        }
    }

    /// The fixture, with a DELETE that became a GET (google.api.HttpRule: field 5 to 2) and so the same as another method's.
    private static let ambiguous: [UInt8]? = {
        guard var bytes = try? ConfigFiles.read(Repository.path("Tests/Fixtures/transcoding/all.pb")) else {
            return nil
        }
        let path = "/v1/{name=shelves/*/books/*}"
        let rule = [5 << 3 | 2, UInt8(path.utf8.count)] + Array(path.utf8)
        guard let place = bytes.firstRange(of: rule)?.lowerBound else { return nil }
        bytes[place] = 2 << 3 | 2
        return bytes
    }()
}
