import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import SluiceUpstream
import Testing

/// Windows and buffers: who is slow waits for itself, and nothing piles up.
@Suite struct HTTP2FlowTests {
    /// What the gateway may have taken of one stream that nobody reads: its own bound, the window on the other side, and
    /// what a turn of the loop brings.
    private static let bound = 400_000
    private static let size = 8_000_000

    // MARK: - One slow reader

    @Test("a client that does not read one stream stalls the upstream of that stream alone", arguments: [false, true])
    func slowReader(isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            client.expectsPattern = true
            let slow = try client.request("GET", "/slow")
            client.stalled = [slow]
            let two = isTwoUp ? try origin.acceptHTTP2() : nil
            if let two {
                let request = try two.requestHead()
                try two.respond(to: request.stream, 200, ends: false)
                try two.sendPattern(Self.size, on: request.stream)
                try client.wait { try client.message(slow).bodyCount >= 65_535 }
                try settle(client, two, gateway)
                let sent = two.sentCount(request.stream)
                #expect(sent < Self.bound, "\(sent) bytes were taken for a stream that nobody reads")
                // The others of both connections are as fast as ever.
                for i in 0..<20 {
                    let fast = try client.request("GET", "/\(i)")
                    let other = try two.requestHead()
                    try two.respond(to: other.stream, 200, ends: false)
                    try two.sendPattern(200_000, on: other.stream)
                    try drive(client, two) { try client.message(fast).isWhole }
                    #expect(try client.message(fast).bodyCount == 200_000)
                }
                client.stalled = []
                client.session?.consume(slow, try client.message(slow).bodyCount)
                try client.flush()
                try drive(client, two) { try client.message(slow).isWhole }
            } else {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(Self.size)"]))
                let sent = try upstream.sendPatternUntilStalled(limit: Self.size)
                #expect(sent < Self.size - 1_000_000, "\(sent) bytes were taken for a stream that nobody reads")
                let fast = try client.request("GET", "/fast")
                let other = try origin.accept()
                _ = try other.readRequest()
                try other.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 300000"]))
                let second = Background { [other = Handover(other)] in try other.value.sendPattern(300_000) }
                try client.wait { try client.message(fast).isWhole }
                try second.value()
                client.stalled = []
                client.session?.consume(slow, try client.message(slow).bodyCount)
                try client.flush()
                let rest = Background { [upstream = Handover(upstream)] in
                    try upstream.value.sendPattern(Self.size - sent, from: sent)
                }
                try client.wait { try client.message(slow).isWhole }
                try rest.value()
            }
            #expect(try client.message(slow).bodyCount == Self.size)
        }
    }

    /// Lets both sides do what they can until the condition holds.
    private func drive(_ a: HTTP2Peer, _ b: HTTP2Peer, until condition: () throws -> Bool) throws {
        let end = SystemClock.monotonic() + .seconds(20)
        while try !condition() {
            if SystemClock.monotonic() > end { throw TestFailure("it takes too long: \(counts(a)); \(counts(b))") }
            try a.poll()
            try b.poll()
        }
    }

    private func counts(_ peer: HTTP2Peer) -> String {
        let streams = peer.messages.values.sorted { $0.stream < $1.stream }.map {
            "\($0.stream) sent \(peer.sentCount($0.stream)), got \($0.bodyCount), ended \($0.resetCode?.rawValue ?? 99)"
        }
        return "\(peer.peer.name): \(streams.joined(separator: "; "))"
    }

    /// Lets everything come to rest.
    private func settle(_ a: HTTP2Peer, _ b: HTTP2Peer, _ gateway: TestGateway) throws {
        for _ in 0..<5 {
            try a.poll()
            try b.poll()
            try a.roundTrip()
            try gateway.settle()
        }
    }

    @Test("an upstream that does not read one stream stalls that stream alone", arguments: [false, true])
    func slowUpload(isTwoUp: Bool) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            let slow = try client.request("POST", "/slow", ends: false)
            try client.sendPattern(Self.size, on: slow)
            if isTwoUp {
                let two = try origin.acceptHTTP2()
                two.expectsPattern = true
                let request = try two.requestHead()
                two.stalled = [request.stream]
                try drive(client, two) { try two.message(request.stream).bodyCount >= 65_535 }
                try settle(client, two, gateway)
                #expect(client.sentCount(slow) < Self.bound, "\(client.sentCount(slow)) bytes were taken")
                for i in 0..<10 {
                    let fast = try client.request("POST", "/\(i)", ends: false)
                    try client.sendPattern(150_000, on: fast)
                    let other = try two.requestHead()
                    try drive(client, two) { try two.message(other.stream).isWhole }
                    #expect(try two.message(other.stream).bodyCount == 150_000)
                    try two.respond(to: other.stream, 200)
                    _ = try client.answer(to: fast)
                }
                two.stalled = []
                two.session?.consume(request.stream, try two.message(request.stream).bodyCount)
                try two.flush()
                try drive(client, two) { try two.message(request.stream).isWhole }
                #expect(try two.message(request.stream).bodyCount == Self.size)
                try two.respond(to: request.stream, 200)
            } else {
                let upstream = try origin.accept()
                _ = try upstream.readHead()
                for _ in 0..<20 {
                    try client.roundTrip()
                    try gateway.settle()
                }
                #expect(client.sentCount(slow) < Self.size - 1_000_000, "\(client.sentCount(slow)) bytes were taken")
                let fast = try client.request("POST", "/fast", ends: false)
                try client.sendPattern(100_000, on: fast)
                let other = try origin.accept()
                _ = try other.readHead()
                let reader = Background { [other = Handover(other)] in try other.value.readChunkedPattern() }
                let slowReader = Background { [upstream = Handover(upstream)] in
                    let count = try upstream.value.readChunkedPattern()
                    try upstream.value.send(Wire.ok())
                    return count
                }
                _ = try client.answer(to: slow)
                #expect(try reader.value() == 100_000)
                #expect(try slowReader.value() == Self.size)
                return
            }
            #expect(try client.answer(to: slow).status == 200)
        }
    }

    @Test("many large bodies at once pass both ways, counted and not kept", arguments: [false, true])
    func large(isTwoUp: Bool) throws {
        let size = 24_000_000
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].version = isTwoUp ? .http2 : .http1 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connectHTTP2()
            client.expectsPattern = true
            let streams = try (0..<4).map { _ in try client.request("POST", "/", ends: false) }
            for stream in streams { try client.sendPattern(size, on: stream) }
            if isTwoUp {
                let two = try origin.acceptHTTP2()
                two.expectsPattern = true
                let requests = try streams.map { _ in try two.requestHead() }
                for request in requests {
                    try two.respond(to: request.stream, 200, ends: false)
                    try two.sendPattern(size, on: request.stream, ends: false)
                }
                try drive(client, two) { try streams.allSatisfy { try client.message($0).bodyCount == size } }
                try drive(client, two) { try requests.allSatisfy { try two.message($0.stream).isWhole } }
                // An answer that is whole before its request would end it.
                for request in requests { try two.send("", on: request.stream, ends: true) }
                try drive(client, two) { try streams.allSatisfy { try client.message($0).isWhole } }
                for request in requests { #expect(try two.message(request.stream).bodyCount == size) }
            } else {
                let answers = try streams.map { _ in
                    Background { [peer = Handover(try origin.accept())] in
                        _ = try peer.value.readHead()
                        let count = try peer.value.readChunkedPattern()
                        try peer.value.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(size)"]))
                        try peer.value.sendPattern(size)
                        return count
                    }
                }
                for stream in streams { _ = try client.answer(to: stream) }
                for answer in answers { #expect(try answer.value() == size) }
            }
            for stream in streams { #expect(try client.message(stream).bodyCount == size) }
        }
    }

    @Test("padding and tiny pieces of a body cost no window for ever")
    func padding() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let peer = try gateway.connect()
            let block = HTTP2Frames.block([
                (":method", "POST"), (":scheme", "http"), (":authority", "test"), (":path", "/"),
            ])
            try peer.send(HTTP2Frames.hello() + HTTP2Frames.headers(1, block, endStream: false))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            // 200 KB that count, of which 1 KB is a body; the windows are 64 KiB and 1 MiB.
            var window = 65_536
            for i in 0..<1000 {
                let payload = [UInt8(198), UInt8(truncatingIfNeeded: i)] + [UInt8](repeating: 0, count: 198)
                while window < payload.count {
                    let update = try peer.readFrame { $0.kind == .windowUpdate && $0.stream == 1 }
                    window += Int(update.payload.reduce(0) { $0 << 8 | UInt32($1) })
                }
                window -= payload.count
                try peer.send(HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, 1, payload))
            }
            try peer.send(HTTP2Frames.data(1, [], endStream: true))
            var body: [UInt8] = []
            while true {
                let size = try upstream.readChunkSize()
                body += try upstream.read(size)
                _ = try upstream.read(2)
                if size == 0 { break }
            }
            #expect(body == (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
            try upstream.send(Wire.ok())
            #expect(try peer.readFrame { $0.kind == .headers }.stream == 1)
        }
    }

    // MARK: - Patience

    private func withClock(_ origin: ScriptedOrigin, _ body: (TestGateway) throws -> Void) throws {
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].timeouts.streamIdle = .seconds(20)
            $0.upstreams[0].timeouts.responseHead = .seconds(300)
        }
        try TestGateway.run(model, clock: ManualClock(), body)
    }

    @Test("a stream whose client never opens its window is given up, and the others are not")
    func windowNeverOpens() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try withClock(origin) { gateway in
            var settings = HTTP2Settings()
            settings.streamWindow = 0
            let client = try gateway.connectHTTP2(settings: settings)
            let stream = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok(String(repeating: "x", count: 1000)))
            #expect(try client.head(of: stream).status == 200)
            // The upstream has been answered; the stream waits for its client.
            try gateway.advance(by: .seconds(15))
            try client.poll()
            #expect(try client.message(stream).resetCode == nil)
            try gateway.advance(by: .seconds(6))
            try client.wait { try client.message(stream).resetCode == .cancel }
            #expect(try client.message(stream).bodyCount == 0)
        }
    }

    @Test("a long answer that nobody takes is given up on both sides, and counted")
    func longAnswerNotTaken() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try withClock(origin) { gateway in
            let client = try gateway.connectHTTP2()
            client.expectsPattern = true
            let stream = try client.request("GET", "/")
            client.stalled = [stream]
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(Self.size)"]))
            _ = try upstream.sendPatternUntilStalled(limit: Self.size)
            try client.poll()
            try gateway.advance(by: .seconds(21))
            try client.wait { try client.message(stream).resetCode != nil }
            try upstream.expectGone()
            #expect(gateway.count(of: .streamIdle) == 1)
        }
    }

    @Test("a client that takes nothing at all is cut off")
    func connectionNotRead() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try withClock(origin) { gateway in
            var settings = HTTP2Settings()
            settings.streamWindow = 1 << 24
            settings.connectionWindow = 1 << 24
            let client = try gateway.connectHTTP2(settings: settings)
            _ = try client.request("GET", "/")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(Self.size)"]))
            // The socket is full, and so is what the gateway keeps.
            _ = try upstream.sendPatternUntilStalled(limit: Self.size)
            for _ in 0..<10 { try gateway.advance(by: .seconds(6)) }
            try upstream.expectGone()
            #expect(gateway.connectionCount == 0)
        }
    }

    @Test("a body that does not come is answered with 408 on its stream alone")
    func slowBody() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin(at: .unix(path: folder.path("origin")))
        try withClock(origin) { gateway in
            let client = try gateway.connectHTTP2()
            let slow = try client.request("POST", "/", [("content-length", "10")], body: "abc", ends: false)
            try gateway.advance(by: .seconds(21))
            let answer = try client.answer(to: slow)
            #expect(answer.status == 408 && answer.text.contains("request_body_timeout"))
            let next = try client.request("GET", "/")
            var upstream = try origin.accept()
            if try upstream.readHead().startLine.hasPrefix("POST") {
                upstream = try origin.accept()
                _ = try upstream.readHead()
            }
            try upstream.send(Wire.ok())
            #expect(try client.answer(to: next).status == 200)
        }
    }
}
