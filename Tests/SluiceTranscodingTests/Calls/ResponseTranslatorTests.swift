import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

@Suite struct ResponseTranslatorTests {
    private let calls: Calls
    private let books: [[UInt8]]

    init() throws {
        calls = try Calls()
        books = try [#"{"name":"a","pages":"5"}"#, "{}", #"{"title":"x\ny"}"#].map { try Calls.binary($0, "Book") }
    }

    private let watch = "/v1/shelves/1/books:watch"

    /// All that comes out for messages in pieces.
    private func translate(_ translator: ResponseTranslator, _ messages: [[UInt8]], pieces: Int = .max) throws -> String
    {
        var text = ""
        var rest = Translate.framed(messages)
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(pieces, rest.readableBytes)) {
            text += try translator.feed(piece).text
        }
        return text + (try translator.finish().text)
    }

    @Test(arguments: [1, 4, 5, 6, 1000]) func `a unary response is one value`(_ size: Int) throws {
        let translator = try calls.response("GET", "/v1/books/1", format: .serverSentEvents)
        #expect(translator.contentType == "application/json")
        #expect(try translate(translator, [books[0]], pieces: size) == #"{"name":"a","pages":"5"}"#)
        #expect(translator.messages == 1)
    }

    @Test(arguments: [1, 7, 1000]) func `a stream is an array, lines or events`(_ size: Int) throws {
        let expected: [ResponseFormat: String] = [
            .array: #"[{"name":"a","pages":"5"},{},{"title":"x\ny"}]"#,
            .newlineDelimited: "{\"name\":\"a\",\"pages\":\"5\"}\n{}\n{\"title\":\"x\\ny\"}\n",
            .serverSentEvents:
                "data: {\"name\":\"a\",\"pages\":\"5\"}\n\ndata: {}\n\ndata: {\"title\":\"x\\ny\"}\n\n",
        ]
        for (format, text) in expected {
            let translator = try calls.response("GET", watch, format: format)
            #expect(translator.contentType == format.contentType)
            #expect(try translate(translator, books, pieces: size) == text)
        }
    }

    @Test func `a stream without messages is an empty array, or nothing`() throws {
        for format in ResponseFormat.allCases {
            let text = try translate(calls.response("GET", watch, format: format), [])
            #expect(text == (format == .array ? "[]" : ""))
        }
    }

    @Test func `each message of a stream goes out when it is complete`() throws {
        let translator = try calls.response("GET", watch)
        var frame = Translate.framed([books[0]])
        let head = ByteBuffer(bytes: frame.readBytes(length: 7) ?? [])
        #expect(try translator.feed(head).readableBytes == 0)
        #expect(try translator.feed(frame).text == #"[{"name":"a","pages":"5"}"#)
        #expect(try translator.feed(Translate.framed([books[1]])).text == ",{}")
        #expect(try translator.finish().text == "]")
    }

    @Test func `response_body shows one field`() throws {
        let path = "/v1/shelves/1/books"
        let list = try Calls.binary(#"{"books":[{"name":"a"},{"name":"b"}],"next":"n"}"#, "ListBooksResponse")
        #expect(try translate(calls.response("GET", path), [list]) == #"[{"name":"a"},{"name":"b"}]"#)
        let empty = try Calls.binary(#"{"next":"n"}"#, "ListBooksResponse")
        #expect(try translate(calls.response("GET", path), [empty]) == "[]")
    }

    @Test func `white space is for people, and lines stay lines`() throws {
        var options = Fixture.options
        options.print.addWhitespace = true
        let calls = try Calls(options)
        let book = try Calls.binary(#"{"name":"a","author":{"firstName":"x"},"tags":["t","u"]}"#, "Book")
        let text = try translate(calls.response("GET", "/v1/books/1"), [book])
        #expect(
            text == """
                {
                 "name": "a",
                 "author": {
                  "firstName": "x"
                 },
                 "tags": [
                  "t",
                  "u"
                 ]
                }
                """
        )
        let lines = try translate(calls.response("GET", watch, format: .newlineDelimited), [book])
        #expect(lines == #"{"name":"a","author":{"firstName":"x"},"tags":["t","u"]}"# + "\n")
    }

    @Test func `the data of HttpBody is the body, its type that of the first`() throws {
        let parts = try [
            #"{"contentType":"text/csv","data":"YSxi"}"#, #"{"contentType":"x/y","data":"LGM="}"#, "{}",
        ].map { try #require(try Translate.parse($0, as: "google.api.HttpBody").first) }
        let translator = try calls.response("GET", "/v1/files/x")
        #expect(translator.contentType == nil)
        #expect(try translate(translator, parts) == "a,b,c")
        #expect(translator.contentType == "text/csv")
    }

    @Test(
        arguments: zip(
            ["a\r\nSet-Cookie: x=1", "", " \t", "a\u{0}b", "caf\u{e9}", " text/csv\t"],
            Array(repeating: "application/octet-stream", count: 5) + ["text/csv"]
        )
    )
    func `a media type that no header may hold is left out, spaces around it are`(_ type: String, wanted: String) throws
    {
        var message: [UInt8] = []
        Array(type.utf8).withUnsafeBytes { message.appendField(1, $0) }
        let translator = try calls.response("GET", "/v1/files/x")
        _ = try translate(translator, [message])
        #expect(translator.contentType == wanted)
    }

    // MARK: - Mistakes

    private func failure(_ bytes: [UInt8], _ path: String = "/v1/books/1") throws -> String? {
        let translator = try calls.response("GET", path)
        do {
            _ = try translator.feed(ByteBuffer(bytes: bytes))
            _ = try translator.finish()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `frames that are wrong`() throws {
        #expect(try failure([]) == "a unary call was answered without a message")
        #expect(try failure([0, 0]) == "the response ends inside a message")
        #expect(try failure([0, 0, 0, 0, 2, 0x0A]) == "the response ends inside a message")
        #expect(try failure([1, 0, 0, 0, 0]) == "a compressed message cannot be translated")
        #expect(try failure([7, 0, 0, 0, 0]) == "a gRPC message has a bad flag")
        #expect(
            try failure([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                == "a unary call was answered with more than one message"
        )
        #expect(
            try failure([0, 0xFF, 0xFF, 0xFF, 0xFF])
                == "a message of 4294967295 bytes is beyond the limit of 4194304"
        )
    }

    @Test func `nothing of a message that fails goes out`() throws {
        let translator = try calls.response("GET", watch)
        #expect(try translator.feed(Translate.framed([books[1]])).text == "[{}")
        let bad: [UInt8] = [0x0A, 1, UInt8(ascii: "a"), 0x1A, 1, 0xFF]
        let error = #expect(throws: TranscodingError.self) { try translator.feed(Translate.framed([bad])) }
        #expect(error?.description == "$.title: a string is not UTF-8")
        #expect(error?.kind == .wire)
    }

    @Test func `lines and events tell of an error, an array cannot`() throws {
        let status = RPCStatus(code: .notFound, message: "gone")
        let expected: [ResponseFormat: String?] = [
            .array: nil, .newlineDelimited: "{\"error\":{\"code\":5,\"message\":\"gone\"}}\n",
            .serverSentEvents: "event: error\ndata: {\"error\":{\"code\":5,\"message\":\"gone\"}}\n\n",
        ]
        for (format, text) in expected {
            let translator = try calls.response("GET", watch, format: format)
            _ = try translator.feed(Translate.framed([books[1]]))
            #expect(translator.fail(status)?.text == text)
        }
        #expect(try calls.response("GET", "/v1/books/1").fail(status) == nil)
    }

    // MARK: - Accept

    static let accepts: [(String, ResponseFormat)] = [
        ("", .array), ("*/*", .array), ("application/json", .array), ("text/event-stream", .serverSentEvents),
        ("application/x-ndjson", .newlineDelimited), ("Application/NDJSON", .newlineDelimited),
        ("application/jsonl", .newlineDelimited), ("text/html, text/event-stream;q=0.5", .serverSentEvents),
        ("text/event-stream;q=0.5, application/json", .array),
        ("application/json;q=0.4, text/event-stream;q=0.5", .serverSentEvents),
        ("text/event-stream;q=0, */*", .array), ("text/event-stream , application/x-ndjson", .serverSentEvents),
        ("text/event-stream;charset=utf-8;q=1.000", .serverSentEvents), ("text/event-stream;q=x", .serverSentEvents),
    ]

    @Test(arguments: accepts) func `Accept chooses the format`(_ accept: String, _ format: ResponseFormat) {
        let chosen = Array(accept.utf8).withUnsafeBytes { ResponseFormat.preferred(by: $0, fallback: .array) }
        #expect(chosen == format)
    }
}
