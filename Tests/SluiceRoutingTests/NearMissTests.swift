import SluiceConfig
import SluiceCore
import SluiceRouting
import Testing

@Suite("Near misses, for explain")
struct NearMissTests {
    @Test("the nearest first, each with all that did not hold")
    func order() {
        let canary = FieldMatch(name: "x-canary", value: .exact("true"))
        let routes = [
            route(.exact("/other"), hosts: ["b.com"]),
            route(.prefix("/v1"), methods: ["POST"], headers: ["x-canary": .exact("true")]),
            route(.prefix("/v1"), methods: ["PUT"]),
            route(.prefix("/v2")),
            route(.prefix("/v1")),
            route(),
        ]
        let misses = LinearMatcher(routes).nearMisses(request("GET", "/v1/a", host: "a.com"), RouteContext())
        #expect(misses.map(\.route) == [5, 2, 1, 3])
        #expect(misses[0].failures == [.earlierRoute(4)])
        #expect(misses[1].failures == [.method(wanted: ["PUT"], got: "GET")])
        #expect(misses[2].failures == [.method(wanted: ["POST"], got: "GET"), .header(wanted: canary, got: nil)])
        #expect(misses[3].failures == [.path(wanted: .prefix("/v2"), got: "/v1/a", hint: nil)])
    }

    @Test("a limit")
    func limit() {
        let routes = (0..<9).map { _ in route(methods: ["PUT"]) }
        #expect(
            LinearMatcher(routes).nearMisses(request("GET", "/"), RouteContext(), limit: 3).map(\.route) == [0, 1, 2]
        )
        #expect(LinearMatcher(routes).nearMisses(request("GET", "/"), RouteContext(), limit: -1) == [])
    }

    @Test(
        "a path that nearly fits says what it lacks",
        arguments: [
            (PathMatch.exact("/a"), "/a/", MatchFailure.PathHint?.some(.trailingSlash)),
            (.exact("/a/"), "/a", .trailingSlash),
            (.exact("/Orders"), "/orders", .letterCase), (.prefix("/orders"), "/Orders/1", .letterCase),
            (.template("/u/{id}"), "/u/1/", .trailingSlash), (.exact("/a"), "/b", nil),
            (.regex("/a"), "/a/", .trailingSlash),
        ]
    )
    func hints(path: PathMatch, text: String, hint: MatchFailure.PathHint?) {
        let misses = LinearMatcher([route(path)]).nearMisses(request("GET", text), RouteContext())
        #expect(misses.map(\.failures) == [[.path(wanted: path, got: text, hint: hint)]])
    }

    @Test("the connection's side")
    func connection() throws {
        let network = try #require(CIDR("10.0.0.0/8"))
        let address = try #require(IPAddress("192.0.2.1"))
        let routes = [route(sni: ["a.com"]), route(source: ["10.0.0.0/8"]), route(listeners: ["x"])]
        let context = RouteContext(listener: 0, source: address)
        let misses = LinearMatcher(routes, listeners: ["main", "x"]).nearMisses(request("GET", "/"), context)
        #expect(
            misses.map(\.failures) == [
                [.sni(wanted: ["a.com"], got: nil)], [.source(wanted: [network], got: address)],
                [.listener(wanted: ["x"], got: "main")],
            ]
        )
    }

    @Test("host and query, and what was there instead")
    func values() {
        let routes = [route(hosts: ["a.com"], query: ["q": .exact("1")])]
        let misses = LinearMatcher(routes).nearMisses(request("GET", "/", host: "b.com", query: "q=2"), RouteContext())
        let wanted = FieldMatch(name: "q", value: .exact("1"))
        #expect(
            misses.map(\.failures) == [
                [.host(wanted: ["a.com"], got: "b.com"), .query(wanted: wanted, got: "2")]
            ]
        )
    }
}
