internal import SluiceCore
internal import Testing

@testable internal import SluiceConfig

@Suite struct NativeOrderTests {
    /// Each list in the order that comes out; every shuffle of it must give the same.
    static let orders: [[String]] = [
        // The host comes first, whatever the path.
        ["a.example.com /*", "*.eu.example.com /x", "*.example.com =/exact", "* =/exact"],
        // An exact path before everything else.
        ["* =/a", "* /a/b", "* t/a", "* /a", "* t/{x}"],
        ["* =/a/b", "* /a/b/c", "* t/a/b/{x}", "* /a/b", "* t/a/{x}/c", "* /a", "* /*"],
        // Segment by segment: literal, variable, end.
        ["* t/a/b/c", "* t/a/b/{x}", "* t/a/{x}/c", "* t/a/{x}/{y}", "* t/{x}/b/c", "* t/{x}/b"],
        ["* t/a/{x}/b", "* t/a/{x}", "* t/a", "* t/a/{rest...}", "* /a"],
        // A regular expression counts as its literal beginning and beats a prefix of the same length.
        [
            "* /v1/orders/x", "* t/v1/orders/{id}", "* ~/v1/orders.*", "* /v1/orders", "* ~/v1/ord.*", "* /v1", "* ~.*",
            "* /*",
        ],
        ["* ~/a/b/[0-9]+", "* ~/a/b[0-9]*", "* ~/a/(b|c)", "* ~/(a|b)/c"],
        // Then methods, headers, query parameters.
        ["* /a GET", "* /a"],
        ["* /a GET h1", "* /a GET", "* /a h2 q1", "* /a h2", "* /a h1 q2", "* /a h1 q1", "* /a h1", "* /a q1", "* /a"],
    ]

    @Test(arguments: orders)
    func sortsTheMostSpecificFirst(_ order: [String]) {
        let expected = order.map(Self.route)
        var random = RandomSource(seed: 7)
        for _ in 0..<20 {
            var routes = expected.shuffled(using: &random)
            NativeOrder.sort(&routes)
            #expect(routes.map(\.name) == order)
        }
    }

    @Test func keepsTheOrderOfTheFileBetweenEquals() {
        let names = (0..<100).map { "\($0)" }
        var routes = names.map { name in
            var route = Self.route("* /a")
            route.name = name
            return route
        }
        NativeOrder.sort(&routes)
        #expect(routes.map(\.name) == names)
    }

    @Test func dividesARouteWhoseHostsAreOfSeveralRanks() {
        var mixed = Self.route("* /a")
        mixed.match.hosts = ["*.example.com", "a.example.org", "b.example.org", "*.eu.example.com"]
        var exact = Self.route("x.eu.example.com /a")
        exact.name = "exact"
        var routes = [mixed, exact]
        NativeOrder.sort(&routes)
        #expect(
            routes.map(\.match.hosts) == [
                ["a.example.org", "b.example.org"], ["x.eu.example.com"], ["*.eu.example.com"], ["*.example.com"],
            ]
        )
    }

    @Test func deepPathsAreComparedToTheirEnd() {
        let deep = String(repeating: "/a", count: 50)
        let order = ["* \(deep)/b", "* t\(deep)/{x}", "* \(deep)"]
        var routes = order.reversed().map(Self.route)
        NativeOrder.sort(&routes)
        #expect(routes.map(\.name) == order)
    }

    @Test func isATotalOrder() {
        let paths = ["=/a", "/*", "/a", "/a/b", "t/a/{x}", "t/{x}", "t/a/{r...}", "~/a.*", "~.*", "~/a/b+", "t/a"]
        let hosts = ["*", "a.b", "*.b", "*.a.b"]
        let routes = hosts.flatMap { host in
            paths.flatMap { path in ["", " GET", " h1", " q2"].map { "\(host) \(path)\($0)" } }
        }
        let ranks = routes.enumerated().map { RouteRank(Self.route($0.element), position: $0.offset) }
        for a in ranks {
            #expect(!(a < a))
            for b in ranks where a.position != b.position { #expect((a < b) != (b < a)) }
        }
        var random = RandomSource(seed: 11)
        for _ in 0..<20_000 {
            let three = (0..<3).map { _ in ranks[Int(random.below(UInt64(ranks.count)))] }
            if three[0] < three[1], three[1] < three[2] { #expect(three[0] < three[2]) }
        }
    }

    @Test(arguments: [
        ("/v1/orders/[0-9]+", "/v1/orders/"), ("^/a$", "/a"), ("/a\\.b", "/a.b"), ("/a\\d", "/a"), ("/ab?", "/a"),
        ("/ab*c", "/a"),
        ("/ab+c", "/ab"), ("/ab{2}", "/a"), ("/a|/b", ""), ("/(a|b)", "/"), ("/[a|b]", "/"), ("/[]|]x", "/"),
        ("(?i)/a", ""), (".*", ""), ("", ""),
        ("/a\\|b", "/a|b"), ("/\\Qa.b\\E", "/"), ("/é+", "/"), ("\\", ""), ("[", ""),
    ])
    func findsTheLiteralBeginning(_ pattern: String, _ literal: String) {
        #expect(String(decoding: LeadingLiteral.of(pattern), as: UTF8.self) == literal)
    }

    /// `host path [METHOD] [hN] [qN]`; the path is `=exact`, `/prefix`, `/*`, `t/template` or `~regex`.
    private static func route(_ text: String) -> RouteModel {
        let parts = text.split(separator: " ").map(String.init)
        var route = RouteModel(name: text, place: .builtIn, action: .respond(RespondModel()))
        if parts[0] != "*" { route.match.hosts = [parts[0]] }
        let path = parts[1]
        route.match.path =
            switch path.first {
            case "=": .exact(String(path.dropFirst()))
            case "t": .template(String(path.dropFirst()))
            case "~": .regex(String(path.dropFirst()))
            default: path == "/*" ? .any : .prefix(path)
            }
        for part in parts.dropFirst(2) {
            let matches = (0..<(Int(part.dropFirst()) ?? 0)).map { FieldMatch(name: "f\($0)", value: .present(true)) }
            switch part.first {
            case "h": route.match.headers = matches
            case "q": route.match.query = matches
            default: route.match.methods = [part]
            }
        }
        return route
    }
}
