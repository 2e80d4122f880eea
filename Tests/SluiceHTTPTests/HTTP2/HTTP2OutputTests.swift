import NIOCore
import Testing

@testable import SluiceHTTP

/// What goes out, when, and in which pieces.
@Suite struct HTTP2OutputTests {
    @Test func manyStreamsTakeTurns() throws {
        let pair = try Pair(client: { $0.streamWindow = 1 << 20 })
        for _ in 0..<4 { _ = try pair.client.ask() }
        pair.run()
        for stream in [1, 3, 5, 7] as [Int32] {
            pair.server.answer(stream, [(":status", "200")], Array(repeating: .zeros(1000), count: 20))
        }
        pair.server.speak(limit: 41_000)
        #expect(pair.server.session.wantsWrite)
        // After about half of it, each has sent about half.
        let sent = Dictionary(grouping: pair.server.frames.filter { $0.type == Frame.data }, by: \.stream)
        for stream in [1, 3, 5, 7] as [UInt32] { #expect((8...12).contains(sent[stream]?.count ?? 0)) }
    }

    @Test func manyUploadsTakeTurns() throws {
        let pair = try Pair()
        for stream in [1, 3, 5] as [Int32] {
            pair.client.recorder.bodies[stream] = Array(repeating: .zeros(1000), count: 20)
            _ = try pair.client.ask(HPACK.post, end: false)
        }
        pair.client.speak(limit: 31_000)
        let sent = Dictionary(grouping: pair.client.frames.filter { $0.type == Frame.data }, by: \.stream)
        for stream in [1, 3, 5] as [UInt32] { #expect((8...12).contains(sent[stream]?.count ?? 0)) }
    }

    @Test func largePiecesAreHandedOverInOrder() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        let large = ByteBuffer(bytes: (0..<10_000).map { UInt8($0 % 251) })
        pair.server.answer(stream, [(":status", "200")], [.text("small"), .bytes(large), .lastText("end")])
        var out = ByteBuffer()
        var passed: [ByteBuffer] = []
        pair.server.session.produce(into: &out, limit: 1 << 20) { passed.append($0) }
        #expect(passed.count == 2)
        #expect(passed.last == large)
        for buffer in passed + [out] { pair.client.hear(Array(buffer.readableBytesView)) }
        #expect(
            pair.client.recorder.received[1] == Array("small".utf8) + Array(large.readableBytesView) + Array("end".utf8)
        )
        #expect(pair.client.recorder.events.last == "closed 1 0")
    }

    @Test func productionStopsNearItsLimit() throws {
        let pair = try Pair(client: { $0.streamWindow = 1 << 20 })
        let stream = try pair.client.ask()
        pair.run()
        pair.server.answer(stream, [(":status", "200")], Array(repeating: .zeros(10_000), count: 6))
        let before = pair.server.recorder.pulls.count
        let bytes = pair.server.speak(limit: 25_000)
        #expect((25_000...35_100).contains(bytes.count))
        #expect(pair.server.recorder.pulls.count - before == 3)
        #expect(pair.server.session.wantsWrite)
    }

    @Test func aHeadLargerThanAFrameGoesOutInSeveral() throws {
        let pair = try Pair(client: { $0.maxHeaderListSize = 200_000 })
        let stream = try pair.client.ask()
        pair.run()
        let value = String(repeating: "Z", count: 40_000)
        pair.server.answer(stream, [(":status", "200"), ("x", value), ("y", value)])
        pair.run()
        #expect(pair.client.recorder.events.filter { $0.count == 40_005 }.count == 2)
        #expect(pair.server.frames.contains { $0.type == Frame.continuation })
        #expect(pair.client.recorder.events.last == "closed 1 0")
    }

    @Test func aHeadThatCannotBeSentEndsTheStreamInsteadOfLeavingItOpen() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        let value = String(repeating: "Z", count: 65_000)
        pair.server.answer(stream, [(":status", "200")] + Array(repeating: ("x", value), count: 70), [.lastText("x")])
        pair.run()
        #expect(pair.server.recorder.events.last == "closed 1 2")
        #expect(pair.client.recorder.events.last == "closed 1 2")
        #expect(pair.server.session.failure == nil)
    }

    @Test func malformedLinesAreNotSent() throws {
        let pair = try Pair()
        var bad = HTTP2FieldList()
        bad.lines.writeString("a: b\nc: d\r\n")
        #expect(pair.client.session.submitRequest(&bad, endStream: true) == nil)
        #expect(pair.client.session.openStreams == 0)
        let stream = try pair.client.ask()
        pair.run()
        #expect(!pair.server.session.submitAnswer(stream, &bad, endStream: true))
        #expect(!pair.server.session.submitInterim(stream, &bad))
        #expect(!pair.server.session.submitTrailers(stream, &bad))
        #expect(pair.server.speak() == [])
        pair.server.answer(stream)
        pair.run()
        #expect(pair.client.recorder.events.last == "closed 1 0")
    }

    @Test func callsFromWithinCallbacksDoNotNest() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening)
        server.recorder.onEvent = { [unowned server] event in
            guard event == "end 1" else { return }
            server.answer(1, [(":status", "200")], [.lastText("x")])
            #expect(server.speak() == [])
            #expect(server.hearOnly(Frame.headers(3, HPACK.get)) == nil)
        }
        server.recorder.onPull = { [unowned server] in #expect(server.speak() == []) }
        server.hearOnly(Frame.get)
        #expect(!server.recorder.events.contains("request 3"))
        server.speak()
        #expect(server.frames.filter { $0.type == Frame.data }.map(\.payload) == [[0x78]])
        #expect(server.recorder.events.last == "closed 1 0")
    }

    @Test func aSessionWithOpenStreamsCanBeDropped() throws {
        weak var dropped: HTTP2Session?
        do {
            let server = try Peer(.server)
            dropped = server.session
            server.hear(Frame.opening + Frame.get)
            server.answer(1, [(":status", "200")], [.zeros(100_000)])
            server.speak(limit: 20_000)
            #expect(server.session.wantsWrite)
        }
        #expect(dropped == nil)
    }
}
