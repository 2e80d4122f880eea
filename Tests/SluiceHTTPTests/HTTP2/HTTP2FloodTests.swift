import NIOCore
import Testing

@testable import SluiceHTTP

/// Clients that make work without end.
@Suite struct HTTP2FloodTests {
    /// A piece of input that is sent again and again, and what must come of it.
    struct Flood: Sendable, CustomTestStringConvertible {
        var name: String
        var error: HTTP2Error
        /// What comes before it, once.
        var before: [UInt8] = []
        /// What comes in each round; streams are numbered by it.
        var round: @Sendable (_ round: Int) -> [UInt8]

        var testDescription: String { name }
    }

    private static func stream(_ round: Int) -> UInt32 { UInt32(round) * 2 + 1 }

    static let floods: [Flood] = [
        Flood(name: "rapid reset", error: .rapidReset) {
            Frame.headers(stream($0), HPACK.get) + Frame.reset(stream($0))
        },
        Flood(name: "rapid reset of uploads", error: .rapidReset) {
            Frame.headers(stream($0), HPACK.post, end: false) + Frame.reset(stream($0), 0)
        },
        Flood(name: "resets by malformed requests", error: .provokedResets) {
            Frame.headers(stream($0), HPACK.get + [("BAD", "1")])
        },
        Flood(name: "resets by bodies that are too long", error: .provokedResets) {
            Frame.headers(stream($0), HPACK.post + [("content-length", "1")], end: false)
                + Frame.data(stream($0), "xyz")
        },
        Flood(name: "resets by windows that run over", error: .provokedResets) {
            Frame.headers(stream($0), HPACK.get) + Frame.window(stream($0), 0x7FFF_FFFF)
        },
        Flood(name: "resets by trailers that are no end", error: .provokedResets) {
            Frame.headers(stream($0), HPACK.post, end: false) + Frame.headers(stream($0), [("a", "b")], end: false)
        },
        Flood(name: "PING", error: .pingFlood) { _ in Frame.ping() },
        Flood(name: "answers to no PING", error: .idleFrameFlood) { _ in Frame.ping(flags: Frame.ack) },
        Flood(name: "SETTINGS", error: .settingsFlood) { _ in Frame.settings() },
        Flood(name: "SETTINGS that change the table", error: .settingsFlood) {
            Frame.settings([(1, UInt32($0 % 2) * 4096)])
        },
        Flood(name: "empty DATA", error: .emptyFrameFlood, before: Frame.post) { _ in Frame.data(1, "") },
        Flood(name: "DATA that is all padding", error: .emptyFrameFlood, before: Frame.post) { _ in
            Frame.make(Frame.data, flags: Frame.padded, stream: 1, [0])
        },
        Flood(name: "WINDOW_UPDATE", error: .idleFrameFlood) { _ in Frame.window(0, 1) },
        Flood(name: "WINDOW_UPDATE of a stream", error: .idleFrameFlood, before: Frame.get) { _ in Frame.window(1, 1) },
        Flood(name: "PRIORITY", error: .idleFrameFlood) { Frame.priority(stream($0), on: stream($0 + 1)) },
        Flood(name: "PRIORITY_UPDATE", error: .idleFrameFlood) { _ in Frame.make(0x10, [0, 0, 0, 1]) },
        Flood(name: "unknown frames", error: .idleFrameFlood) { Frame.make(0x77, stream: stream($0), [1]) },
        Flood(name: "GOAWAY", error: .idleFrameFlood) { _ in Frame.goAway(last: 0) },
        Flood(name: "DATA of a stream that was reset", error: .idleFrameFlood, before: malformed) { _ in
            Frame.data(1, "x")
        },
        Flood(name: "trailers of a stream that was reset", error: .idleFrameFlood, before: malformed) { _ in
            Frame.trailers(1)
        },
    ]

    private static let malformed = Frame.headers(1, HPACK.post + [("BAD", "1")], end: false)

    @Test("a body that is taken byte by byte is a flood, one that is taken in small pieces is not")
    func dribble() throws {
        for (step, isFlood) in [(1 as UInt32, true), (63, true), (100, false)] {
            let server = try Peer(.server)
            server.hear(Frame.opening + Frame.settings([(4, 0)]) + Frame.window(0, 1 << 20) + Frame.get)
            server.answer(1, [(":status", "200")], Array(repeating: .zeros(1000), count: 200))
            var rounds = 0
            while rounds < 1500, server.hear(Frame.window(1, step)) == nil, server.session.failure == nil {
                rounds += 1
            }
            #expect(server.session.failure == (isFlood ? .idleFrameFlood : nil), "\(step)")
            #expect(isFlood ? rounds < 1100 : rounds == 1500)
        }
    }

    @Test(arguments: floods)
    func aFloodEndsTheConnection(_ flood: Flood) throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + flood.before)
        var rounds = 0
        while rounds < 5000, server.hear(flood.round(rounds)) == nil, server.session.failure == nil { rounds += 1 }
        #expect(server.session.failure == flood.error)
        #expect(server.goAwayCode == 11)
        #expect(server.session.isDone)
        #expect(rounds >= 19)
        #expect(rounds <= 1100)
        #expect(server.recorder.complaints == [])
    }

    /// The same at a pace that an honest peer might have: one round each second.
    @Test(arguments: floods)
    func aTrickleDoesNot(_ flood: Flood) throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + flood.before)
        for round in 0..<2000 {
            server.now += 1000
            server.recorder.events = []
            server.hear(flood.round(round))
            // A client has no more than so many streams open at a time.
            for stream in server.recorder.open where stream != 1 { server.answer(stream) }
            server.speak()
        }
        #expect(server.session.failure == nil)
    }

    /// The peer does not read either, so that nothing can be sent.
    @Test(arguments: floods)
    func whatWaitsToBeSentIsBounded(_ flood: Flood) throws {
        let server = try Peer(.server) { $0.floods.pendingFrames = 300 }
        server.hear(Frame.opening + flood.before)
        for round in 0..<5000 where server.hearOnly(flood.round(round)) != nil { break }
        #expect(server.session.pendingFrames <= 300 + 4 * 100 + 10)
        server.speak()
        #expect(server.session.failure != nil || server.goAwayCode != nil)
    }

    @Test func answersThatNobodyReadsEndTheConnection() throws {
        let server = try Peer(.server) {
            $0.floods.pings.burst = 1_000_000
            $0.floods.pendingFrames = 500
        }
        server.hear(Frame.opening)
        var error: HTTP2Error?
        for _ in 0..<1000 where error == nil { error = server.hearOnly(Frame.ping()) }
        #expect(error == .unreadOutput)
        server.speak()
        #expect(server.goAwayCode == 11)
    }

    /// Before it has taken note of our settings, a client's streams are refused, each with a frame that it may not read.
    @Test func refusalsThatNobodyReadsEndTheConnection() throws {
        let server = try Peer(.server) { $0.floods.pendingFrames = 500 }
        server.hear(Frame.preface + Frame.settings())
        var error: HTTP2Error?
        for round in 0..<5000 where error == nil {
            error = server.hearOnly(Frame.headers(Self.stream(round), HPACK.get))
        }
        #expect(error == .unreadOutput)
        #expect(server.session.openStreams == 100)
    }

    @Test func refusalsEndTheConnectionAlsoWhenTheyAreRead() throws {
        let server = try Peer(.server)
        server.hear(Frame.preface + Frame.settings())
        for round in 0..<5000 where server.session.failure == nil {
            server.hear(Frame.headers(Self.stream(round), HPACK.get))
        }
        #expect(server.session.failure == .provokedResets)
        #expect(server.resetCode(201) == 7)
    }

    @Test func moreStreamsThanAllowedEndTheConnection() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening)
        for round in 0..<100 { #expect(server.hear(Frame.headers(Self.stream(round), HPACK.get)) == nil) }
        #expect(server.hear(Frame.headers(201, HPACK.get)) == .tooManyStreams)
        #expect(server.goAwayCode == 1)
        #expect(server.session.openStreams == 100)
    }

    @Test func theDelegatesOwnRefusalsAreNoFlood() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening)
        for round in 0..<3000 {
            server.hear(Frame.headers(Self.stream(round), HPACK.get))
            server.session.reset(Int32(Self.stream(round)), .refusedStream)
            server.speak()
        }
        #expect(server.session.failure == nil)
    }

    @Test func aServerMayResetAsOftenAsItLikes() throws {
        let pair = try Pair()
        for _ in 0..<1000 {
            let stream = try pair.client.ask()
            pair.run()
            pair.server.session.reset(stream, .cancel)
            pair.run()
        }
        #expect(pair.client.session.failure == nil)
        #expect(pair.server.session.failure == nil)
    }

    /// Every second request is cancelled, at full speed.
    @Test func aClientThatCancelsHalfOfItsRequestsIsServed() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening)
        for round in 0..<4000 {
            let stream = Self.stream(round)
            server.hear(Frame.headers(stream, HPACK.get))
            if round % 2 == 0 { server.answer(Int32(stream)) } else { server.hear(Frame.reset(stream)) }
            server.speak()
        }
        #expect(server.session.failure == nil)
    }

    /// As a client does that reads a fast download: windows and a ping for each frame of it.
    @Test func aFastDownloadIsNoFlood() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + Frame.get)
        server.answer(1, [(":status", "200")], Array(repeating: .zeros(1000), count: 3000))
        for _ in 0..<3000 {
            server.hear(Frame.window(0, 1000) + Frame.window(1, 1000) + Frame.ping())
        }
        #expect(server.session.failure == nil)
        #expect(server.frames.reduce(0) { $0 + ($1.type == Frame.data ? $1.payload.count : 0) } == 3_000_000)
    }

    @Test func aLongListOfSettingsEndsTheConnection() throws {
        let server = try Peer(.server)
        server.hear(Frame.opening + Frame.settings(Array(repeating: (0xF0, 1), count: 33)))
        #expect(server.session.failure == .broken(.enhanceYourCalm))
    }
}
