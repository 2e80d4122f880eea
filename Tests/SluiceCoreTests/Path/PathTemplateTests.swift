import SluiceCore
import Testing

@Suite("Path templates")
struct PathTemplateTests {
    @Test("segments")
    func segments() throws {
        let template = try PathTemplate("/users/{id}/files/{rest...}")
        #expect(
            template.segments == [
                .literal(Array("users".utf8)), .variable("id"), .literal(Array("files".utf8)), .rest("rest"),
            ]
        )
        #expect(template.names == ["id", "rest"])
    }

    @Test("the root and a trailing slash are empty segments")
    func empty() throws {
        #expect(try PathTemplate("/").segments == [.literal([])])
        #expect(try PathTemplate("/{a}/").segments == [.variable("a"), .literal([])])
    }

    @Test("bytes that no request carries unescaped are escaped")
    func escaped() throws {
        #expect(try PathTemplate("/café au").segments == [.literal(Array("caf%C3%A9%20au".utf8))])
    }

    @Test(
        "mistakes, and where",
        arguments: [
            ("users", 0), ("", 0), ("/a{b}", 1), ("/x/{b}c", 3), ("/{a", 1), ("/a}", 1), ("/{}", 2), ("/{...}", 2),
            ("/{1a}", 2), ("/{a b}", 2), ("/{a}/{a}", 5), ("/{r...}/x", 1), ("/{a}{b}", 1), ("/{{a}}", 1), ("/a?b", 2),
            ("/a#b", 2), ("/{-a}", 2), ("/{a.b}", 2),
        ]
    )
    func mistakes(text: String, offset: Int) {
        let error = #expect(throws: PathTemplateError.self) { try PathTemplate(text) }
        #expect(error?.offset == offset, "\(String(describing: error))")
    }

    @Test("at most 16 variables")
    func many() throws {
        #expect(try PathTemplate((0..<16).map { "/{v\($0)}" }.joined()).names.count == 16)
        #expect(throws: PathTemplateError.self) { try PathTemplate((0..<17).map { "/{v\($0)}" }.joined()) }
    }
}
