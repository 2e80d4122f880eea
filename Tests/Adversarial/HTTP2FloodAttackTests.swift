import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Testing

/// Floods of HTTP/2 against a whole gateway: the connection ends and is counted, the process does not grow, and others
/// are served meanwhile.
@Suite(.serialized) struct HTTP2FloodAttackTests {
    struct Flood: Sendable, CustomStringConvertible {
        let description: String
        /// What the connection is ended for; several where the gateway may find either first.
        let reasons: [HTTP2Error]
        /// The frames of one round.
        let frames: @Sendable (_ round: Int) -> [UInt8]
        var rounds = 3000
        /// What comes before the first.
        var opening: [UInt8] = []
    }

    private static let post = HTTP2Frames.block([
        (":method", "POST"), (":scheme", "http"), (":authority", "test"), (":path", "/"),
    ])

    private static func id(_ round: Int) -> Int32 { Int32(round * 2 + 1) }

    static let floods: [Flood] = [
        Flood(description: "rapid reset", reasons: [.rapidReset]) {
            HTTP2Frames.get(id($0)) + HTTP2Frames.reset(id($0), .cancel)
        },
        Flood(description: "streams without END_STREAM that are reset", reasons: [.rapidReset]) {
            HTTP2Frames.headers(id($0), post, endStream: false) + HTTP2Frames.reset(id($0), .noError)
        },
        Flood(description: "MadeYouReset: window of 0", reasons: [.provokedResets, .broken(.protocolError)]) {
            HTTP2Frames.headers(id($0), post, endStream: false) + HTTP2Frames.windowUpdate(id($0), 0)
        },
        Flood(description: "MadeYouReset: window overflow", reasons: [.provokedResets]) {
            HTTP2Frames.headers(id($0), post, endStream: false) + HTTP2Frames.windowUpdate(id($0), 0x7FFF_FFFF)
        },
        Flood(description: "MadeYouReset: DATA behind END_STREAM", reasons: [.provokedResets, .broken(.streamClosed)]) {
            HTTP2Frames.get(id($0)) + HTTP2Frames.data(id($0), [0])
        },
        Flood(description: "malformed heads", reasons: [.provokedResets]) {
            HTTP2Frames.headers(id($0), HTTP2Frames.block([(":method", "GET")]), endStream: true)
        },
        Flood(
            description: "heads that are too large",
            reasons: [.provokedResets],
            frames: {
                HTTP2Frames.get(id($0), "/", (0..<110).map { ("x-\($0)", "") })
            },
            rounds: 1000
        ),
        Flood(
            description: "CONTINUATION without end",
            reasons: [.continuationFlood],
            frames: {
                HTTP2Frames.frame(.continuation, 1, HTTP2Frames.block([("x-\($0)", "y")]))
            },
            opening: HTTP2Frames.frame(.headers, flags: HTTP2Frames.endStream, 1, post)
        ),
        Flood(
            description: "empty CONTINUATION",
            reasons: [.continuationFlood, .emptyFrameFlood],
            frames: { _ in
                HTTP2Frames.frame(.continuation, 1)
            },
            opening: HTTP2Frames.frame(.headers, flags: HTTP2Frames.endStream, 1, post)
        ),
        Flood(description: "PING", reasons: [.pingFlood]) { HTTP2Frames.ping(UInt8(truncatingIfNeeded: $0)) },
        Flood(description: "PING that is an answer", reasons: [.idleFrameFlood]) { _ in
            HTTP2Frames.frame(.ping, flags: HTTP2Frames.ack, 0, Array(repeating: 0, count: 8))
        },
        Flood(description: "SETTINGS", reasons: [.settingsFlood]) { _ in HTTP2Frames.settings() },
        Flood(description: "SETTINGS with many entries", reasons: [.settingsFlood, .broken(.enhanceYourCalm), .failed])
        { _ in
            HTTP2Frames.settings((0..<100).map { _ in (id: 4, value: 65_535) })
        },
        Flood(description: "SETTINGS that is an answer", reasons: [.idleFrameFlood, .broken(.protocolError)]) { _ in
            HTTP2Frames.settingsAck
        },
        Flood(
            description: "empty DATA",
            reasons: [.emptyFrameFlood],
            frames: { _ in HTTP2Frames.data(1, []) },
            opening: HTTP2Frames.headers(1, post, endStream: false)
        ),
        Flood(
            description: "DATA with padding only",
            reasons: [.emptyFrameFlood],
            frames: { _ in
                HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, 1, [10] + Array(repeating: 0, count: 10))
            },
            opening: HTTP2Frames.headers(1, post, endStream: false)
        ),
        Flood(description: "WINDOW_UPDATE", reasons: [.idleFrameFlood]) { _ in HTTP2Frames.windowUpdate(0, 1) },
        Flood(description: "PRIORITY", reasons: [.idleFrameFlood]) {
            HTTP2Frames.frame(.priority, id($0), HTTP2Frames.big(0) + [16])
        },
        Flood(description: "unknown frames", reasons: [.idleFrameFlood]) { _ in
            HTTP2Frames.frame(type: 0xBE, flags: 0, 0, [1, 2, 3])
        },
        Flood(
            description: "more streams than allowed",
            reasons: [.tooManyStreams],
            frames: {
                HTTP2Frames.headers(id($0), post, endStream: false)
            },
            opening: HTTP2Frames.settingsAck
        ),
        Flood(
            description: "header bomb",
            reasons: [.headerBomb],
            frames: { round in
                // One field of the table, again and again.
                HTTP2Frames.headers(id(round + 1), [UInt8](repeating: 0x80 | 62, count: 16_000), endStream: true)
            },
            rounds: 100,
            opening: HTTP2Frames.headers(
                1,
                post + HTTP2Frames.indexed("x", String(repeating: "a", count: 3000)),
                endStream: true
            )
        ),
        Flood(description: "garbage", reasons: [.broken(.protocolError), .idleFrameFlood]) {
            (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 13) } + [UInt8(truncatingIfNeeded: $0)]
        },
    ]

    @Test("the connection ends and is counted; others go on", arguments: floods)
    func flood(_ flood: Flood) throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let other = try gateway.connectHTTP2(name: "other")
            #expect(try other.answer(to: try other.request("GET", "/before")).status == 200)
            let attacker = try gateway.connect(name: "attacker")
            try attacker.send(HTTP2Frames.hello() + flood.opening)
            var sent = 0
            // Until the gateway has closed, which a send finds out sooner or later.
            while sent < flood.rounds {
                let batch = (sent..<min(sent + 50, flood.rounds)).flatMap { flood.frames($0) }
                guard (try? attacker.send(batch)) != nil else { break }
                sent += 50
                #expect(try other.answer(to: try other.request("GET", "/\(sent)")).text == "/\(sent)")
            }
            // What the client gets to see is an end; it need not wait for the rest of the gateway's patience.
            try attacker.expectGone()
            attacker.close()
            try gateway.wait(for: "the end of the connection") { gateway.connectionCount == 1 }
            #expect(flood.reasons.map { gateway.http2Errors($0) }.reduce(0, +) == 1)
            #expect(try other.answer(to: try other.request("GET", "/after")).text == "/after")
        }
    }

    static let takenBack: [Flood] = floods.filter {
        $0.description == "rapid reset" || $0.description.hasPrefix("MadeYouReset: window")
    }

    @Test("requests that are over before they have begun cost nothing behind the gateway", arguments: takenBack)
    func nothingBegins(_ flood: Flood) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let attacker = try gateway.connect(name: "attacker")
            try attacker.send(HTTP2Frames.hello())
            try gateway.settle()
            // A read may end between two frames.
            for batch in 0..<5 { try attacker.send((0..<30).flatMap { flood.frames(batch * 30 + $0) }) }
            try gateway.settle()
            #expect(gateway.total(\.requests) < 15 && gateway.total(\.attempts) < 15)
        }
    }

    // MARK: - Memory, each in a process of its own: other tests run at the same time in this one.

    @Test("floods from many connections do not make the process grow")
    func memory() async {
        await #expect(processExitsWith: .success) {
            let model = GatewayModel.routing(.respond("all", .any) { $0.body = "hello" })
            try TestGateway.run(model) { gateway in
                func attackAll(times: Int) throws {
                    for flood in HTTP2FloodAttackTests.floods {
                        for _ in 0..<times {
                            let attacker = try gateway.connect(name: "attacker")
                            _ = try? attacker.send(
                                HTTP2Frames.hello() + flood.opening + (0..<200).flatMap { flood.frames($0) }
                            )
                            attacker.reset()
                        }
                    }
                    try gateway.wait(for: "the end of the connections") { gateway.connectionCount == 0 }
                }
                try attackAll(times: 8)
                let before = try ProcessMemory.residentBytes()
                for _ in 0..<4 { try attackAll(times: 8) }
                let grown = try ProcessMemory.residentBytes() - before
                if grown > 8_000_000 { throw TestFailure("\(grown) bytes more than before") }
            }
        }
    }

    @Test("windows that stay shut cost a bounded number of bytes, and end")
    func shutWindows() async {
        await #expect(processExitsWith: .success) {
            let origin = try RespondingOrigin { _, peer in
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                try peer.sendPattern(1_000_000)
                return true
            }
            defer { origin.stop() }
            try TestGateway.run(.forwarding(to: origin.address)) { gateway in
                let before = try ProcessMemory.residentBytes()
                let attackers = try (0..<5).map { _ in try gateway.connect(name: "attacker") }
                for attacker in attackers {
                    let requests = (0..<100).flatMap { HTTP2Frames.get(Int32($0 * 2 + 1)) }
                    try attacker.send(HTTP2Frames.hello([(id: 4, value: 0)]) + requests)
                }
                try gateway.wait(for: "the requests") { gateway.total(\.requests) == 500 }
                for _ in 0..<50 { try gateway.settle() }
                let grown = try ProcessMemory.residentBytes() - before
                // 500 times 64 KiB, what one read brings, and what the origin's threads take.
                if grown > 160_000_000 { throw TestFailure("\(grown) bytes for 500 streams that nobody reads") }
            }
        }
    }

    @Test("answers that a client does not read do not pile up")
    func unreadAnswers() async {
        await #expect(processExitsWith: .success) {
            let model = GatewayModel.routing(.respond("all", .any) { $0.body = String(repeating: "x", count: 1000) })
            try TestGateway.run(model) { gateway in
                let attacker = try gateway.connect(name: "attacker", receiveBuffer: 4096)
                try attacker.send(
                    HTTP2Frames.hello([(id: 4, value: 0x7FFF_FFFF)]) + HTTP2Frames.windowUpdate(0, 0x7000_0000)
                )
                let before = try ProcessMemory.residentBytes()
                var stream: Int32 = 1
                for _ in 0..<200 {
                    var batch: [UInt8] = []
                    for _ in 0..<100 {
                        batch += HTTP2Frames.get(stream)
                        stream += 2
                    }
                    guard (try? attacker.sendUntilStalled(batch[...])) == batch.count else { break }
                }
                try gateway.settle()
                let grown = try ProcessMemory.residentBytes() - before
                if grown > 32_000_000 { throw TestFailure("\(grown) bytes for answers that nobody reads") }
            }
        }
    }
}
