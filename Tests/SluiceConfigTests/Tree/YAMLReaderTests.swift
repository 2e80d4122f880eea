internal import SluiceConfig
internal import Testing

@Suite struct YAMLReaderTests {
    @Test func knowsThePlaceOfEveryKeyAndValue() throws {
        let (node, context) = tree("a: one\nlong key: 'two '\nlist: [x, {y: \"z\"}]\nblock: |\n  text\n  more\n")
        #expect(context.diagnostics.text == "")
        let entries = try #require(node?.entries)
        func place(_ span: NodeSpan) -> [UInt32] { [span.line, span.column, span.length] }
        #expect(entries.map { place($0.keySpan) } == [[1, 1, 1], [2, 1, 8], [3, 1, 4], [4, 1, 5]])
        #expect(entries.map { place($0.value.span) } == [[1, 4, 3], [2, 11, 6], [3, 7, 13], [4, 8, 1]])
        let items = try #require(entries[2].value.items)
        #expect(place(items[1].span) == [3, 11, 8])
        #expect(items[1]["y"]?.text == "z")
        #expect(entries[3].value.text == "text\nmore\n")
    }

    @Test func countsCharactersNotBytes() throws {
        let (node, _) = tree("ключ: {日本: значение}\n")
        let inner = try #require(node?.entries?.first?.value.entries?.first)
        #expect(inner.keySpan.column == 8)
        #expect(inner.value.span.column == 12)
        #expect(inner.value.span.length == 8)
    }

    @Test func leavesScalarsUntyped() throws {
        let (node, _) = tree("[yes, on, 0x10, 1e3, null, ~, '', \"null\", 2024-01-01]\n")
        let items = try #require(node?.items)
        #expect(items.map(\.text) == ["yes", "on", "0x10", "1e3", "null", "~", "", "null", "2024-01-01"])
        #expect(items.map(\.isNull) == [false, false, false, false, true, true, false, false, false])
    }

    @Test func readsJSON() throws {
        let (node, context) = tree("{\n\t\"a\":\"x\",\"b\":[1,true,null],\n\t\"c\": {\"d\":\"\\u00e9\\n\"}\n}\n")
        #expect(context.diagnostics.text == "")
        #expect(node?["b"]?.items?.map(\.text) == ["1", "true", "null"])
        #expect(node?["c"]?["d"]?.text == "é\n")
    }

    @Test func acceptsByteOrderMarkAndWindowsLineEnds() throws {
        let (node, context) = tree("\u{FEFF}a: b\r\nc: d\r\n")
        #expect(context.diagnostics.text == "")
        #expect(node?["a"]?.text == "b")
        #expect(node?["c"]?.span == NodeSpan(file: 0, line: 2, column: 4, length: 1))
        #expect(node?.entries?.first?.keySpan.column == 1)
    }

    @Test func reportsTheByteThatIsNotUTF8() throws {
        let file = ConfigFile(path: "case.yaml", bytes: Array("a: b\nc: ".utf8) + [0xC3, 0x28] + Array("\n".utf8))
        let context = makeContext([file])
        #expect(YAMLReader.read(file, index: 0, context: context) == nil)
        let diagnostic = try #require(context.diagnostics.sorted.first)
        #expect(diagnostic.code == .unreadableFile)
        #expect(diagnostic.span.place.line == 2)
        #expect(diagnostic.message == "the file is not UTF-8 text")
    }

    @Test func refusesControlCharacters() {
        let (node, context) = tree("a: b\u{1}c\n")
        #expect(node == nil)
        #expect(context.diagnostics.sorted.map(\.message) == ["the file holds a control character (U+1)"])
    }

    @Test func reportsEveryDoubleKeyWithBothPlaces() {
        let (_, context) = tree("a: 1\nb: {c: 1, c: 2}\na: 2\na: 3\n")
        let found = context.diagnostics.sorted
        #expect(found.map(\.span.place.line) == [2, 3, 4])
        #expect(found.map { $0.notes.first?.span.place.line } == [2, 1, 1])
    }

    @Test func findsDoubleKeysInLongMappingsToo() {
        let text = (0..<40).map { "k\($0): 1\n" }.joined() + "k0: 2\nk39: 2\nk17: 2\n"
        let (node, context) = tree(text)
        #expect(context.diagnostics.errorCount == 3)
        #expect(node?.entries?.count == 40)
    }

    @Test func refusesKeysThatAreNoTexts() {
        let (_, context) = tree("? [a, b]\n: c\n")
        #expect(context.diagnostics.codes == [.wrongKind])
    }

    // MARK: Aliases and merge keys

    @Test func expandsAliases() {
        let (node, context) = tree("a: &x {b: [1, 2]}\nc: *x\nd: &x text\ne: *x\n")
        #expect(context.diagnostics.text == "")
        #expect(node?["c"]?["b"]?.items?.count == 2)
        #expect(node?["e"]?.text == "text")
        #expect(node?["c"]?.span.line == 1, "an aliased value has the place of its anchor")
    }

    @Test func mergesMappingsWithoutOverriding() throws {
        let (node, context) = tree(
            "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b], w: 3}\nd: {\"<<\": *a}\n"
        )
        #expect(context.diagnostics.text == "")
        let merged = try #require(node?["c"]?.entries)
        let pairs = Dictionary(uniqueKeysWithValues: merged.map { ($0.key, $0.value.text ?? "") })
        #expect(pairs == ["x": "1", "y": "1", "z": "3", "w": "3"])
        #expect(node?["d"]?["<<"]?["x"]?.text == "1", "a quoted << is a key like any other")
    }

    @Test func refusesBillionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        let (node, context) = tree(text)
        #expect(node == nil)
        #expect(context.diagnostics.codes == [.tooLarge])
    }

    @Test func refusesTooManyAliases() {
        let text = "a: &a x\nb: [\(Array(repeating: "*a", count: 1001).joined(separator: ", "))]\n"
        #expect(tree(text).context.diagnostics.codes == [.alias])
        let enough = "a: &a x\nb: [\(Array(repeating: "*a", count: 1000).joined(separator: ", "))]\n"
        #expect(tree(enough).context.diagnostics.isEmpty)
    }

    @Test func refusesAnAliasOfItself() {
        #expect(tree("a: &a [*a]\n").context.diagnostics.codes == [.alias])
    }

    // MARK: Bounds

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000),
        String(repeating: "- ", count: 100_000) + "x",
    ])
    func refusesDepth(_ text: String) {
        let (node, context) = tree(text)
        #expect(node == nil)
        #expect(context.diagnostics.errorCount == 1)
    }

    @Test func allowsTheDepthThatIsAllowed() {
        var limits = TreeLimits()
        limits.depth = 4
        #expect(tree("[[[x]]]", limits: limits).context.diagnostics.isEmpty)
        #expect(tree("[[[[x]]]]", limits: limits).context.diagnostics.codes == [.tooLarge])
    }

    @Test func refusesTooManyValues() {
        var limits = TreeLimits()
        limits.nodes = 10
        #expect(tree("[1, 2, 3, 4, 5, 6, 7, 8, 9]", limits: limits).context.diagnostics.isEmpty)
        #expect(tree("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", limits: limits).context.diagnostics.codes == [.tooLarge])
    }

    @Test func refusesLargeFiles() {
        var limits = TreeLimits()
        limits.bytes = 1024
        let (node, context) = tree(String(repeating: "#", count: 1025), limits: limits)
        #expect(node == nil)
        #expect(context.diagnostics.sorted.first?.message == "the file is larger than 1KiB")
    }

    // MARK: Tags

    @Test func keepsTagsForDialectsThatHaveThem() {
        let (node, context) = tree("a: !Ref b\nc: !!str d\ne: !Sub [f]\n", allowsTags: true)
        #expect(context.diagnostics.text == "")
        #expect(node?["a"]?.tag == "!Ref")
        #expect(node?["c"]?.tag == nil)
        #expect(node?["e"]?.tag == "!Sub")
    }
}
