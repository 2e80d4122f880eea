import NIOCore
import SluiceConfig
import SluiceCore
import SluiceUpstream

/// What an answer of an OTLP receiver means (OTLP specification, "OTLP/HTTP Response").
enum ExportAnswer {
    /// - Parameter now: seconds since 1970, for `Retry-After` with a date.
    static func outcome(_ result: Result<FetchAnswer, FetchError>, now: Int64) -> ExportSchedule.Outcome {
        switch result {
        case .failure(let error): return .later(reason: error.message, after: nil)
        case .success(let answer):
            switch answer.status {
            case 200...299:
                let partial = PartialSuccess(answer.body)
                return .accepted(rejected: partial.rejected, message: partial.message)
            case 429, 502, 503, 504:
                let asked = answer.field("retry-after").flatMap { text in
                    Array(text.utf8).withUnsafeBytes { RetryAfter.parse($0, now: now) }
                }
                return .later(reason: "the answer was \(answer.status)", after: asked)
            default:
                return .refused(reason: "the answer was \(answer.status)")
            }
        }
    }

    /// `ExportTraceServiceResponse.partial_success`, as far as it can be read: it is for people and counters only.
    struct PartialSuccess: Equatable {
        private(set) var rejected = 0
        private(set) var message = ""

        init(_ body: [UInt8]) {
            var fields = ProtobufReader(body[...])
            while case .bytes(let number, let partial)? = fields.next() {
                guard number == 1 else { continue }
                read(partial)
            }
        }

        private mutating func read(_ bytes: ArraySlice<UInt8>) {
            var fields = ProtobufReader(bytes)
            while let field = fields.next() {
                switch field {
                case .varint(1, let value): rejected = Int(clamping: Int64(bitPattern: value))
                // It goes into the operator's log, where it must not begin a line of its own.
                case .bytes(2, let text): message = Printable.visible(String(decoding: text.prefix(256), as: UTF8.self))
                default: break
                }
            }
            rejected = max(0, rejected)
        }
    }
}

/// Reads protobuf fields one after the other; ends at the first that it does not understand.
struct ProtobufReader {
    enum Field: Equatable {
        case varint(UInt64, UInt64)
        case bytes(UInt64, ArraySlice<UInt8>)
        case fixed64(UInt64, UInt64)
        case fixed32(UInt64, UInt32)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> Field? {
        guard let tag = varint() else { return nil }
        let number = tag >> 3
        switch tag & 7 {
        case 0: return varint().map { .varint(number, $0) }
        case 1: return fixed(8).map { .fixed64(number, $0) }
        case 2:
            guard let count = varint(), count <= UInt64(rest.count) else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return .bytes(number, rest.prefix(Int(count)))
        case 5: return fixed(4).map { .fixed32(number, UInt32(truncatingIfNeeded: $0)) }
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let byte = rest.popFirst() {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    private mutating func fixed(_ size: Int) -> UInt64? {
        guard rest.count >= size else { return nil }
        var value: UInt64 = 0
        for byte in rest.prefix(size).reversed() { value = value << 8 | UInt64(byte) }
        rest = rest.dropFirst(size)
        return value
    }
}
