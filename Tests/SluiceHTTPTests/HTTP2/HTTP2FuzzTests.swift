import NIOCore
import SluiceCore
import Testing

@testable import SluiceHTTP

/// Input that nobody thought of: a session never traps, keeps its promises to the delegate, and says little.
@Suite struct HTTP2FuzzTests {
    /// Frames that are mostly valid, in any order, some of them damaged.
    private static func input(_ random: inout RandomSource, toServer: Bool) -> [UInt8] {
        var bytes = toServer && Int.random(in: 0..<20, using: &random) > 0 ? Frame.opening : Frame.settings()
        for _ in 0..<Int.random(in: 1..<40, using: &random) {
            var frame = frame(&random, toServer: toServer)
            if Int.random(in: 0..<12, using: &random) == 0 {
                frame[Int.random(in: 0..<frame.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes += frame
        }
        return bytes
    }

    private static func frame(_ random: inout RandomSource, toServer: Bool) -> [UInt8] {
        let stream = UInt32.random(in: 0..<12, using: &random)
        let flags = UInt8.random(in: 0...255, using: &random)
        let end = Bool.random(using: &random)
        switch Int.random(in: 0..<16, using: &random) {
        case 0, 1: return Frame.headers(stream, toServer ? HPACK.post : [(":status", "200")], end: end)
        case 2: return Frame.headers(stream, toServer ? HPACK.get : [(":status", "103")], end: false)
        case 3, 4: return Frame.data(stream, "some bytes", end: end)
        case 5: return Frame.zeros(stream, Int.random(in: 0..<20_000, using: &random), end: end)
        case 6: return Frame.headers(stream, [("a", "b")], end: end)
        case 7: return Frame.reset(stream, UInt32.random(in: 0..<16, using: &random))
        case 8: return Frame.window(stream, UInt32.random(in: 0..<0x8000_0000, using: &random))
        case 9:
            return Frame.settings([
                (UInt16.random(in: 0..<10, using: &random), UInt32.random(in: 0..<70_000, using: &random))
            ])
        case 10: return Frame.ping(flags: flags)
        case 11: return Frame.goAway(last: stream)
        case 12: return Frame.priority(stream, on: UInt32.random(in: 0..<12, using: &random))
        case 13: return Frame.make(Frame.headers, flags: flags, stream: stream, HPACK.block(HPACK.get))
        case 14: return Frame.make(Frame.continuation, flags: flags, stream: stream, HPACK.literal("c", "d"))
        default:
            let payload = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            return Frame.make(UInt8.random(in: 0..<14, using: &random), flags: flags, stream: stream, payload)
        }
    }

    /// Does something with the session as a careless owner might.
    private static func meddle(_ peer: Peer, _ random: inout RandomSource) {
        let stream = Int32.random(in: 0..<12, using: &random)
        var list = peer.fields(peer.session.role == .server ? [(":status", "200")] : HPACK.post)
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1:
            peer.recorder.bodies[stream] = [.text("body"), .zeros(3000), .lastText("end")]
            if peer.session.role == .server {
                _ = peer.session.submitAnswer(stream, &list, endStream: Bool.random(using: &random))
            } else if let stream = peer.session.submitRequest(&list, endStream: Bool.random(using: &random)) {
                peer.recorder.open.insert(stream)
            }
        case 2: _ = peer.session.submitInterim(stream, &list)
        case 3: _ = peer.session.submitTrailers(stream, &list)
        case 4: peer.session.dataReady(stream)
        case 5: peer.session.consume(stream, Int.random(in: 0..<20_000, using: &random))
        case 6: peer.session.consumeConnection(Int.random(in: 0..<20_000, using: &random))
        case 7: peer.session.reset(stream, .cancel)
        case 8: peer.session.ping(1)
        case 9 where Int.random(in: 0..<10, using: &random) == 0: peer.session.shutdownNotice(ping: 7)
        case 10 where Int.random(in: 0..<10, using: &random) == 0: peer.session.goAway()
        default: peer.now += UInt64.random(in: 0..<2000, using: &random)
        }
    }

    @Test(arguments: [HTTP2Role.server, .client])
    func seededInputNeverTraps(role: HTTP2Role) throws {
        for seed in 0..<400 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            let peer = try Peer(role)
            if role == .client { _ = try peer.ask(HPACK.post, end: false) }
            // Meddling from within the callbacks too.
            var inner = RandomSource(seed: seed ^ 0xFFFF)
            peer.recorder.onEvent = { [unowned peer] _ in
                if Int.random(in: 0..<6, using: &inner) == 0 { Self.meddle(peer, &inner) }
            }
            let input = Self.input(&random, toServer: role == .server)
            var at = 0
            while at < input.count {
                let count = min(input.count - at, Int.random(in: 1..<600, using: &random))
                peer.hearOnly(Array(input[at..<at + count]))
                at += count
                if Int.random(in: 0..<3, using: &random) == 0 { Self.meddle(peer, &random) }
                if Int.random(in: 0..<3, using: &random) > 0 {
                    peer.speak(limit: Int.random(in: 1..<40_000, using: &random))
                }
            }
            for _ in 0..<50 where peer.session.wantsWrite { peer.speak() }
            #expect(peer.recorder.complaints == [], "seed \(seed)")
            #expect(peer.session.openStreams == peer.recorder.open.count || peer.session.failure != nil, "seed \(seed)")
            #expect(Frame.parse(peer.said) != nil, "seed \(seed)")
            #expect(peer.said.count < 400_000, "seed \(seed)")
        }
    }

    @Test func noiseBehindThePrefaceNeverTraps() throws {
        for seed in 0..<200 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            let server = try Peer(.server)
            let noise = (0..<2000).map { _ in UInt8.random(in: 0...(seed % 2 == 0 ? 255 : 9), using: &random) }
            server.hear((seed % 3 == 0 ? [] : Frame.opening) + noise)
            #expect(server.said.count < 10_000)
            #expect(server.recorder.complaints == [])
        }
    }
}
