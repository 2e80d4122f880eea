import NIOCore
import Testing

@testable import SluiceHTTP

/// Windows of streams and of the connection (RFC 9113, section 5.2), which the delegate opens.
@Suite struct HTTP2FlowControlTests {
    private static func windowUpdates(_ peer: Peer, _ stream: UInt32) -> UInt32 {
        peer.frames.filter { $0.type == Frame.windowUpdate && $0.stream == stream }
            .reduce(0) { $0 + Frame.number($1.payload) }
    }

    @Test func aStreamThatIsNotReadDoesNotHinderAnother() throws {
        let pair = try Pair(client: { $0.streamWindow = 1000 })
        let slow = try pair.client.ask()
        let fast = try pair.client.ask()
        pair.run()
        pair.server.answer(slow, [(":status", "200")], Array(repeating: .zeros(1000), count: 10))
        pair.server.answer(fast, [(":status", "200")], [.text("quick"), .lastText("!")])
        pair.run()
        #expect(pair.client.recorder.received[slow]?.count == 1000)
        #expect(pair.client.recorder.received[fast] == Array("quick!".utf8))
        #expect(pair.server.session.remoteWindow(slow) == 0)
        #expect(!pair.server.session.wantsWrite)
        // Nothing is asked of a body that nobody could take.
        #expect(pair.server.recorder.pulls.filter { $0.stream == slow }.count == 1)

        pair.client.session.consume(slow, 600)
        pair.run()
        #expect(pair.server.recorder.pulls.last?.upTo == 600)
    }

    @Test func anUploadThatIsNotReadDoesNotHinderAnother() throws {
        let pair = try Pair(server: { $0.streamWindow = 20_000 })
        pair.client.recorder.bodies[1] = Array(repeating: .zeros(10_000), count: 5)
        pair.client.recorder.bodies[3] = [.lastText("small")]
        _ = try pair.client.ask(HPACK.post, end: false)
        _ = try pair.client.ask(HPACK.post, end: false)
        pair.run()
        #expect(pair.server.recorder.received[1]?.count == 20_000)
        #expect(pair.server.recorder.received[3] == Array("small".utf8))
        #expect(pair.server.recorder.events.contains("end 3"))
        pair.server.session.consume(1, 20_000)
        pair.run()
        #expect(pair.server.recorder.received[1]?.count == 40_000)
    }

    @Test func theConnectionWindowIsSharedAndHandedBack() throws {
        let pair = try Pair(server: { $0.connectionWindow = 65_535 })
        for stream in [1, 3] as [Int32] {
            pair.client.recorder.bodies[stream] = Array(repeating: .zeros(5000), count: 12)
            _ = try pair.client.ask(HPACK.post, end: false)
        }
        pair.run()
        func arrived() -> Int { [1, 3].reduce(0) { $0 + (pair.server.recorder.received[$1]?.count ?? 0) } }
        #expect(arrived() > 60_000)
        #expect(arrived() <= 65_535)
        #expect(pair.client.session.remoteConnectionWindow == 65_535 - arrived())
        let before = arrived()
        pair.server.session.consumeConnection(before)
        pair.run()
        #expect(arrived() == 120_000)
    }

    /// What was delivered of a stream that was cut off is not lost for the connection.
    @Test func theConnectionSurvivesManyUnreadUploads() throws {
        let pair = try Pair(server: { $0.connectionWindow = 65_535 })
        for round in 0..<50 {
            let stream = Int32(round * 2 + 1)
            pair.client.recorder.bodies[stream] = Array(repeating: .zeros(16_000), count: 3)
            #expect(try pair.client.ask(HPACK.post, end: false) == stream)
            pair.run()
            #expect(pair.server.recorder.received[stream]?.count == 48_000, "round \(round)")
            pair.server.session.reset(stream, .cancel)
            pair.run()
            #expect(pair.client.recorder.events.last == "closed \(stream) 8")
            pair.server.session.consumeConnection(48_000)
            pair.server.session.consume(stream, 48_000)
        }
        #expect(pair.client.session.openStreams == 0)
    }

    /// DATA that is ignored because its stream was reset gives the connection's window back by itself.
    @Test func ignoredBytesAreHandedBackByThemselves() throws {
        let server = try Peer(.server) { $0.connectionWindow = 65_535 }
        server.hear(Frame.opening + Frame.post)
        server.session.reset(1, .cancel)
        server.speak()
        for _ in 0..<8 { server.hear(Frame.zeros(1, 16_000)) }
        #expect(server.session.failure == nil)
        #expect(Self.windowUpdates(server, 0) >= 96_000)
        #expect(server.recorder.received[1] == nil)
    }

    @Test func paddingIsHandedBackByItself() throws {
        let server = try Peer(.server) {
            $0.streamWindow = 1000
            $0.connectionWindow = 65_535
        }
        server.hear(Frame.opening + Frame.post)
        let padded = Frame.make(
            Frame.data,
            flags: Frame.padded,
            stream: 1,
            [199, 0x61] + Array(repeating: 0, count: 199)
        )
        for _ in 0..<4 { server.hear(padded) }
        #expect(server.recorder.received[1]?.count == 4)
        #expect(Self.windowUpdates(server, 1) >= 500)
        for _ in 0..<4 { server.hear(padded) }
        #expect(server.session.failure == nil)
        #expect(server.resetCode(1) == nil)
    }

    @Test func aClosedWindowStopsTheBodyAndAnOpenedOneLetsItGoOn() throws {
        let server = try Peer(.server)
        server.hear(Frame.preface + Frame.settings([(4, 0)]) + Frame.settingsAck + Frame.get)
        server.answer(1, [(":status", "200")], [.lastText("abc")])
        server.speak()
        #expect(!server.frames.contains { $0.type == Frame.data })
        #expect(server.session.remoteWindow(1) == 0)
        #expect(server.recorder.pulls.isEmpty)
        server.recorder.bodies[1] = [.text("a"), .lastText("b")]
        server.hear(Frame.window(1, 1))
        server.hear(Frame.window(1, 1))
        #expect(server.recorder.pulls.map(\.upTo) == [1, 1])
        #expect(server.frames.filter { $0.type == Frame.data }.map(\.payload) == [[0x61], [0x62]])
    }

    @Test func aWindowMayBecomeNegative() throws {
        let server = try Peer(.server)
        server.hear(Frame.preface + Frame.settings([(4, 100)]) + Frame.settingsAck + Frame.get)
        server.answer(1, [(":status", "200")], [.zeros(100), .lastText("rest")])
        server.speak()
        server.hear(Frame.settings([(4, 40)]))
        #expect(server.session.remoteWindow(1) == 0)
        server.hear(Frame.window(1, 60))
        #expect(server.recorder.pulls.count == 1)
        server.hear(Frame.settings([(4, 44)]))
        #expect(server.recorder.pulls.last?.upTo == 4)
        #expect(server.recorder.events.last == "closed 1 0")
        #expect(server.frames.last { $0.type == Frame.data }?.payload == Array("rest".utf8))
    }

    @Test func theWindowsStartAsLargeAsTheSettingsSay() throws {
        let pair = try Pair(server: {
            $0.streamWindow = 123_456
            $0.connectionWindow = 2_000_000
        })
        _ = try pair.client.ask(HPACK.post, end: false)
        pair.run()
        #expect(pair.client.session.remoteWindow(1) == 123_456)
        #expect(pair.client.session.remoteConnectionWindow == 2_000_000)
    }
}
