import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import SluiceUpstream
import Testing

/// Slow readers on either side stall the other side, after a bounded number of bytes.
///
/// Over Unix sockets the kernel keeps about 200 KB for each of the two connections, which leaves most of the bound to
/// what the gateway itself keeps: 64 KiB, and as much as one turn of the loop reads.
@Suite struct BackpressureTests {
    private static let bound = 1_500_000
    private static let size = 12_000_000

    private func run(
        filters: [FilterModel] = [],
        _ body: (TestGateway, ScriptedOrigin) throws -> Void
    ) throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
            $0.filters = filters
        }
        try TestGateway.run(model) { gateway in try body(gateway, origin) }
    }

    private static let streaming = ProbeFilter.model {
        $0.requestBody = .stream
        $0.responseBody = .stream
    }

    @Test(arguments: [false, true])
    func clientThatDoesNotReadStallsTheUpstream(isFiltered: Bool) throws {
        try run(filters: isFiltered ? [Self.streaming] : []) { gateway, origin in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(Self.size)"]))
            let sent = try upstream.sendPatternUntilStalled(limit: Self.size)
            #expect(sent < Self.bound, "\(sent) bytes were taken for a client that reads nothing")
            let sender = Background { [upstream = Handover(upstream)] in
                try upstream.value.sendPattern(Self.size - sent, from: sent)
            }
            let head = try client.readHead()
            if head["Transfer-Encoding"] == nil {
                try client.readPattern(Self.size)
            } else {
                #expect(try client.readChunkedPattern() == Self.size)
            }
            try sender.value()
        }
    }

    @Test(arguments: [false, true])
    func upstreamThatDoesNotReadStallsTheClient(isFiltered: Bool) throws {
        try run(filters: isFiltered ? [Self.streaming] : []) { gateway, origin in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: \(Self.size)"]))
            let upstream = try origin.accept()
            let sent = try client.sendPatternUntilStalled(limit: Self.size)
            #expect(sent < Self.bound, "\(sent) bytes were taken for an upstream that reads nothing")
            let sender = Background { [client = Handover(client)] in
                try client.value.sendPattern(Self.size - sent, from: sent)
            }
            let head = try upstream.readHead()
            if head["Transfer-Encoding"] == nil {
                try upstream.readPattern(Self.size)
            } else {
                #expect(try upstream.readChunkedPattern() == Self.size)
            }
            try sender.value()
            try upstream.send(Wire.ok("done"))
            #expect(try client.readResponse().text == "done")
        }
    }

    @Test("a translation keeps no more of an upload than what passes untouched")
    func translatedUploadStallsTheClient() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        let filters = try Library.filters()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
            $0.upstreams[0].version = .http2
            $0.filters = filters
        }
        // A line of 1,000 bytes is a message of about as many.
        let line = Array(#"{"title":"\#(String(repeating: "x", count: 986))"}"#.utf8) + [0x0A]
        let lines = 4000
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let all = Array(repeating: line, count: lines).flatMap { $0 }
            let head = ["Host: a", "Content-Type: application/x-ndjson", "Content-Length: \(all.count)"]
            try client.send(Wire.message("POST /v1/books:import HTTP/1.1", head))
            let upstream = try HTTP2Peer(serving: try origin.accept())
            upstream.consumes = false
            let request = try upstream.requestHead()
            let sent = try client.sendUntilStalled(all[...])
            #expect(sent < Self.bound, "\(sent) bytes were taken for an upstream that opens no window")
            let sender = Background { [client = Handover(client)] in try client.value.send(Array(all[sent...])) }
            upstream.consumes = true
            upstream.session?.consumeConnection(try upstream.message(request.stream).bodyCount)
            upstream.session?.consume(request.stream, try upstream.message(request.stream).bodyCount)
            try upstream.flush()
            try upstream.wait { try upstream.message(request.stream).isWhole }
            try sender.value()
            let message = Library.frame(Library.field(3, ""))
            #expect(try upstream.message(request.stream).bodyCount > lines * (986 + message.utf8.count))
            try upstream.respond(
                to: request.stream,
                200,
                [Library.type],
                body: Library.frame(""),
                trailers: Library.fine
            )
            #expect(try client.readResponse().text == "{}")
        }
    }

    @Test func bodyThatWaitsForAConnectionStallsTheClient() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
            $0.upstreams[0].limits.connections = 1
        }
        try TestGateway.run(model) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get())
            let upstream = try origin.accept()
            let second = try gateway.connect(name: "second")
            try second.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: \(Self.size)"]))
            let sent = try second.sendPatternUntilStalled(limit: Self.size)
            #expect(sent < Self.bound)
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            _ = try upstream.readHead()
            let sender = Background { [second = Handover(second)] in
                try second.value.sendPattern(Self.size - sent, from: sent)
            }
            try upstream.readPattern(Self.size)
            try sender.value()
        }
    }

    @Test func clientThatPipelinesWithoutReadingIsStalled() throws {
        let folder = try TemporaryFolder()
        let body = String(repeating: "y", count: 2000)
        let origin = try RespondingOrigin(at: .unix(path: folder.path("origin"))) { _, peer in
            try peer.send(Wire.ok(body))
            return true
        }
        defer { origin.stop() }
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let request = Array(Wire.get("/" + String(repeating: "x", count: 200)).utf8)
            let requests = Array(repeatElement(request, count: 20_000).joined())
            let sent = try client.sendUntilStalled(requests[...], stall: .milliseconds(300))
            #expect(sent < Self.bound, "\(sent) bytes of requests from a client that reads no answers")
            let answered = origin.requestCount
            #expect(answered * body.utf8.count < Self.bound, "\(answered) answers for a client that reads none")
            // Whatever was sent whole is answered once the client reads.
            for _ in 0..<(sent / request.count) { #expect(try client.readResponse().text == body) }
        }
    }

    @Test func tunnelStallsBothWays() throws {
        try run { gateway, origin in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: Upgrade", "Upgrade: websocket"))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            _ = try client.readHead()
            let up = try client.sendPatternUntilStalled(limit: Self.size)
            let down = try upstream.sendPatternUntilStalled(limit: Self.size)
            #expect(up < Self.bound && down < Self.bound, "\(up) up, \(down) down")
            // Each direction goes on by itself, the other one still full.
            try upstream.readPattern(up)
            try client.send("more")
            #expect(try upstream.readText(4) == "more")
            try client.readPattern(down)
        }
    }
}
