import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

@testable import SluiceProxy

/// What heads of HTTP/2 become in HTTP/1, whatever is in them: exactly the same request, or none.
@Suite struct HTTP2RequestTextTests {
    private typealias Field = (name: [UInt8], value: [UInt8])

    /// As a session hands them over, but unchecked: what the library should have found may slip through.
    private static func finish(_ fields: [Field], endStream: Bool) -> Result<ByteBuffer, GatewayError> {
        var text = HTTP2RequestText()
        text.begin()
        for (name, value) in fields {
            name.withUnsafeBytes { name in value.withUnsafeBytes { text.add(name, $0) } }
        }
        var random = RandomSource(seed: 7)
        return text.finish(endStream: endStream, random: &random).map { ByteBuffer(bytes: text.head($0)) }
    }

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Pieces that attacks are made of.
    private static let pieces = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "/", "*", "?", "#", "@", "a", "test", "HTTP/1.1", "GET ",
        "chunked",
        "Host: b", "Content-Length: 5", "\u{7F}", "é", "%2e", "http://", "0\r\n\r\n",
    ]
    private static let names = [
        ":method", ":scheme", ":authority", ":path", ":protocol", ":status", "host", "cookie", "content-length",
        "transfer-encoding", "connection", "upgrade", "te", "x", "x-long-name", "expect", "trailer",
        "sec-websocket-key",
        "forwarded", "", ":", "x y", "x\r\n",
    ]
    private static let usual: [(String, String)] = [
        (":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/a?b"),
    ]

    private static func random(_ random: inout RandomSource) -> [Field] {
        var fields = usual.map { (name: bytes($0.0), value: bytes($0.1)) }
        func below(_ count: Int) -> Int { Int(random.below(UInt64(count))) }
        func pick(_ list: [String]) -> [UInt8] { bytes(list[below(list.count)]) }
        for _ in 0..<below(5) {
            switch below(5) {
            case 0: fields.remove(at: below(fields.count))
            case 1: fields.insert((name: pick(names), value: pick(pieces) + pick(pieces)), at: below(fields.count + 1))
            case 2: fields.append((name: pick(names), value: pick(pieces)))
            case 3:
                let i = below(fields.count)
                fields[i].value += pick(pieces)
            default:
                let i = below(fields.count)
                fields[i].value.insert(UInt8(truncatingIfNeeded: random.next()), at: below(fields[i].value.count + 1))
            }
            if fields.isEmpty { break }
        }
        return fields
    }

    @Test("no head becomes more or something else than it said", arguments: 1...8)
    func property(seed: UInt64) {
        var source = RandomSource(seed: seed)
        var accepted = 0
        for _ in 0..<10_000 {
            let fields = Self.random(&source)
            let endStream = source.next() & 1 == 0
            guard case .success(let text) = Self.finish(fields, endStream: endStream) else { continue }
            var parser = RequestParser()
            var head = RequestHead()
            var limits = RequestParser.Limits()
            limits.refuseUnderscores = false
            switch parser.parse(text, into: &head, limits: limits) {
            case .invalid: continue
            case .incomplete: Issue.record("a head without an end: \(Self.show(fields))")
            case .complete(let consumed):
                accepted += 1
                guard consumed == text.readableBytes else {
                    Issue.record("more than a head: \(Self.show(fields))")
                    continue
                }
                Self.compare(head, fields, endStream: endStream)
            }
        }
        #expect(accepted > 500, "hardly anything was good enough to be compared")
    }

    private static func show(_ fields: [Field]) -> String {
        fields.map {
            "\(String(decoding: $0.name, as: UTF8.self).debugDescription)=\(String(decoding: $0.value, as: UTF8.self).debugDescription)"
        }
        .joined(separator: " ")
    }

    private static func value(_ name: String, in fields: [Field]) -> [UInt8]? {
        fields.first { $0.name == bytes(name) }?.value
    }

    /// Every line is one of the client's fields or one that the version makes necessary.
    private static func compare(_ head: RequestHead, _ fields: [Field], endStream: Bool) {
        func bytes(_ range: ByteRange) -> [UInt8] { head.fields.withBytes(range) { Array($0) } }
        let isWebSocket = value(":protocol", in: fields) != nil
        let isConnect = value(":method", in: fields) == Self.bytes("CONNECT") && !isWebSocket
        #expect(bytes(head.methodRange) == (isWebSocket ? Self.bytes("GET") : value(":method", in: fields)))
        #expect(bytes(head.target) == value(isConnect ? ":authority" : ":path", in: fields), "\(show(fields))")
        var expected = fields.filter { field in
            let isOwn = field.name.first == UInt8(ascii: ":") || field.name == Self.bytes("cookie")
            return !isOwn && field.name != Self.bytes("host")
                && !(isWebSocket && field.name == Self.bytes("sec-websocket-key"))
        }.map { "\(String(decoding: $0.name, as: UTF8.self).lowercased()): \(trimmed($0.value))" }
        let host = value(":authority", in: fields) ?? value("host", in: fields) ?? []
        expected.append("host: \(trimmed(host))")
        let crumbs = fields.filter { $0.name == Self.bytes("cookie") }.map(\.value)
        let cookie = crumbs.reduce([UInt8]()) { $0.isEmpty ? $1 : $0 + Self.bytes("; ") + $1 }
        if !cookie.isEmpty { expected.append("cookie: \(trimmed(cookie))") }
        var found = head.fields.entries.map { entry in
            "\(String(decoding: bytes(entry.nameRange), as: UTF8.self).lowercased()): \(trimmed(bytes(entry.valueRange)))"
        }
        let own = ["transfer-encoding: chunked", "connection: upgrade", "upgrade: websocket"]
        found.removeAll { line in
            own.contains(line.lowercased()) || line.hasPrefix("sec-websocket-key: ") && isWebSocket
        }
        #expect(found.sorted() == expected.sorted(), "\(show(fields))")
        if case .chunked = head.framing { #expect(!endStream) }
    }

    private static func trimmed(_ value: [UInt8]) -> String {
        String(decoding: value.withUnsafeBytes { Array(ASCII.trimmed($0)) }, as: UTF8.self)
    }

    @Test("a usual head, word by word")
    func usualHead() throws {
        let fields = Self.usual + [("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2")]
        let text = try Self.finish(fields.map { (Self.bytes($0.0), Self.bytes($0.1)) }, endStream: true).get()
        #expect(String(buffer: text) == "GET /a?b HTTP/1.1\r\nHost: test\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n")
        let body = try Self.finish(Self.usual.map { (Self.bytes($0.0), Self.bytes($0.1)) }, endStream: false).get()
        #expect(String(buffer: body) == "GET /a?b HTTP/1.1\r\nHost: test\r\ntransfer-encoding: chunked\r\n\r\n")
    }
}
