import Testing

@testable import SluiceTranscoding

/// google/api/http.proto, "Path template syntax", and what the usual transcoder accepts beyond it.
@Suite struct BindingTemplateTests {
    private typealias Segment = BindingTemplate.Segment

    private static func literal(_ text: String) -> BindingTemplate.Segment { .literal(Array(text.utf8)) }

    @Test func `literals, wildcards, variables and a verb`() throws {
        let template = try BindingTemplate("/v1/{name=shelves/*/books/*}/{page.token}/**:archive")
        #expect(
            template.segments == [
                Self.literal("v1"), Self.literal("shelves"), .any, Self.literal("books"), .any, .any, .rest,
            ]
        )
        #expect(template.variables.map(\.fields) == [["name"], ["page", "token"]])
        #expect(template.variables.map(\.segments) == [1..<5, 5..<6])
        #expect(template.verb == Array("archive".utf8))
        #expect(template.isMulti(template.variables[0]))
        #expect(!template.isMulti(template.variables[1]))
    }

    @Test(arguments: [
        "/", "/a", "/*", "/**", "/a/b", "/a:verb", "/{a}", "/{a=*}", "/{a=**}", "/{a_b.c1}", "/a/{x=b/**}/y/z",
        "/{x=*/**}", "/a%20b", "/a/{b=c/*}/d/**:e", "/a.b-c~d", "/{a=b}",
    ])
    func `templates that are fine`(_ text: String) throws { _ = try BindingTemplate(text) }

    static let broken: [(String, String)] = [
        ("", "it does not begin with '/'"), ("a", "it does not begin with '/'"), ("//", "a segment is empty at byte 1"),
        ("/a/", "a segment is empty at byte 3"), ("/a//b", "a segment is empty at byte 3"),
        ("/{", "a field name is missing at byte 2"), ("/{}", "a field name is missing at byte 2"),
        ("/{a", "a variable is not closed at byte 3"), ("/{a=}", "a segment is empty at byte 4"),
        ("/{a.}", "a field name is missing at byte 4"), ("/{1a}", "a field name is missing at byte 2"),
        ("/{a=b/{c}}", "a variable inside a variable at byte 6"), ("/a:", "a segment is empty at byte 3"),
        ("/a:b:c", "unexpected ':' at byte 4"), ("/a:b/c", "unexpected '/' at byte 4"),
        ("/a}", "unexpected '}' at byte 2"),
        ("/***", "unexpected '*' at byte 3"), ("/a*", "unexpected '*' at byte 2"), ("/*a", "unexpected 'a' at byte 2"),
        ("/{a}b", "unexpected 'b' at byte 4"), ("/**/*", "behind '**' there may only be literals"),
        ("/**/**", "behind '**' there may only be literals"), ("/**/{a}", "behind '**' there may only be literals"),
        ("/{a=**}/{b}", "behind '**' there may only be literals"), ("/{a}/{a}", "the variable 'a' is there twice"),
        ("/a?b", "unexpected '?' at byte 2"), ("/a b", "a character that no path has at byte 2"),
        ("/a%2", "'%' without two hexadecimal digits at byte 4"), ("/a=b", "unexpected '=' at byte 2"),
    ]

    @Test(arguments: broken) func `templates that are not`(_ text: String, _ reason: String) {
        #expect(throws: TemplateFault(reason: reason)) { try BindingTemplate(text) }
    }
}
