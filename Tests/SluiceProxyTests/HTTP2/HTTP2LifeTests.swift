import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// How connections of HTTP/2 begin and end.
@Suite struct HTTP2LifeTests {
    private static let hello = GatewayModel.routing(.respond("hello", .any) { $0.body = "hello" })

    private static func hello(_ change: (inout ListenerModel) -> Void) -> GatewayModel {
        var model = hello
        change(&model.listeners[0])
        return model
    }

    // MARK: - Which version

    @Test("a listener of HTTP/2 alone answers HTTP/1 with 505 and closes")
    func onlyTwo() throws {
        try TestGateway.run(Self.hello { $0.protocols = [.http2] }) { gateway in
            let one = try gateway.connect()
            try one.send(Wire.get() + Wire.get())
            let answer = try one.readResponse()
            #expect(answer.status == 505 && answer.text.contains("unsupported_version"))
            try one.expectEnd()
            let two = try gateway.connectHTTP2()
            #expect(try two.answer(to: try two.request("GET", "/")).text == "hello")
        }
    }

    @Test("a listener of HTTP/1 alone takes the preface for a bad request")
    func onlyOne() throws {
        try TestGateway.run(Self.hello { $0.protocols = [.http1] }) { gateway in
            let two = try gateway.connect()
            try two.send(HTTP2Frames.hello() + HTTP2Frames.get(1))
            let answer = try two.readResponse()
            #expect(answer.status == 505)
            try two.expectEnd()
        }
    }

    @Test("the preface may come in pieces, and what only looks like it is HTTP/1")
    func preface() throws {
        try TestGateway.run(Self.hello) { gateway in
            let two = try gateway.connect()
            for byte in HTTP2Frames.hello() + HTTP2Frames.get(1) {
                try two.send([byte])
                try gateway.settle()
            }
            #expect(try two.readFrame { $0.kind == .headers }.stream == 1)
            for text in ["PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n", "P\r\n"] {
                let one = try gateway.connect()
                try one.send(text)
                let status = try one.readResponse().status
                #expect(status == 400 || status == 505, "\(text)")
            }
        }
    }

    @Test("a connection without its preface is not waited for")
    func slowPreface() throws {
        try TestGateway.run(Self.hello, clock: ManualClock()) { gateway in
            let half = try gateway.connect()
            try half.send("PRI * HTTP/2.0\r\n")
            let silent = try gateway.connect()
            try silent.send(HTTP2Frames.preface)
            let quiet = try gateway.connectHTTP2()
            try gateway.advance(by: .seconds(11))
            try gateway.advance(by: .seconds(3))
            try half.expectGone()
            try silent.expectGone()
            try quiet.waitForEnd()
            #expect(quiet.goAways.map(\.code) == [.noError])
        }
    }

    // MARK: - Idle

    @Test("an idle connection is closed after its time, a PING does not make it longer, and a request does")
    func idle() throws {
        try TestGateway.run(Self.hello, clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<3 {
                #expect(try client.answer(to: try client.request("GET", "/")).text == "hello")
                try gateway.advance(by: .seconds(50))
                try client.roundTrip()
            }
            try gateway.advance(by: .seconds(11))
            try client.waitForEnd()
            #expect(client.goAways.map(\.code) == [.noError])
            client.peer.close()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
        }
    }

    @Test("a stream under way keeps a connection from being idle")
    func busy() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].timeouts.responseHead = .seconds(600)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.advance(by: .seconds(200))
            try upstream.send(Wire.ok())
            #expect(try client.answer(to: stream).status == 200)
            try gateway.advance(by: .seconds(61))
            try client.waitForEnd()
        }
    }

    @Test("a head that does not end is not waited for, whatever else goes on", arguments: [false, true])
    func slowHead(isBusy: Bool) throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let peer = try gateway.connect()
            try peer.send(HTTP2Frames.hello())
            if isBusy { try peer.send(HTTP2Frames.get(1)) }
            let block = HTTP2Frames.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])
            try peer.send(HTTP2Frames.frame(.headers, 3, block))
            for i in 0..<3 {
                try gateway.advance(by: .seconds(3))
                try peer.send(HTTP2Frames.frame(.continuation, 3, HTTP2Frames.block([("x-\(i)", "y")])))
            }
            try gateway.advance(by: .seconds(2))
            try peer.expectGone()
            #expect(gateway.count(of: .requestHeadTimeout) == 1 && gateway.connectionCount == 0)
        }
    }

    // MARK: - Ending gracefully

    @Test("draining tells the client twice; what it sends in between is served, and nothing is lost")
    func drain() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let first = try client.request("GET", "/first")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.onLoops { $0.drain {} }
            // It has not read the first GOAWAY yet.
            let second = try client.request("GET", "/second")
            let upstream2 = try origin.accept()
            #expect(try upstream2.readRequest().target == "/second")
            try client.wait { client.goAways.count == 2 }
            #expect(
                client.goAways.map(\.last) == [Int32.max, second] && client.goAways.allSatisfy { $0.code == .noError }
            )
            try upstream2.send(Wire.ok("two"))
            #expect(try client.answer(to: second).text == "two")
            let body = String(repeating: "one", count: 100_000)
            let sender = Background { [upstream = Handover(upstream)] in try upstream.value.send(Wire.ok(body)) }
            #expect(try client.answer(to: first).text == body)
            try sender.value()
            try client.waitForEnd()
            try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
        }
    }

    @Test("an idle connection drains at once")
    func drainIdle() throws {
        try TestGateway.run(Self.hello) { gateway in
            // By hand, since the library takes a GOAWAY for the end where it has no stream.
            let peer = try gateway.connect()
            try peer.send(HTTP2Frames.hello() + HTTP2Frames.get(1))
            _ = try peer.readFrame { $0.kind == .data }
            try gateway.onLoops { $0.drain {} }
            let first = try peer.readFrame { $0.kind == .goAway }
            #expect(Array(first.payload[..<4]) == HTTP2Frames.big(UInt32(Int32.max)))
            let ping = try peer.readFrame { $0.kind == .ping }
            try peer.send(HTTP2Frames.frame(.ping, flags: HTTP2Frames.ack, 0, ping.payload))
            let second = try peer.readFrame { $0.kind == .goAway }
            #expect(Array(second.payload[..<4]) == HTTP2Frames.big(1) && second.code == .noError)
            try peer.expectEnd()
        }
    }

    @Test("a client that does not answer the first step gets the second one all the same")
    func drainWithoutAnswer() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            let peer = try gateway.connect()
            try peer.send(HTTP2Frames.hello() + HTTP2Frames.get(1))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.onLoops { $0.drain {} }
            try gateway.advance(by: .seconds(1))
            // Further requests do not put it off.
            try peer.send(HTTP2Frames.get(3))
            let upstream2 = try origin.accept()
            _ = try upstream2.readRequest()
            try gateway.advance(by: .seconds(2))
            var last: [UInt8] = []
            while last != HTTP2Frames.big(3) {
                last = Array(try peer.readFrame { $0.kind == .goAway }.payload[..<4])
            }
            try upstream.send(Wire.ok())
            try upstream2.send(Wire.ok())
            for _ in 0..<2 { _ = try peer.readFrame { $0.kind == .headers } }
        }
    }

    @Test("a slow client gets the whole of its last answer")
    func slowLastAnswer() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(.forwarding(to: origin.address), clock: ManualClock()) { gateway in
            var settings = HTTP2Settings()
            settings.streamWindow = 1 << 20
            settings.connectionWindow = 1 << 20
            let client = try gateway.connectHTTP2(settings: settings)
            client.expectsPattern = true
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.onLoops { $0.drain {} }
            try client.wait { client.goAways.count == 2 }
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 700000"]))
            let sender = Background { [upstream = Handover(upstream)] in try upstream.value.sendPattern(700_000) }
            for _ in 0..<10 {
                try gateway.advance(by: .seconds(3))
                try gateway.settle()
                client.peer.readSize = 20_000
                try client.wait { try client.message(stream).bodyCount > 0 }
                let count = try client.message(stream).bodyCount
                if count < 600_000 { try client.wait { try client.message(stream).bodyCount > count } }
            }
            client.peer.readSize = 1 << 20
            #expect(try client.answer(to: stream).bodyCount == 700_000)
            try sender.value()
            try client.waitForEnd()
        }
    }

    @Test("a listener that is removed sends its clients away, and lets them finish")
    func listenerRemoved() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.listeners.append(.loopback("second"))
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2("second")
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            model.listeners.removeLast()
            try gateway.reload(model)
            try client.wait { client.goAways.count == 2 }
            try upstream.send(Wire.ok())
            #expect(try client.answer(to: stream).status == 200)
            try client.waitForEnd()
        }
    }

    @Test("a connection ends after as many requests as it may have, and after its age")
    func limits() throws {
        try TestGateway.run(Self.hello { $0.limits.requestsPerConnection = 3 }) { gateway in
            let client = try gateway.connectHTTP2()
            for i in 0..<3 {
                #expect(client.goAways.isEmpty, "\(i)")
                #expect(try client.answer(to: try client.request("GET", "/")).text == "hello")
            }
            try client.waitForEnd()
            #expect(!client.goAways.isEmpty && client.goAways.allSatisfy { $0.code == .noError })
        }
        let ageing = Self.hello {
            $0.timeouts.connectionAge = .seconds(100)
            $0.timeouts.keepAlive = .seconds(1000)
        }
        try TestGateway.run(ageing, clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<2 {
                _ = try client.answer(to: try client.request("GET", "/"))
                try gateway.advance(by: .seconds(40))
            }
            #expect(client.goAways.isEmpty)
            try gateway.advance(by: .seconds(21))
            #expect(try client.answer(to: try client.request("GET", "/")).text == "hello")
            try client.waitForEnd()
            #expect(client.goAways.last?.code == .noError)
        }
    }

    @Test("a client that says GOAWAY is served to the end of its streams")
    func clientGoesAway() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            try client.goAway()
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("still"))
            #expect(try client.answer(to: stream).text == "still")
            try client.waitForEnd()
        }
    }

    @Test("when the gateway stops waiting, streams without an answer get one")
    func cutShort() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.onLoops { $0.cutAll() }
            let answer = try client.answer(to: stream)
            #expect(answer.status == 503 && answer.text.contains("draining"))
            try client.waitForEnd()
        }
    }

    // MARK: - Signs of life

    private static func keepalive(_ origin: ScriptedOrigin) -> GatewayModel {
        .forwardingHTTP2(to: origin.address) {
            $0.listeners[0].http2.keepaliveInterval = .seconds(10)
            $0.listeners[0].http2.keepaliveTimeout = .seconds(5)
            $0.listeners[0].timeouts.keepAlive = .seconds(1000)
            $0.listeners[0].timeouts.requestHead = .seconds(1000)
            $0.upstreams[0].http2.keepaliveInterval = .seconds(30)
            $0.upstreams[0].http2.keepaliveTimeout = .seconds(5)
            $0.upstreams[0].timeouts.responseHead = .seconds(1000)
            $0.upstreams[0].timeouts.idle = .seconds(1000)
        }
    }

    @Test("a silent client is asked for a sign of life, and closed when it gives none")
    func keepaliveDown() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(Self.keepalive(origin), clock: ManualClock()) { gateway in
            let peer = try gateway.connect()
            try peer.send(HTTP2Frames.hello())
            func pings() throws -> Int {
                var count = 0
                while try !peer.peek().isEmpty { if try peer.readFrame().kind == .ping { count += 1 } }
                return count
            }
            try gateway.advance(by: .seconds(9))
            #expect(try pings() == 0)
            // Anything that comes is a sign of life.
            try peer.send(HTTP2Frames.settingsAck)
            try gateway.advance(by: .seconds(9))
            #expect(try pings() == 0)
            try gateway.advance(by: .seconds(2))
            #expect(try pings() == 1)
            try peer.send(HTTP2Frames.windowUpdate(0, 1))
            try gateway.advance(by: .seconds(6))
            #expect(gateway.connectionCount == 1)
            try gateway.advance(by: .seconds(5))
            #expect(try pings() == 1)
            try gateway.advance(by: .seconds(4))
            #expect(gateway.connectionCount == 1)
            try gateway.advance(by: .seconds(2))
            try peer.expectGone()
            #expect(gateway.connectionCount == 0)
        }
    }

    @Test("a silent upstream is asked for a sign of life; without one its streams fail and the next ones go elsewhere")
    func keepaliveUp() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(Self.keepalive(origin), clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let dead = try origin.acceptHTTP2()
            _ = try dead.request()
            // In small steps: whoever is asked must have the time to answer.
            func pass(seconds: Int) throws {
                for _ in 0..<(seconds / 2) {
                    try gateway.advance(by: .seconds(2))
                    try client.poll()
                }
            }
            // The library answers the first one.
            try pass(seconds: 32)
            try dead.poll()
            try gateway.settle()
            try pass(seconds: 32)
            #expect(try client.message(stream).headIsWhole == false)
            // Not this one.
            try pass(seconds: 6)
            let answer = try client.answer(to: stream)
            #expect(answer.status == 502 && answer.text.contains("upstream_reset"))
            #expect(gateway.current(.connections) == 0)
            let next = try client.request("GET", "/")
            let live = try origin.acceptHTTP2()
            try live.respond(to: try live.request().stream, 200)
            #expect(try client.answer(to: next).status == 200)
        }
    }

    @Test("an idle connection to an upstream is closed after its time, also one that nobody ever used")
    func idleUpstream() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try TestGateway.run(.forwardingHTTP2(to: origin.address), clock: ManualClock()) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.request("GET", "/")
            let upstream = try origin.acceptHTTP2()
            try upstream.respond(to: try upstream.request().stream, 200)
            _ = try client.answer(to: stream)
            try gateway.advance(by: .seconds(54))
            try upstream.roundTrip()
            #expect(gateway.current(.connections) == 1)
            try gateway.advance(by: .seconds(2))
            try upstream.waitForEnd()
            #expect(upstream.goAways.map(\.code) == [.noError] && gateway.current(.connections) == 0)
            // The client leaves while the connection is being opened.
            let left = try client.request("GET", "/")
            try gateway.wait(for: "the request") { gateway.total(\.attempts) == 2 }
            try client.reset(left)
            try gateway.settle()
            #expect(gateway.current(.connections) == 1)
            try gateway.advance(by: .seconds(57))
            #expect(gateway.current(.connections) == 0)
        }
    }
}
