import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceRouting

@Suite("Headers and query")
struct FieldMatchTests {
    @Test(
        "kinds of comparison",
        arguments: [
            (ValueMatch.exact("ab"), "ab", true), (.exact("ab"), "abc", false), (.exact(""), "", true),
            (.prefix("ab"), "abc", true),
            (.prefix("ab"), "a", false), (.suffix("bc"), "abc", true), (.suffix("bc"), "c", false),
            (.contains("b"), "abc", true),
            (.contains("aab"), "aaab", true), (.contains("abcd"), "abc", false), (.contains(""), "", true),
            (.contains("x"), "abc", false),
            (.contains("bc"), "abab", false), (.regex("a.c"), "abc", true), (.regex("a"), "abc", false),
            (.present(true), "", true),
            (.present(false), "", false), (.exact("AB"), "ab", false),
        ]
    )
    func kinds(kind: ValueMatch, value: String, expected: Bool) throws {
        let wanted: LinearMatcher.Outcome = expected ? .route(0) : .none
        #expect(try match([route(headers: ["x-a": kind])], request("GET", "/", headers: [("X-A", value)])) == wanted)
        #expect(
            try match([route(headers: ["accept": kind])], request("GET", "/", headers: [("Accept", value)])) == wanted
        )
        #expect(try match([route(query: ["q": kind])], request("GET", "/", query: "a=1&q=\(value)&q=zz")) == wanted)
    }

    @Test("a field that is absent satisfies nothing but its absence")
    func absent() throws {
        for kind in [ValueMatch.exact(""), .prefix(""), .suffix(""), .contains(""), .regex(".*"), .present(true)] {
            #expect(try match([route(headers: ["x": kind])], request("GET", "/")) == .none)
            #expect(try match([route(query: ["x": kind])], request("GET", "/", query: "y=1")) == .none)
            #expect(try match([route(query: ["x": kind])], request("GET", "/")) == .none)
        }
        #expect(try match([route(headers: ["x": .present(false)])], request("GET", "/")) == .route(0))
        #expect(try match([route(query: ["x": .present(false)])], request("GET", "/", query: "y=1")) == .route(0))
    }

    @Test("several lines of one header are one value with commas")
    func joined() throws {
        let head = request("GET", "/", headers: [("X-A", "1"), ("Accept", "z"), ("x-a", "2"), ("X-a", "3")])
        #expect(try match([route(headers: ["x-a": .exact("1,2,3")])], head) == .route(0))
        #expect(try match([route(headers: ["x-a": .exact("1")])], head) == .none)
        #expect(try match([route(headers: ["x-a": .suffix("2,3"), "accept": .exact("z")])], head) == .route(0))
    }

    @Test("a removed header is absent")
    func removed() throws {
        var head = request("GET", "/", headers: [("X-A", "1"), ("X-A", "2")])
        head.fields.removeEntry(at: 0)
        #expect(try match([route(headers: ["x-a": .exact("2")])], head) == .route(0))
        head.fields.removeEntry(at: 1)
        #expect(try match([route(headers: ["x-a": .present(true)])], head) == .none)
    }

    @Test("header names match in any case, on both sides")
    func names() throws {
        #expect(
            try match([route(headers: ["X-Own": .exact("1")])], request("GET", "/", headers: [("x-OWN", "1")]))
                == .route(0)
        )
    }

    @Test("obs-text in a header is compared, not refused")
    func obsText() throws {
        let head = request("GET", "/", headers: [("x-a", "admin\u{FF}")])
        #expect(try match([route(headers: ["x-a": .regex("admin.*")])], head) == .route(0))
        #expect(try match([route(headers: ["x-a": .exact("admin\u{FF}")])], head) == .route(0))
    }

    @Test(
        "query names and values are decoded once, the first value counts",
        arguments: [
            ("q=a%20b", "a b", true), ("q=a+b", "a b", true), ("q=a%2Bb", "a+b", true), ("q=a%2520b", "a%20b", true),
            ("%71=x", "x", true), ("q=%zz", "%zz", true), ("q=1&q=2", "1", true), ("q=1&q=2", "2", false),
            ("q", "", true),
            ("q=", "", true), ("&&q=1&", "1", true), ("q=a=b", "a=b", true), ("x=q", "q", false),
            ("q%3D1=2", "2", false),
            ("q=%4", "%4", true), ("q=%-1", "%-1", true), ("=q", "q", false), ("q=\u{E9}", "\u{E9}", true),
        ]
    )
    func query(text: String, value: String, expected: Bool) throws {
        let outcome = try match([route(query: ["q": .exact(value)])], request("GET", "/", query: text))
        #expect(outcome == (expected ? .route(0) : .none))
    }

    @Test("all conditions of a route must hold")
    func all() throws {
        let routes = [route(headers: ["a": .exact("1"), "b": .present(true)], query: ["q": .prefix("x")])]
        let headers = [("A", "1"), ("B", "")]
        #expect(try match(routes, request("GET", "/", query: "q=xy", headers: headers)) == .route(0))
        #expect(try match(routes, request("GET", "/", query: "q=y", headers: headers)) == .none)
        #expect(try match(routes, request("GET", "/", query: "q=xy", headers: [headers[0]])) == .none)
    }
}

@Suite("Connection")
struct ConnectionMatchTests {
    @Test("listeners by name")
    func listeners() throws {
        let routes = [route(listeners: ["b"]), route(listeners: ["a", "b"])]
        let names = ["a", "b", "c"]
        #expect(try match(routes, request("GET", "/"), RouteContext(listener: 1), listeners: names) == .route(0))
        #expect(try match(routes, request("GET", "/"), RouteContext(listener: 0), listeners: names) == .route(1))
        #expect(try match(routes, request("GET", "/"), RouteContext(listener: 2), listeners: names) == .none)
        #expect(try match(routes, request("GET", "/"), RouteContext(listener: -1), listeners: names) == .none)
    }

    @Test(
        "server names",
        arguments: [
            ("a.com", "a.com", true), ("*.a.com", "b.a.com", true), ("*.a.com", "a.com", false),
            ("*.a.com", "xa.com", false),
            ("a.com", nil, false), ("A.com", "a.com", true), ("*.a.com", ".a.com", false),
        ]
    )
    func sni(pattern: String, name: String?, expected: Bool) throws {
        let context = RouteContext(sni: name.map { Array($0.utf8) })
        #expect(try match([route(sni: [pattern])], request("GET", "/"), context) == (expected ? .route(0) : .none))
    }

    @Test(
        "source networks",
        arguments: [
            ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false), ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false), ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "::1", true), ("::/0", "1.2.3.4", false), ("::ffff:0:0/96", "1.2.3.4", true), ("::1", "::1", true),
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", nil, false), ("2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", true),
            ("2001:db8:0:0:8000::/65", "2001:db8::1", false),
        ]
    )
    func source(network: String, address: String?, expected: Bool) throws {
        let context = RouteContext(source: address.flatMap { IPAddress($0) })
        #expect(try match([route(source: [network])], request("GET", "/"), context) == (expected ? .route(0) : .none))
    }
}

@Suite("Captures")
struct CaptureTests {
    @Test(
        "raw bytes of variables and groups",
        arguments: [
            (PathMatch.template("/u/{id}/f/{rest...}"), "/u/a%20b/f/x/y/", ["a%20b", "x/y/"]),
            (.template("/{a}/{b}"), "/1/2", ["1", "2"]),
            (.template("/f/{r...}"), "/f/", [""]), (.prefix("/u"), "/u/1", []),
            (.regex("/(?P<a>[^/]+)(/x)?/(.)"), "/1/2", ["1", "", "2"]),
            (.regex("/.*"), "/1", []), (.template("/{r...}"), "/a/b", ["a/b"]),
        ]
    )
    func values(path: PathMatch, text: String, expected: [String]) throws {
        let both = try BothMatchers([route(path)])
        var scratch = MatchScratch()
        let result = both.compiled(request("GET", text), RouteContext(), &scratch)
        #expect(result.outcome == .route(0))
        #expect(result.captures == expected)
        #expect(both.linear.captures(of: path, path: text)?.map(\.value) == expected)
    }

    @Test("are emptied when the next request has none")
    func emptied() throws {
        let table = try RouteTable.compile([route(.template("/u/{id}"))])
        var captures = Captures()
        var scratch = MatchScratch()
        _ = table.match(request("GET", "/u/1"), RouteContext(), scratch: &scratch, captures: &captures)
        #expect(captures.count == 1)
        _ = table.match(request("GET", "/x"), RouteContext(), scratch: &scratch, captures: &captures)
        #expect(captures.count == 0)
        #expect(captures[0] == nil)
        #expect(captures[-1] == nil)
    }

    @Test("names, by which templates refer to them")
    func names() {
        #expect(RouteTable.captureNames(of: .template("/{a}/{b...}")) == ["a", "b"])
        #expect(RouteTable.captureNames(of: .regex("(?<a>.)(.)")) == ["a", "2"])
        #expect(RouteTable.captureNames(of: .prefix("/a")) == [])
        #expect(RouteTable.captureNames(of: .regex(String(repeating: "(a)", count: 20))).count == 16)
    }

    @Test("names from the table are the same")
    func namesFromTable() throws {
        let paths: [PathMatch] = [
            .prefix("/a"), .regex("/b(?<x>.)(.)"), .template("/{a}"), .regex("/c"), .regex("/b(?<x>.)(.)"),
        ]
        let table = try RouteTable.compile(paths.map { route($0) })
        for (index, path) in paths.enumerated() {
            #expect(table.captureNames(ofRoute: index, path: path) == RouteTable.captureNames(of: path))
        }
        #expect(table.captureNames(ofRoute: 5, path: paths[1]) == [])
    }

    @Test("nothing in the pipeline is larger than it looks")
    func sizes() {
        #expect(MemoryLayout<Captures>.size <= 136)
        #expect(MemoryLayout<RouteView>.size == 8)
        #expect(MemoryLayout<Node>.stride == 32)
        #expect(MemoryLayout<RouteRecord>.stride <= 40)
    }
}
