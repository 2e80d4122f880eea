import NIOCore
import SluiceCore
import SluiceFilters
import Testing

@Suite struct HeadersFilterTests {
    /// Runs both sides of a filter from its configuration.
    private func run(_ yaml: String, on exchange: TestExchange) throws {
        let filter = try #require(FilterFile(yaml).filter(), "\(FilterFile(yaml).findings)")
        #expect(filter.onRequest(exchange).isNext)
        filter.onResponse(exchange)
    }

    @Test func setReplacesAllOfTheSameNameByOne() throws {
        let exchange = TestExchange(request: [("X-A", "1"), ("Accept", "*/*"), ("x-a", "2")])
        try run("headers: {request: {set: {X-a: new, X-B: b}}}", on: exchange)
        #expect(exchange.requestLines == ["Accept: */*", "X-a: new", "X-B: b"])
    }

    @Test func addComesOnlyWhereThereIsNone() throws {
        let exchange = TestExchange(response: [("Cache-Control", "no-store")])
        try run("headers: {response: {add: {cache-control: public, Vary: [a, b]}}}", on: exchange)
        #expect(exchange.responseLines == ["Cache-Control: no-store", "Vary: a", "Vary: b"])
    }

    @Test func appendComesInAnyCase() throws {
        let exchange = TestExchange(response: [("Set-Cookie", "a=1")])
        try run("headers: {response: {append: {Set-Cookie: [b=2, c=3], X-New: x}}}", on: exchange)
        #expect(exchange.responseLines == ["Set-Cookie: a=1", "Set-Cookie: b=2", "Set-Cookie: c=3", "X-New: x"])
    }

    @Test func removeTakesEveryLineOfTheName() throws {
        let exchange = TestExchange(response: [
            ("SERVER", "a"), ("X-Powered-By", "b"), ("server", "c"), ("x-powered-by", "d"), ("Date", "e"),
        ])
        try run("headers: {response: {remove: [Server, x-powered-by]}}", on: exchange)
        #expect(exchange.responseLines == ["Date: e"])
        #expect(exchange.response.fields.count == 1)
    }

    @Test func theOrderIsRemoveSetAddAppend() throws {
        let exchange = TestExchange(request: [("A", "old"), ("B", "old"), ("C", "old")])
        try run(
            "headers: {request: {append: {A: appended, B: appended}, add: {A: added, C: added}, set: {B: set}, remove: [A]}}",
            on: exchange
        )
        #expect(exchange.requestLines == ["C: old", "B: set", "A: added", "A: appended", "B: appended"])
    }

    @Test func eachSideHasItsOwnEdits() throws {
        let exchange = TestExchange(request: [("A", "1")], response: [("A", "1")])
        try run("headers: {request: {set: {A: request}}, response: {set: {A: response}}}", on: exchange)
        #expect(exchange.requestLines == ["A: request"])
        #expect(exchange.responseLines == ["A: response"])
    }

    @Test func whatIsWrittenIsFoundAgain() throws {
        let exchange = TestExchange(request: [("User-Agent", "curl")])
        try run("headers: {request: {set: {COOKIE: a=1, X-Own: '${header.user-agent}', x-plain: p}}}", on: exchange)
        let fields = exchange.request.fields
        #expect(exchange.values("cookie", of: fields) == ["a=1"])
        #expect(fields.value(of: .cookie).map { fields.string($0) } == "a=1")
        #expect(exchange.values("x-own", of: fields) == ["curl"])
        #expect(exchange.values("X-Plain", of: fields) == ["p"])
    }

    // MARK: Values

    @Test func valuesAreTemplates() throws {
        let exchange = TestExchange(request: [("X-User", "ann")])
        exchange.variables = [.clientIP: "192.0.2.1", .path("id"): "7", .upstreamName: "orders"]
        exchange.requestID = Array("abc".utf8)
        exchange.response.status = 404
        try run(
            "headers: {request: {set: {X-Who: '${header.x-user}@${client.ip}', X-Id: 'order ${path.id}', X-Req: '${request.id}', X-Text: 'a $${b}'}}, "
                + "response: {set: {X-From: '${upstream.name} ${response.status}'}}}",
            on: exchange
        )
        #expect(
            exchange.requestLines == [
                "X-User: ann", "X-Who: ann@192.0.2.1", "X-Id: order 7", "X-Req: abc", "X-Text: a ${b}",
            ]
        )
        #expect(exchange.responseLines == ["X-From: orders 404"])
    }

    @Test func valuesSeeTheMessageAsItWasSoThatAHeaderCanBeRenamed() throws {
        let exchange = TestExchange(request: [("X-Old", "value")])
        try run(
            "headers: {request: {remove: [x-old], set: {X-New: '${header.x-old}', X-Copy: '${header.x-new}'}}}",
            on: exchange
        )
        #expect(exchange.requestLines == ["X-New: value"])
    }

    @Test func aHeaderWhoseValueComesOutEmptyIsNotSent() throws {
        let exchange = TestExchange(request: [("X-User", "spoofed"), ("X-B", "b")])
        try run(
            "headers: {request: {set: {X-User: '${cookie.user}'}, add: {X-A: '${query.a}'}, append: {X-B: '${query.a} ${query.b}'}}}",
            on: exchange
        )
        #expect(exchange.requestLines == ["X-B: b"])
    }

    @Test func blanksAroundAValueAreTakenAway() throws {
        let exchange = TestExchange()
        exchange.variables = [.query("a"): "  x\t"]
        try run("headers: {request: {set: {X-A: '${query.a}', X-B: 'b ${query.none}'}}}", on: exchange)
        #expect(exchange.requestLines == ["X-A: x", "X-B: b"])
        #expect(exchange.values("x-a", of: exchange.request.fields) == ["x"])
    }

    @Test(arguments: ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\0b", "a\u{1B}b"])
    func aValueCannotEndItsLine(_ value: String) throws {
        let exchange = TestExchange()
        exchange.variables = [.path("x"): value]
        try run("headers: {request: {set: {X-A: '<${path.x}>'}}}", on: exchange)
        #expect(exchange.requestLines.count == 1)
        #expect(exchange.values("x-a", of: exchange.request.fields).first?.utf8.allSatisfy(ASCII.isFieldValue) == true)
    }

    @Test func secretsFromTheEnvironmentAreNoTemplates() throws {
        let exchange = TestExchange()
        exchange.variables = [.path("id"): "filled in"]
        try run("headers: {request: {set: {Authorization: 'Bearer ${TOKEN}'}}}", on: exchange)
        #expect(exchange.requestLines == ["Authorization: Bearer s3cr3t${path.id}"])
    }

    @Test func valuesThatTogetherAreTooLongAreRefused() throws {
        let file = FilterFile(
            "headers: {request: {set: {A: '${query.a}', B: '${query.a}'}}, response: {set: {A: '${query.a}', B: '${query.a}', C: c}}}"
        )
        let filter = try #require(file.filter())
        let exchange = TestExchange(request: [("Z", "z")])
        exchange.variables = [.query("a"): String(repeating: "a", count: 40_000)]
        #expect(filter.onRequest(exchange).reply?.status == 431)
        #expect(exchange.requestLines == ["Z: z"])
        filter.onResponse(exchange)
        #expect(exchange.responseLines.map { $0.prefix(1) } == ["A", "C"])

        // The next request is not affected.
        let next = TestExchange()
        next.variables = [.query("a"): "short"]
        #expect(filter.onRequest(next).isNext)
        #expect(next.requestLines == ["A: short", "B: short"])
    }

    @Test func oneInstanceServesManyRequests() throws {
        let filter = try #require(FilterFile("headers: {request: {set: {A: 'x${query.a}', B: '${query.b}'}}}").filter())
        for round in 0..<3 {
            let exchange = TestExchange()
            exchange.variables = [.query("a"): "\(round)", .query("b"): round == 1 ? "" : "b"]
            #expect(filter.onRequest(exchange).isNext)
            #expect(exchange.requestLines == ["A: x\(round)"] + (round == 1 ? [] : ["B: b"]))
        }
    }

    @Test func valuesAreMadeInMemoryOfTheLoop() throws {
        let resources = FilterResources.forTest()
        func address(_ buffer: ByteBuffer) -> UnsafeRawPointer? { buffer.withVeryUnsafeBytes { $0.baseAddress } }
        var scratch = resources.loop.takeScratch()
        scratch.reserveCapacity(4096)
        let before = address(scratch)
        resources.loop.giveBack(scratch)
        scratch = ByteBuffer()

        let edits = "{set: {A: 'x${query.a}'}}"
        let filter = try #require(FilterFile("headers: {request: \(edits), response: \(edits)}").filter(resources))
        let exchange = TestExchange()
        exchange.variables = [.query("a"): "a"]
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["A: xa"])
        scratch = resources.loop.takeScratch()
        #expect(address(scratch) == before)
        resources.loop.giveBack(scratch)
        scratch = ByteBuffer()
        filter.onResponse(exchange)
        #expect(exchange.responseLines == ["A: xa"])
        #expect(address(resources.loop.takeScratch()) == before)
    }

    @Test func anEmptyValueOfADialectIsNotSentEither() {
        var edits = HeaderEdits()
        edits.set = [HeaderEdits.Field("A", ["", "a", " "]), HeaderEdits.Field("B", ["${unknown}"])]
        let filter = HeadersConfiguration(request: edits).makeFilter(.forTest())
        let exchange = TestExchange(request: [("A", "1"), ("B", "1")])
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["A: a"])
    }
}
