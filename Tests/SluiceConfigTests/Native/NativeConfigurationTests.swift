internal import NIOCore
internal import SluiceConfig
internal import SluiceCore
internal import Testing

@Suite struct NativeConfigurationTests {
    @Test func everyDefaultIsTheOneOfTheModel() throws {
        let (model, _) = load(
            """
            version: 1
            listeners: [{name: plain, address: "127.0.0.1:8080", limits: {}, timeouts: {}, path: {}}]
            upstreams: {a: {url: "http://127.0.0.1:9001", dns: {}, outlier_detection: {}, limits: {}, timeouts: {}}}
            routes: [{upstream: a, timeout: 5s, retry: {on: [5xx]}}]
            """
        )
        let loaded = try #require(model)
        func same(_ a: Any, _ b: Any) -> Bool { String(describing: a) == String(describing: b) }
        #expect(same(loaded.listeners[0].limits, ListenerLimits()))
        #expect(same(loaded.listeners[0].timeouts, ListenerTimeouts()))
        #expect(same(loaded.listeners[0].path, PathPolicy()))
        #expect(same(loaded.upstreams[0].dns, DNSModel()))
        #expect(same(loaded.upstreams[0].limits, UpstreamLimits()))
        #expect(same(loaded.upstreams[0].timeouts, UpstreamTimeouts()))
        #expect(loaded.upstreams[0].outlier.map { same($0, OutlierModel()) } == true)
        #expect(loaded.drainTimeout == GatewayModel().drainTimeout)
        guard case .forward(let forward) = loaded.routes[0].action, let retry = forward.retry else {
            Issue.record("no retry")
            return
        }
        var expected = RetryModel()
        expected.on = [.serverError]
        #expect(same(retry, expected))
    }

    @Test func routesKnowTheirPlace() throws {
        let (model, _) = load(
            "version: 1\nlisteners: []\nroutes:\n  - name: a\n    respond: {}\n  - match: {path: /b}\n    respond: {}\n"
        )
        let places = try #require(model).routes.map(\.place.description)
        #expect(
            places == ["case.yaml:6:5", "case.yaml:4:11"],
            "the exact path goes first; a named route stands at its name"
        )
    }

    @Test func aBrokenFileGivesNoModelAndNoFollowingErrors() {
        let (model, diagnostics) = load([
            ConfigFile(path: "a.yaml", text: "version: 1\nupstreams: {\n"),
            ConfigFile(path: "b.yaml", text: "routes: [{upstream: gone, timeout: 5s}]\n"),
        ])
        #expect(model == nil)
        #expect(diagnostics.codes == [.syntax])
    }

    @Test func warningsLeaveTheModel() {
        let (model, diagnostics) = load("version: 1\nroutes: []\n")
        #expect(model != nil)
        #expect(diagnostics.codes == [.noListener])
    }

    @Test func manyRoutesAreReadInOneWalkEach() throws {
        var text =
            "version: 1\nlisteners: [{name: plain, address: \":8080\"}]\nupstreams: {a: {url: \"http://127.0.0.1:1\"}}\nroutes:\n"
        for number in 0..<3000 {
            text += "  - {match: {hosts: [h\(number).example.com], prefix: /p}, upstream: a, timeout: 5s}\n"
        }
        let (model, diagnostics) = load(text)
        #expect(diagnostics.text == "")
        #expect(try #require(model).routes.count == 3000)
    }

    @Test func theSameLongListTwiceIsFoundShadowed() {
        let hosts = (0..<200).map { "h\($0).example.com" }.joined(separator: ", ")
        let (_, diagnostics) = load(
            """
            version: 1
            listeners: [{name: plain, address: ":8080"}]
            routes:
              - {name: first, match: {hosts: [\(hosts)]}, respond: {}}
              - {name: second, match: {hosts: [h7.example.com, h3.example.com]}, respond: {}}
              - {name: third, match: {hosts: [h7.example.com, other.example.com]}, respond: {}}
            """
        )
        #expect(
            diagnostics.sorted.map(\.message) == [
                "route 'second' can never match: 'first' has the same conditions and comes first"
            ]
        )
    }

    @Test func manyMistakesOfOneKindCostLittle() {
        var text = "version: 1\nlisteners: [{name: plain, address: \":8080\"}]\nupstreams:\n"
        for number in 0..<2000 { text += "  upstream_\(number): {url: \"http://127.0.0.1:1\"}\n" }
        text += "routes:\n"
        for number in 0..<2000 { text += "  - {upstream: upstrem_\(number), timeout: 5s}\n" }
        let (model, diagnostics) = load(text)
        #expect(model == nil)
        #expect(diagnostics.errorCount == 2000)
        let unknown = diagnostics.sorted.filter { $0.code == .unknownUpstream }
        #expect(unknown.count == Diagnostics.perCode)
        #expect(unknown.first?.help == "did you mean 'upstream_0'?")
    }

    @Test func aRouteWhoseNameIsTakenIsCheckedAllTheSame() {
        let (model, diagnostics) = load(
            """
            version: 1
            routes:
              - {name: r, match: {prefix: /x}, respond: {}}
              - {name: r, match: {prefix: /y}, upstream: nowhere, timeout: 5s}

            """
        )
        #expect(model == nil)
        #expect(diagnostics.sorted.map(\.code) == [.duplicateName, .unknownUpstream])
    }

    @Test func namesOfRoutesWithoutOneAreUnique() throws {
        let routes = (0..<500).map { "  - {match: {headers: {x: \"\($0)\"}}, respond: {}}\n" }.joined()
        let (model, _) = load("version: 1\nlisteners: []\nroutes:\n  - {name: \"/* #3\", respond: {}}\n" + routes)
        let names = try #require(model).routes.map(\.name)
        #expect(Set(names).count == 501)
        #expect(names.contains("/*") && names.contains("/* #500") && names.contains("/* #501"))
    }
}
