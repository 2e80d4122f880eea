import NIOCore
import SluiceCore
import SluiceHTTP

/// What the echo server does with a request, decided from its head.
struct EchoAnswer {
    enum Body: Equatable {
        /// What the request was, as JSON.
        case description
        case none
        /// So many bytes, in pieces of at most this many.
        case bytes(count: Int, piece: Int)
        /// So many chunks, one line each.
        case chunks(Int)
    }

    var status: UInt16 = 200
    var body = Body.description
    /// Before the head.
    var delay = TimeAmount.zero
    /// Before each piece of the body.
    var pause = TimeAmount.zero

    static let pieceSize = 64 * 1024

    /// Reads the path: `/status/503`, `/delay/250`, `/bytes/1000`, `/stream/10`, `/drip?numbytes=10&duration=5&delay=1`.
    /// Anything else, and numbers out of bounds, give the description.
    init(_ request: RequestHead) {
        let path = request.fields.string(request.path)
        let parts = path.split(separator: "/", maxSplits: 1)
        let number = parts.count == 2 ? Int(parts[1]) : nil
        switch (parts.first, number) {
        case ("status", let number?) where (200...599).contains(number):
            status = UInt16(number)
            body = number == 204 || number == 304 ? .none : .description
        case ("delay", let number?) where (0...600_000).contains(number):
            delay = .milliseconds(Int64(number))
        case ("bytes", let number?) where (0...(1 << 40)).contains(number):
            body = .bytes(count: number, piece: Self.pieceSize)
        case ("stream", let number?) where (0...1_000_000).contains(number):
            body = .chunks(number)
        default:
            if path == "/drip" { drip(request) }
        }
    }

    private mutating func drip(_ request: RequestHead) {
        func seconds(_ name: String) -> Double {
            let text = QueryParameters.first(name, in: request).map(request.fields.string) ?? ""
            return min(max(Double(text) ?? 0, 0), 600)
        }
        let text = QueryParameters.first("numbytes", in: request).map(request.fields.string) ?? ""
        let count = min(max(Int(text) ?? 10, 1), 10_000)
        body = .bytes(count: count, piece: 1)
        delay = .milliseconds(Int64(seconds("delay") * 1000))
        pause = .nanoseconds(Int64(seconds("duration") * 1e9) / Int64(count))
    }

    var contentType: String {
        switch body {
        case .description: "application/json"
        case .none, .chunks: "text/plain"
        case .bytes: "application/octet-stream"
        }
    }
}

/// Describes a request as JSON.
enum EchoDescription {
    static func write(_ request: RequestHead, bodyBytes: Int, server: [UInt8], to out: inout ByteBuffer) {
        out.writeString("{\"server\": ")
        writeText(server, to: &out)
        out.writeString(", \"method\": ")
        request.fields.withBytes(request.methodRange) { writeText($0, to: &out) }
        out.writeString(", \"path\": ")
        request.fields.withBytes(request.target) { writeText($0, to: &out) }
        out.writeString(", \"headers\": {")
        writeFields(request.fields, to: &out)
        out.writeString("}, \"body_bytes\": \(bodyBytes)}\n")
    }

    /// A field that comes more than once is written once, its values joined.
    private static func writeFields(_ fields: HeaderTable, to out: inout ByteBuffer) {
        var order: [String] = []
        var values: [String: (name: String, value: String)] = [:]
        for entry in fields.entries where !entry.isRemoved {
            let name = fields.string(entry.nameRange)
            let key = name.lowercased()
            let value = fields.string(entry.valueRange)
            if let known = values[key] {
                values[key] = (name: known.name, value: "\(known.value), \(value)")
            } else {
                order.append(key)
                values[key] = (name: name, value: value)
            }
        }
        for (i, key) in order.enumerated() {
            guard let (name, value) = values[key] else { continue }
            if i > 0 { out.writeString(", ") }
            writeText(name.utf8, to: &out)
            out.writeString(": ")
            writeText(value.utf8, to: &out)
        }
    }

    /// A JSON string (RFC 8259, section 7). Bytes that are no UTF-8 are replaced.
    private static func writeText(_ bytes: some Sequence<UInt8>, to out: inout ByteBuffer) {
        out.writeString("\"")
        for byte in String(decoding: Array(bytes), as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""): out.writeString("\\\"")
            case UInt8(ascii: "\\"): out.writeString("\\\\")
            case ..<0x20: out.writeString("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
            default: out.writeInteger(byte)
            }
        }
        out.writeString("\"")
    }
}
