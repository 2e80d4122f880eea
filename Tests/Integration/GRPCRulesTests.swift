import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Testing

/// `rules`: bindings that the configuration has in place of annotations.
@Suite struct GRPCRulesTests {
    private static let rules = """
        rules: [{selector: sluice.library.Library.Bare, put: "/bare/{name}", body: "*", response_body: title, \
        additional_bindings: [{custom: {kind: LOOK, path: "/bare"}}]}, \
        {selector: sluice.library.Library.GetBook, get: "/b/{name=**}"}]
        """

    @Test("grpc_json: a method without annotation is called by its rule, and a rule takes the place of an annotation")
    func json() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try Library.model(origin, Self.rules)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("PUT /bare/7 HTTP/1.1", ["Host: a", "Content-Length: 13"]) + #"{"title":"F"}"#
            )
            let upstream = try HTTP2Peer(serving: try origin.accept())
            let put = try upstream.serve([Library.field(1, "7") + Library.field(3, "F")])
            #expect(put.path == "/sluice.library.Library/Bare")
            let (name, title) = (Library.field(1, "7"), Library.field(3, "F"))
            #expect([Library.frame(name + title), Library.frame(title + name)].contains(put.text))
            #expect(try client.readResponse().text == #""F""#)
            try client.send(Wire.message("LOOK /bare?title=G HTTP/1.1", ["Host: a"]))
            #expect(try upstream.serve([Library.book("x")]).text == Library.frame(Library.field(3, "G")))
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
            try client.send(Wire.get("/b/a/b"))
            #expect(try upstream.serve([Library.book("x")]).text == Library.frame(Library.book("a/b")))
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
            // What the annotation said holds no more; those of other methods do.
            try client.send(Wire.get("/v1/books/7"))
            #expect(try client.readResponse().status == 405)
            try client.send(Wire.get("/v1/shelves/1/books"))
            #expect(try upstream.serve([""]).path == "/sluice.library.Library/ListBooks")
            #expect(try client.readResponse().text == "[]")
        }
    }

    @Test("grpc_to_rest: the rule's own binding makes the request")
    func rest() throws {
        let origin = try ScriptedOrigin()
        let filters = try Library.filters(Self.rules, name: "grpc_to_rest")
        try TestGateway.run(.forwarding(to: origin.address) { $0.filters = filters }) { gateway in
            let client = try HTTP2Peer(connectingTo: try gateway.address())
            let message = Library.field(1, "7") + Library.field(3, "F")
            let fields = [("content-type", "application/grpc")]
            let path = "/sluice.library.Library/Bare"
            let stream = try client.request("POST", path, fields, body: Library.frame(message))
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.startLine == "PUT /bare/7 HTTP/1.1" && request.text == #"{"title":"F"}"#)
            try upstream.send(Wire.ok(#""G""#))
            #expect(try client.answer(to: stream).text == Library.frame(Library.field(3, "G")))
        }
    }

    @Test("rules of a service that is left out, or of a method that is not there, are errors with their place")
    func wrong() {
        #expect(throws: TestFailure.self) {
            try Library.filters("rules: [{selector: sluice.library.Library.Nothing, get: /x}]")
        }
        do {
            _ = try Library.filters(
                "services: [sluice.library.Library], rules: [{selector: kitchen.Sink.Wash, get: /x}]"
            )
            Issue.record("there is no such method")
        } catch { #expect("\(error)".contains("the descriptor set has no method 'kitchen.Sink.Wash'"), "\(error)") }
    }
}
