package import SluiceConfig
import SluiceFilters

/// Filters as a configuration file writes them, for tests of whole gateways.
package enum FilterText {
    /// The items of a list of filters, one a line, without their dashes.
    ///
    /// - Parameter files: what files named in the settings hold.
    /// - Throws: the findings, when there are any.
    package static func models(
        _ items: String...,
        files: [String: String] = [:],
        bytes: [String: [UInt8]] = [:]
    ) throws -> [FilterModel] {
        let list = items.map { "  - \($0)\n" }.joined()
        let text =
            "version: 1\nupstreams: {origin: {endpoints: [\"127.0.0.1:1\"]}}\n"
            + "routes: [{name: all, respond: {status: 200}}]\nfilters:\n\(list)"
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "test.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { name in
                if let bytes = bytes[name] { return bytes }
                guard let text = files[name] else { throw TestFailure("there is no file \(name)") }
                return Array(text.utf8)
            }
        )
        guard let model = loaded.model else {
            throw TestFailure(loaded.diagnostics.sorted.map(\.message).joined(separator: "\n"))
        }
        return model.filters
    }
}
