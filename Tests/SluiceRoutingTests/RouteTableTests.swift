import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceRouting

@Suite("Paths")
struct PathMatchTests {
    @Test(
        "exact, prefix, template, regular expression",
        arguments: [
            (PathMatch.any, "/x", true), (.any, "*", true), (.any, "", true),
            (.exact("/a"), "/a", true), (.exact("/a"), "/a/", false), (.exact("/a"), "/A", false),
            (.exact("/"), "/", true),
            (.exact("/a/"), "/a/", true), (.exact("*"), "*", true), (.exact("*"), "/x", false),
            (.exact("/é"), "/%C3%A9", true),
            (.prefix("/a"), "/a", true), (.prefix("/a"), "/a/", true), (.prefix("/a"), "/a/b", true),
            (.prefix("/a"), "/ab", false),
            (.prefix("/a/"), "/a", true), (.prefix("/a/"), "/a/b", true), (.prefix("/a/"), "/ab", false),
            (.prefix("/"), "/", true), (.prefix("/"), "/a", true), (.prefix("/"), "*", true),
            (.prefix("/a//"), "/a/", true),
            (.prefix("/a//"), "/a", false),
            (.template("/u/{id}"), "/u/7", true), (.template("/u/{id}"), "/u/", false),
            (.template("/u/{id}"), "/u", false),
            (.template("/u/{id}"), "/u/7/", false), (.template("/u/{id}"), "/u/7/x", false),
            (.template("/{a}/x"), "/u/x", true),
            (.template("/f/{r...}"), "/f", false), (.template("/f/{r...}"), "/f/", true),
            (.template("/f/{r...}"), "/f/a", true),
            (.template("/f/{r...}"), "/f/a/b/", true), (.template("/{r...}"), "/", true),
            (.template("/{r...}"), "*", false),
            (.template("/a"), "/a", true), (.template("/a"), "/b", false),
            (.regex("/a[0-9]"), "/a1", true), (.regex("/a[0-9]"), "/a12", false), (.regex("/a[0-9]"), "x/a1", false),
            (.regex("/a/.*"), "/a/", true), (.regex("/a/.*"), "/a", false), (.regex(".*"), "*", true),
            (.regex("/users/abc.*"), "/users/abcd/e", true), (.regex("/users/abc.*"), "/users/ab", false),
            (.regex("(?i)/a"), "/A", true), (.regex(""), "", true), (.regex("/a|/b/c"), "/b/c", true),
        ]
    )
    func single(path: PathMatch, request text: String, expected: Bool) throws {
        #expect(try match([route(path)], request("GET", text)) == (expected ? .route(0) : .none))
    }

    @Test("a regular expression with a long literal beginning")
    func longLiteral() throws {
        let long = String(repeating: "x", count: 200)
        let routes = [route(.regex("/a/\(long)[0-9]/b")), route(.regex("/\(long)/\(long)"))]
        #expect(try match(routes, request("GET", "/a/\(long)7/b")) == .route(0))
        #expect(try match(routes, request("GET", "/\(long)/\(long)")) == .route(1))
        #expect(try match(routes, request("GET", "/a/\(long)x/b")) == .none)
    }

    @Test(
        "the first route that fits wins, whatever its kind",
        arguments: [
            [PathMatch.any, .exact("/a/b")], [.prefix("/a"), .exact("/a/b")], [.template("/{x}/b"), .exact("/a/b")],
            [.regex("/.*"), .prefix("/a")], [.template("/a/{r...}"), .template("/a/{x}")], [.exact("/a/b"), .any],
            [.regex("/a/b"), .regex("/a/.*")], [.prefix("/a/b"), .template("/{x}/{y}")],
        ]
    )
    func order(paths: [PathMatch]) throws {
        #expect(try match(paths.map { route($0) }, request("GET", "/a/b")) == .route(0))
        #expect(try match(paths.reversed().map { route($0) }, request("GET", "/a/b")) == .route(0))
    }

    @Test("a variable is tried again when the literal leads nowhere")
    func backtracking() throws {
        let routes = [route(.template("/{a}/b/{c}/e")), route(.template("/a/b/c/d")), route(.template("/{a}/{b}/c/x"))]
        #expect(try match(routes, request("GET", "/a/b/c/e")) == .route(0))
        #expect(try match(routes, request("GET", "/a/b/c/d")) == .route(1))
        #expect(try match(routes, request("GET", "/a/b/c/x")) == .route(2))
        #expect(try match(routes, request("GET", "/a/b/c/y")) == .none)
    }

    @Test("a path range outside of the head matches like no path")
    func badRange() throws {
        var head = request("GET", "/a")
        head.path = ByteRange(start: 4_000_000_000, count: 10)
        #expect(try match([route(.exact("/a"))], head) == .none)
    }
}

@Suite("Hosts")
struct HostMatchTests {
    @Test(
        "exact and wildcard",
        arguments: [
            ("a.com", "a.com", true), ("A.com", "a.com", true), ("a.com", "b.a.com", false),
            ("*.a.com", "b.a.com", true),
            ("*.a.com", "c.b.a.com", true), ("*.a.com", "a.com", false), ("*.a.com", ".a.com", false),
            ("*.a.com", "xa.com", false),
            ("*", "a.com", true), ("*", "", true), ("a.com", "", false), ("[::1]", "[::1]", true),
            ("*.com", "a.com", true),
            ("*.com", "com", false), ("*.a.com", "b.a.com.", false),
        ]
    )
    func single(pattern: String, host: String, expected: Bool) throws {
        let outcome = try match([route(hosts: [pattern])], request("GET", "/", host: host))
        #expect(outcome == (expected ? .route(0) : .none))
    }

    @Test("the order of the list decides between host patterns")
    func order() throws {
        let routes = [route(hosts: ["*.com"]), route(hosts: ["*.a.com"]), route(hosts: ["b.a.com"]), route()]
        #expect(try match(routes, request("GET", "/", host: "b.a.com")) == .route(0))
        #expect(try match(routes.reversed(), request("GET", "/", host: "b.a.com")) == .route(0))
        #expect(try match(routes, request("GET", "/", host: "b.org")) == .route(3))
        #expect(try match([routes[3], routes[0]], request("GET", "/", host: "b.com")) == .route(0))
    }

    @Test("several hosts, one of them twice")
    func several() throws {
        let routes = [route(hosts: ["a.com", "b.com", "a.com", "*.c.com"])]
        for host in ["a.com", "b.com", "x.c.com"] {
            #expect(try match(routes, request("GET", "/", host: host)) == .route(0))
        }
    }

    @Test("a host of very many labels")
    func labels() throws {
        let host = String(repeating: "a.", count: 100) + "a"
        let domain = "*." + String(repeating: "a.", count: 69) + "a"
        #expect(try match([route(hosts: [domain])], request("GET", "/", host: host)) == .route(0))
        #expect(try match([route(hosts: ["*.a.a"])], request("GET", "/", host: host)) == .route(0))
        #expect(try match([route(hosts: ["*.b.a"])], request("GET", "/", host: host)) == .none)
    }
}

@Suite("Methods")
struct MethodMatchTests {
    @Test("HEAD matches where GET does, and nothing else does")
    func head() throws {
        let routes = [route(methods: ["POST"]), route(methods: ["GET"]), route(methods: ["HEAD"])]
        #expect(try match(routes, request("HEAD", "/")) == .route(1))
        #expect(try match(routes, request("GET", "/")) == .route(1))
        #expect(try match([routes[2]], request("GET", "/")) == .methodNotAllowed(["HEAD"]))
    }

    @Test("any token is a method, in its own case")
    func tokens() throws {
        let routes = [route(methods: ["PURGE", "get"])]
        #expect(try match(routes, request("PURGE", "/")) == .route(0))
        #expect(try match(routes, request("get", "/")) == .route(0))
        #expect(try match(routes, request("GET", "/")) == .methodNotAllowed(["PURGE", "get"]))
        #expect(try match(routes, request("purge", "/")) == .methodNotAllowed(["PURGE", "get"]))
        #expect(try match([route()], request("ANYTHING", "/")) == .route(0))
    }

    @Test("only the method missed: the methods of all routes that would fit otherwise")
    func notAllowed() throws {
        let routes = [
            route(.prefix("/a"), methods: ["GET"]), route(.exact("/a"), methods: ["PUT", "POST"]),
            route(.exact("/a"), methods: ["DELETE"], headers: ["x": .present(true)]),
            route(.exact("/b"), methods: ["PATCH"]),
        ]
        #expect(try match(routes, request("PATCH", "/a")) == .methodNotAllowed(["GET", "HEAD", "PUT", "POST"]))
        #expect(try match(routes, request("PATCH", "/c")) == .none)
        let withHeader = request("PATCH", "/a", headers: [("X", "1")])
        #expect(try match(routes, withHeader) == .methodNotAllowed(["GET", "HEAD", "PUT", "POST", "DELETE"]))
    }

    @Test("Allow is written in a fixed order")
    func allow() throws {
        let table = try RouteTable.compile([route(methods: ["PURGE", "POST", "GET"])])
        var captures = Captures()
        var scratch = MatchScratch()
        let result = table.match(request("PUT", "/"), RouteContext(), scratch: &scratch, captures: &captures)
        guard case .methodNotAllowed(let methods) = result else {
            Issue.record("\(result)")
            return
        }
        var out = ByteBuffer()
        table.view.writeAllow(methods, into: &out)
        #expect(String(buffer: out) == "GET, HEAD, POST, PURGE")
    }

    @Test("a preflight matches with the method it asks for, where that is wanted")
    func preflight() throws {
        let routes = [route(methods: ["OPTIONS"]), route(methods: ["PUT"]), route(methods: ["GET"])]
        let head = request("OPTIONS", "/", headers: [("Origin", "http://a"), ("Access-Control-Request-Method", "PUT")])
        #expect(RouteTable.isPreflight(head))
        #expect(try match(routes, head, RouteContext(matchesPreflights: true)) == .route(1))
        #expect(try match(routes, head) == .route(0))
        let plain = request("OPTIONS", "/", headers: [("Origin", "http://a")])
        #expect(!RouteTable.isPreflight(plain))
        #expect(try match(routes, plain, RouteContext(matchesPreflights: true)) == .route(0))
        let noOrigin = request("OPTIONS", "/", headers: [("Access-Control-Request-Method", "PUT")])
        #expect(!RouteTable.isPreflight(noOrigin))
        #expect(try match(routes, noOrigin, RouteContext(matchesPreflights: true)) == .route(0))
        let custom = request("OPTIONS", "/", headers: [("Origin", "a"), ("Access-Control-Request-Method", "PURGE")])
        #expect(try match([route(methods: ["PURGE"])], custom, RouteContext(matchesPreflights: true)) == .route(0))
    }

    @Test("a preflight, which has no content type, meets a route that asks for one")
    func preflightOfAContentType() throws {
        var grpc = route()
        grpc.match.path = .exact("/orders.v1.Orders/Get")
        grpc.match.headers = [FieldMatch(name: "content-type", value: .prefix("application/grpc"))]
        var other = route()
        other.match.headers = [FieldMatch(name: "x-kind", value: .exact("a"))]
        let head = request(
            "OPTIONS",
            "/orders.v1.Orders/Get",
            headers: [("Origin", "http://a"), ("Access-Control-Request-Method", "POST")]
        )
        let preflights = RouteContext(matchesPreflights: true)
        #expect(try match([other, grpc], head, preflights) == .route(1))
        #expect(LinearMatcher([other, grpc]).match(head, preflights) == .route(1))
        #expect(try match([other, grpc], head) == .none)
        grpc.match.headers = [FieldMatch(name: "content-type", value: .present(false))]
        #expect(try match([other, grpc], head, preflights) == .route(1))
    }
}
