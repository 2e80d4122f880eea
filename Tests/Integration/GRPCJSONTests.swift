import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Testing

/// Clients of REST in front of a server that speaks gRPC over HTTP/2.
@Suite struct GRPCJSONTests {
    @Test("a GET becomes a call, and its message an object")
    func get() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.get("/v1/shelves/1/books/2?filter.year=9", "Accept: application/json", "Accept-Encoding: gzip")
            )
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.serve(
                [Library.field(3, "Faust")],
                trailers: [("grpc-status", "0"), ("x-cost", "3")]
            )
            #expect(request.method == "POST" && request.path == "/sluice.library.Library/GetBook")
            #expect(request["content-type"] == "application/grpc" && request["te"] == "trailers")
            #expect(request["accept-encoding"] == nil && request["accept"] == nil)
            let message = Library.field(1, "shelves/1/books/2") + Library.field(3, Library.number(1, 9))
            #expect(request.text == Library.frame(message))
            let answer = try client.readResponse()
            #expect(answer.status == 200 && answer.text == #"{"title":"Faust"}"#)
            #expect(answer["content-type"] == "application/json" && answer["content-length"] == "17")
            #expect(answer["x-cost"] == "3" && answer["grpc-status"] == nil && !answer.wasChunked)
            // The connection goes on.
            try client.send(Wire.get("/v1/books/7"))
            #expect(try upstream.serve([Library.book("x")]).text == Library.frame(Library.book("7")))
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
        }
    }

    @Test("a POST becomes a call when its body is complete, however it comes")
    func post() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            let lines = [
                "Host: a", "Content-Type: application/json", "Transfer-Encoding: chunked", "Expect: 100-continue",
            ]
            try client.send(Wire.message("POST /v1/shelves/1/books?validate=true HTTP/1.1", lines))
            #expect(try client.readHead().status == 100)
            for letter in #"{"title":"Faust"}"# { try client.send("1\r\n\(letter)\r\n") }
            try client.send("0\r\n\r\n")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.serve([Library.book("shelves/1/books/9")])
            let message = Library.field(1, "shelves/1") + Library.field(2, Library.field(3, "Faust"))
            #expect(request.text.utf8.count == Library.frame(message + Library.number(3, 1)).utf8.count)
            #expect(request.all("content-length") == ["\(request.body.count)"])
            #expect(try client.readResponse().text == #"{"name":"shelves/1/books/9"}"#)
        }
    }

    @Test("over HTTP/2, and HEAD without a body", arguments: ["GET", "HEAD"])
    func http2(method: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request(method, "/v1/books/7", [])
            let upstream = try HTTP2Peer(serving: try origin.accept())
            #expect(try upstream.serve([Library.book("x")]).path == "/sluice.library.Library/GetBook")
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer["content-length"] == "12")
            #expect(answer.text == (method == "GET" ? #"{"name":"x"}"# : "") && answer.trailers.isEmpty)
        }
    }

    @Test("HEAD over HTTP/1.1 leaves the connection in step")
    func head() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("HEAD /v1/books/7 HTTP/1.1", ["Host: a"]))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            _ = try upstream.serve([Library.book("x")])
            let answer = try client.readResponse(to: "HEAD")
            #expect(answer.status == 200 && answer["content-length"] == "12")
            try client.send(Wire.message("HEAD /v1/shelves/1/books:watch HTTP/1.1", ["Host: a"]))
            _ = try upstream.serve([Library.book("x"), Library.book("y")])
            #expect(try client.readResponse(to: "HEAD")["content-type"] == "application/json")
            try client.send(Wire.get("/v1/books/7"))
            _ = try upstream.serve([Library.book("x")])
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
        }
    }

    // MARK: - Errors

    @Test(
        "a status becomes one of HTTP with an object that tells it",
        arguments: [(5, 404), (3, 400), (8, 429), (14, 503), (16, 401), (2, 500), (99, 500)],
        [false, true]
    )
    func errors(_ codes: (code: Int, status: Int), isEarly: Bool) throws {
        let (code, status) = codes
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let fields = [("grpc-status", "\(code)"), ("grpc-message", "n%C3%A4h \"x\"")]
            if isEarly {
                try upstream.respond(to: request.stream, 200, [Library.type] + fields)
            } else {
                // Half of an answer does not count.
                let body = Library.frame(Library.book("x"))
                try upstream.respond(to: request.stream, 200, [Library.type], body: body, trailers: fields)
            }
            let answer = try client.readResponse()
            let shown = code > 16 ? 2 : code
            #expect(answer.status == status && answer["content-type"] == "application/json")
            #expect(answer.text == #"{"code":\#(shown),"message":"näh \"x\""}"#)
            #expect(answer["grpc-status"] == nil && answer["grpc-message"] == nil)
        }
    }

    @Test("details of an error are told, those of unknown types as base64")
    func details() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let info =
                Library.field(1, "type.googleapis.com/google.rpc.ErrorInfo")
                + Library.field(2, Library.field(1, "NO_SHELF"))
            let status = Library.number(1, 5) + Library.field(2, "none") + Library.field(3, info)
            let details = String(decoding: Base64.encode(Array(status.utf8)), as: UTF8.self)
            _ = try upstream.serve([], trailers: [("grpc-status", "5"), ("grpc-status-details-bin", details)])
            let answer = try client.readResponse()
            #expect(
                answer.text
                    == #"{"code":5,"message":"none","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"NO_SHELF"}]}"#
            )
        }
    }

    @Test("without a binding there is 404, or 405, and nothing upstream; or the request passes as it is")
    func unmatched() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let none = try gateway.answer(to: Wire.get("/v2/books"))
            #expect(none.status == 404 && none.text.contains(#""reason":"NO_BINDING""#))
            #expect(none["x-request-id"] != nil && none.all("content-type") == ["application/json"])
            let other = try gateway.answer(to: Wire.message("PUT /v1/books/1 HTTP/1.1", ["Host: a"]))
            #expect(other.status == 405 && other["allow"]?.hasPrefix("GET, HEAD") == true)
            #expect(gateway.count(of: .noBinding) == 1 && gateway.total(\.attempts) == 0)
        }
        try TestGateway.run(try Library.model(origin, "unmatched: pass")) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/v2/books?x=1", body: "hello", "Content-Type: text/plain"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            #expect(request.path == "/v2/books?x=1" && request.text == "hello")
            #expect(request["content-type"] == "text/plain")
            try upstream.respond(to: request.stream, 200, [], body: "ok")
            #expect(try client.readResponse().text == "ok")
        }
    }

    @Test("what is gRPC already passes, also through a filter that translates the rest")
    func native() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let frame = Library.frame(Library.book("x"))
            let stream = try client.request("POST", "/sluice.library.Library/GetBook", [Library.type], body: frame)
            let upstream = try HTTP2Peer(serving: try origin.accept())
            #expect(try upstream.serve([Library.book("y")]).text == frame)
            let answer = try client.answer(to: stream)
            #expect(answer.text == Library.frame(Library.book("y")) && answer.trailer("grpc-status") == "0")
        }
    }

    @Test("other filters see REST, and what they answer has the form of an error of the service")
    func localReplies() throws {
        let closed = try ClosedPort()
        let filters =
            try FilterText.models(
                "headers: {response: {set: {x-saw: \"${request.method} ${request.path} ${response.status}\"}}}",
                #"key_auth: {}"#,
                #"cors: {origins: ["https://app.example"]}"#
            ) + Library.filters()
        var model = GatewayModel.forwarding(to: closed.address) { $0.filters = filters }
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: Wire.get("/v1/books/1", "Origin: https://app.example"))
            #expect(answer.status == 401 && answer["access-control-allow-origin"] == "https://app.example")
            #expect(answer.text.hasPrefix(#"{"code":16,"message":"#))
            #expect(answer.text.contains(#""reason":"CREDENTIAL_MISSING","domain":"sluice""#))
            #expect(answer["x-saw"] == "GET /v1/books/1 401")
            let preflight = try gateway.answer(
                to: Wire.message(
                    "OPTIONS /v1/books/1 HTTP/1.1",
                    ["Host: a", "Origin: https://app.example", "Access-Control-Request-Method: PATCH"]
                )
            )
            #expect(preflight.status == 204)
        }
        model.filters = try Library.filters()
        try TestGateway.run(model) { gateway in
            let answer = try gateway.answer(to: Wire.get("/v1/books/1"))
            #expect(answer.status == 503 && answer.text.contains(#"{"code":14,"#))
            #expect(answer.text.contains(#""reason":"CONNECT_FAILED""#))
        }
    }

    // MARK: - Streams

    @Test(
        "a stream of messages is an array, lines or events, each as soon as it is there",
        arguments: [
            ("*/*", "application/json", [#"[{"name":"a"}"#, #",{"name":"b"}"#, "]"]),
            ("application/x-ndjson", "application/x-ndjson", ["{\"name\":\"a\"}\n", "{\"name\":\"b\"}\n", ""]),
            (
                "text/event-stream", "text/event-stream",
                ["data: {\"name\":\"a\"}\n\n", "data: {\"name\":\"b\"}\n\n", ""]
            ),
        ]
    )
    func serverStream(accept: String, type: String, parts: [String]) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try client.request("GET", "/v1/shelves/1/books:watch", [("accept", accept)])
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            #expect(request.path == "/sluice.library.Library/WatchBooks")
            try upstream.respond(
                to: request.stream,
                200,
                [Library.type],
                body: Library.frame(Library.book("a")),
                ends: false
            )
            try client.wait { client.messages[stream]?.text == parts[0] }
            #expect(try client.head(of: stream)["content-type"] == type)
            try upstream.send(Library.frame(Library.book("b")), on: request.stream)
            try client.wait { client.messages[stream]?.text == parts[0] + parts[1] }
            try upstream.send("", on: request.stream, ends: true, trailers: Library.fine + [("x-last", "1")])
            let answer = try client.answer(to: stream)
            #expect(answer.text == parts.joined() && answer.trailer("x-last") == "1")
            #expect(answer.trailer("grpc-status") == nil)
        }
    }

    @Test("a stream that fails before its first message is an error, and one without messages is empty")
    func earlyEnds() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/shelves/1/books:watch"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            _ = try upstream.serve([], trailers: [("grpc-status", "7")])
            let failed = try client.readResponse()
            #expect(failed.status == 403 && failed.text == #"{"code":7,"message":""}"#)
            try client.send(Wire.get("/v1/shelves/1/books:watch"))
            _ = try upstream.serve([])
            let empty = try client.readResponse()
            #expect(empty.status == 200 && empty.text == "[]")
        }
    }

    @Test("a stream that fails later says so where it can, and is cut off where not")
    func lateEnds() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/shelves/1/books:watch", "Accept: application/x-ndjson"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            _ = try upstream.serve([Library.book("a")], trailers: [("grpc-status", "10"), ("grpc-message", "no")])
            #expect(
                try client.readResponse().text
                    == "{\"name\":\"a\"}\n{\"error\":{\"code\":10,\"message\":\"no\"}}\n"
            )
            let other = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try other.request("GET", "/v1/shelves/1/books:watch", [])
            _ = try upstream.serve([Library.book("a")], trailers: [("grpc-status", "10")])
            let answer = try other.answer(to: stream)
            #expect(answer.text == #"[{"name":"a"}"# && answer.resetCode != .noError)
        }
    }

    @Test("a stream of requests goes up value by value", arguments: [true, false])
    func clientStream(isArray: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let type = ("content-type", "application/json")
            let first = (isArray ? "[" : "") + #"{"name":"a"}"#
            let stream = try client.request("POST", "/v1/books:talk", [type], body: first, ends: false)
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.requestHead()
            let one = Library.frame(Library.book("a"))
            try upstream.wait { upstream.messages[request.stream]?.text == one }
            #expect(request["content-length"] == nil)
            try upstream.respond(to: request.stream, 200, [Library.type], body: one, ends: false)
            try client.wait { client.messages[stream]?.text == #"[{"name":"a"}"# }
            try client.send((isArray ? "," : "\n") + #"{"name":"b"}"# + (isArray ? "]" : ""), on: stream, ends: true)
            try upstream.wait { upstream.messages[request.stream]?.isWhole == true }
            #expect(upstream.messages[request.stream]?.text == one + Library.frame(Library.book("b")))
            try upstream.send("", on: request.stream, ends: true, trailers: Library.fine)
            #expect(try client.answer(to: stream).text == #"[{"name":"a"}]"#)
        }
    }

    @Test("a body as it is goes up and down, of any type")
    func rawBodies() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/v1/render", body: "<p>", "Content-Type: text/html"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.serve([Library.field(1, "image/png") + Library.field(2, "PNG")])
            #expect(request.text == Library.frame(Library.field(1, "text/html") + Library.field(2, "<p>")))
            let answer = try client.readResponse()
            #expect(answer["content-type"] == "image/png" && answer.text == "PNG")
            try client.send(Wire.get("/v1/files/x"))
            _ = try upstream.serve([Library.field(1, "text/plain") + Library.field(2, "one,"), Library.field(2, "two")])
            let file = try client.readResponse()
            #expect(file["content-type"] == "text/plain" && file.text == "one,two")
        }
    }

    @Test("a client that does not read stalls the service")
    func slowReader() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        var model = try Library.model(origin)
        model.listeners[0].address = .unix(path: folder.path("gateway"))
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/shelves/1/books:watch"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            let tags = String(repeating: Library.field(5, String(repeating: "x", count: 100)), count: 160)
            let message = Library.frame(tags + Library.field(5, String(repeating: "y", count: 62)))
            let body = String(repeating: message, count: 400)
            try upstream.respond(
                to: request.stream,
                200,
                [Library.type],
                body: body,
                trailers: Library.fine
            )
            var sent = -1
            while upstream.sentCount(request.stream) != sent {
                sent = upstream.sentCount(request.stream)
                for _ in 0..<5 {
                    try gateway.settle()
                    try upstream.poll()
                }
            }
            #expect(sent < 1_500_000, "\(sent) bytes were taken for a client that reads nothing")
            let reader = Background { [client = Handover(client)] in try client.value.readResponse() }
            try upstream.wait { upstream.sentCount(request.stream) == body.utf8.count }
            let answer = try reader.value()
            #expect(answer.text.hasSuffix(#""]}]"#) && answer.body.count > 6_400_000)
        }
    }

    @Test("a client that waits for a go-ahead gets it, and its trailers go nowhere")
    func expectations() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin)) { gateway in
            let client = try gateway.connect()
            let lines = ["Host: a", "Expect: 100-continue", "Transfer-Encoding: chunked"]
            try client.send(Wire.message("POST /v1/books:import HTTP/1.1", lines))
            #expect(try client.readHead().status == 100)
            try client.send("2\r\n{}\r\n0\r\nx-last: 1\r\n\r\n")
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.serve([Library.number(1, 1)])
            #expect(request.text == Library.frame("") && request.trailers.isEmpty && request["expect"] == nil)
            #expect(try client.readResponse().text == #"{"count":"1"}"#)
        }
    }

    // MARK: - Retries, deadlines

    @Test("a call that says it is unavailable is made again with the same message")
    func retries() throws {
        let origin = try ScriptedOrigin()
        var model = try Library.model(origin)
        guard case .forward(var forward) = model.routes[0].action else { return }
        forward.retry = RetryModel()
        forward.retry?.on = [.unavailable]
        model.routes[0].action = .forward(forward)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let first = try upstream.request()
            try upstream.respond(to: first.stream, 200, [Library.type, ("grpc-status", "14")])
            try gateway.wait(for: "the retry") { gateway.total(\.retries) == 1 }
            try gateway.advance(by: .seconds(1))
            let second = try upstream.serve([Library.book("x")])
            #expect(second.text == first.text)
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
        }
    }

    @Test("a deadline ends the call upstream and is 504")
    func deadline() throws {
        let origin = try ScriptedOrigin()
        var model = try Library.model(origin)
        model.routes[0].timeout = .seconds(2)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let request = try upstream.request()
            #expect(request["grpc-timeout"] != nil)
            // The head alone does not count as an answer.
            try upstream.respond(to: request.stream, 200, [Library.type], body: "", ends: false)
            try gateway.settle()
            try gateway.advance(by: .seconds(3))
            let answer = try client.readResponse()
            #expect(answer.status == 504 && answer.text.contains(#""reason":"ROUTE_TIMEOUT""#))
            try upstream.wait { upstream.messages[request.stream]?.resetCode == .cancel }
        }
    }
}
