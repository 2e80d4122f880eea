import SluiceConfig
import SluiceFilters
import Testing

@Suite struct HeadersConfigurationTests {
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

    static let framing = [
        "Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "TE", "Trailer", "Keep-Alive", "Proxy-Connection", "HTTP2-Settings",
    ]

    @Test(arguments: framing, ["request", "response"])
    func refusesWhatFramesTheMessage(_ name: String, _ side: String) {
        #expect(FilterFile("headers: {\(side): {set: {\(name): x}}}").findings == [
            "5:\(20 + side.utf8.count + 1) SL013 a key of 'set' of '\(side)' of filter 'headers' cannot be '\(name)': "
                + "the gateway itself answers for that header",
        ])
        #expect(FilterFile("headers: {\(side): {remove: [\(name)]}}").findings.count == 1)
        #expect(FilterFile("headers: {\(side): {add: {\(name): x}}}").findings.count == 1)
        #expect(FilterFile("headers: {\(side): {append: {\(name): x}}}").findings.count == 1)
    }

    @Test func refusesWhatRoutesTheMessage() {
        #expect(FilterFile("headers: {request: {set: {Host: x}}}").findings == [
            "5:28 SL013 a key of 'set' of 'request' of filter 'headers' cannot be 'Host': the Host header follows from the "
                + "route (use 'host' of the route or upstream)",
        ])
        #expect(FilterFile("headers: {request: {remove: [x-forwarded-for]}}").findings == [
            "5:32 SL013 an item of 'remove' of 'request' of filter 'headers' cannot be 'x-forwarded-for': the gateway "
                + "always writes it (see 'trusted_proxies' of the listener)",
        ])
        #expect(FilterFile("headers: {request: {set: {':path': /x}}}").findings == [
            "5:28 SL026 a key of 'set' of 'request' of filter 'headers' is not a header name: ':path' "
                + "(pseudo headers follow from the route)",
        ])
    }

    @Test(arguments: ["Expect", "Proxy-Authorization"])
    func someAreRefusedOnlyInRequests(_ name: String) {
        #expect(FilterFile("headers: {request: {set: {\(name): x}}}").findings.count == 1)
        #expect(FilterFile("headers: {response: {set: {\(name): x}}}").findings == [])
    }

    @Test(arguments: ["Server", "Date", "Content-Type", "X-Forwarded-Proto", "x_under_score", "Authorization", "Set-Cookie"])
    func allOthersMayBeEdited(_ name: String) {
        #expect(FilterFile("headers: {request: {set: {\(name): x}}, response: {append: {\(name): x}}}").findings == [])
    }

    @Test func refusesTheSameNameTwice() {
        #expect(FilterFile("headers: {request: {set: {X-A: a, x-a: b}}}").findings == [
            "5:36 SL003 the header 'x-a' is twice in 'set' and 'add' of 'request' of filter 'headers'",
        ])
        #expect(FilterFile("headers: {request: {set: {X-A: a}, add: {x-a: b}}}").findings.count == 1)
        #expect(FilterFile("headers: {request: {remove: [X-A, x-a]}}").findings.count == 1)
        #expect(FilterFile("headers: {request: {append: {X-A: a, x-a: b}}}").findings.count == 1)
        #expect(FilterFile("headers: {request: {remove: [X-A], set: {x-a: a}, append: {X-a: b}}}").findings == [])
    }

    @Test func refusesValuesThatCannotBeMeant() {
        #expect(FilterFile("headers: {request: {set: {A: ''}}}").findings == [
            "5:31 SL013 'A' of 'set' of 'request' of filter 'headers' is empty, and an empty header is not sent "
                + "(use 'remove' to take a header away)",
        ])
        #expect(FilterFile("headers: {request: {set: {A: '${EMPTY}'}}}").findings.count == 1)
        #expect(FilterFile("headers: {request: {set: {A: []}}}").findings.count == 1)
        #expect(FilterFile("headers: {request: {set: {A: \"a\\nb\"}}}").findings.first?.contains("SL026") == true)
        #expect(FilterFile("headers: {request: {set: {A: '${client.pi}'}}}").findings.first?.hasSuffix("(did you mean '${client.ip}'?)") == true)
        #expect(FilterFile("headers: {request: {set: {A: ['${response.status}']}}}").findings == [
            "5:32 SL021 an item of 'A' of 'set' of 'request' of filter 'headers' uses '${response.status}', but there is no "
                + "response yet when the request passes",
        ])
        #expect(FilterFile("headers: {request: {set: {A: '${upstream.name}'}}}").findings.count == 1)
        #expect(FilterFile("headers: {response: {set: {A: '${response.status} ${upstream.name}'}}}").findings == [])
    }

    @Test(arguments: ["headers", "headers: {}"])
    func refusesToDoNothing(_ item: String) {
        #expect(FilterFile(item).findings.map { $0.dropFirst(5) } == [
            "SL011 filter 'headers' changes nothing (write what to change: {response: {set: {x-frame-options: DENY}}})",
        ])
    }

    @Test func findsAllMistakesOfAnAbsurdFile() {
        let file = FilterFile("headers: {request: {set: [a], remove: {b: c}, remov: [d]}, response: text, both: {}}")
        #expect(file.findings.count == 5)
        #expect(file.model == nil)
    }
}
