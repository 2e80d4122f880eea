import NIOCore
import Testing

@testable import SluiceHTTP

/// A client session and a server session that talk to each other.
@Suite struct HTTP2ExchangeTests {
    @Test(arguments: [nil, 1, 7])
    func requestAndAnswerWithoutBodies(pieces: Int?) throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run(pieces: pieces)
        #expect(
            pair.server.recorder.events == [
                "settings", "request 1", "  :method: GET", "  :scheme: http", "  :path: /",
                "  :authority: example.com", "whole 1", "end 1",
            ]
        )
        pair.server.answer(stream, [(":status", "204"), ("Server", "sluice")])
        pair.run(pieces: pieces)
        #expect(
            pair.client.recorder.events == [
                "settings", "answer 1", "  :status: 204", "  server: sluice", "whole 1", "end 1", "closed 1 0",
            ]
        )
        #expect(pair.server.recorder.events.last == "closed 1 0")
        #expect(pair.client.session.openStreams == 0)
        #expect(pair.server.session.openStreams == 0)
    }

    @Test(arguments: [nil, 1])
    func bodiesBothWays(pieces: Int?) throws {
        let pair = try Pair()
        pair.client.recorder.bodies[1] = [.text("hello "), .lastText("server")]
        let stream = try pair.client.ask(HPACK.post, end: false)
        pair.run(pieces: pieces)
        #expect(pair.server.recorder.received[1] == Array("hello server".utf8))
        #expect(pair.server.recorder.events.last == "end 1")
        pair.server.answer(stream, [(":status", "200")], [.text("hello "), .text("client"), .last(ByteBuffer())])
        pair.run(pieces: pieces)
        #expect(pair.client.recorder.received[1] == Array("hello client".utf8))
        #expect(pair.client.recorder.events.suffix(2) == ["end 1", "closed 1 0"])
        #expect(pair.client.recorder.complaints + pair.server.recorder.complaints == [])
    }

    @Test func trailersBothWays() throws {
        let pair = try Pair()
        pair.client.recorder.bodies[1] = [.text("ab"), .lastBeforeTrailers(ByteBuffer(string: "c"))]
        let stream = try pair.client.ask(HPACK.post, end: false)
        pair.run()
        #expect(pair.server.recorder.received[1] == Array("abc".utf8))
        #expect(!pair.server.recorder.events.contains("end 1"))
        pair.client.trailers(stream, [("X-Checksum", "1")])
        pair.run()
        #expect(pair.server.recorder.events.suffix(4) == ["trailers 1", "  x-checksum: 1", "whole 1", "end 1"])

        // Within the pull, and with nothing left of the body.
        pair.server.answer(stream, [(":status", "200")], [.text("d"), .lastBeforeTrailers(ByteBuffer())])
        pair.run()
        pair.server.trailers(stream, [("grpc-status", "0"), ("grpc-message", "")])
        pair.run()
        #expect(
            pair.client.recorder.events.suffix(6) == [
                "trailers 1", "  grpc-status: 0", "  grpc-message: ", "whole 1", "end 1", "closed 1 0",
            ]
        )
    }

    @Test func trailersSubmittedWithinThePullFollowTheBody() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.server.answer(stream, [(":status", "200")], [])
        pair.run()
        let server = pair.server
        pair.server.recorder.bodies[1] = [.lastBeforeTrailers(ByteBuffer(string: "body"))]
        pair.server.recorder.onPull = { [unowned server] in server.trailers(1, [("a", "b")]) }
        pair.server.session.dataReady(1)
        pair.run()
        #expect(
            pair.client.recorder.events.suffix(6) == [
                "data 1 4", "trailers 1", "  a: b", "whole 1", "end 1", "closed 1 0",
            ]
        )
    }

    @Test func trailersOnlyAnswer() throws {
        let pair = try Pair()
        let stream = try pair.client.ask(HPACK.post)
        pair.run()
        pair.server.answer(stream, [(":status", "200"), ("grpc-status", "12")])
        pair.run()
        #expect(pair.client.recorder.events.contains("whole 1"))
        #expect(!pair.client.recorder.events.contains("trailers 1"))
    }

    @Test func interimAnswersComeBeforeTheAnswer() throws {
        let pair = try Pair()
        let stream = try pair.client.ask(HPACK.post, end: false)
        pair.run()
        var list = pair.server.fields([(":status", "100")])
        #expect(pair.server.session.submitInterim(stream, &list))
        pair.run()
        list = pair.server.fields([(":status", "103"), ("Link", "</a.css>")])
        #expect(pair.server.session.submitInterim(stream, &list))
        pair.server.answer(stream, [(":status", "200")])
        pair.run()
        #expect(
            pair.client.recorder.events.dropFirst() == [
                "interimAnswer 1", "  :status: 100", "headers 1", "interimAnswer 1", "  :status: 103",
                "  link: </a.css>", "headers 1", "answer 1", "  :status: 200", "whole 1", "end 1",
            ]
        )
    }

    @Test func anAnswerMayBeWholeBeforeTheRequest() throws {
        let pair = try Pair()
        let stream = try pair.client.ask(HPACK.post, end: false)
        pair.run()
        pair.server.answer(stream, [(":status", "413")])
        pair.run()
        #expect(pair.client.recorder.events.last == "end 1")
        pair.server.session.reset(stream, .noError)
        pair.run()
        #expect(pair.client.recorder.events.last == "closed 1 0")
        #expect(pair.server.recorder.events.last == "closed 1 0")
        // The rest of the body may still be under way.
        #expect(pair.server.hear(Frame.data(1, "late")) == nil)
        #expect(pair.server.session.failure == nil)
    }

    @Test func aWaitingBodyGoesOnWhenItIsReady() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.server.answer(stream, [(":status", "200")], [.text("a"), .wait])
        pair.run()
        #expect(pair.client.recorder.received[1] == [0x61])
        #expect(!pair.server.session.wantsWrite)
        pair.server.recorder.bodies[1] = [.lastText("b")]
        #expect(!pair.server.session.wantsWrite)
        pair.server.session.dataReady(1)
        #expect(pair.server.session.wantsWrite)
        pair.run()
        #expect(pair.client.recorder.received[1] == [0x61, 0x62])
        #expect(pair.client.recorder.events.last == "closed 1 0")
    }

    @Test func aBodyThatBreaksOffResetsTheStreamWithItsCode() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.server.answer(stream, [(":status", "200")], [.text("a"), .failed(.cancel)])
        pair.run()
        #expect(pair.client.recorder.events.suffix(2) == ["data 1 1", "closed 1 8"])
        #expect(pair.server.recorder.events.last == "closed 1 8")
    }

    @Test func aPieceThatIsLargerThanAskedForResetsTheStream() throws {
        let pair = try Pair()
        let stream = try pair.client.ask()
        pair.run()
        pair.server.recorder.cutsBodies = false
        pair.server.answer(stream, [(":status", "200")], [.zeros(20_000)])
        pair.run()
        #expect(pair.client.recorder.events.last == "closed 1 2")
        #expect(pair.client.recorder.received[1] == nil)
    }

    @Test func extendedConnectCarriesAWebSocket() throws {
        let pair = try Pair()
        #expect(pair.client.session.peerTakesConnectProtocol)
        let stream = try pair.client.ask(
            [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
                (":authority", "example.com"), ("sec-websocket-version", "13"),
            ],
            end: false
        )
        pair.run()
        #expect(pair.server.recorder.events.contains("  :protocol: websocket"))
        #expect(pair.server.recorder.events.last == "headers 1")
        pair.server.answer(stream, [(":status", "200")], [.text("frame")])
        pair.run()
        pair.client.recorder.bodies[1] = [.text("masked")]
        pair.client.session.dataReady(1)
        pair.run()
        #expect(pair.client.recorder.received[1] == Array("frame".utf8))
        #expect(pair.server.recorder.received[1] == Array("masked".utf8))
    }

    @Test func extendedConnectIsMalformedWhereItIsNotOffered() throws {
        let pair = try Pair(server: { $0.enableConnectProtocol = false })
        #expect(!pair.client.session.peerTakesConnectProtocol)
        _ = try pair.client.ask(
            [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
                (":authority", "example.com"),
            ],
            end: false
        )
        pair.run()
        #expect(pair.client.recorder.events.last == "closed 1 1")
        #expect(pair.server.recorder.events.contains("invalid 1"))
    }

    @Test func pingsAreAnswered() throws {
        let pair = try Pair()
        pair.client.session.ping(42)
        pair.server.session.ping(.max)
        pair.run()
        #expect(pair.client.recorder.events.last == "pong 42")
        #expect(pair.server.recorder.events.last == "pong \(UInt64.max)")
    }

    @Test func theClientTakesNoPushes() throws {
        let client = try Peer(.client)
        let stream = UInt32(try client.ask())
        client.speak()
        client.hear(Frame.settings() + Frame.settingsAck)
        client.hear(
            Frame.make(
                Frame.pushPromise,
                flags: Frame.endHeaders,
                stream: stream,
                Frame.int(2) + HPACK.block(HPACK.get)
            )
        )
        #expect(client.goAwayCode == 1)
        #expect(client.session.failure == .broken(.protocolError))
    }

    @Test func theSettingsAreWhatTheyShouldBe() throws {
        func entries(_ peer: Peer) throws -> [UInt16: UInt32] {
            peer.speak()
            let frame = try #require(peer.frames.first { $0.type == Frame.settings })
            var entries: [UInt16: UInt32] = [:]
            for i in stride(from: 0, to: frame.payload.count, by: 6) {
                entries[UInt16(Frame.number(frame.payload[i..<i + 2]))] = Frame.number(frame.payload[i + 2..<i + 6])
            }
            return entries
        }
        #expect(
            try entries(Peer(.server)) == [1: 4096, 3: 100, 4: 65_536, 5: 16_384, 6: 65_536, 8: 1, 9: 1]
        )
        #expect(try entries(Peer(.client)) == [1: 4096, 2: 0, 4: 65_536, 5: 16_384, 6: 65_536])
    }
}
