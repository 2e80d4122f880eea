import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

/// google/api/http.proto, "HTTP/JSON mapping rules": where each field of a request comes from.
@Suite struct RequestTranslatorTests {
    private let calls: Calls

    init() throws { calls = try Calls() }

    private func expect(_ text: String, _ json: String, _ note: Comment? = nil) {
        #expect(SameJSON.compare(text, json), "\(text) against \(json)")
    }

    // MARK: - Path

    @Test func `a path variable of several segments`() throws {
        let (path, messages) = try calls.request("GET", "/v1/shelves/1/books/2")
        #expect(path == "/sluice.library.Library/GetBook")
        expect(messages[0], #"{"name":"shelves/1/books/2"}"#)
    }

    @Test func `an additional binding leads to the same method`() throws {
        let (path, messages) = try calls.request("GET", "/v1/books/a%2Fb%20c+d")
        #expect(path == "/sluice.library.Library/GetBook")
        expect(messages[0], #"{"name":"a/b c+d"}"#)
    }

    @Test(arguments: [
        (TranscodingOptions.SegmentDecoding.allButSlash, "shelves/a%2Fb/books/c d:e"),
        (.allButReserved, "shelves/a%2Fb/books/c d%3Ae"), (.all, "shelves/a/b/books/c d:e"),
    ])
    func `escapes in a variable of several segments`(
        _ decoding: TranscodingOptions.SegmentDecoding,
        _ name: String
    )
        throws
    {
        var options = Fixture.options
        options.segmentDecoding = decoding
        let text = try Calls(options).message("GET", "/v1/shelves/a%2Fb/books/c%20d%3Ae")
        expect(text, #"{"name":"\#(name)"}"#)
    }

    @Test func `a verb, a custom method and a rest`() throws {
        #expect(
            try calls.request("POST", "/v1/shelves/1/books/2:archive", "{}").path
                == "/sluice.library.Library/ArchiveBook"
        )
        let (path, messages) = try calls.request("PURGE", "/v1/a/b/c")
        #expect(path == "/sluice.library.Library/PurgeBooks")
        expect(messages[0], #"{"name":"a/b/c"}"#)
    }

    @Test func `text of the path that is not UTF-8 is refused`() {
        #expect(calls.failure("GET", "/v1/books/%FF") == "name: the text is not UTF-8")
        #expect(
            calls.failure("GET", "/v1/books/%F") == "'%' in the path needs two hexadecimal digits behind it"
        )
    }

    @Test func `what has no binding is not matched, and the methods that do are known`() {
        #expect(calls.match("PUT", "/v1/books/1") == nil)
        #expect(calls.match("GET", "/v2/books") == nil)
        let path = Array("/v1/shelves/1/books/2".utf8)
        #expect(
            path.withUnsafeBytes { calls.transcoder.allowedMethods(path: $0) } == ["GET", "PATCH", "DELETE", "PURGE"]
        )
    }

    // MARK: - Query

    @Test func `query parameters reach nested and repeated fields by either name`() throws {
        let query =
            "fields=a&fields=b%26c&filter.year=1999&filter.ids=1&filter.ids=-2&filter.order=NEWEST&filter.exact=true"
            + "&filter.since=2026-01-01T00:00:00Z&filter.limit=5&filter.deeper.deeper.title=x+y%2Bz"
            + "&filter.token=AQID&filter.score=1.5&mask=a,fooBar"
        let text = try calls.message("GET", "/v1/books/1?" + query)
        expect(
            text,
            #"""
            {"name":"1","fields":["a","b&c"],"filter":{"year":1999,"ids":["1","-2"],"order":"NEWEST","exact":true,
            "since":"2026-01-01T00:00:00Z","limit":5,"deeper":{"deeper":{"title":"x y+z"}},"token":"AQID","score":1.5},
            "mask":"a,fooBar"}
            """#
        )
        expect(try calls.message("GET", "/v1/shelves/1/books?page_size=5"), #"{"parent":"shelves/1","pageSize":5}"#)
        expect(try calls.message("GET", "/v1/shelves/1/books?pageSize=5"), #"{"parent":"shelves/1","pageSize":5}"#)
        expect(try calls.message("GET", "/v1/books/1?filter.order=1"), #"{"name":"1","filter":{"order":"NEWEST"}}"#)
    }

    @Test func `empty parts of a query mean nothing, and an empty value is one`() throws {
        expect(try calls.message("GET", "/v1/books/1?&&filter.title=&"), #"{"name":"1","filter":{"title":""}}"#)
        expect(try calls.message("GET", "/v1/books/1?filter.title"), #"{"name":"1","filter":{"title":""}}"#)
        expect(try calls.message("GET", "/v1/books/1?filter.title=a=b"), #"{"name":"1","filter":{"title":"a=b"}}"#)
    }

    static let badQueries: [(String, String)] = [
        (
            "nothing=1",
            "query parameter 'nothing': sluice.library.GetBookRequest has no field 'nothing'"
        ),
        (
            "filter.yaer=1",
            "query parameter 'filter.yaer': sluice.library.Filter has no field 'yaer'; did you mean 'year'?"
        ),
        ("filter=x", "query parameter 'filter': it is a message, and a query sets scalars only"),
        ("filter.labels=x", "query parameter 'filter.labels': it is a message, and a query sets scalars only"),
        ("filter.others=x", "query parameter 'filter.others': it is a message, and a query sets scalars only"),
        (
            "filter.others.year=1",
            "query parameter 'filter.others.year': 'others' has no fields that a query could set"
        ),
        ("filter.year.x=1", "query parameter 'filter.year.x': 'year' has no fields that a query could set"),
        ("filter..year=1", "query parameter 'filter..year': sluice.library.Filter has no field ''"),
        ("filter.year=x", "filter.year: 'x' is not a whole number from -2147483648 to 2147483647"),
        ("filter.exact=yes", "filter.exact: 'yes' is not a bool"),
        ("filter.order=OLDEST", "filter.order: 'OLDEST' is not a value of sluice.library.Filter.Order"),
        (
            "filter.since=now",
            "filter.since: 'now' is not a time like 2006-01-02T15:04:05Z between the years 1 and 9999"
        ),
        ("filter.year=1&filter.year=2", "query parameter 'filter.year': the field was given already"),
        (
            "filter.title=a&filter.author=b",
            "query parameter 'filter.author': another field of the same oneof was given already"
        ),
        ("name=2", "query parameter 'name': the field was given already"),
        ("filter.title=%zz", "'%' in the query needs two hexadecimal digits behind it"),
        ("filter.title=%FF", "filter.title: the text is not UTF-8"),
    ]

    @Test(arguments: badQueries) func `what a query may not say`(_ query: String, _ reason: String) {
        #expect(calls.failure("GET", "/v1/books/1?" + query) == reason)
    }

    @Test func `unknown query parameters can be ignored, all of them or some by name`() throws {
        var options = Fixture.options
        options.ignoredQuery = ["api_key"]
        let calls = try Calls(options)
        expect(try calls.message("GET", "/v1/books/1?api_key=x"), #"{"name":"1"}"#)
        #expect(calls.failure("GET", "/v1/books/1?api_kex=x") != nil)
        options.unknownQuery = .ignore
        expect(try Calls(options).message("GET", "/v1/books/1?x=1&filter.x.y=2&filter=3"), #"{"name":"1"}"#)
    }

    @Test func `a plus is a plus when asked for`() throws {
        var options = Fixture.options
        options.plusIsSpace = false
        expect(
            try Calls(options).message("GET", "/v1/books/1?filter.title=a+b"),
            #"{"name":"1","filter":{"title":"a+b"}}"#
        )
    }

    @Test func `the number of query parameters is bounded`() {
        let query = String(repeating: "fields=a&", count: 512)
        #expect(calls.failure("GET", "/v1/books/1?" + query) == nil)
        #expect(calls.failure("GET", "/v1/books/1?fields=b&" + query) == "there are more than 512 query parameters")
    }

    // MARK: - Body

    @Test func `a body that is one field, the rest from path and query`() throws {
        let text = try calls.message("POST", "/v1/shelves/7/books?validate=true", #"{"title":"x","pages":"12"}"#)
        expect(text, #"{"parent":"shelves/7","book":{"title":"x","pages":"12"},"validate":true}"#)
        #expect(
            calls.failure("POST", "/v1/shelves/7/books?book.title=x", "{}")
                == "query parameter 'book.title': the body stands for this field"
        )
    }

    @Test func `a body that is the whole message takes no query`() {
        #expect(
            calls.failure("POST", "/v1/shelves/1/books/2:archive?filter.year=1", "{}")
                == "query parameter 'filter.year': the body stands for all fields that the path does not set"
        )
    }

    @Test func `no body is an empty message`() throws {
        expect(try calls.message("POST", "/v1/shelves/1/books/2:archive"), #"{"name":"shelves/1/books/2"}"#)
        expect(try calls.message("POST", "/v1/shelves/1/books/2:archive", "  \n"), #"{"name":"shelves/1/books/2"}"#)
        expect(try calls.message("POST", "/v1/shelves/7/books"), #"{"parent":"shelves/7"}"#)
    }

    @Test func `a body that means nothing is not looked at`() throws {
        expect(try calls.message("GET", "/v1/books/1", "not JSON"), #"{"name":"1"}"#)
    }

    @Test func `a method without a rule is called by its own path`() throws {
        let (path, messages) = try calls.request("POST", "/sluice.library.Library/Bare", #"{"title":"x"}"#)
        #expect(path == "/sluice.library.Library/Bare")
        expect(messages[0], #"{"title":"x"}"#)
        #expect(try Calls(autoMapping: false).match("POST", "/sluice.library.Library/Bare") == nil)
        #expect(calls.match("POST", "/sluice.library.Library/GetBook") == nil)
    }

    // MARK: - The URL and the body

    private let update = "/v1/shelves/1/books/2"

    @Test func `the body may repeat what the path says`() throws {
        for body in [
            #"{"book":{"name":"shelves/1/books/2","title":"x"}}"#, #"{"book":{"name":"","title":"x"}}"#,
            #"{"book":{"name":null,"title":"x"}}"#, #"{"book":{"title":"x","name":"shelves/1/books/\u0032"}}"#,
        ] {
            expect(
                try calls.message("PATCH", update, body),
                #"{"book":{"name":"shelves/1/books/2","title":"x"}}"#
            )
        }
    }

    @Test func `the body may not contradict the path`() {
        #expect(
            calls.failure("PATCH", update, #"{"mask":"a","book":{"title":"x","name":"shelves/1/books/3"}}"#)
                == "$.book.name: the body has another value than the URL"
        )
        #expect(
            calls.failure("POST", "/v1/shelves/1/books/2:archive", #"{"name":"shelves/1/books/3"}"#)
                == "$.name: the body has another value than the URL"
        )
    }

    @Test(arguments: [
        (TranscodingOptions.Conflict.url, "shelves/1/books/2"), (.body, "shelves/1/books/3"),
    ])
    func `who counts when they contradict is a choice`(_ conflicts: TranscodingOptions.Conflict, _ name: String) throws
    {
        var options = Fixture.options
        options.conflicts = conflicts
        let text = try Calls(options).message("PATCH", update, #"{"book":{"name":"shelves/1/books/3","pages":1}}"#)
        expect(text, #"{"book":{"name":"\#(name)","pages":"1"}}"#)
    }

    // MARK: - Streams

    private let books = [#"{"name":"a"}"#, #"{"name":"b","pages":"5"}"#, "{}"]

    @Test(arguments: [1, 2, 5, 1000]) func `a stream of requests is an array, lines, or values one by one`(
        _ size: Int
    )
        throws
    {
        for text in [
            "[\(books.joined(separator: ","))]", books.joined(separator: "\n") + "\n", books.joined(),
            " [ \(books.joined(separator: " , ")) ] ",
        ] {
            let messages = try calls.request("POST", "/v1/books:import", text, pieces: size).messages
            try #require(messages.count == 3)
            for (message, book) in zip(messages, books) { expect(message, book) }
        }
    }

    @Test(arguments: ["", "[]", " [ ] ", "\n"]) func `a stream may be empty`(_ text: String) throws {
        #expect(try calls.request("POST", "/v1/books:import", text).messages.isEmpty)
    }

    @Test func `each message of a stream goes out when it is complete`() throws {
        let match = try #require(calls.match("POST", "/v1/books:import"))
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let translator = try calls.transcoder.request(match, path: none, query: none)
        #expect(try translator.feed(ByteBuffer(string: #"[{"name":"a"#)).readableBytes == 0)
        #expect(try Translate.frames(translator.feed(ByteBuffer(string: #""},{"na"#))).count == 1)
        #expect(try Translate.frames(translator.feed(ByteBuffer(string: #"me":"b"},{},{"#))).count == 2)
        #expect(try Translate.frames(translator.feed(ByteBuffer(string: "}]"))).count == 1)
        #expect(try translator.finish().readableBytes == 0)
        #expect(translator.messages == 4)
    }

    @Test func `an error in a stream names the message`() {
        #expect(
            calls.failure("POST", "/v1/books:import", #"[{"name":"a"},{"pages":"x"}]"#)
                == #"$[1].pages: at byte 23: "x" is not a whole number from -9223372036854775808 to 9223372036854775807"#
        )
        #expect(
            calls.failure("POST", "/v1/books:import", #"[{"name":"a"},"#)
                == "$[1]: at byte 14: the text ends inside a list"
        )
    }
}
