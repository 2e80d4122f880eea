import Testing

@testable import SluiceHTTP

/// Header blocks that are too large, in bytes, in fields or in frames.
@Suite struct HTTP2HeaderLimitTests {
    private func server(_ change: (inout HTTP2Settings) -> Void = { _ in }) throws -> Peer {
        let server = try Peer(.server, change)
        server.recorder.logsFields = false
        server.hear(Frame.opening)
        return server
    }

    /// As many times as given, each an entry of the table.
    private func request(_ stream: UInt32, fields count: Int, of size: Int = 1) -> [[UInt8]] {
        let value = String(repeating: "v", count: size)
        let bytes = HPACK.block(HPACK.get) + HPACK.indexed("x", value) + Array(repeating: 0xBE, count: count - 1)
        return frames(stream, bytes)
    }

    /// A header block in frames as large as they may be.
    private func frames(_ stream: UInt32, _ block: [UInt8]) -> [[UInt8]] {
        let pieces = stride(from: 0, to: block.count, by: 16_384).map {
            Array(block[$0..<min(block.count, $0 + 16_384)])
        }
        return pieces.enumerated().map { index, piece in
            let end = index == pieces.count - 1 ? Frame.endHeaders : 0
            return index == 0
                ? Frame.make(Frame.headers, flags: end | Frame.endStream, stream: stream, piece)
                : Frame.make(Frame.continuation, flags: end, stream: stream, piece)
        }
    }

    @Test func tooManyFieldsAreToldAndTheStreamCanBeAnswered() throws {
        let server = try server { $0.maxFields = 100 }
        #expect(server.hear(Array(request(1, fields: 96).joined())) == nil)
        #expect(server.recorder.events.suffix(2) == ["whole 1", "end 1"])
        #expect(server.hear(Array(request(3, fields: 97).joined())) == nil)
        #expect(server.recorder.events.suffix(3) == ["request 3", "too large 3", "end 3"])
        server.answer(3, [(":status", "431")])
        server.speak()
        #expect(server.recorder.events.last == "closed 3 0")
        #expect(server.recorder.open == [1])
    }

    @Test func tooManyBytesAreTold() throws {
        let server = try server { $0.maxHeaderListSize = 10_000 }
        // Four pseudo fields, which count 165 bytes, and 33 bytes for each field beside its value.
        server.hear(Array(request(1, fields: 3, of: 3200).joined()))
        #expect(server.recorder.events.suffix(2) == ["whole 1", "end 1"])
        server.hear(Array(request(3, fields: 4, of: 3200).joined()))
        #expect(server.recorder.events.suffix(2) == ["too large 3", "end 3"])
    }

    @Test func theDelegateMayFindItTooMuch() throws {
        let server = try server()
        server.recorder.logsFields = true
        server.recorder.refuses = "b"
        server.hear(Frame.headers(1, HPACK.get + [("a", "1"), ("b", "2"), ("c", "3")], end: false))
        #expect(server.recorder.events.suffix(2) == ["  a: 1", "too large 1"])
        server.hear(Frame.data(1, "x", end: true))
        #expect(server.recorder.events.suffix(2) == ["data 1 1", "end 1"])
    }

    @Test func trailersMayBeTooLargeToo() throws {
        let server = try server { $0.maxFields = 20 }
        server.hear(Frame.post)
        server.hear(Frame.headers(1, Array(repeating: ("a", "b"), count: 21)))
        #expect(server.recorder.events.suffix(3) == ["trailers 1", "too large 1", "end 1"])
    }

    @Test func cookieCrumbsCount() throws {
        let server = try server { $0.maxFields = 20 }
        server.hear(Frame.headers(1, HPACK.get + Array(repeating: ("cookie", "a=b"), count: 17)))
        #expect(server.recorder.events.suffix(2) == ["too large 1", "end 1"])
    }

    /// What is left out counts for the table all the same.
    @Test func theTableStaysTheSameBehindABlockThatIsTooLarge() throws {
        let server = try server { $0.maxFields = 20 }
        let block = HPACK.block(HPACK.get) + HPACK.block(Array(repeating: ("a", "b"), count: 20))
        server.hear(Frame.block(block + HPACK.indexed("x-kept", "yes")))
        server.recorder.logsFields = true
        server.hear(Frame.block(HPACK.block(HPACK.get) + [0xBE], stream: 3))
        #expect(server.recorder.events.contains("  x-kept: yes"))
    }

    @Test func aBombEndsTheConnection() throws {
        let server = try server { $0.maxHeaderListSize = 32_768 }
        var error: HTTP2Error?
        // A few kilobytes that unpack to many megabytes.
        for frame in request(1, fields: 10_000, of: 4000) where error == nil { error = server.hear(frame) }
        #expect(error == .headerBomb)
        #expect(server.goAwayCode == 11)
    }

    @Test func aBombOfSmallFieldsEndsTheConnection() throws {
        let server = try server()
        var error: HTTP2Error?
        for frame in request(1, fields: 100_000) where error == nil { error = server.hear(frame) }
        #expect(error == .headerBomb)
    }

    @Test func headsThatAreTooLargeOverAndOverEndTheConnection() throws {
        let server = try server { $0.maxFields = 10 }
        var round: UInt32 = 0
        while server.session.failure == nil, round < 1000 {
            server.hear(Frame.headers(round * 2 + 1, HPACK.get + Array(repeating: ("a", "b"), count: 10)))
            server.answer(Int32(round * 2 + 1), [(":status", "431")])
            server.speak()
            round += 1
        }
        #expect(server.session.failure == .provokedResets)
    }

    @Test func aBlockOfManyFramesEndsTheConnection() throws {
        let server = try server()
        server.hear(Frame.getBegun)
        #expect(server.session.isInHeaderBlock)
        var count = 0
        while server.hear(Frame.make(Frame.continuation, stream: 1, HPACK.literal("a", "b"))) == nil, count < 100 {
            count += 1
        }
        #expect(count == 8)
        #expect(server.session.failure == .continuationFlood)
        #expect(server.goAwayCode == 11)
    }

    @Test(arguments: [1, 1000])
    func aBlockOfAFewFramesIsTaken(pieces: Int) throws {
        let server = try server()
        let bytes = Array(
            (0..<7).map { _ in Frame.make(Frame.continuation, stream: 1, HPACK.literal("a", "b")) }.joined()
        )
        let whole = Frame.getBegun + bytes + Frame.more(1)
        for at in stride(from: 0, to: whole.count, by: pieces) {
            server.hear(Array(whole[at..<min(whole.count, at + pieces)]))
        }
        #expect(server.recorder.events.suffix(2) == ["whole 1", "end 1"])
        #expect(!server.session.isInHeaderBlock)
        #expect(server.session.failure == nil)
    }

    @Test func emptyContinuationsCountToo() throws {
        let server = try server()
        server.hear(Frame.make(Frame.headers, flags: Frame.endStream, stream: 1))
        var error: HTTP2Error?
        for _ in 0..<100 where error == nil { error = server.hear(Frame.make(Frame.continuation, stream: 1)) }
        #expect(error == .continuationFlood)
    }

    @Test func aClientIsToldOfAnAnswerThatIsTooLarge() throws {
        let client = try Peer(.client) { $0.maxFields = 10 }
        client.hear(Frame.settings())
        _ = try client.ask()
        client.speak()
        client.hear(Frame.headers(1, [(":status", "200")] + Array(repeating: ("a", "b"), count: 10), end: false))
        #expect(client.recorder.events.last == "too large 1")
        #expect(client.session.failure == nil)
    }
}
