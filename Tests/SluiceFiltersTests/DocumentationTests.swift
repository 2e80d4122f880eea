import SluiceConfig
import SluiceFilters
import Testing

/// What documentation and examples of the built-in filters show is a configuration that runs.
@Suite struct DocumentationTests {
    @Test(arguments: BuiltInFilters.catalog.names)
    func everyFilterHasAPageWhoseExampleIsWithoutFindings(_ name: String) throws {
        let page = try Repository.read("docs/filters/\(name).md")
        let start = try #require(page.firstRange(of: "```yaml\n"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\n```"))
        let file = FilterFile(text: String(page[start.upperBound..<end.lowerBound]) + "\n")
        #expect(file.findings == [])
        let names = (file.model?.filters ?? []) + (file.model?.routes.flatMap(\.filters) ?? [])
        #expect(names.contains { $0.name == name })
    }

    @Test(arguments: BuiltInFilters.catalog.names)
    func everyFieldIsOnItsPage(_ name: String) throws {
        let page = try Repository.read("docs/filters/\(name).md")
        for field in try #require(BuiltInFilters.catalog[name]).schema.fields {
            #expect(page.contains("`\(field.name)`"), "\(name) does not explain '\(field.name)'")
        }
    }

    @Test(arguments: ["headers", "request-id"])
    func everyExampleIsWithoutFindings(_ name: String) {
        let check = ConfigurationCheck.run([Repository.path("examples/\(name).yaml")], filters: BuiltInFilters.catalog)
        #expect(check.report(.text).hasPrefix("ok: "), "\(check.report(.text))")
    }
}
