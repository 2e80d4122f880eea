import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Clients of gRPC in front of a server that speaks REST over HTTP/1.1.
@Suite struct GRPCToRESTTests {
    private func model(_ origin: ScriptedOrigin, _ settings: String = "") throws -> GatewayModel {
        let filters = try Library.filters(settings, name: "grpc_to_rest")
        return .forwarding(to: origin.address) { $0.filters = filters }
    }

    private func call(_ client: HTTP2Peer, _ method: String, _ message: String) throws -> Int32 {
        let fields = [("content-type", "application/grpc+proto"), ("te", "trailers"), ("x-tenant", "a")]
        return try client.request("POST", "/sluice.library.Library/\(method)", fields, body: Library.frame(message))
    }

    @Test("a call becomes a GET with path and query, and the object its message")
    func get() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let message = Library.field(1, "shelves/1/books/2") + Library.field(3, Library.number(1, 9))
            let stream = try call(client, "GetBook", message)
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "GET /v1/shelves/1/books/2?filter.year=9 HTTP/1.1")
            #expect(request["x-tenant"] == "a" && request["te"] == nil && request["content-type"] == nil)
            #expect(request["content-length"] == nil && request["transfer-encoding"] == nil)
            #expect(request["accept"]?.hasPrefix("application/json") == true)
            try upstream.send(Wire.ok(#"{"title":"Faust","extra":[1]}"#, "Content-Type: application/json", "X-Cost: 3"))
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer["content-type"] == "application/grpc+proto")
            #expect(answer["x-cost"] == "3" && answer["content-length"] == nil)
            #expect(answer.text == Library.frame(Library.field(3, "Faust")) && answer.trailer("grpc-status") == "0")
        }
    }

    @Test("a call that ends while another one is behind it on its connection leaves that one whole")
    func pipelined() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin)
        model.filters += try FilterText.models("fault: {from_headers: true}")
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            let message = Library.frame(Library.field(1, "shelves/1") + Library.field(2, Library.field(3, "Faust")))
            let head =
                "POST /sluice.library.Library/CreateBook HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n"
            // The first one waits, and then has no message at all; of the second one's only a part is there.
            try client.send(head + "X-Fault-Delay: 1s\r\nContent-Length: 0\r\n\r\n")
            try client.send(head + "Content-Length: \(message.utf8.count)\r\n\r\n" + String(message.prefix(7)))
            try gateway.settle()
            try gateway.advance(by: .seconds(2))
            #expect(try client.readResponse()["grpc-status"] != nil)
            try gateway.settle()
            try client.send(String(message.dropFirst(7)))
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "POST /v1/shelves/1/books HTTP/1.1" && request.text == #"{"title":"Faust"}"#)
            try upstream.send(Wire.status(204))
            #expect(try client.readResponse().trailers.contains { $0.name == "grpc-status" && $0.value == "0" })
        }
    }

    @Test("a call with a body, and an answer without one")
    func bodies() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let message = Library.field(1, "shelves/1") + Library.field(2, Library.field(3, "Faust"))
            let stream = try call(client, "CreateBook", message)
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "POST /v1/shelves/1/books HTTP/1.1")
            #expect(request.text == #"{"title":"Faust"}"# && request["content-type"] == "application/json")
            #expect(request["content-length"] == "17")
            try upstream.send(Wire.status(204))
            let answer = try client.answer(to: stream)
            #expect(answer.text == Library.frame("") && answer.trailer("grpc-status") == "0")
        }
    }

    @Test("a text of gRPC-Web goes on with the length of its JSON, without which that would be the next request")
    func webText() throws {
        let origin = try ScriptedOrigin()
        var model = try model(origin)
        model.filters = try FilterText.models("grpc_web: {}") + model.filters
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let message = Library.frame(Library.field(1, "shelves/1") + Library.field(2, Library.field(3, "Faust")))
            let text = String(decoding: Base64.encode(Array(message.utf8)), as: UTF8.self)
            let path = "/sluice.library.Library/CreateBook"
            for type in ["application/grpc-web-text", "application/grpc-web"] {
                let body = type.hasSuffix("text") ? text : message
                try client.send(Wire.post(path, body: body, "Content-Type: \(type)"))
                let upstream = try origin.accept()
                let request = try upstream.readRequest()
                #expect(request["content-length"] == "17" && request["transfer-encoding"] == nil, "\(type)")
                #expect(request.text == #"{"title":"Faust"}"#)
                try upstream.send(Wire.ok("{}", "Connection: close"))
                #expect(try client.readResponse().status == 200)
                upstream.close()
            }
        }
    }

    @Test(
        "an error's status becomes a code, its body message and details",
        arguments: [
            (404, #"{"error":{"code":404,"message":"none","status":"NOT_FOUND"}}"#, "5"), (409, "no", "10"),
            (429, "", "8"), (400, #"{"code":9,"message":"none"}"#, "9"), (500, "<html>", "13"), (302, "", "2"),
        ]
    )
    func errors(status: Int, body: String, code: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try call(client, "GetBook", Library.field(1, "shelves/1/books/2"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 \(status) X", ["Content-Length: \(body.utf8.count)"]) + body)
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer.body.isEmpty && answer.trailer("grpc-status") == code)
            let message = body.contains("none") ? "none" : "The service answered with status \(status)."
            #expect(answer.trailer("grpc-message") == message)
        }
    }

    @Test("a stream of answers is read from an array, value by value")
    func stream() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try call(client, "WatchBooks", Library.field(1, "shelves/1"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/v1/shelves/1/books:watch")
            let head = Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"])
            try upstream.send(head + "d\r\n[{\"name\":\"a\"}\r\n")
            try client.wait { client.messages[stream]?.text == Library.frame(Library.book("a")) }
            try upstream.send("3\r\n,{}\r\n1\r\n]\r\n0\r\n\r\n")
            let answer = try client.answer(to: stream)
            #expect(answer.text == Library.frame(Library.book("a")) + Library.frame(""))
            #expect(answer.trailer("grpc-status") == "0")
        }
    }

    @Test("a stream that makes no sense from the start is a status, not a stream that breaks off")
    func badStream() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try call(client, "WatchBooks", Library.field(1, "shelves/1"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok(#"[{"name":1}]"#))
            let answer = try client.answer(to: stream)
            #expect(answer.isWhole && answer["grpc-status"] == "13" && answer.text.isEmpty)
            #expect(answer["x-sluice-reason"] == "untranslatable_response")
        }
    }

    @Test("what cannot be called is a status, and nothing goes upstream")
    func refusals() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            func status(_ method: String, _ body: String) throws -> (code: String?, message: String?) {
                let path = "/sluice.library.Library/\(method)"
                let stream = try client.request("POST", path, [Library.type], body: body)
                let answer = try client.answer(to: stream)
                return (answer["grpc-status"], answer["grpc-message"])
            }
            #expect(try status("Nothing", Library.frame("")).code == "12")
            #expect(try status("ImportBooks", Library.frame("")).code == "12")
            let leads = try status("GetBook", Library.frame(Library.field(1, "shelves/../books/2")))
            #expect(leads.code == "3" && leads.message?.contains("does not fit") == true)
            #expect(try status("GetBook", Library.frame("") + Library.frame("")).code == "3")
            #expect(try status("GetBook", "").code == "3")
            #expect(try status("GetBook", "\u{0}\u{0}").code == "3")
            #expect(try status("GetBook", Library.frame("x", flag: 1)).code == "3")
            #expect(try status("GetBook", "\u{0}\u{7F}\u{0}\u{0}\u{0}").code == "8")
            #expect(gateway.total(\.attempts) == 0)
        }
    }

    @Test(
        "an answer that is not what the annotations say is INTERNAL",
        arguments: ["{", "[]", "<html>", #"{"pages":{}}"#]
    )
    func lies(body: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try call(client, "GetBook", Library.field(1, "shelves/1/books/2"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok(body))
            let answer = try client.answer(to: stream)
            #expect(answer["grpc-status"] == "13" && answer["x-sluice-reason"] == "untranslatable_response")
        }
    }

    @Test("an error's body is not read for ever, and what it says at its beginning still counts")
    func endless() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "max_message: 100KiB")) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let stream = try call(client, "GetBook", Library.field(1, "shelves/1/books/2"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 404 X", ["Transfer-Encoding: chunked"]))
            let piece = String(repeating: " ", count: 0x400)
            for _ in 0..<100 { try upstream.send("400\r\n\(piece)\r\n") }
            try client.roundTrip()
            try gateway.settle()
            #expect(try client.message(stream).fields.isEmpty)
            try upstream.send("400\r\n\(piece)\r\n")
            let answer = try client.answer(to: stream)
            #expect(answer.status == 200 && answer.trailer("grpc-status") == "5")
            #expect(answer.trailer("grpc-message") == "The service answered with status 404.")
            try upstream.expectGone()
            try gateway.wait(for: "the end") { gateway.current(.requests) == 0 && gateway.current(.connections) == 0 }
        }
    }

    @Test("others than gRPC pass as they are")
    func others() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            let (request, response) = try gateway.exchange(Wire.post("/x", body: "hello"), with: origin)
            #expect(request["content-length"] == "5" && request.text == "hello" && response.text == "ok")
        }
    }
}
