package import NIOCore
package import SluiceConfig
package import SluiceCore
package import SluiceHTTP

/// One end of an HTTP/2 connection for tests, which block: a client of a gateway, or an origin behind one.
package final class HTTP2Peer {
    /// What came on one stream.
    package struct Message {
        package let stream: Int32
        /// In their order, pseudo fields too.
        package var fields: [(name: String, value: String)] = []
        package var interim: [[(name: String, value: String)]] = []
        package var body: [UInt8] = []
        package var trailers: [(name: String, value: String)] = []
        package var headIsWhole = false
        /// END_STREAM came.
        package var isWhole = false
        /// The stream was reset, with this code; 0 for an end without an error.
        package var resetCode: UInt32?

        package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        package var status: Int { self[":status"].flatMap { Int($0) } ?? 0 }
        package var method: String { self[":method"] ?? "" }
        package var path: String { self[":path"] ?? "" }
        package var text: String { String(decoding: body, as: UTF8.self) }
        package func trailer(_ name: String) -> String? { trailers.first { $0.name == name }?.value }
    }

    package let peer: RawPeer
    package private(set) var session: HTTP2Session?
    package private(set) var messages: [Int32: Message] = [:]
    /// Requests that came and were not asked for yet.
    private var arrived: [Int32] = []
    private var outgoing: [Int32: (body: [UInt8], sent: Int, ends: Bool, trailers: [(String, String)])] = [:]
    private var kind = HTTP2HeadersKind.request
    package private(set) var goAway: (last: Int32, code: UInt32)?
    /// Whether received bytes make room for more at once; without it the windows run full.
    package var consumes = true

    package convenience init(connectingTo address: ListenAddress, settings: HTTP2Settings = HTTP2Settings()) throws {
        try self.init(RawPeer(connectingTo: address), .client, settings)
    }

    /// An accepted connection.
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
        var out = ByteBuffer()
        session.produce(into: &out, limit: 1 << 24)
        if out.readableBytes > 0 { try peer.send(Array(buffer: out)) }
    }

    /// Reads until the condition holds.
    package func wait(until condition: () -> Bool) throws {
        while !condition() {
            let bytes = try peer.readSome()
            guard !bytes.isEmpty else { throw TestFailure("the connection has ended") }
            let error = bytes.withUnsafeBytes { session?.receive($0, now: 0) }
            if let error { throw TestFailure("\(error)") }
            try flush()
        }
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
        if hasBody { outgoing[id] = (Array((body ?? "").utf8), 0, ends, trailers) }
        try flush()
        return id
    }

    /// Waits for the end of an answer.
    package func answer(to stream: Int32) throws -> Message {
        try wait { messages[stream].map { $0.isWhole || $0.resetCode != nil } ?? true }
        guard let message = messages[stream] else { throw TestFailure("no stream \(stream)") }
        return message
    }

    // MARK: - An origin

    /// Waits for the end of the next request.
    package func request() throws -> Message {
        try wait { arrived.contains { messages[$0]?.isWhole == true } }
        guard let i = arrived.firstIndex(where: { messages[$0]?.isWhole == true }), let message = messages[arrived[i]]
        else {
            throw TestFailure("no request")
        }
        arrived.remove(at: i)
        return message
    }

    /// Waits for the head of the next request.
    package func requestHead() throws -> Message {
        try wait { arrived.contains { messages[$0]?.headIsWhole == true } }
        guard let message = messages[arrived.removeFirst()] else { throw TestFailure("no request") }
        return message
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
        guard session?.submitAnswer(stream, &list, endStream: !hasBody) == true else { throw TestFailure("no answer") }
        if hasBody { outgoing[stream] = (Array((body ?? "").utf8), 0, ends, trailers) }
        try flush()
    }

    // MARK: - Both

    /// Sends more of a body.
    package func send(_ text: String, on stream: Int32, ends: Bool = false) throws {
        outgoing[stream, default: ([], 0, false, [])].body += Array(text.utf8)
        outgoing[stream]?.ends = ends
        session?.dataReady(stream)
        try flush()
    }

    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode = .cancel) throws {
        session?.reset(stream, code)
        try flush()
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
        messages[stream]?.body += bytes
        guard consumes else { return }
        session?.consume(stream, bytes.count)
        session?.consumeConnection(bytes.count)
    }

    package func streamEnded(_ stream: Int32) { messages[stream]?.isWhole = true }

    package func streamInvalid(_ stream: Int32) {}

    package func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) {
        messages[stream]?.resetCode = errorCode.rawValue
    }

    package func pullData(_ stream: Int32, upTo limit: Int) -> HTTP2Body {
        guard var state = outgoing[stream] else { return .wait }
        let count = min(limit, state.body.count - state.sent)
        let piece = ByteBuffer(bytes: state.body[state.sent..<(state.sent + count)])
        state.sent += count
        outgoing[stream] = state
        guard state.sent == state.body.count else { return .bytes(piece) }
        guard state.ends else { return count > 0 ? .bytes(piece) : .wait }
        guard !state.trailers.isEmpty else { return .last(piece) }
        var list = HTTP2FieldList()
        for (name, value) in state.trailers { list.lines.writeString("\(name): \(value)\r\n") }
        _ = session?.submitTrailers(stream, &list)
        return .lastBeforeTrailers(piece)
    }

    package func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {
        goAway = (lastStream, errorCode.rawValue)
    }

    package func pingAcked(_ payload: UInt64) {}
    package func settingsReceived() {}
}
