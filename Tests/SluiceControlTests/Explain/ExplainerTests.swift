import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceProxy
import SluiceTesting
import Testing

private struct Login: FilterConfiguration {
    static let schema = ObjectSchema("login", doc: "", fields: [])
    static let role = FilterRole.authentication
    init() {}
    init(from reader: ObjectReader) {}
}

private struct Cross: FilterConfiguration {
    static let schema = ObjectSchema("cross", doc: "", fields: [])
    static let role = FilterRole.cors
    init() {}
    init(from reader: ObjectReader) {}
}

/// What no transcript shows; those in `Tests/Golden/explain` have the words.
@Suite struct ExplainerTests {
    private func explain(_ model: GatewayModel, _ request: ExplainRequest) throws -> Explanation {
        try Explainer(try SnapshotCompiler.compile(model)).explain(request)
    }

    @Test("near misses are few, however many routes there are")
    func bounded() throws {
        var model = GatewayModel.routing()
        model.routes = (0..<2000).map { index in
            var route = RouteModel.respond("r\(index)", .any) { _ in }
            route.place = SourcePlace(file: "many.yaml", line: index + 1, column: 1)
            if index.isMultiple(of: 2) { route.match.methods = ["PUT"] }
            return route
        }
        let explanation = try explain(model, ExplainRequest("GET", "/"))
        #expect(explanation.route?.name == "r1")
        #expect(explanation.nearMisses.map(\.name) == ["r0", "r3", "r5", "r7", "r9"])
        #expect(explanation.nearMisses.map(\.fits) == [false, true, true, true, true])
    }

    @Test("routes ahead of the winner that nearly took the request do not hide those behind it")
    func mixed() throws {
        var model = GatewayModel.routing()
        model.routes = (0..<20).map { index in
            var route = RouteModel.respond("r\(index)", .any) { _ in }
            route.place = SourcePlace(file: "many.yaml", line: index + 1, column: 1)
            if index < 10 { route.match.headers = [FieldMatch(name: "x", value: .exact("\(index)"))] }
            return route
        }
        let explanation = try explain(model, ExplainRequest("GET", "/"))
        #expect(explanation.nearMisses.map(\.name) == ["r0", "r1", "r2", "r11", "r12"])
    }

    @Test("the parts of a route that was divided by its hosts are one route")
    func divided() throws {
        var route = RouteModel.respond("both", .any) { _ in }
        route.place = SourcePlace(file: "a.yaml", line: 3, column: 1)
        var exact = route
        var wildcard = route
        exact.match.hosts = ["a.example.com"]
        wildcard.match.hosts = ["*.example.com"]
        let explanation = try explain(.routing(exact, wildcard), ExplainRequest("GET", "http://a.example.com/"))
        #expect(explanation.route?.conditions.map(\.wanted) == ["a.example.com"])
        #expect(explanation.nearMisses.isEmpty)
    }

    /// Models of other dialects have an order of their own, of which the native rules know nothing.
    @Test func anOrderThatIsNotTheNativeOne() throws {
        var first = RouteModel.respond("first", .prefix("/")) { _ in }
        var second = RouteModel.respond("second", .exact("/a")) { _ in }
        first.place = SourcePlace(file: "kong.yaml", line: 1, column: 1)
        second.place = SourcePlace(file: "kong.yaml", line: 2, column: 1)
        let explanation = try explain(.routing(first, second), ExplainRequest("GET", "/a"))
        #expect(
            explanation.nearMisses.map(\.reasons) == [
                ["it would take the request, but 'first' goes first: it comes first in the configuration"]
            ]
        )
    }

    @Test("text shows no control characters of the request or the model")
    func controls() throws {
        var model = GatewayModel.routing(.respond("bell\u{7}", .any) { $0.body = "\u{1B}[31m" })
        model.routes[0].place = SourcePlace(file: "a\u{202E}.yaml", line: 1, column: 1)
        let text = try explain(model, ExplainRequest("GET", "/", headers: [("x", "\u{9B}1m")])).text
        let isClean = text.unicodeScalars.allSatisfy { $0 == "\n" || !Printable.isControl($0) }
        #expect(isClean, "\(text.debugDescription)")
    }

    @Test("nothing but the described request gets through", arguments: ["\r\nx-admin: 1", "\n"])
    func injection(_ ending: String) {
        let requests = [
            ExplainRequest("GET" + ending, "/"), ExplainRequest("GET", "/" + ending),
            ExplainRequest("GET", "/", headers: [("a" + ending, "1")]),
            ExplainRequest("GET", "/", headers: [("a", "1" + ending)]),
        ]
        for request in requests {
            #expect(throws: ExplainProblem.self) { try explain(.routing(), request) }
        }
    }

    @Test("several of one header are one condition, as for the table")
    func joined() throws {
        var route = RouteModel.respond("both", .any) { _ in }
        route.match.headers = [FieldMatch(name: "x-a", value: .exact("1,2"))]
        let headers = [(name: "X-A", value: "1"), (name: "x-a", value: "2")]
        let explanation = try explain(.routing(route), ExplainRequest("GET", "/", headers: headers))
        #expect(explanation.route?.conditions.map(\.got) == ["'1,2'"])
    }

    // MARK: CORS

    private static let preflight = ExplainRequest(
        "OPTIONS",
        "/a",
        headers: [("origin", "https://app.example"), ("access-control-request-method", "PUT")]
    )

    private func guarded(_ filters: [FilterModel]) -> GatewayModel {
        var put = RouteModel.respond("put", .exact("/a")) { _ in }
        put.match.methods = ["PUT"]
        put.filters = filters
        var model = GatewayModel.routing(put)
        let place = SourcePlace(file: "a.yaml", line: 7, column: 3)
        model.filters = [FilterModel(name: "login", place: place, configuration: Login())]
        return model
    }

    @Test("cors of a route runs ahead of the authentication of all, and answers preflights")
    func moved() throws {
        let place = SourcePlace(file: "a.yaml", line: 9, column: 3)
        let model = guarded([FilterModel(name: "cross", place: place, configuration: Cross())])
        let explanation = try explain(model, Self.preflight)
        #expect(explanation.route?.name == "put")
        #expect(explanation.filters.map(\.name) == ["cross", "login"])
        #expect(explanation.filters.map(\.isGlobal) == [false, true])
        #expect(explanation.filters[0].moved == "runs ahead of 'login': preflights carry no credentials")
        #expect(explanation.filters[1].moved == nil)
        #expect(explanation.request.notes.contains { $0.hasPrefix("it is a CORS preflight") })
        #expect(explanation.text.contains("a.yaml:9:3  runs ahead of 'login'"))
    }

    @Test("without it, a preflight is a request like others")
    func plainOptions() throws {
        guard case .noRoute(let allowed) = try explain(guarded([]), Self.preflight).outcome else {
            Issue.record("nothing takes OPTIONS here")
            return
        }
        #expect(allowed == ["PUT"])
    }
}
