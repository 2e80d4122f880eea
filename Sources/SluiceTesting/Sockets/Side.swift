/// One end of one exchange whose body is streamed, in either version of HTTP: for tests of all combinations.
package final class Side {
    private let one: RawPeer?
    private let two: HTTP2Peer?
    private let isClient: Bool
    private var stream: Int32 = 0
    private var seen = 0

    private init(_ one: RawPeer?, _ two: HTTP2Peer?, isClient: Bool) {
        self.one = one
        self.two = two
        self.isClient = isClient
    }

    package static func client(_ gateway: TestGateway, isTwo: Bool) throws -> Side {
        Side(isTwo ? nil : try gateway.connect(), isTwo ? try gateway.connectHTTP2() : nil, isClient: true)
    }

    /// The next connection of the origin.
    package static func origin(_ origin: ScriptedOrigin, isTwo: Bool) throws -> Side {
        Side(isTwo ? nil : try origin.accept(), isTwo ? try origin.acceptHTTP2() : nil, isClient: false)
    }

    /// Sends the head of a request.
    package func begin(_ method: String, _ path: String) throws {
        try one?.send(Wire.message("\(method) \(path) HTTP/1.1", ["Host: a.test", "Transfer-Encoding: chunked"]))
        if let two { stream = try two.request(method, path, ends: false) }
    }

    /// Sends the head of an answer.
    package func begin() throws {
        try one?.send(Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]))
        try two?.respond(to: stream, 200, ends: false)
    }

    /// Reads the head of what comes.
    package func readHead() throws {
        if let one { _ = try one.readHead() }
        guard let two else { return }
        if isClient { _ = try two.head(of: stream) } else { stream = try two.requestHead().stream }
    }

    package func send(_ text: String) throws {
        try one?.send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
        try two?.send(text, on: stream)
    }

    package func end() throws {
        try one?.send("0\r\n\r\n")
        try two?.send("", on: stream, ends: true)
    }

    /// Reads a piece that was sent in one go.
    package func expect(_ text: String) throws {
        if let one {
            var got: [UInt8] = []
            while got.count < text.utf8.count {
                got += try one.read(try one.readChunkSize())
                _ = try one.read(2)
            }
            try check(String(decoding: got, as: UTF8.self), text)
        } else if let two {
            try two.wait { try two.message(stream).body.count >= seen + text.utf8.count }
            try check(String(decoding: try two.message(stream).body[seen...], as: UTF8.self), text)
            seen += text.utf8.count
        }
    }

    private func check(_ got: String, _ wanted: String) throws {
        if got != wanted { throw TestFailure("'\(got)' came in place of '\(wanted)'") }
    }

    package func expectEnd() throws {
        if let one {
            let end = try one.readText(5)
            try check(end, "0\r\n\r\n")
        } else if let two {
            try two.wait { try two.message(stream).isWhole }
        }
    }
}
