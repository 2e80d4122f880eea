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

    @Test func thePageOfAllFiltersIsWhatTheirFieldsSay() throws {
        let page = NativeSchema.filterMarkdown(BuiltInFilters.catalog)
        if Repository.isUpdating {
            try Repository.write(page, to: "docs/filters.md")
        } else {
            let isTrue = try Repository.read("docs/filters.md") == page
            #expect(isTrue, "docs/filters.md is stale: UPDATE_GOLDEN=1 swift test --filter DocumentationTests")
        }
    }

    @Test(arguments: BuiltInFilters.catalog.names)
    func everyFilterHasAnExampleWithoutFindings(_ name: String) throws {
        let path = Repository.path("examples/\(name.replacing("_", with: "-")).yaml")
        let check = ConfigurationCheck.run([path], filters: BuiltInFilters.catalog)
        #expect(check.report(.text).hasPrefix("ok: "), "\(check.report(.text))")
        let model = try #require(check.model)
        let names = (model.filters + model.routes.flatMap(\.filters)).map(\.name)
        #expect(names.contains(name), "\(path) does not use '\(name)'")
    }
}
