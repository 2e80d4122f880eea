import SluiceConfig
import SluiceFilters
import SluiceTesting

/// The library service of Tests/Fixtures/transcoding, and its messages as bytes. No byte is above 127, so that texts hold
/// them.
enum Library {
    static let descriptor: [UInt8] = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return (try? ConfigFiles.read(parts.joined(separator: "/") + "/Fixtures/transcoding/all.pb")) ?? []
    }()

    static func filters(_ settings: String = "", name: String = "grpc_json") throws -> [FilterModel] {
        let services = settings.contains("services:") ? "" : ", services: [sluice.library.Library]"
        let rest = settings.isEmpty ? "" : ", " + settings
        return try FilterText.models(
            "\(name): {descriptor: api.pb\(services)\(rest)}",
            bytes: ["api.pb": descriptor]
        )
    }

    /// A gateway with the filter in front of an origin that speaks gRPC.
    static func model(
        _ origin: ScriptedOrigin,
        _ settings: String = "",
        others: [FilterModel] = []
    ) throws
        -> GatewayModel
    {
        let filters = try filters(settings) + others
        return .forwarding(to: origin.address) {
            $0.upstreams[0].version = .http2
            $0.filters = filters
        }
    }

    // MARK: - Messages

    /// A field with a text or a message in it.
    static func field(_ number: UInt8, _ text: String) -> String {
        let count = text.utf8.count
        let length = count < 0x80 ? [UInt8(count)] : []
        return String(decoding: [number << 3 | 2] + length + Array(text.utf8), as: UTF8.self)
    }

    static func number(_ number: UInt8, _ value: UInt8) -> String {
        String(decoding: [number << 3, value & 0x7F], as: UTF8.self)
    }

    static func frame(_ message: String, flag: UInt8 = 0) -> String {
        let count = message.utf8.count
        let head = [flag, 0, UInt8(count >> 16 & 0x7F), UInt8(count >> 8 & 0x7F), UInt8(count & 0x7F)]
        return String(decoding: head, as: UTF8.self) + message
    }

    static func book(_ name: String) -> String { field(1, name) }

    // MARK: - Answers

    static let type = ("content-type", "application/grpc")
    static let fine = [("grpc-status", "0")]
}

extension HTTP2Peer {
    /// Takes the next call and answers it with messages.
    func serve(_ messages: [String], trailers: [(String, String)] = Library.fine) throws -> Message {
        let request = try request()
        let body = messages.map { Library.frame($0) }.joined()
        try respond(to: request.stream, 200, [Library.type], body: body, trailers: trailers)
        return request
    }
}
