import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

/// gRPC clients that call a REST service by the same annotations.
@Suite struct ReverseTranscoderTests {
    private let transcoder: ReverseTranscoder

    init() throws {
        var choice = Transcoder.Choice()
        choice.autoMapping = true
        transcoder = try ReverseTranscoder(pool: Fixture.pool, choice: choice, options: Fixture.options)
    }

    private func method(_ name: String) throws -> Int {
        try #require(Array("/sluice.library.Library/\(name)".utf8).withUnsafeBytes { transcoder.method(path: $0) })
    }

    private func request(_ name: String, _ json: String, _ type: String) throws -> RestRequest {
        let message = try Calls.binary(json, type)
        return try message.withUnsafeBytes { try transcoder.request(method(name), message: $0) }
    }

    /// `GET /path?query body` in one text.
    private func call(_ name: String, _ json: String, _ type: String) -> String {
        do {
            let request = try request(name, json, type)
            let body = request.body.map { " " + String(decoding: $0, as: UTF8.self) } ?? ""
            return "\(request.method) \(String(decoding: request.target, as: UTF8.self))\(body)"
        } catch {
            return "\(error)"
        }
    }

    @Test func `the path is filled in, the rest is query or body`() {
        #expect(
            call("GetBook", #"{"name":"shelves/1/books/a b?é"}"#, "GetBookRequest")
                == "GET /v1/shelves/1/books/a%20b%3F%C3%A9"
        )
        #expect(
            call("CreateBook", #"{"parent":"shelves/1","book":{"title":"x"},"validate":true}"#, "CreateBookRequest")
                == #"POST /v1/shelves/1/books?validate=true {"title":"x"}"#
        )
        #expect(
            call(
                "UpdateBook",
                #"{"book":{"name":"shelves/1/books/2","title":"x"},"mask":"title"}"#,
                "UpdateBookRequest"
            )
                == #"PATCH /v1/shelves/1/books/2 {"book":{"title":"x"},"mask":"title"}"#
        )
        #expect(
            call("ArchiveBook", #"{"name":"shelves/1/books/2"}"#, "GetBookRequest")
                == "POST /v1/shelves/1/books/2:archive {}"
        )
        #expect(call("PurgeBooks", #"{"name":"a/b%2Fc%d"}"#, "GetBookRequest") == "PURGE /v1/a/b%2Fc%25d")
        #expect(call("Bare", #"{"title":"x"}"#, "Book") == #"POST /sluice.library.Library/Bare {"title":"x"}"#)
    }

    @Test func `fields of a query, nested and repeated`() {
        let text = call(
            "GetBook",
            #"""
            {"name":"shelves/1/books/2","fields":["a","b&c"],"filter":{"year":-5,"ids":["1","2"],"order":"NEWEST",
            "exact":true,"since":"2026-01-01T00:00:00Z","limit":0,"deeper":{"title":"x y+z"},"token":"+/8=","score":1.5},
            "mask":"a,fooBar"}
            """#,
            "GetBookRequest"
        )
        #expect(
            text == "GET /v1/shelves/1/books/2?fields=a&fields=b%26c&filter.year=-5&filter.ids=1&filter.ids=2"
                + "&filter.order=NEWEST&filter.exact=true&filter.since=2026-01-01T00%3A00%3A00Z&filter.limit=0"
                + "&filter.deeper.title=x%20y%2Bz&filter.token=%2B%2F8%3D&filter.score=1.5&mask=a%2CfooBar"
        )
    }

    @Test(arguments: [
        #"{"name":"shelves/1/books/2","fields":["a"],"filter":{"ids":["5"],"deeper":{"author":"q"},"limit":3}}"#,
        #"{"name":"shelves/ä/books/%2F","filter":{"since":"1969-12-31T23:59:59.5Z","score":"NaN"}}"#,
    ])
    func `the call of the other way makes the same message`(_ json: String) throws {
        let rest = try request("GetBook", json, "GetBookRequest")
        let back = try Calls().message("GET", String(decoding: rest.target, as: UTF8.self))
        let plain = try Translate.print(Calls.binary(json, "GetBookRequest"), as: "sluice.library.GetBookRequest")
        #expect(SameJSON.compare(back, plain), "\(back) against \(plain)")
    }

    static let refused: [(String, String, String, String)] = [
        ("GetBook", "{}", "GetBookRequest", "name: '' does not fit /v1/{name=shelves/*/books/*}"),
        (
            "GetBook", #"{"name":"shelves/1"}"#, "GetBookRequest",
            "name: 'shelves/1' does not fit /v1/{name=shelves/*/books/*}"
        ),
        (
            "GetBook", #"{"name":"shelves/../books/1"}"#, "GetBookRequest",
            "name: 'shelves/../books/1' does not fit /v1/{name=shelves/*/books/*}"
        ),
        (
            "GetBook", #"{"name":"shelves/1/books/..%2f.."}"#, "GetBookRequest",
            "name: 'shelves/1/books/..%2f..' does not fit /v1/{name=shelves/*/books/*}"
        ),
        (
            "GetBook",
            #"{"name":"shelves/1/books/2","filter":{"ids":["#
                + Array(repeating: "1", count: 9000).joined(separator: ",") + "]}}", "GetBookRequest",
            "the message does not fit into a URL of 65536 bytes"
        ),
        (
            "GetBook", #"{"name":"shelves//books/1"}"#, "GetBookRequest",
            "name: 'shelves//books/1' does not fit /v1/{name=shelves/*/books/*}"
        ),
        (
            "GetBook", #"{"name":"x/1/books/1"}"#, "GetBookRequest",
            "name: 'x/1/books/1' does not fit /v1/{name=shelves/*/books/*}"
        ),
        ("PurgeBooks", #"{"name":"a/.."}"#, "GetBookRequest", "name: 'a/..' does not fit /v1/{name=**}"),
        (
            "GetBook", #"{"name":"shelves/1/books/1","filter":{"labels":{"a":"b"}}}"#, "GetBookRequest",
            "filter.labels: a query cannot hold it"
        ),
        (
            "GetBook", #"{"name":"shelves/1/books/1","filter":{"others":[{}]}}"#, "GetBookRequest",
            "filter.others: a query cannot hold it"
        ),
    ]

    @Test(arguments: refused)
    func `what a URL cannot say is refused`(_ name: String, _ json: String, _ type: String, _ error: String) {
        #expect(call(name, json, type) == error)
    }

    @Test func `methods that stream requests, and methods of others, cannot be called`() {
        for path in ["/sluice.library.Library/ImportBooks", "/sluice.library.Library/Nope", "/", ""] {
            #expect(Array(path.utf8).withUnsafeBytes { transcoder.method(path: $0) } == nil)
        }
    }

    // MARK: - Responses

    private func response(_ name: String, _ text: String, _ type: String) throws -> [String] {
        let translator = transcoder.response(
            try method(name),
            contentType: UnsafeRawBufferPointer(start: nil, count: 0)
        )
        var frames = ByteBuffer()
        for byte in text.utf8 { frames.writeImmutableBuffer(try translator.feed(ByteBuffer(bytes: [byte]))) }
        frames.writeImmutableBuffer(try translator.finish())
        return try Translate.frames(frames).map { try Translate.print($0, as: "sluice.library.\(type)") }
    }

    @Test func `a response is read as the message, whatever else is in it`() throws {
        #expect(try response("GetBook", #"{"title":"x","added_later":[1]}"#, "Book") == [#"{"title":"x"}"#])
        #expect(try response("GetBook", "", "Book") == ["{}"])
        #expect(
            try response("ListBooks", #"[{"title":"x"},{}]"#, "ListBooksResponse")
                == [#"{"books":[{"title":"x"},{}]}"#]
        )
        #expect(try response("WatchBooks", #"[{"title":"x"},{}]"#, "Book") == [#"{"title":"x"}"#, "{}"])
        #expect(try response("WatchBooks", "{\"title\":\"x\"}\n{}\n", "Book") == [#"{"title":"x"}"#, "{}"])
        #expect(throws: TranscodingError.self) { try response("GetBook", #"{"title":5}"#, "Book") }
        #expect(throws: TranscodingError.self) { try response("GetBook", "<html>", "Book") }
    }

    @Test func `raw bodies go both ways`() throws {
        let message = try #require(
            try Translate.parse(#"{"contentType":"a/b","data":"AQID"}"#, as: "google.api.HttpBody").first
        )
        let rest = try message.withUnsafeBytes { try transcoder.request(method("Render"), message: $0) }
        #expect(rest.body == [1, 2, 3])
        #expect(rest.contentType == "a/b")
        let translator = try Array("c/d".utf8).withUnsafeBytes {
            transcoder.response(try method("Render"), contentType: $0)
        }
        var frames = try translator.feed(ByteBuffer(bytes: [4, 5]))
        frames.writeImmutableBuffer(try translator.finish())
        let back = try Translate.print(try #require(Translate.frames(frames).first), as: "google.api.HttpBody")
        #expect(back == #"{"contentType":"c/d","data":"BAU="}"#)
    }

    // MARK: - Errors

    private func status(_ http: UInt16, _ body: String) -> RPCStatus {
        Array(body.utf8).withUnsafeBytes { transcoder.status(httpStatus: http, body: $0) }
    }

    @Test func `an error that tells its status`() throws {
        let detail = #"{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r"}"#
        let bare = status(404, #"{"code":5,"message":"gone","details":[\#(detail)]}"#)
        #expect(bare.code == .notFound)
        #expect(bare.message == "gone")
        #expect(bare.details.count == 1)
        let wrapped = status(409, #"{"error":{"code":409,"message":"twice","status":"ALREADY_EXISTS"}}"#)
        #expect(wrapped == RPCStatus(code: .aborted, message: "twice"))
        let unknown = status(400, #"{"error":{"message":"m","details":[{"@type":"x/y","a":1}]}}"#)
        #expect(unknown == RPCStatus(code: .invalidArgument, message: "m"))
    }

    @Test(arguments: ["", "<html>", "[]", "{}", #"{"error":"x"}"#, #"{"message":5}"#, #"{"error":{}"#])
    func `an error that does not`(_ body: String) {
        let found = status(503, body)
        #expect(found.code == .unavailable)
        #expect(found.details.isEmpty)
    }

    @Test func `an error without a status says which status it was`() {
        #expect(status(503, "<html>").message == "The service answered with status 503.")
    }
}
