internal import SluiceConfig
internal import Testing

@Suite struct NativeSchemaTests {
    @Test func thePageOfTheReferenceIsWhatTheFieldsSay() throws {
        let path = TextFiles.root + "/docs/configuration.md"
        let page = NativeSchema.markdown()
        if TextFiles.isUpdating {
            TextFiles.write(page, to: path)
        } else {
            let difference = TextFiles.difference(expected: try TextFiles.read(path), actual: page)
            #expect(
                difference.isEmpty,
                "docs/configuration.md is stale: UPDATE_GOLDEN=1 swift test --filter NativeSchemaTests\n\(difference)"
            )
        }
    }

    @Test func theJSONSchemaIsJSON() throws {
        let text = NativeSchema.jsonSchema(filters: FakeFilters.catalog)
        var limits = TreeLimits()
        limits.depth = 200
        let (node, context) = tree(text, limits: limits)
        #expect(context.diagnostics.text == "")
        #expect(node?["$schema"]?.text == "https://json-schema.org/draft/2020-12/schema")
        #expect(node?["additionalProperties"]?.text == "false")
        let upstream = node?["properties"]?["upstreams"]?["additionalProperties"]
        #expect(upstream?["properties"]?["limits"]?["properties"]?["connections"] != nil)
        #expect(upstream?["oneOf"]?.items?.count == 2)
        #expect(node?["properties"]?["stores"] == nil, "what is not available is not offered")
        #expect(node?["$defs"]?["filter"]?["anyOf"]?.items?.count == FakeFilters.catalog.types.count + 1)
    }

    @Test func everyFieldHasAMeaning() throws {
        for line in NativeSchema.markdown().split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            #expect(cells[cells.count - 2].contains("."), "\(line)")
        }
    }

    @Test func filtersHaveTheirOwnReference() {
        let text = NativeSchema.filterMarkdown(FakeFilters.catalog)
        #expect(text.contains("## stamp\n"))
        #expect(text.contains("| `value` | template | **required** | The stamp. |"))
        #expect(text.contains("| `wait` | duration | `250ms` | How long it takes. |"))
    }
}
