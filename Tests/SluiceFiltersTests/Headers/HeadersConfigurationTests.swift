import SluiceConfig
import SluiceFilters
import Testing

@Suite struct HeadersConfigurationTests {
    /// What is said about filters, a line for each finding.
    private func findings(_ item: String) -> String { FilterFile(item).findings.joined(separator: "\n") }

    /// What is said about the edits of a request.
    private func request(_ edits: String) -> String { findings("headers: {request: {\(edits)}}") }

    @Test func readsTheFormOfTheReadme() throws {
        let file = FilterFile("headers: {response: {set: {x-content-type-options: nosniff}, remove: [server]}}")
        #expect(file.findings == [])
        let configuration = try #require(file.model?.filters.first?.configuration as? HeadersConfiguration)
        #expect(configuration.response.remove == ["server"])
        #expect(configuration.response.set.map(\.name) == ["x-content-type-options"])
        #expect(configuration.response.set.map(\.values) == [["nosniff"]])
    }

    @Test func oneListMayHoldItTwice() {
        #expect(FilterFile("headers: {request: {remove: [a]}}", "headers: {request: {remove: [b]}}").findings == [])
    }

    // MARK: Names

    static let framing = [
        "Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "TE", "Trailer", "Keep-Alive",
        "Proxy-Connection", "HTTP2-Settings",
    ]

    @Test(arguments: framing, ["request", "response"])
    func refusesWhatFramesTheMessage(_ name: String, _ side: String) {
        let said = "cannot be '\(name)': the gateway itself answers for that header"
        let whole = "'\(side)' of filter 'headers'"
        let column = 24 + side.utf8.count
        for field in ["set", "add"] {
            #expect(
                findings("headers: {\(side): {\(field): {\(name): x}}}")
                    == "5:\(column) SL013 a key of '\(field)' of \(whole) \(said)"
            )
        }
        #expect(
            findings("headers: {\(side): {append: {\(name): x}}}")
                == "5:\(column + 3) SL013 a key of 'append' of \(whole) \(said)"
        )
        #expect(
            findings("headers: {\(side): {remove: [\(name)]}}")
                == "5:\(column + 3) SL013 an item of 'remove' of \(whole) \(said)"
        )
    }

    @Test func refusesWhatRoutesTheMessage() {
        #expect(
            request("set: {Host: x}") == """
                5:31 SL013 a key of 'set' of 'request' of filter 'headers' cannot be 'Host': the Host header follows \
                from the route (use 'host' of the route or upstream)
                """
        )
        #expect(
            request("remove: [x-forwarded-for]") == """
                5:34 SL013 an item of 'remove' of 'request' of filter 'headers' cannot be 'x-forwarded-for': the \
                gateway writes it behind the filters ('set' replaces it; 'trusted_proxies' of the listener says whose \
                is kept)
                """
        )
        #expect(request("append: {X-Forwarded-For: x}").contains("SL013"))
        #expect(request("set: {X-Forwarded-For: '${client.ip}'}") == "")
        #expect(
            request("set: {':path': /x}") == """
                5:31 SL026 a key of 'set' of 'request' of filter 'headers' is not a header name: ':path' (pseudo \
                headers follow from the route)
                """
        )
    }

    @Test(arguments: ["Expect", "Proxy-Authorization"])
    func someAreRefusedOnlyInRequests(_ name: String) {
        #expect(request("set: {\(name): x}").contains("SL013"))
        #expect(findings("headers: {response: {set: {\(name): x}}}") == "")
    }

    @Test(arguments: [
        "Server", "Date", "Content-Type", "X-Forwarded-Proto", "x_under_score", "Authorization", "Set-Cookie",
    ])
    func allOthersMayBeEdited(_ name: String) {
        #expect(findings("headers: {request: {set: {\(name): x}}, response: {append: {\(name): x}}}") == "")
    }

    @Test func refusesTheSameNameTwice() {
        let said = "of 'request' of filter 'headers'"
        #expect(
            request("set: {X-A: a, x-a: b}") == "5:39 SL003 the header 'x-a' is twice in 'set' and 'add' \(said)"
        )
        #expect(
            request("set: {X-A: a}, add: {x-a: b}")
                == "5:46 SL003 the header 'x-a' is twice in 'set' and 'add' \(said)"
        )
        #expect(request("remove: [X-A, x-a]") == "5:39 SL003 the header 'x-a' is twice in 'remove' \(said)")
        #expect(request("append: {X-A: a, x-a: b}") == "5:42 SL003 the header 'x-a' is twice in 'append' \(said)")
        #expect(request("remove: [X-A], set: {x-a: a}, append: {X-a: b}") == "")
    }

    // MARK: Values

    @Test func refusesEmptyValues() {
        let said = """
            5:34 SL013 'A' of 'set' of filter 'headers' is empty, and an empty header is not sent (use 'remove' to \
            take a header away)
            """
        #expect(request("set: {A: ''}") == said)
        #expect(request("set: {A: '${EMPTY}'}") == said)
        #expect(request("set: {A: []}") == "5:34 SL013 'A' of 'set' of filter 'headers' must not be empty")
    }

    @Test func refusesBytesThatNoValueHolds() {
        #expect(request("set: {A: \"a\\nb\"}").hasPrefix("5:34 SL026 'A' of 'set' of filter 'headers' holds a byte"))
    }

    @Test func refusesVariablesThatAreNotKnownThen() {
        #expect(
            request("set: {A: ['${response.status}']}") == """
                5:35 SL021 an item of 'A' of 'set' of filter 'headers' uses '${response.status}', but there is no \
                response yet when the request passes
                """
        )
        #expect(
            request("add: {A: '${upstream.name}'}") == """
                5:34 SL021 'A' of 'add' of filter 'headers' uses '${upstream.name}', but no upstream is chosen yet \
                when the request passes
                """
        )
        #expect(findings("headers: {response: {set: {A: '${response.status} ${upstream.name}'}}}") == "")
        #expect(request("set: {A: '${client.pi}'}").hasSuffix("(did you mean '${client.ip}'?)"))
    }

    // MARK: The whole

    @Test(arguments: ["headers", "headers: {}"])
    func refusesToDoNothing(_ item: String) {
        #expect(
            findings(item).drop { $0 != " " }
                == " SL011 filter 'headers' changes nothing (write what to change: {response: {set: {x-frame-options: DENY}}})"
        )
    }

    @Test func findsAllMistakesOfAnAbsurdFile() {
        let file = FilterFile("headers: {request: {set: [a], remove: {b: c}, remov: [d]}, response: text, both: {}}")
        #expect(file.findings.count == 5)
        #expect(file.model == nil)
    }
}
