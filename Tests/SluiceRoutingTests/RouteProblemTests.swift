import SluiceConfig
import SluiceRouting
import Testing

@Suite("Conditions that cannot be compiled")
struct RouteProblemTests {
    private func problems(_ routes: [RouteModel]) -> [RouteProblem] {
        do throws(RouteProblems) {
            _ = try RouteTable.compile(routes, listeners: ["a"])
            return []
        } catch {
            return error.problems
        }
    }

    @Test(
        "each kind says which part it is about",
        arguments: [
            (route(.exact("a")), RouteProblem.Part.path), (route(.exact("/a?b")), .path),
            (route(.prefix("a")), .prefix),
            (route(.prefix("")), .prefix), (route(.prefix("/#")), .prefix), (route(.template("/{a")), .template),
            (route(.regex("(")), .regex), (route(hosts: ["a:80"]), .hosts), (route(hosts: ["a.*"]), .hosts),
            (route(hosts: ["*a.com"]), .hosts), (route(hosts: [""]), .hosts), (route(hosts: ["*."]), .hosts),
            (route(hosts: ["a/b"]), .hosts), (route(hosts: ["é.com"]), .hosts), (route(methods: ["A B"]), .methods),
            (route(methods: [""]), .methods), (route(headers: ["a b": .present(true)]), .headers),
            (route(headers: ["x": .regex("(?=a)")]), .headers), (route(query: ["": .present(true)]), .query),
            (route(query: ["q": .regex("[")]), .query), (route(sni: ["*"]), .sni), (route(sni: ["a b"]), .sni),
            (route(listeners: ["b"]), .listeners),
        ]
    )
    func parts(route: RouteModel, part: RouteProblem.Part) {
        let problems = problems([route])
        #expect(problems.map(\.part) == [part])
        #expect(problems.allSatisfy { !$0.message.isEmpty })
    }

    @Test("all problems of all routes, with their routes")
    func all() {
        let routes = [route(.exact("a"), hosts: ["b:1"]), route(), route(.regex("("), listeners: ["x", "y"])]
        let problems = problems(routes)
        #expect(problems.map(\.route) == [0, 0, 2, 2, 2])
        #expect(Set(problems.map(\.part)) == [.path, .hosts, .listeners, .regex])
    }

    @Test("methods of one's own are bounded")
    func methods() {
        let names = (0..<60).map { "M\($0)" }
        #expect(problems([route(methods: Array(names.prefix(55)))]) == [])
        #expect(problems([route(methods: names)]).map(\.part) == Array(repeating: .methods, count: 5))
    }

    @Test("an empty list is a table that matches nothing")
    func empty() throws {
        let table = try RouteTable.compile([])
        var scratch = MatchScratch()
        var captures = Captures()
        let result = table.match(
            request("GET", "/a", host: "a.b"),
            RouteContext(),
            scratch: &scratch,
            captures: &captures
        )
        #expect(result == .none)
        #expect(table.count == 0)
    }
}
