import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Whole calls of the library service.
struct Calls {
    let transcoder: Transcoder

    init(_ options: TranscodingOptions = Fixture.options, autoMapping: Bool = true) throws {
        var choice = Transcoder.Choice()
        choice.autoMapping = autoMapping
        transcoder = try Transcoder(pool: Fixture.pool, choice: choice, options: options)
    }

    func match(_ method: String, _ path: String) -> Transcoder.Match? {
        Array(method.utf8).withUnsafeBytes { method in
            Array(path.utf8).withUnsafeBytes { transcoder.match(method: method, path: $0) }
        }
    }

    /// The gRPC path of a request, and its messages printed as JSON.
    func request(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        contentType: String = "application/json",
        pieces: Int = .max
    ) throws -> (path: String, messages: [String]) {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let match = try #require(self.match(method, parts[0]))
        let query = Array((parts.count > 1 ? parts[1] : "").utf8)
        let translator = try Array(parts[0].utf8).withUnsafeBytes { path in
            try query.withUnsafeBytes { query in
                try Array(contentType.utf8).withUnsafeBytes {
                    try transcoder.request(match, path: path, query: query, contentType: $0)
                }
            }
        }
        var frames = ByteBuffer()
        var rest = Array((body ?? "").utf8)[...]
        while !rest.isEmpty {
            frames.writeImmutableBuffer(try translator.feed(ByteBuffer(bytes: rest.prefix(pieces))))
            rest = rest.dropFirst(pieces)
        }
        frames.writeImmutableBuffer(try translator.finish())
        let input = Fixture.pool.methods[transcoder.bindings[match.binding].method].input
        let type = Fixture.pool.name(ofMessage: input)
        return (transcoder.path(of: match), try Translate.frames(frames).map { try Translate.print($0, as: type) })
    }

    /// The one message of a unary request.
    func message(_ method: String, _ target: String, _ body: String? = nil) throws -> String {
        let messages = try request(method, target, body).messages
        try #require(messages.count == 1)
        return messages[0]
    }

    func failure(_ method: String, _ target: String, _ body: String? = nil) -> String? {
        do {
            _ = try request(method, target, body)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The translator of a response.
    func response(_ method: String, _ path: String, format: ResponseFormat = .array) throws -> ResponseTranslator {
        transcoder.response(try #require(self.match(method, path)), format: format)
    }

    /// A message as binary, from its JSON.
    static func binary(_ text: String, _ type: String) throws -> [UInt8] {
        try #require(try Translate.parse(text, as: "sluice.library.\(type)").first)
    }
}

extension ByteBuffer {
    var text: String { String(decoding: readableBytesView, as: UTF8.self) }
}
