import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceRouting

/// Shapes that are easy to get wrong at size. The bounds are counts of work, not times.
@Suite("Large and odd tables")
struct LargeTableTests {
    private func outcome(_ table: RouteTable, _ head: RequestHead) -> RouteMatch {
        var scratch = MatchScratch()
        var captures = Captures()
        return table.match(head, RouteContext(), scratch: &scratch, captures: &captures)
    }

    @Test("10,000 routes with one path and different header values are divided by value")
    func headers() throws {
        let table = try RouteTable.compile(
            (0..<10_000).map { route(.exact("/a"), headers: ["x-tenant": .exact("t\($0)")]) }
        )
        for tenant in [0, 1, 5000, 9999] {
            #expect(outcome(table, request("GET", "/a", headers: [("X-Tenant", "t\(tenant)")])) == .route(tenant))
        }
        #expect(outcome(table, request("GET", "/a", headers: [("X-Tenant", "t10000")])) == .none)
        #expect(outcome(table, request("GET", "/a")) == .none)
        let longest = (0..<table.view.storage.pointee.lists.count).map {
            table.view.storage.pointee.lists[UInt32($0)].count
        }
        #expect(longest.max() == 1)
    }

    @Test("a list divided by two fields in turn")
    func twoFields() throws {
        let routes = (0..<400).map { index in
            route(headers: ["x-a": .exact("\(index / 20)")], query: ["q": .exact("\(index % 20)")])
        }
        let table = try RouteTable.compile(routes)
        for index in [0, 19, 20, 399] {
            let head = request("GET", "/", query: "q=\(index % 20)", headers: [("x-a", "\(index / 20)")])
            #expect(outcome(table, head) == .route(index))
        }
        #expect(outcome(table, request("GET", "/", headers: [("x-a", "1")])) == .none)
    }

    @Test("a very long path stops where no route goes on")
    func longPath() throws {
        let table = try RouteTable.compile([route(.template("/{a}/{b}")), route(.prefix("/x/y"))])
        let path = String(repeating: "/x", count: 8000)
        #expect(outcome(table, request("GET", path)) == .none)
        #expect(outcome(table, request("GET", "/x/y" + path)) == .route(1))
        #expect(outcome(table, request("GET", "/" + String(repeating: "x", count: 16_000) + "/b")) == .route(0))
    }

    @Test("prefixes of every depth on one path")
    func deep() throws {
        let path = String(repeating: "/a", count: 1000)
        let routes = (1...1000).reversed().map { route(.prefix(String(path.prefix($0 * 2)))) }
        let table = try RouteTable.compile(routes)
        #expect(outcome(table, request("GET", path)) == .route(0))
        #expect(outcome(table, request("GET", "/a/a/b")) == .route(998))
        #expect(outcome(table, request("GET", path + "/b")) == .route(0))
    }

    @Test("templates with a variable or a literal in each segment are all looked at")
    func branching() throws {
        let routes = (0..<1024).map { bits in
            let parts = (0..<10).map { bits & (1 << $0) != 0 ? "/{v\($0)}" : "/a" }
            return route(.template(parts.joined()), headers: ["x-n": .exact("\(bits)")])
        }
        let table = try RouteTable.compile(routes)
        let path = String(repeating: "/a", count: 10)
        for bits in [0, 1, 512, 1023] {
            #expect(outcome(table, request("GET", path, headers: [("x-n", "\(bits)")])) == .route(bits))
        }
        #expect(outcome(table, request("GET", path, headers: [("x-n", "-")])) == .none)
    }

    @Test("1,000 regular expressions with literal beginnings of different length")
    func regexes() throws {
        let routes = (0..<1000).map { index in
            route(.regex("/" + String(repeating: "s", count: index % 90) + "\(index)-[a-z]+"))
        }
        let table = try RouteTable.compile(routes)
        for index in [0, 7, 62, 63, 64, 89, 999] {
            let path = "/" + String(repeating: "s", count: index % 90) + "\(index)-x"
            #expect(outcome(table, request("GET", path)) == .route(index))
        }
        #expect(outcome(table, request("GET", "/s1-")) == .none)
    }

    @Test("memory of a plain route stays far under 1 KiB")
    func memory() throws {
        let routes = (0..<5000).map {
            route(.prefix("/team-\($0 % 50)/service-\($0)"), hosts: ["h\($0 % 100).example.com"])
        }
        let table = try RouteTable.compile(routes)
        #expect(table.count == 5000)
        #expect(table.memory / table.count < 400)
    }

    @Test("a query of many parameters is read once")
    func longQuery() throws {
        let routes = (0..<500).map { route(query: ["p\($0)": .prefix("yes")]) }
        let table = try RouteTable.compile(routes)
        let query = (0..<4000).map { "p\($0)=no" }.joined(separator: "&")
        #expect(outcome(table, request("GET", "/", query: query)) == .none)
        #expect(outcome(table, request("GET", "/", query: query + "&p7=yes")) == .none)
        #expect(outcome(table, request("GET", "/", query: "p7=yes&" + query)) == .route(7))
    }

    @Test("working memory serves tables of any size in turn")
    func sharedScratch() throws {
        let small = try RouteTable.compile([route(headers: ["a": .exact("1")])])
        let large = try RouteTable.compile((0..<50).map { route(headers: ["h\($0)": .exact("1")]) })
        var scratch = MatchScratch()
        var captures = Captures()
        let head = request("GET", "/", headers: [("H40", "1")])
        for _ in 0..<3 {
            #expect(small.match(head, RouteContext(), scratch: &scratch, captures: &captures) == .none)
            #expect(large.match(head, RouteContext(), scratch: &scratch, captures: &captures) == .route(40))
        }
    }
}
