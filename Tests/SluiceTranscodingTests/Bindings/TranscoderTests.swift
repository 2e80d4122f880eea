import SluiceCore
import Testing

@testable import SluiceTranscoding

/// What a configuration can get wrong, and what it can change.
@Suite struct TranscoderTests {
    private let pool = Fixture.pool
    private static let get = "sluice.library.Library.GetBook"

    private func problems(
        services: [String] = [],
        rules: [HTTPRule] = [],
        autoMapping: Bool = false
    ) -> [String] {
        var choice = Transcoder.Choice()
        choice.services = services
        choice.rules = rules
        choice.autoMapping = autoMapping
        do {
            _ = try Transcoder(pool: pool, choice: choice, options: Fixture.options)
            return []
        } catch {
            return error.problems
        }
    }

    /// A rule in place of that of GetBook.
    private func rule(
        _ path: String,
        method: String = "GET",
        body: String = "",
        responseBody: String = ""
    ) -> HTTPRule {
        HTTPRule(method: method, path: path, body: body, responseBody: responseBody, selector: Self.get)
    }

    @Test func `services that are not there are named, with what was meant`() {
        #expect(
            problems(services: ["sluice.library.Libary"]) == [
                "the descriptor set has no service 'sluice.library.Libary'; did you mean 'sluice.library.Library'?"
            ]
        )
        #expect(problems(services: ["nope"]) == ["the descriptor set has no service 'nope'"])
        #expect(problems(services: ["sluice.library.Library"]).isEmpty)
    }

    @Test func `rules for methods that are not there are named`() {
        let rule = HTTPRule(method: "GET", path: "/x", selector: "sluice.library.Library.GetBok")
        #expect(
            problems(rules: [rule]) == [
                "the descriptor set has no method 'sluice.library.Library.GetBok'; did you mean "
                    + "'sluice.library.Library.GetBook'?"
            ]
        )
    }

    static let wrong: [(String, String, String, String, String)] = [
        (
            "/x/{nmae}", "GET", "", "",
            "variable 'nmae': sluice.library.GetBookRequest has no field 'nmae'; did you mean 'name'?"
        ),
        ("/x/{name.y}", "GET", "", "", "variable 'name.y': 'name' is no message"),
        ("/x/{filter}", "GET", "", "", "variable 'filter': it is a message, and a path sets scalars only"),
        ("/x/{fields}", "GET", "", "", "variable 'fields': 'fields' is repeated, and a path sets one value only"),
        (
            "/x/{filter.labels}", "GET", "", "",
            "variable 'filter.labels': 'labels' is repeated, and a path sets one value only"
        ),
        (
            "/x/{filter.others.year}", "GET", "", "",
            "variable 'filter.others.year': 'others' is repeated, and a path sets one value only"
        ),
        ("/x/{name}", "POST", "name", "", "variable 'name': it is the field that the body sets"),
        ("/x", "POST", "boook", "", "body: sluice.library.GetBookRequest has no field 'boook'"),
        ("/x", "GET", "", "titel", "response_body: sluice.library.Book has no field 'titel'; did you mean 'title'?"),
        ("/x/", "GET", "", "", "the path is malformed: a segment is empty at byte 3"),
        ("", "GET", "", "", "the path is malformed: it does not begin with '/'"),
        ("/x", "", "", "", "it has no method or no path"),
    ]

    @Test(arguments: wrong)
    func `a rule that cannot work says why`(
        _ path: String,
        _ method: String,
        _ body: String,
        _ response: String,
        _ reason: String
    ) {
        #expect(
            problems(rules: [rule(path, method: method, body: body, responseBody: response)]) == [
                "\(method) \(path) of \(Self.get): \(reason)"
            ]
        )
    }

    @Test func `all problems are told at once`() {
        let rules = [
            rule("/x/{a}/{b}", body: "c"),
            HTTPRule(method: "GET", path: "x", selector: "sluice.library.Library.Bare"),
        ]
        #expect(problems(rules: rules).count == 4)
    }

    @Test func `a rule takes the place of the annotation, of two the later one`() throws {
        var choice = Transcoder.Choice()
        choice.rules = [rule("/first/{name}"), rule("/second/{name}")]
        let transcoder = try Transcoder(pool: pool, choice: choice, options: Fixture.options)
        let mine = transcoder.bindings.filter { pool.methods[$0.method].fullName == Self.get }
        #expect(mine.map(\.template) == ["/second/{name}"])
    }

    @Test func `two methods of one path are an error that names both`() {
        #expect(
            problems(rules: [rule("/v1/{name=shelves/*}/books:watch")]) == [
                "GET /v1/{parent=shelves/*}/books:watch of sluice.library.Library.WatchBooks takes the same requests as "
                    + "GET /v1/{name=shelves/*}/books:watch of sluice.library.Library.GetBook"
            ]
        )
    }

    @Test func `variables may be what has a text form`() {
        for path in [
            "/x/{filter.since}", "/x/{mask}", "/x/{filter.limit}", "/x/{filter.order}", "/x/{filter.deeper.year}",
        ] {
            #expect(problems(rules: [rule(path)]).isEmpty, "\(path)")
        }
    }

    @Test func `a copy does the same and shares nothing that is counted`() throws {
        let first = try Transcoder(pool: pool, options: Fixture.options)
        let second = first.copy()
        #expect(first !== second)
        #expect(first.pool !== second.pool)
        #expect(first.bindings.map(\.template) == second.bindings.map(\.template))
        for (a, b) in zip(first.bindings, second.bindings) { #expect(a !== b) }
        #expect(second.pool.message(named: "sluice.library.Book") == first.pool.message(named: "sluice.library.Book"))
        let isShared = first.pool.fields.withUnsafeBufferPointer { a in
            second.pool.fields.withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress }
        }
        #expect(!isShared)
    }
}
