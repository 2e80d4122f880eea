import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import Testing

/// gRPC-Web as the filter sees it: heads, pieces, trailers.
@Suite struct GRPCWebFilterTests {
    private func filter() throws -> any Filter {
        let models = try #require(FilterFile("grpc_web: {}").model).filters
        let configuration = try #require(models.first?.configuration as? any RunnableFilterConfiguration)
        return configuration.makeFilter(.forTest())
    }

    private func exchange(_ type: String, _ more: (String, String)...) -> TestExchange {
        let exchange = TestExchange(request: [("Content-Type", type)] + more, slots: 1)
        exchange.request.method = .post
        return exchange
    }

    private func response(_ exchange: TestExchange, _ filter: any Filter, _ fields: (String, String)...) {
        exchange.record.attempts = 1
        for (name, value) in fields { exchange.response.fields.append(name: name.utf8, value: value.utf8) }
        filter.onResponse(exchange)
    }

    private func trailers(_ fields: (String, String)...) -> HeaderTable {
        var table = HeaderTable()
        for (name, value) in fields { table.append(name: name.utf8, value: value.utf8) }
        return table
    }

    private func body(_ filter: any Filter, _ exchange: TestExchange, _ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        var piece = ByteBuffer(bytes: bytes)
        guard case .pass = filter.onResponseBody(&piece, isLast: isLast, exchange) else { return [] }
        return Array(buffer: piece)
    }

    @Test(
        "becomes gRPC, with the way messages are written kept",
        arguments: [
            ("application/grpc-web", "application/grpc", false),
            ("application/grpc-web+proto", "application/grpc+proto", false),
            ("application/grpc-web+json;charset=utf-8", "application/grpc+json", false),
            ("application/grpc-web-text", "application/grpc", true),
            ("application/grpc-web-text+proto", "application/grpc+proto", true),
        ]
    )
    func request(type: String, upstream: String, isText: Bool) throws {
        let filter = try filter()
        let exchange = exchange(type, ("TE", "gzip"), ("X-Grpc-Web", "1"))
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.values("content-type", of: exchange.request.fields) == [upstream])
        #expect(exchange.values("te", of: exchange.request.fields) == ["trailers"])
        #expect(exchange.values("x-grpc-web", of: exchange.request.fields) == ["1"])
        #expect(filter.looksAtRequestBody(of: exchange) == isText)
        #expect(filter.looksAtResponseBody(of: exchange))
    }

    @Test("others are not touched", arguments: ["application/grpc", "application/json", "application/grpc-web/x"])
    func others(_ type: String) throws {
        let filter = try filter()
        let exchange = exchange(type)
        let before = exchange.requestLines
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == before)
        #expect(!filter.looksAtRequestBody(of: exchange) && !filter.looksAtResponseBody(of: exchange))
        response(exchange, filter, ("Content-Type", "application/grpc"))
        #expect(exchange.responseLines == ["Content-Type: application/grpc"])
    }

    @Test func onlyPOSTIsACall() throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web")
        exchange.request.method = .get
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["Content-Type: application/grpc-web"])
    }

    @Test(
        "the client's Accept decides how the answer is written, or else its own request",
        arguments: [
            ("application/grpc-web", "*/*", false), ("application/grpc-web", "application/grpc-web-text", true),
            ("application/grpc-web-text", "application/grpc-web+proto, application/grpc-web-text", false),
            ("application/grpc-web-text", "*/*", true), ("application/grpc-web-text", "application/grpc", true),
        ]
    )
    func accept(type: String, accept: String, isText: Bool) throws {
        let filter = try filter()
        let exchange = exchange(type, ("Accept", accept))
        #expect(filter.onRequest(exchange).isNext)
        response(exchange, filter, ("content-type", "application/grpc+proto"))
        let expected = isText ? "application/grpc-web-text+proto" : "application/grpc-web+proto"
        #expect(exchange.values("content-type", of: exchange.response.fields) == [expected])
    }

    @Test func theTrailersBecomeTheLastFrame() throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web+proto")
        #expect(filter.onRequest(exchange).isNext)
        response(exchange, filter, ("content-type", "application/grpc"))
        #expect(exchange.values("content-type", of: exchange.response.fields) == ["application/grpc-web+proto"])
        #expect(body(filter, exchange, [0, 0, 0, 0, 1, 9], isLast: false) == [0, 0, 0, 0, 1, 9])
        exchange.responseTrailers = Trailers(trailers(("Grpc-Status", "0"), ("x-a", "b"), ("x-a", "c")))
        let last = "grpc-status: 0\r\nx-a: b\r\nx-a: c\r\n"
        #expect(body(filter, exchange, [], isLast: true) == [0x80, 0, 0, 0, UInt8(last.utf8.count)] + Array(last.utf8))
        #expect(exchange.responseTrailers == nil)
    }

    @Test func withoutTrailersThereIsNoFrame() throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web")
        #expect(filter.onRequest(exchange).isNext)
        response(exchange, filter, ("content-type", "application/grpc"), ("grpc-status", "0"))
        #expect(body(filter, exchange, [], isLast: true) == [])
        exchange.responseTrailers = Trailers()
        #expect(body(filter, exchange, [], isLast: true) == [])
    }

    @Test func textIsReadAndWritten() throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web-text")
        #expect(filter.onRequest(exchange).isNext)
        var decoded: [UInt8] = []
        for (text, isLast) in [("AAAA", false), ("AAFB=".replacing("=", with: ""), false), ("", true)] {
            var piece = ByteBuffer(string: text)
            guard case .pass = filter.onRequestBody(&piece, isLast: isLast, exchange) else {
                Issue.record("refused")
                return
            }
            decoded += Array(buffer: piece)
        }
        #expect(decoded == [0, 0, 0, 0, 1, 65])
        response(exchange, filter, ("content-type", "application/grpc"))
        exchange.responseTrailers = Trailers(trailers(("grpc-status", "0")))
        let frame: [UInt8] = [0, 0, 0, 0, 1, 65]
        let end = [0x80, 0, 0, 0, 16] + Array("grpc-status: 0\r\n".utf8)
        #expect(body(filter, exchange, frame, isLast: true) == Base64.encode(frame) + Base64.encode(end))
    }

    @Test("what is no base64 is refused, and the refusal left as it is", arguments: ["A?==", "AAA", "AAAAA"])
    func refused(text: String) throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web-text")
        #expect(filter.onRequest(exchange).isNext)
        var piece = ByteBuffer(string: text)
        let verdict = filter.onRequestBody(&piece, isLast: true, exchange)
        guard case .fail(.badGRPCWeb) = verdict else {
            Issue.record("taken")
            return
        }
        response(exchange, filter, ("content-type", "application/json"))
        #expect(exchange.responseLines == ["content-type: application/json"])
        #expect(body(filter, exchange, [1, 2], isLast: true) == [1, 2])
    }

    @Test(
        "an answer without gRPC becomes a status, and its body goes nowhere",
        arguments: [(503, 14), (404, 12), (200, 2)]
    )
    func foreign(status: Int, code: Int) throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web-text+proto")
        #expect(filter.onRequest(exchange).isNext)
        exchange.response.status = UInt16(status)
        response(exchange, filter, ("content-type", "text/html"))
        #expect(exchange.response.status == UInt16(status))
        #expect(exchange.values("content-type", of: exchange.response.fields) == ["application/grpc-web-text+proto"])
        #expect(exchange.values("grpc-status", of: exchange.response.fields) == ["\(code)"])
        #expect(exchange.values("grpc-message", of: exchange.response.fields).first?.contains("\(status)") == true)
        #expect(body(filter, exchange, Array("<html>".utf8), isLast: false) == [])
        #expect(body(filter, exchange, [], isLast: true) == [])
    }

    @Test("a route's own answer stays as it is")
    func direct() throws {
        let filter = try filter()
        let exchange = exchange("application/grpc-web")
        #expect(filter.onRequest(exchange).isNext)
        exchange.response.fields.append(name: "content-type".utf8, value: "text/plain".utf8)
        filter.onResponse(exchange)
        #expect(exchange.responseLines == ["content-type: text/plain"])
    }

    @Test("it runs ahead of the others, cors included, wherever it is written")
    func order() throws {
        let model = try #require(
            FilterFile(#"key_auth: {}"#, #"cors: {origins: ["*"]}"#, "request_id: {}", "grpc_web: {}").model
        )
        let names = FilterOrder.effective(model.filters) { type(of: $0.configuration).role }.map(\.name)
        #expect(names == ["grpc_web", "cors", "key_auth", "request_id"])
    }
}
