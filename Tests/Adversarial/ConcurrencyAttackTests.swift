import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// Every way in which a request can end gives its place back, and none gives back two.
@Suite("Attacks on concurrency") struct ConcurrencyAttackTests {
    private func model(
        _ origin: ScriptedOrigin,
        _ settings: String = "{limit: 2}",
        change: (inout GatewayModel) -> Void = { _ in }
    ) throws -> GatewayModel {
        let filters = try FilterText.models("concurrency: \(settings)")
        return .forwarding(to: origin.address) {
            $0.filters = filters
            change(&$0)
        }
    }

    /// Nobody is under way: exactly two more get through. Leaves nothing behind.
    private func expectTwoPlaces(_ gateway: TestGateway, _ origin: ScriptedOrigin, _ comment: Comment? = nil) throws {
        var held: [(client: RawPeer, upstream: RawPeer)] = []
        for _ in 0..<2 {
            let client = try gateway.connect()
            try client.send(Wire.get("/probe"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/probe", comment)
            held.append((client, upstream))
        }
        let refused = try gateway.answer(to: Wire.get("/probe"))
        #expect(refused.status == 503 && refused.text.contains("concurrency_exceeded"), comment)
        #expect(refused["Retry-After"] == "1", comment)
        for (client, upstream) in held {
            try upstream.send(Wire.ok("ok", "Connection: close"))
            #expect(try client.readResponse().status == 200, comment)
        }
        try gateway.settle()
    }

    /// A client whose request has reached the upstream.
    private func begin(_ gateway: TestGateway, _ origin: ScriptedOrigin) throws -> (client: RawPeer, upstream: RawPeer)
    {
        let client = try gateway.connect()
        try client.send(Wire.get("/begun"))
        let upstream = try origin.accept()
        _ = try upstream.readRequest()
        return (client, upstream)
    }

    @Test("refused requests do not reach the upstream, and their connection goes on")
    func refused() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{limit: 1}")) { gateway in
            let first = try begin(gateway, origin)
            let second = try gateway.connect()
            try second.send(Wire.post("/", body: "GET / HTTP/1.1\r\n\r\n") + Wire.get())
            for _ in 0..<2 { #expect(try second.readResponse().status == 503) }
            #expect(origin.isSilent)
            try first.upstream.send(Wire.ok("ok", "Connection: close"))
            #expect(try first.client.readResponse().status == 200)
            try gateway.settle()
            try second.send(Wire.get("/now"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/now")
            try upstream.send(Wire.ok())
            #expect(try second.readResponse().status == 200)
        }
    }

    @Test("a client that leaves gives its place back", arguments: [true, false])
    func clientLeaves(byReset: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            for _ in 0..<5 {
                let (client, upstream) = try begin(gateway, origin)
                if byReset { client.reset() } else { client.close() }
                try upstream.expectGone()
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("so does one that leaves in the middle of the answer, or of its own body")
    func clientLeavesMidway() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            for _ in 0..<3 {
                let (client, upstream) = try begin(gateway, origin)
                try upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
                _ = try client.readHead()
                client.reset()
                try upstream.expectGone()
                let sender = try gateway.connect()
                try sender.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 100"]) + "part")
                let second = try origin.accept()
                _ = try second.readHead()
                sender.reset()
                try second.expectGone()
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test(
        "an upstream that fails gives the place back",
        arguments: ["", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"]
    )
    func upstreamFails(answer: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            for _ in 0..<5 {
                let (client, upstream) = try begin(gateway, origin)
                if !answer.isEmpty { try upstream.send(answer) }
                try gateway.settle()
                upstream.reset()
                try gateway.settle()
                client.close()
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("an upstream that is not there, and a route that answers itself, take no place for long")
    func noUpstream() throws {
        let origin = try ScriptedOrigin()
        let closed = try ClosedPort()
        let model = try model(origin, "{limit: 2, by: ip}") {
            $0.upstreams.append(.upstream("closed", [closed.address]))
            $0.routes.insert(.forward("closed", .exact("/closed"), to: "closed"), at: 0)
            $0.routes.insert(.respond("own", .exact("/own")) { $0.body = "x" }, at: 0)
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for (target, status) in [("/closed", 503), ("/own", 200), ("/closed", 503)] {
                try client.send(Wire.get(target))
                #expect(try client.readResponse().status == status)
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("a deadline gives the place back")
    func deadline() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin) { $0.routes[0].timeout = .seconds(2) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let begun = [try begin(gateway, origin), try begin(gateway, origin)]
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            try gateway.advance(by: .seconds(3))
            for (client, _) in begun { #expect(try client.readResponse().status == 504) }
            try gateway.settle()
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("a tunnel holds its place until it is over")
    func tunnel() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin)) { gateway in
            var ends: [(client: RawPeer, upstream: RawPeer)] = []
            for _ in 0..<2 {
                let client = try gateway.connect()
                try client.send(Wire.get("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"))
                let upstream = try origin.accept()
                _ = try upstream.readHead()
                try upstream.send(
                    Wire.message("HTTP/1.1 101 Switching Protocols", ["Connection: Upgrade", "Upgrade: websocket"])
                )
                #expect(try client.readHead().status == 101)
                try client.send("ping")
                #expect(try upstream.readText(4) == "ping")
                ends.append((client, upstream))
            }
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            ends[0].client.reset()
            ends[1].upstream.reset()
            try ends[0].upstream.expectGone()
            try ends[1].client.expectGone()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("a refusal of a filter behind it gives the place back")
    func refusedBehind() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin, "{limit: 2, by: ip}") {
            $0.routes.insert(.respond("no", .exact("/no")) { _ in }, at: 0)
            $0.routes[0].filters = [ProbeFilter.model { $0.onRequest = { _ in .respond(LocalReply(status: 418)) } }]
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.send(Wire.get("/no"))
                #expect(try client.readResponse().status == 418)
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("a client that leaves while a filter behind it waits gives its place back")
    func leavesWhileWaiting() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin, "{limit: 2, by: ip}") {
            $0.routes.insert(.respond("wait", .exact("/wait")) { _ in }, at: 0)
            $0.routes[0].filters = [ProbeFilter.model { $0.onRequest = { _ in .wait } }]
        }
        try TestGateway.run(model) { gateway in
            for _ in 0..<3 {
                let client = try gateway.connect()
                try client.send(Wire.get("/wait"))
                try gateway.settle()
                client.reset()
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("a reload keeps the count of those under way, and they end in it")
    func reload() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin)
        try TestGateway.run(model) { gateway in
            let begun = [try begin(gateway, origin), try begin(gateway, origin)]
            try gateway.reload(model)
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            var wider = model
            wider.filters = try FilterText.models("concurrency: {limit: 3}")
            try gateway.reload(wider)
            let third = try begin(gateway, origin)
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            try gateway.reload(model)
            for (client, upstream) in begun + [third] {
                try upstream.send(Wire.ok("ok", "Connection: close"))
                #expect(try client.readResponse().status == 200)
                client.close()
            }
            try gateway.settle()
            try expectTwoPlaces(gateway, origin)
        }
    }

    @Test("pipelined requests are under way one after the other")
    func pipelined() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{limit: 1}")) { gateway in
            let client = try gateway.connect()
            try client.send((0..<4).map { Wire.get("/\($0)") }.joined())
            let upstream = try origin.accept()
            for i in 0..<4 {
                #expect(try upstream.readRequest().target == "/\(i)")
                try upstream.send(Wire.ok())
                #expect(try client.readResponse().status == 200)
            }
        }
    }

    @Test("a caller that makes up headers gets more only where the file lets it choose")
    func madeUpKeys() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{limit: 1, by: [ip, header.x-tenant], missing: refuse}")) { gateway in
            let first = try gateway.connect()
            try first.send(Wire.get("/", "X-Tenant: a"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            #expect(try gateway.answer(to: Wire.get("/", "x-tenant: a")).status == 503)
            // The first of several is the one that counts, and none is no way around.
            #expect(try gateway.answer(to: Wire.get("/", "x-tenant: a", "x-tenant: b")).status == 503)
            #expect(try gateway.answer(to: Wire.get("/")).status == 403)
            #expect(origin.isSilent)
            try upstream.send(Wire.ok())
            _ = try first.readResponse()
        }
    }
}
