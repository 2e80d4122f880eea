import Testing

@testable import SluiceTranscoding

/// google/api/httpbody.proto: bodies that are no JSON.
@Suite struct RawBodyTests {
    private let calls: Calls

    init() throws { calls = try Calls() }

    private func expect(_ text: String, _ json: String) {
        #expect(SameJSON.compare(text, json), "\(text) against \(json)")
    }

    @Test func `the body of an HttpBody is its data`() throws {
        let (path, messages) = try calls.request(
            "POST",
            "/v1/render",
            "\u{1}not JSON",
            contentType: "text/x",
            pieces: 3
        )
        #expect(path == "/sluice.library.Library/Render")
        expect(messages[0], #"{"contentType":"text/x","data":"AW5vdCBKU09O"}"#)
        expect(try calls.request("POST", "/v1/render", nil, contentType: "").messages[0], "{}")
    }

    @Test func `a stream of HttpBody has a message per piece, the URL in the first`() throws {
        let messages = try calls.request("POST", "/v1/files/f", "abcdef", contentType: "a/b", pieces: 3).messages
        try #require(messages.count == 2)
        expect(messages[0], #"{"name":"f","file":{"contentType":"a/b","data":"YWJj"}}"#)
        expect(messages[1], #"{"file":{"data":"ZGVm"}}"#)
    }

    @Test func `a piece of a stream that is longer than a message makes several`() throws {
        var options = Fixture.options
        options.limits.message = 100
        let text = String(repeating: "a", count: 120)
        let messages = try Calls(options).request("POST", "/v1/files/f", text, contentType: "a/b", pieces: 120).messages
        #expect(messages.count == 3)
    }

    @Test func `a raw body is bounded like any other`() throws {
        var options = Fixture.options
        options.limits.message = 100
        let calls = try Calls(options)
        #expect(calls.failure("POST", "/v1/render", String(repeating: "a", count: 60)) == nil)
        #expect(
            calls.failure("POST", "/v1/render", String(repeating: "a", count: 101))?.contains("more than 100 bytes")
                == true
        )
    }
}
