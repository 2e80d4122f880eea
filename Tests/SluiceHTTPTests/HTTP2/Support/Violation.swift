import Testing

@testable import SluiceHTTP

/// Something that a client sends behind its opening, and what a server makes of it.
struct Violation: Sendable, CustomTestStringConvertible {
    enum Outcome: Equatable, Sendable {
        /// Nothing happens to anybody else.
        case fine
        /// The stream is reset with this code, and the connection lives on.
        case stream(UInt32, UInt32)
        /// The connection ends with this code.
        case connection(UInt32)

        static let protocolError = Outcome.connection(1)
        static let flowControlError = Outcome.connection(3)
        static let streamClosed = Outcome.connection(5)
        static let frameSizeError = Outcome.connection(6)
        static let compressionError = Outcome.connection(9)
    }

    /// Section of RFC 9113, or of what else is named, and what is wrong.
    var what: String
    var bytes: [UInt8]
    var outcome: Outcome
    /// Whether the server answers requests as soon as they are whole, which closes their streams.
    var answers = false

    init(_ what: String, _ outcome: Outcome, answers: Bool = false, _ bytes: [UInt8]...) {
        self.what = what
        self.bytes = bytes.flatMap { $0 }
        self.outcome = outcome
        self.answers = answers
    }

    var testDescription: String { what }

    /// Lets a server hear it, and checks what comes of it.
    func check(pieces: Int?) throws {
        let server = try Peer(.server)
        server.speak()
        if answers {
            server.recorder.onEvent = { [unowned server] event in
                if event.hasPrefix("whole "), let stream = Int32(event.dropFirst(6)) { server.answer(stream) }
            }
        }
        server.hear(Frame.opening)
        let known = server.recorder.open
        #expect(known.isEmpty)
        for piece in stride(from: 0, to: bytes.count, by: pieces ?? max(1, bytes.count)) {
            server.hear(Array(bytes[piece..<min(bytes.count, piece + (pieces ?? bytes.count))]))
        }
        expect(server)
        #expect(server.recorder.complaints == [])
    }

    private func expect(_ server: Peer) {
        let resets = server.frames.filter { $0.type == Frame.rstStream }
        switch outcome {
        case .fine:
            #expect(server.goAwayCode == nil)
            #expect(resets == [])
        case .stream(let stream, let code):
            #expect(server.goAwayCode == nil)
            #expect(resets.map(\.stream) == [stream])
            #expect(resets.map(\.code) == [code])
            #expect(server.recorder.events.contains("closed \(stream) \(code)"))
        case .connection(let code):
            #expect(server.goAwayCode == code)
            #expect(server.session.failure?.goAwayCode.rawValue == code)
            #expect(server.session.isDone)
        }
        // Whoever is not at fault is still served.
        if server.session.failure == nil, !bytes.isEmpty {
            server.recorder.events = []
            server.hear(Frame.headers(101, HPACK.get) + Frame.ping(7))
            #expect(server.recorder.events.first == "request 101")
            #expect(server.frames.last { $0.type == Frame.ping }?.payload == Array(repeating: 7, count: 8))
        }
    }
}
