import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Which rule a path is for, and what its variables are.
@Suite struct BindingTableTests {
    /// A table of templates, all for methods that nobody calls.
    private func table(_ templates: [(method: String, path: String)]) throws -> BindingTable {
        let bindings = try templates.map { method, path in
            let template = try BindingTemplate(path)
            let variables = template.variables.map {
                Binding.Variable(fields: [], isMulti: template.isMulti($0), segments: $0.segments)
            }
            return Binding(
                method: 0,
                httpMethod: method,
                path: template,
                variables: variables,
                body: .none,
                responseBody: nil
            )
        }
        return try BindingTable(bindings, pool: Fixture.pool)
    }

    private func find(_ method: String = "GET", _ path: String, in table: BindingTable) -> (String, [String])? {
        let method = Array(method.utf8)
        let path = Array(path.utf8)
        return path.withUnsafeBytes { path in
            guard let place = method.withUnsafeBytes({ table.find(method: $0, path: path) }) else { return nil }
            let binding = table.bindings[place]
            let values = table.values(of: binding, in: path).map {
                String(decoding: path[Int($0.start)..<$0.end], as: UTF8.self)
            }
            return (binding.template, values)
        }
    }

    private func expect(_ path: String, _ template: String?, _ values: [String] = [], in table: BindingTable) {
        let found = find(path, in: table)
        #expect(found?.0 == template, "\(path)")
        if template != nil { #expect(found?.1 == values, "\(path)") }
    }

    private func find(_ path: String, in table: BindingTable) -> (String, [String])? { find("GET", path, in: table) }

    @Test func `literals, variables and rests side by side`() throws {
        let table = try table(
            [
                "/a/{x}/c/d/e", "/{x=a/*}/b/{y=*}/c", "/a/{x=b/*}/{y=d/**}", "/alpha/{x=*}/beta/{y=**}/gamma",
                "/{x=*}/a", "/{x=**}/a/b", "/a/b/{x=*}", "/a/b/c/{x=**}", "/{x=*}/d/e/f/{y=**}",
            ].map { ("GET", $0) }
        )
        expect("/a/book/c/d/e", "/a/{x}/c/d/e", ["book"], in: table)
        expect("/a/hello/b/world/c", "/{x=a/*}/b/{y=*}/c", ["a/hello", "world"], in: table)
        expect("/a/b/zoo/d/animal/tiger", "/a/{x=b/*}/{y=d/**}", ["b/zoo", "d/animal/tiger"], in: table)
        expect("/alpha/dog/beta/eat/bones/gamma", "/alpha/{x=*}/beta/{y=**}/gamma", ["dog", "eat/bones"], in: table)
        expect("/foo/a", "/{x=*}/a", ["foo"], in: table)
        expect("/foo/bar/a/b", "/{x=**}/a/b", ["foo/bar"], in: table)
        expect("/a/b/foo", "/a/b/{x=*}", ["foo"], in: table)
        expect("/a/b/c/foo/bar/baz", "/a/b/c/{x=**}", ["foo/bar/baz"], in: table)
        expect("/foo/d/e/f/bar/baz", "/{x=*}/d/e/f/{y=**}", ["foo", "bar/baz"], in: table)
        expect("/nothing", nil, in: table)
        expect("/", nil, in: table)
    }

    @Test func `a rest may be empty, a wildcard may not`() throws {
        let table = try table([("GET", "/v1/{x=**}"), ("GET", "/v2/{x}"), ("GET", "/v3/**/end")])
        expect("/v1", "/v1/{x=**}", [""], in: table)
        expect("/v1/", "/v1/{x=**}", [""], in: table)
        expect("/v1/a", "/v1/{x=**}", ["a"], in: table)
        expect("/v1/a/b/", "/v1/{x=**}", ["a/b"], in: table)
        expect("/v2", nil, in: table)
        expect("/v2/", nil, in: table)
        expect("/v2//", nil, in: table)
        expect("/v3/end", "/v3/**/end", [], in: table)
        expect("/v3/a/b/end", "/v3/**/end", [], in: table)
        expect("/v3", nil, in: table)
        expect("/v3/endx", nil, in: table)
    }

    @Test func `a slash at the end means nothing`() throws {
        let table = try table([("GET", "/"), ("GET", "/a/{x}")])
        expect("/", "/", in: table)
        expect("/a/b", "/a/{x}", ["b"], in: table)
        expect("/a/b/", "/a/{x}", ["b"], in: table)
        expect("/a/b/c", nil, in: table)
    }

    @Test func `a literal goes before a variable, and the search turns back where it fails`() throws {
        let table = try table([
            ("GET", "/a/b/c"), ("GET", "/a/{x}/d"), ("GET", "/{x}/b/e"), ("GET", "/{x=**}/f"), ("GET", "/{x=**}/e/f"),
        ])
        expect("/a/b/c", "/a/b/c", in: table)
        expect("/a/b/d", "/a/{x}/d", ["b"], in: table)
        expect("/a/b/e", "/{x}/b/e", ["a"], in: table)
        expect("/a/b/f", "/{x=**}/f", ["a/b"], in: table)
        expect("/a/e/f", "/{x=**}/e/f", ["a"], in: table)
        expect("/f", "/{x=**}/f", [""], in: table)
    }

    @Test func `verbs count only where some template has them, behind the last slash`() throws {
        let table = try table([("GET", "/person"), ("GET", "/person/{id=*}"), ("GET", "/{x=**}:verb")])
        expect("/person:verb", "/{x=**}:verb", ["person"], in: table)
        expect("/person/jason:other", "/person/{id=*}", ["jason:other"], in: table)
        expect("/person:other", nil, in: table)
        expect("/person/jason:verb", "/{x=**}:verb", ["person/jason"], in: table)
        expect("/a:verb/b", nil, in: table)
        expect("/a:other:verb", "/{x=**}:verb", ["a:other"], in: table)
        expect("/person/a%3Averb", "/person/{id=*}", ["a%3Averb"], in: table)
        expect("/a/:verb", "/{x=**}:verb", ["a"], in: table)
    }

    @Test func `literals are compared with their escapes resolved`() throws {
        let table = try table([("GET", "/a b/{x}"), ("GET", "/caf%C3%A9")].map { ($0.0, $0.1.replacingSpace) })
        expect("/a%20b/c", "/a%20b/{x}", ["c"], in: table)
        expect("/caf%c3%a9", "/caf%C3%A9", in: table)
        expect("/caf%c3%a", nil, in: table)
    }

    @Test func `methods are apart, and a custom one of any comes last`() throws {
        let table = try table([("GET", "/a/{x}"), ("PUT", "/a/{x}"), ("*", "/a/b"), ("*", "/c")])
        #expect(find("GET", "/a/b", in: table)?.0 == "/a/{x}")
        #expect(find("POST", "/a/b", in: table)?.0 == "/a/b")
        #expect(find("POST", "/a/c", in: table) == nil)
        #expect(find("get", "/a/c", in: table) == nil)
        #expect(find("WHATEVER", "/c", in: table)?.0 == "/c")
        let path = Array("/a/c".utf8)
        #expect(path.withUnsafeBytes { table.methods(for: $0) } == ["GET", "PUT"])
    }

    @Test(arguments: [
        ("/a/{x}", "/a/{y=*}"), ("/a/{x=**}", "/a/**"), ("/a:v", "/a:v"), ("/{x=a/*}/b", "/a/*/b"), ("/a%62", "/ab"),
    ])
    func `two templates that nothing tells apart are an error that names both`(_ a: String, _ b: String) {
        let error = #expect(throws: DescriptorError.self) { try table([("GET", a), ("GET", b)]) }
        let method = Fixture.pool.methods[0].fullName
        #expect(error?.problems == ["GET \(b) of \(method) takes the same requests as GET \(a) of \(method)"])
    }

    @Test(arguments: [("/a/{x}", "/a/b"), ("/a/{x=**}", "/a/*"), ("/a:v", "/a:w"), ("/a/**/b", "/a/**/c")])
    func `templates with an order between them are not`(_ a: String, _ b: String) throws {
        _ = try table([("GET", a), ("GET", b)])
    }

    @Test func `a path of many slashes costs no more than its length`() throws {
        let table = try table([("GET", "/{a}/{b}/{c=**}/x"), ("GET", "/**/y"), ("GET", "/{a=**}:z")])
        expect(String(repeating: "/", count: 64_000), nil, in: table)
        expect(String(repeating: "/a", count: 32_000), nil, in: table)
        expect(String(repeating: "/a", count: 32_000) + "/y", "/**/y", in: table)
    }

    @Test func `a path without a slash in front is nothing`() throws {
        let table = try table([("GET", "/{x=**}")])
        expect("", nil, in: table)
        expect("a", nil, in: table)
        expect("*", nil, in: table)
    }

    /// Every answer is that of a simple matcher that tries all templates, and takes one that no other goes before.
    @Test func `random templates and paths agree with a simple matcher`() throws {
        var random = RandomSource(seed: 11)
        let alphabet = ["a", "b", "*", "{v}", "**"]
        for _ in 0..<400 {
            var templates: Set<String> = []
            for _ in 0..<4 {
                var text = ""
                for _ in 0...random.below(3) {
                    let part = alphabet[Int(random.below(5))]
                    if text.contains("**"), part.contains("*") || part.contains("{") { continue }
                    if text.contains("{v}"), part == "{v}" { continue }
                    text += "/" + part
                }
                templates.insert(text)
            }
            guard let table = try? table(templates.sorted().map { ("GET", $0) }) else { continue }
            for _ in 0..<30 {
                let path = (0...random.below(4)).map { _ in "/" + ["a", "b", "c"][Int(random.below(3))] }.joined()
                let found = find(path, in: table)
                let matching = templates.filter { Self.matches($0, path) }
                #expect((found == nil) == matching.isEmpty, "\(path) in \(templates)")
                if let found { #expect(matching.contains(found.0), "\(path) in \(templates)") }
            }
        }
    }

    private static func matches(_ template: String, _ path: String) -> Bool {
        func go(_ template: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
            guard let first = template.first else { return path.isEmpty }
            if first == "**" {
                return (0...path.count).contains { go(template.dropFirst(), path.dropFirst($0)) }
            }
            guard let segment = path.first else { return false }
            return (first == "*" || first == "{v}" || first == segment) && go(template.dropFirst(), path.dropFirst())
        }
        return go(template.split(separator: "/")[...], path.split(separator: "/")[...])
    }
}

extension String {
    fileprivate var replacingSpace: String { split(separator: " ").joined(separator: "%20") }
}
