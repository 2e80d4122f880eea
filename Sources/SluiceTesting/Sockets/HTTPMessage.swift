/// A request or response as it came over the wire, read by a reader that shares nothing with the gateway's own.
package struct HTTPMessage: Sendable {
    package let startLine: String
    package let fields: [(name: String, value: String)]
    /// The head exactly as received, its empty line included.
    package let rawHead: String
    package internal(set) var body: [UInt8] = []
    package internal(set) var trailers: [(name: String, value: String)] = []
    /// Whether the body came in chunks.
    package internal(set) var wasChunked = false

    init(rawHead: String) throws {
        self.rawHead = rawHead
        // CR LF is one Character.
        var lines = rawHead.dropLast(2).split(separator: "\r\n", omittingEmptySubsequences: false)
        startLine = lines.isEmpty ? "" : String(lines.removeFirst())
        fields = try lines.map(Self.field)
    }

    static func field(_ line: Substring) throws -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
            throw TestFailure("no field: \(line)")
        }
        var value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        while value.last == " " || value.last == "\t" { value.removeLast() }
        return (name: String(line[..<colon]), value: String(value))
    }

    /// The values of a field in their order, its name in any case.
    package func all(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a field, several joined by a comma.
    package subscript(name: String) -> String? {
        let values = all(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// Of a response; 0 when the line is none.
    package var status: Int { startLine.hasPrefix("HTTP/1.") ? Int(startLine.dropFirst(9).prefix(3)) ?? 0 : 0 }

    /// Of a request.
    package var target: String { startLine.split(separator: " ").dropFirst().first.map(String.init) ?? "" }

    /// The names in their order, for tests of order and case.
    package var names: [String] { fields.map(\.name) }
}

extension RawPeer {
    /// The next head.
    package func readHead() throws -> HTTPMessage {
        try HTTPMessage(rawHead: String(decoding: try read(through: "\r\n\r\n"), as: UTF8.self))
    }

    /// The next request with its body.
    package func readRequest() throws -> HTTPMessage {
        var message = try readHead()
        if message["Transfer-Encoding"] != nil {
            try readChunks(into: &message)
        } else if let length = message["Content-Length"].flatMap({ Int($0) }) {
            message.body = try read(length)
        }
        return message
    }

    /// The next response with its body; interim ones are returned too.
    ///
    /// - Parameter method: what it answers, since the answer to HEAD has no body.
    package func readResponse(to method: String = "GET") throws -> HTTPMessage {
        var message = try readHead()
        guard message.status > 0 else {
            throw TestFailure("\(name): no response: \(Shown.bytes(message.rawHead.utf8))")
        }
        if message.status < 200 || message.status == 204 || message.status == 304 || method == "HEAD" { return message }
        if message["Transfer-Encoding"] != nil {
            try readChunks(into: &message)
        } else if let length = message["Content-Length"].flatMap({ Int($0) }) {
            message.body = try read(length)
        } else {
            message.body = try readToEnd()
        }
        return message
    }

    private func readChunks(into message: inout HTTPMessage) throws {
        guard message["Transfer-Encoding"] == "chunked" else {
            throw TestFailure("\(name): an unexpected coding: \(message["Transfer-Encoding"] ?? "")")
        }
        message.wasChunked = true
        while true {
            let size = try readChunkSize()
            if size == 0 { break }
            message.body += try read(size)
            guard try readText(2) == "\r\n" else { throw TestFailure("\(name): a chunk does not end where it should") }
        }
        while true {
            let line = String(decoding: try read(through: "\r\n"), as: UTF8.self).dropLast()
            if line.isEmpty { return }
            message.trailers.append(try HTTPMessage.field(line))
        }
    }

    /// The size of the next chunk; its line must have no extension.
    package func readChunkSize() throws -> Int {
        let line = String(decoding: try read(through: "\r\n"), as: UTF8.self).dropLast()
        guard let size = Int(line, radix: 16), !line.isEmpty else {
            throw TestFailure("\(name): no chunk size: \(line)")
        }
        return size
    }

    /// A chunked body that is the pattern; see `readPattern`.
    ///
    /// - Returns: its length.
    package func readChunkedPattern() throws -> Int {
        var total = 0
        while true {
            let size = try readChunkSize()
            if size > 0 { try readPattern(size, from: total) }
            guard try readText(2) == "\r\n" else { throw TestFailure("\(name): a chunk does not end where it should") }
            if size == 0 { return total }
            total += size
        }
    }
}
