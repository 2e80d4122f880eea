import NIOCore
package import SluiceConfig
import SluiceCore
package import SluiceHTTP

/// One end of an HTTP/2 connection for tests, which block: a client of a gateway, or an origin behind one.
///
/// It does what a well-behaved peer does by itself (answers PING and SETTINGS, makes room for what it has read), but
/// only inside of calls of the test. Isolation: one thread at a time.
package final class HTTP2Peer {
    package typealias Field = (name: String, value: String)

    /// What came on one stream.
    package struct Message {
        package let stream: Int32
        /// In their order, pseudo fields too.
        package var fields: [Field] = []
        package var interim: [[Field]] = []
        package var body: [UInt8] = []
        /// Bytes of the body, also when they are not kept.
        package var bodyCount = 0
        package var trailers: [Field] = []
        package var headIsWhole = false
        /// END_STREAM came.
        package var isWhole = false
        /// The stream is over: with this code, 0 for an end without an error.
        package var resetCode: HTTP2ErrorCode?

        package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        package func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
        package var status: Int { self[":status"].flatMap { Int($0) } ?? 0 }
        package var method: String { self[":method"] ?? "" }
        package var path: String { self[":path"] ?? "" }
        package var text: String { String(decoding: body, as: UTF8.self) }
        package func trailer(_ name: String) -> String? { trailers.first { $0.name == name }?.value }
    }

    /// A body on its way out.
    private struct Outgoing {
        var body: [UInt8] = []
        var sent = 0
        /// Bytes of `Pattern` that follow.
        var pattern = 0
        var patternSent = 0
        var ends = true
        var trailers: [(String, String)] = []
    }

    package let peer: RawPeer
    package private(set) var session: HTTP2Session?
    package private(set) var messages: [Int32: Message] = [:]
    package private(set) var goAways: [(last: Int32, code: HTTP2ErrorCode)] = []
    package private(set) var pongs: [UInt64] = []
    package private(set) var settingsCount = 0
    /// Whether received bytes make room for more at once; without it the windows run full.
    package var consumes = true
    /// Streams that get no more room than they were given.
    package var stalled: Set<Int32> = []
    /// Bodies are only counted, and checked to be the pattern.
    package var expectsPattern = false
    private var patternIsBroken = false
    /// Requests that came and were not asked for yet.
    private var arrived: [Int32] = []
    private var outgoing: [Int32: Outgoing] = [:]
    private var kind = HTTP2HeadersKind.request

    package convenience init(connectingTo address: ListenAddress, settings: HTTP2Settings = HTTP2Settings()) throws {
        try self.init(client: RawPeer(connectingTo: address), settings: settings)
    }

    /// A connection that was made.
    package convenience init(client peer: RawPeer, settings: HTTP2Settings = HTTP2Settings()) throws {
        try self.init(peer, .client, settings)
    }

    /// A connection that was accepted.
    package convenience init(serving peer: RawPeer, settings: HTTP2Settings = HTTP2Settings()) throws {
        try self.init(peer, .server, settings)
    }

    private init(_ peer: RawPeer, _ role: HTTP2Role, _ settings: HTTP2Settings) throws {
        self.peer = peer
        session = HTTP2Session(role: role, settings: settings, delegate: self)
        try flush()
    }

    // MARK: - Driving

    /// Sends what there is to be sent.
    package func flush() throws {
        guard let session else { return }
        while session.wantsWrite {
            var out = ByteBuffer()
            session.produce(into: &out, limit: 1 << 20)
            guard out.readableBytes > 0 else { return }
            try peer.send(Array(buffer: out))
        }
    }

    /// Reads until the condition holds.
    package func wait(until condition: () throws -> Bool) throws {
        while try !condition() {
            guard try take(try peer.readSome()) else { throw TestFailure("\(peer.name): the connection has ended") }
        }
    }

    /// Takes in what has come by now, without waiting.
    package func poll() throws {
        let count = try peer.peek().count
        if count > 0 { _ = try take(try peer.read(count)) }
    }

    /// Reads to the end of the connection, which must be a proper one.
    package func waitForEnd() throws {
        while try take(try peer.readSome()) {}
        try peer.expectEnd()
    }

    /// - Returns: false for nothing, which is what the end is.
    private func take(_ bytes: [UInt8]) throws -> Bool {
        guard !bytes.isEmpty else { return false }
        let error = bytes.withUnsafeBytes { session?.receive($0, now: 0) }
        if let error { throw TestFailure("\(peer.name): the gateway broke the protocol: \(error)") }
        if patternIsBroken { throw TestFailure("\(peer.name): wrong bytes in a long body") }
        try flush()
        return true
    }

    // MARK: - A client

    /// Sends a request; with `ends` false more of the body may be sent by `send`.
    package func request(
        _ method: String,
        _ path: String,
        _ fields: [(String, String)] = [],
        body: String? = nil,
        ends: Bool = true,
        trailers: [(String, String)] = []
    ) throws -> Int32 {
        var list = HTTP2FieldList()
        list.pseudo(.method, method.utf8)
        list.pseudo(.scheme, "http".utf8)
        list.pseudo(.authority, "test".utf8)
        list.pseudo(.path, path.utf8)
        return try request(&list, fields, body: body, ends: ends, trailers: trailers)
    }

    /// Asks for a WebSocket (RFC 8441); the server must have offered that.
    package func webSocket(_ path: String, _ fields: [(String, String)] = []) throws -> Int32 {
        try wait { session?.peerTakesConnectProtocol == true }
        var list = HTTP2FieldList()
        list.pseudo(.method, "CONNECT".utf8)
        list.pseudo(.protocol, "websocket".utf8)
        list.pseudo(.scheme, "http".utf8)
        list.pseudo(.authority, "test".utf8)
        list.pseudo(.path, path.utf8)
        return try request(&list, [("sec-websocket-version", "13")] + fields, ends: false)
    }

    /// As `request`, with pseudo fields of one's own.
    package func request(
        _ list: inout HTTP2FieldList,
        _ fields: [(String, String)] = [],
        body: String? = nil,
        ends: Bool = true,
        trailers: [(String, String)] = []
    ) throws -> Int32 {
        for (name, value) in fields { list.lines.writeString("\(name): \(value)\r\n") }
        let hasBody = body != nil || !ends || !trailers.isEmpty
        guard let id = session?.submitRequest(&list, endStream: !hasBody) else { throw TestFailure("no stream") }
        messages[id] = Message(stream: id)
        if hasBody { outgoing[id] = Outgoing(body: Array((body ?? "").utf8), ends: ends, trailers: trailers) }
        try flush()
        return id
    }

    /// Waits for the end of an answer.
    package func answer(to stream: Int32) throws -> Message {
        try wait { messages[stream].map { $0.isWhole || $0.resetCode != nil } ?? true }
        return try message(stream)
    }

    /// Waits for the head of an answer.
    package func head(of stream: Int32) throws -> Message {
        try wait { messages[stream].map { $0.headIsWhole || $0.resetCode != nil } ?? true }
        return try message(stream)
    }

    /// What has come on a stream so far.
    package func message(_ stream: Int32) throws -> Message {
        guard let message = messages[stream] else { throw TestFailure("\(peer.name): no stream \(stream)") }
        return message
    }

    // MARK: - An origin

    /// Waits for the end of the next request.
    package func request() throws -> Message {
        try wait { arrived.contains { messages[$0]?.isWhole == true } }
        return try takeArrived { $0.isWhole }
    }

    /// Waits for the head of the next request.
    package func requestHead() throws -> Message {
        try wait { arrived.contains { messages[$0]?.headIsWhole == true } }
        return try takeArrived { $0.headIsWhole }
    }

    private func takeArrived(_ fits: (Message) -> Bool) throws -> Message {
        guard let i = arrived.firstIndex(where: { messages[$0].map(fits) ?? false }) else {
            throw TestFailure("\(peer.name): no request")
        }
        return try message(arrived.remove(at: i))
    }

    package func respond(
        to stream: Int32,
        _ status: Int,
        _ fields: [(String, String)] = [],
        body: String? = nil,
        ends: Bool = true,
        trailers: [(String, String)] = []
    ) throws {
        var list = HTTP2FieldList()
        list.status(UInt16(status))
        for (name, value) in fields { list.lines.writeString("\(name): \(value)\r\n") }
        let hasBody = body != nil || !ends || !trailers.isEmpty
        if hasBody { outgoing[stream] = Outgoing(body: Array((body ?? "").utf8), ends: ends, trailers: trailers) }
        guard session?.submitAnswer(stream, &list, endStream: !hasBody) == true else { throw TestFailure("no answer") }
        try flush()
    }

    package func interim(on stream: Int32, _ status: Int, _ fields: [(String, String)] = []) throws {
        var list = HTTP2FieldList()
        list.status(UInt16(status))
        for (name, value) in fields { list.lines.writeString("\(name): \(value)\r\n") }
        guard session?.submitInterim(stream, &list) == true else { throw TestFailure("no interim answer") }
        try flush()
    }

    // MARK: - Both

    /// Sends more of a body.
    package func send(_ text: String, on stream: Int32, ends: Bool = false, trailers: [(String, String)] = []) throws {
        var state = outgoing[stream] ?? Outgoing()
        state.body += Array(text.utf8)
        state.ends = ends
        state.trailers = trailers
        outgoing[stream] = state
        session?.dataReady(stream)
        try flush()
    }

    /// The same for bytes that are no text.
    package func send(bytes: [UInt8], on stream: Int32, trailers: [(String, String)]) throws {
        var state = outgoing[stream] ?? Outgoing()
        state.body += bytes
        state.ends = true
        state.trailers = trailers
        outgoing[stream] = state
        session?.dataReady(stream)
        try flush()
    }

    /// Sends the pattern as far as the windows allow; the rest goes whenever they open.
    package func sendPattern(_ count: Int, on stream: Int32, ends: Bool = true) throws {
        outgoing[stream, default: Outgoing()].pattern += count
        outgoing[stream]?.ends = ends
        session?.dataReady(stream)
        try flush()
    }

    /// Bytes of a body that have left.
    package func sentCount(_ stream: Int32) -> Int {
        outgoing[stream].map { $0.sent + $0.patternSent } ?? 0
    }

    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode = .cancel) throws {
        session?.reset(stream, code)
        try flush()
    }

    package func goAway(_ code: HTTP2ErrorCode = .noError) throws {
        session?.goAway(code)
        try flush()
    }

    /// Sends a PING; what comes back is in `pongs`.
    package func ping(_ payload: UInt64) throws {
        session?.ping(payload)
        try flush()
    }

    /// Waits until the other side has dealt with everything that was sent.
    package func roundTrip() throws {
        let count = pongs.count
        try ping(0x5000 + UInt64(count))
        try wait { pongs.count > count }
    }
}

extension HTTP2Peer: HTTP2Delegate {
    package func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        self.kind = kind
        if case .request = kind {
            messages[stream] = Message(stream: stream)
            arrived.append(stream)
        }
    }

    package func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        let field = (name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
        if case .trailers = kind {
            messages[stream]?.trailers.append(field)
        } else {
            messages[stream]?.fields.append(field)
        }
        return true
    }

    package func headersEnded(_ stream: Int32, endStream: Bool) {
        if case .interimAnswer = kind {
            let fields = messages[stream]?.fields ?? []
            messages[stream]?.interim.append(fields)
            messages[stream]?.fields = []
        } else {
            messages[stream]?.headIsWhole = true
        }
    }

    package func headersTooLarge(_ stream: Int32, endStream: Bool) {}

    package func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        if expectsPattern {
            if !Pattern.matches(bytes, from: messages[stream]?.bodyCount ?? 0) { patternIsBroken = true }
        } else {
            messages[stream]?.body += bytes
        }
        messages[stream]?.bodyCount += bytes.count
        guard consumes else { return }
        session?.consumeConnection(bytes.count)
        if !stalled.contains(stream) { session?.consume(stream, bytes.count) }
    }

    package func streamEnded(_ stream: Int32) { messages[stream]?.isWhole = true }

    package func streamInvalid(_ stream: Int32) {}

    package func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) { messages[stream]?.resetCode = errorCode }

    package func pullData(_ stream: Int32, upTo limit: Int) -> HTTP2Body {
        guard var state = outgoing[stream] else { return .wait }
        var piece = ByteBuffer()
        if state.sent < state.body.count {
            let count = min(limit, state.body.count - state.sent)
            piece.writeBytes(state.body[state.sent..<(state.sent + count)])
            state.sent += count
        } else if state.patternSent < state.pattern {
            let count = min(limit, state.pattern - state.patternSent)
            piece.writeBytes(Pattern.bytes(count, from: state.patternSent))
            state.patternSent += count
        }
        outgoing[stream] = state
        let isAll = state.sent == state.body.count && state.patternSent == state.pattern
        guard isAll, state.ends else { return piece.readableBytes > 0 ? .bytes(piece) : .wait }
        guard !state.trailers.isEmpty else { return .last(piece) }
        var list = HTTP2FieldList()
        for (name, value) in state.trailers { list.lines.writeString("\(name): \(value)\r\n") }
        _ = session?.submitTrailers(stream, &list)
        return .lastBeforeTrailers(piece)
    }

    package func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {
        goAways.append((last: lastStream, code: errorCode))
    }

    package func pingAcked(_ payload: UInt64) { pongs.append(payload) }
    package func settingsReceived() { settingsCount += 1 }
}
