internal import SluiceConfig
internal import Testing

/// What `Tests/Golden` cannot show about warnings: many routes, and models that no native file makes.
@Suite struct PolicyLintTests {
    private static let start = """
        version: 1
        listeners: [{name: plain, address: "127.0.0.1:8080"}]
        upstreams: {a: {url: "http://127.0.0.1:9001"}, b: {url: "http://127.0.0.1:9002"}}

        """

    private func findings(of model: GatewayModel) -> [Diagnostic] {
        let context = makeContext()
        Validation(model: model, context: context).run()
        return context.diagnostics.sorted
    }

    private func model(_ text: String) throws -> GatewayModel { try #require(load(Self.start + text).model) }

    @Test func consumersThatNobodyAsksFor() throws {
        var model = try model(
            "routes: [{name: r, upstream: a, timeout: 5s}, {name: s, match: {path: /s}, upstream: b, timeout: 5s}]\n"
        )
        model.consumers = [ConsumerModel(name: "alice", place: SourcePlace(file: "case.yaml", line: 2, column: 9))]
        let found = findings(of: model)
        #expect(found.map(\.code) == [.unusedConsumers])
        #expect(found.first?.span == SourceSpan(place: model.consumers[0].place, length: 5))
    }

    @Test(arguments: ["filters: [login, limit]\n", "filters: [limit]\nroutes_filters: [login]\n"])
    func consumersThatAreAskedFor(_ filters: String) throws {
        let own = filters.contains("routes_filters") ? ", filters: [login]" : ""
        let shared = filters.split(separator: "\n")[0]
        var model = try model(
            "\(shared)\nroutes: [{name: r, upstream: a, timeout: 5s\(own)}, {name: s, match: {path: /s}, upstream: b, timeout: 5s\(own)}]\n"
        )
        model.consumers = [ConsumerModel(name: "alice", place: .builtIn)]
        #expect(findings(of: model).map(\.code) == [])
    }

    /// A filter for all is one warning, however many routes it guards.
    @Test func oneWarningForManyRoutes() {
        let routes = (0..<500).map { "  - {name: r\($0), match: {path: /\($0)}, upstream: a, timeout: 5s}\n" }.joined()
        let (_, diagnostics) = load(Self.start + "filters: [login]\nroutes:\n" + routes)
        #expect(diagnostics.codes == [.unusedUpstream, .authenticationWithoutLimit])
        #expect(diagnostics.sorted.last?.message.contains("route 'r0' and 499 more") == true)
    }

    @Test func aFilterMayReferToAnUpstream() {
        let text = Self.start + "routes: [{name: r, upstream: a, timeout: 5s, filters: [{limit: {ask: b}}]}]\n"
        #expect(load(text).diagnostics.codes == [], "b is used")
        let wrong = load(Self.start + "filters: [{limit: {ask: aa}}]\nroutes: [{name: r, upstream: b, timeout: 5s}]\n")
        #expect(wrong.diagnostics.codes == [.unknownUpstream])
        #expect(wrong.diagnostics.sorted.first?.help == "did you mean 'a'?")
    }

    /// The engine moves `cors` ahead of authentication for all routes, so a limit stays where it is.
    @Test func corsOfARouteBehindAuthenticationOfAll() {
        let text =
            Self.start + "filters: [login]\nroutes: [{name: r, upstream: a, timeout: 5s, filters: [limit, cross]}]\n"
        #expect(load(text).diagnostics.codes.contains(.corsMoved))
    }

    /// Lint took the global filters for those of the route, so that nobody was told that the limit had lost its login.
    @Test func aRoutesOwnLoginBehindTheGlobalLimitThatNeedsIt() throws {
        let text =
            Self.start + "filters: [login, {limit: {by: consumer}}]\n"
            + "routes: [{name: r, upstream: a, timeout: 5s, filters: [login]}, {name: s, match: {path: /s}, upstream: b, timeout: 5s}]\n"
        let (_, diagnostics) = load(text)
        #expect(diagnostics.codes == [.identityUnknown])
        let found = try #require(diagnostics.sorted.first)
        #expect(
            found.message
                == "'login' takes the place of the one for every route, but runs behind 'limit', which goes by who the caller is"
        )
        #expect(found.span.place.line == 5 && found.notes.first?.span.place.line == 4)
    }

    /// The global limit is gone where a route has one of its own, and with it what lint had to say about its place.
    @Test func aRoutesOwnLimitIsNotTheGlobalOneToo() {
        let text =
            Self.start
            + "filters: [{limit: {by: consumer}}]\nroutes: [{name: r, split: [{upstream: a}, {upstream: b}], timeout: 5s, filters: [login, limit]}]\n"
        #expect(load(text).diagnostics.codes == [.identityUnknown], "of the global one, for requests without a route")
        let moved =
            Self.start
            + "filters: [login, cross]\nroutes: [{name: r, split: [{upstream: a}, {upstream: b}], timeout: 5s, filters: [cross, login, limit]}]\n"
        #expect(load(moved).diagnostics.codes == [.corsMoved], "of the global one only: the route's stands ahead")
    }

    /// Such a route drew no warnings, which then came one run later.
    @Test func aRouteWhoseNameIsTakenIsWarnedOfAllTheSame() {
        let text =
            Self.start
            + "routes: [{name: r, upstream: a, timeout: 5s}, {name: r, match: {path: /r}, upstream: b}, {name: r, upstream: a, timeout: 5s}]\n"
        #expect(load(text).diagnostics.codes == [.duplicateName, .noTimeout, .duplicateName])
    }

    @Test func remarksAreNoWarnings() {
        let text =
            Self.start
            + "routes: [{name: r, split: [{upstream: a}, {upstream: b}], timeout: 5s, filters: [limit, login, cross]}]\n"
        let (model, diagnostics) = load(text)
        #expect(diagnostics.infoCount == 1 && diagnostics.warningCount == 0 && diagnostics.errorCount == 0)
        let check = ConfigurationCheck(diagnostics: diagnostics, model: model)
        #expect(check.exitCode(strict: true) == 0)
        #expect(check.report(.text).contains("docs: docs/diagnostics.md #sl114\n"))
        #expect(check.report(.json).contains("\"docs\": \"docs/diagnostics.md#sl114\""))
    }

    @Test func strictMakesWarningsFail() {
        let (model, diagnostics) = load(Self.start + "routes: [{name: r, split: [{upstream: a}, {upstream: b}]}]\n")
        let check = ConfigurationCheck(diagnostics: diagnostics, model: model)
        #expect(diagnostics.warningCount == 1)
        #expect(check.exitCode == 0 && check.exitCode(strict: true) == 1)
    }
}
