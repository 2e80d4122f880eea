import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTesting
import Synchronization

/// A collector that keeps what it is sent and answers as the test says.
final class OTLPReceiver {
    private final class Kept: Sendable {
        let bodies = Mutex<[HTTPMessage]>([])
    }

    private let origin: RespondingOrigin
    private let kept = Kept()

    /// - Parameter answer: the answer to the n-th request, from 0.
    init(_ answer: @escaping @Sendable (Int) -> String = { _ in Wire.ok("") }) throws {
        origin = try RespondingOrigin { [kept] request, peer in
            let number = kept.bodies.withLock { bodies in
                bodies.append(request)
                return bodies.count - 1
            }
            try peer.send(answer(number))
            return true
        }
    }

    func stop() { origin.stop() }

    var requests: [HTTPMessage] { kept.bodies.withLock { $0 } }
    var spans: [OTLPSpan] { requests.flatMap { OTLPSpan.all(in: $0.body) } }
    var requestCount: Int { origin.requestCount }

    func model() throws -> TracingModel { try Self.model(origin.address) }

    static func model(_ address: ListenAddress) throws -> TracingModel {
        guard let url = FetchURL("http://127.0.0.1:\(address.port)") else { throw TestFailure("no URL") }
        return TracingModel(endpoint: url)
    }
}

/// A span as it came over the wire, read without the code under test.
struct OTLPSpan {
    private let fields: [Int: [[UInt8]]]

    private init(_ bytes: [UInt8]) { fields = Self.split(bytes) }

    static func all(in body: [UInt8]) -> [OTLPSpan] {
        let resources = split(body)[1] ?? []
        return resources.flatMap { resource in
            (split(resource)[2] ?? []).flatMap { (split($0)[2] ?? []).map(OTLPSpan.init) }
        }
    }

    var traceID: String { hex(1) }
    var id: String { hex(2) }
    var parent: String { hex(4) }
    var name: String { fields[5]?.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }
    /// Nanoseconds since 1970.
    var start: UInt64 { number(7) }
    var end: UInt64 { number(8) }
    /// Those that are texts.
    var texts: [String: String] {
        var found: [String: String] = [:]
        for pair in (fields[9] ?? []).map(Self.split) {
            guard let key = pair[1]?.first, let value = pair[2]?.first.map(Self.split)?[1]?.first else { continue }
            found[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        return found
    }

    private func number(_ field: Int) -> UInt64 {
        (fields[field]?.first ?? []).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func hex(_ field: Int) -> String {
        (fields[field]?.first ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The fields of a message that have bytes, fixed numbers among them; varints are skipped.
    private static func split(_ bytes: [UInt8]) -> [Int: [[UInt8]]] {
        var found: [Int: [[UInt8]]] = [:]
        var rest = bytes[...]
        func varint() -> Int {
            var (value, shift) = (0, 0)
            while let byte = rest.popFirst(), shift < 56 {
                value |= Int(byte & 127) << shift
                if byte < 128 { break }
                shift += 7
            }
            return value
        }
        while !rest.isEmpty {
            let tag = varint()
            let size: Int
            switch tag & 7 {
            case 0:
                _ = varint()
                continue
            case 1: size = 8
            case 2: size = varint()
            case 5: size = 4
            default: return found
            }
            found[tag >> 3, default: []].append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return found
    }
}
