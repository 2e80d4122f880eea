import NIOCore
import Testing

@testable import SluiceHTTP

/// A delegate that writes down what it is told, as text, and sends the bodies that it was given.
final class Recorder: HTTP2Delegate {
    var events: [String] = []
    /// What `pullData` gives next, by stream; `.wait` when there is nothing.
    var bodies: [Int32: [HTTP2Body]] = [:]
    /// All bytes of bodies that came, by stream.
    var received: [Int32: [UInt8]] = [:]
    /// Streams whose headers are to be refused, from that field on.
    var refuses: String?
    /// Called with each event when it happens.
    var onEvent: ((String) -> Void)?
    /// Streams that were made known and are not over.
    var open: Set<Int32> = []
    /// What should never happen, in words.
    var complaints: [String] = []
    var pulls: [(stream: Int32, upTo: Int)] = []
    var logsFields = true
    /// Whether pieces are made as small as they are asked for.
    var cutsBodies = true
    /// Called by each `pullData`.
    var onPull: (() -> Void)?

    private func note(_ event: String) {
        events.append(event)
        onEvent?(event)
    }

    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        if kind == .request {
            if !open.insert(stream).inserted { complaints.append("stream \(stream) began twice") }
        } else if !open.contains(stream) {
            complaints.append("headers of unknown stream \(stream)")
        }
        note("\(kind) \(stream)")
    }

    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if text(name) == refuses { return false }
        if logsFields { note("  \(text(name)): \(text(value))") }
        return true
    }

    func headersEnded(_ stream: Int32, endStream: Bool) { note(endStream ? "whole \(stream)" : "headers \(stream)") }

    func headersTooLarge(_ stream: Int32, endStream: Bool) { note("too large \(stream)") }

    func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty { complaints.append("empty data") }
        if !open.contains(stream) { complaints.append("data of unknown stream \(stream)") }
        received[stream, default: []] += Array(bytes)
        note("data \(stream) \(bytes.count)")
    }

    func streamEnded(_ stream: Int32) { note("end \(stream)") }

    func streamInvalid(_ stream: Int32) {
        if !open.contains(stream) { complaints.append("unknown stream \(stream) is invalid") }
        note("invalid \(stream)")
    }

    func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) {
        if open.remove(stream) == nil { complaints.append("unknown stream \(stream) closed") }
        note("closed \(stream) \(errorCode.rawValue)")
    }

    func pullData(_ stream: Int32, upTo: Int) -> HTTP2Body {
        pulls.append((stream, upTo))
        onPull?()
        guard var queue = bodies[stream], !queue.isEmpty else { return .wait }
        var next = queue.removeFirst()
        if let rest = cutsBodies ? next.cut(to: upTo) : nil { queue.insert(rest, at: 0) }
        bodies[stream] = queue
        return next
    }

    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {
        note("goaway \(lastStream) \(errorCode.rawValue)")
    }

    func pingAcked(_ payload: UInt64) { note("pong \(payload)") }

    func settingsReceived() { note("settings") }
}

/// A session, its delegate, and what it has said so far.
final class Peer {
    let recorder = Recorder()
    let session: HTTP2Session
    var now: UInt64 = 0
    /// The bytes of all `produce` calls.
    var said: [UInt8] = []

    init(_ role: HTTP2Role, _ change: (inout HTTP2Settings) -> Void = { _ in }) throws {
        var settings = HTTP2Settings()
        change(&settings)
        session = try #require(HTTP2Session(role: role, settings: settings, delegate: recorder))
    }

    /// Gives it bytes, and takes what it answers.
    @discardableResult
    func hear(_ bytes: [UInt8]) -> HTTP2Error? {
        let error = bytes.withUnsafeBytes { session.receive($0, now: now) }
        speak()
        return error
    }

    /// Gives it bytes, and leaves alone what it answers.
    @discardableResult
    func hearOnly(_ bytes: [UInt8]) -> HTTP2Error? { bytes.withUnsafeBytes { session.receive($0, now: now) } }

    @discardableResult
    func speak(limit: Int = 1 << 20) -> [UInt8] {
        var out = ByteBuffer()
        session.produce(into: &out, limit: limit)
        let bytes = Array(out.readableBytesView)
        said += bytes
        return bytes
    }

    /// The frames of all that it said; checks that they are whole.
    var frames: [Frame.Found] {
        let frames = Frame.parse(said)
        #expect(frames != nil)
        return frames ?? []
    }

    /// The code of its GOAWAY.
    var goAwayCode: UInt32? { frames.last { $0.type == Frame.goAway }?.code }

    /// The code of its reset of a stream.
    func resetCode(_ stream: UInt32) -> UInt32? {
        frames.last { $0.type == Frame.rstStream && $0.stream == stream }?.code
    }

    func fields(_ fields: [(String, String)]) -> HTTP2FieldList {
        var list = HTTP2FieldList()
        for (name, value) in fields {
            switch name {
            case ":status": list.pseudo(.status, value.utf8)
            case ":method": list.pseudo(.method, value.utf8)
            case ":scheme": list.pseudo(.scheme, value.utf8)
            case ":path": list.pseudo(.path, value.utf8)
            case ":authority": list.pseudo(.authority, value.utf8)
            case ":protocol": list.pseudo(.protocol, value.utf8)
            default: list.lines.writeString("\(name): \(value)\r\n")
            }
        }
        return list
    }

    /// Sends a request; a client only.
    func ask(_ fields: [(String, String)] = HPACK.get, end: Bool = true) throws -> Int32 {
        var list = self.fields(fields)
        let stream = try #require(session.submitRequest(&list, endStream: end))
        recorder.open.insert(stream)
        return stream
    }

    /// Answers a request; a server only.
    func answer(_ stream: Int32, _ fields: [(String, String)] = [(":status", "200")], _ body: [HTTP2Body]? = nil) {
        var list = self.fields(fields)
        if let body { recorder.bodies[stream] = body }
        #expect(session.submitAnswer(stream, &list, endStream: body == nil))
    }

    func trailers(_ stream: Int32, _ fields: [(String, String)]) {
        var list = self.fields(fields)
        #expect(session.submitTrailers(stream, &list))
    }
}

/// A client and a server that hear each other.
struct Pair {
    let client: Peer
    let server: Peer

    init(
        client changeClient: (inout HTTP2Settings) -> Void = { _ in },
        server changeServer: (inout HTTP2Settings) -> Void = { _ in }
    ) throws {
        client = try Peer(.client, changeClient)
        server = try Peer(.server, changeServer)
        run()
    }

    /// Lets them talk until neither has anything to say.
    func run(pieces: Int? = nil) {
        for _ in 0..<10_000 {
            let up = client.speak()
            let down = server.speak()
            if up.isEmpty && down.isEmpty { return }
            for piece in Self.cut(up, pieces) { server.hearOnly(piece) }
            for piece in Self.cut(down, pieces) { client.hearOnly(piece) }
        }
        Issue.record("they never stop talking")
    }

    private static func cut(_ bytes: [UInt8], _ size: Int?) -> [[UInt8]] {
        guard let size else { return [bytes] }
        return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
    }
}

extension HTTP2Body {
    /// Makes a piece shorter; returns what was cut off, if anything was.
    mutating func cut(to count: Int) -> HTTP2Body? {
        func halves(_ bytes: ByteBuffer) -> (HTTP2Body, ByteBuffer)? {
            var rest = bytes
            guard rest.readableBytes > count, let first = rest.readSlice(length: count) else { return nil }
            return (.bytes(first), rest)
        }
        switch self {
        case .bytes(let bytes):
            guard let (first, rest) = halves(bytes) else { return nil }
            self = first
            return .bytes(rest)
        case .last(let bytes):
            guard let (first, rest) = halves(bytes) else { return nil }
            self = first
            return .last(rest)
        case .lastBeforeTrailers(let bytes):
            guard let (first, rest) = halves(bytes) else { return nil }
            self = first
            return .lastBeforeTrailers(rest)
        case .wait, .failed: return nil
        }
    }

    static func text(_ text: String) -> HTTP2Body { .bytes(ByteBuffer(string: text)) }
    static func lastText(_ text: String) -> HTTP2Body { .last(ByteBuffer(string: text)) }
    static func zeros(_ count: Int) -> HTTP2Body { .bytes(ByteBuffer(repeating: 0, count: count)) }
}
