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

    /// Every whole configuration that a page shows can be taken as it stands.
    @Test(
        arguments: [
            "docs/tls.md", "docs/http2.md", "docs/tutorial.md", "docs/consumers.md", "docs/access-log.md",
            "docs/operations.md", "docs/explain.md",
            "docs/grpc.md", "README.md",
        ]
    )
    func everyConfigurationOfAPageIsSound(_ name: String) throws {
        let page = try Repository.read(name)
        for block in page.split(separator: "```yaml\n").dropFirst() {
            let text = String(block.prefix(upTo: block.firstRange(of: "\n```")?.lowerBound ?? block.endIndex)) + "\n"
            guard text.hasPrefix("version: 1") else { continue }
            let file = FilterFile(text: text)
            #expect(file.findings.filter { !$0.contains("SL018") && !$0.contains("holds no key") } == [], "\(name)")
        }
    }
}
