import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP

/// A health check over HTTP/2: GET, or `grpc.health.v1.Health/Check`. Isolation: the control loop.
final class HTTP2ProbeCall: ProbeCall {
    private let order: ProbeOrder
    private var session: HTTP2Session?
    private var stream: Int32 = 0
    private(set) var result: ProbeResult?
    /// The request's body that is still to be sent.
    private var body: ByteBuffer?
    // The answer.
    private var status = 0
    private var grpcStatus: GRPCCode?
    private var answer: [UInt8] = []
    private var isInterim = false

    init(_ order: ProbeOrder, isSecure: Bool) {
        self.order = order
        session = HTTP2Session(role: .client, settings: HTTP2Settings(), delegate: self)
        if session == nil { result = .notMade } else { ask(isSecure) }
    }

    private func ask(_ isSecure: Bool) {
        var fields = HTTP2FieldList()
        var hasBody = false
        var path = ""
        switch order.probe {
        case .tcp: break
        case .http(let target, _, _):
            path = target
            fields.pseudo(.method, "GET".utf8)
        case .grpc(let service, _):
            path = GRPCHealth.path
            hasBody = true
            fields.pseudo(.method, "POST".utf8)
            fields.append("content-type", "application/grpc".utf8)
            fields.append("te", "trailers".utf8)
            body = ByteBuffer(bytes: GRPCHealth.request(service: service))
        }
        fields.pseudo(.scheme, isSecure ? "https".utf8 : "http".utf8)
        fields.pseudo(.authority, order.host)
        fields.pseudo(.path, path.utf8)
        fields.append("user-agent", "sluice-health-check".utf8)
        guard let id = session?.submitRequest(&fields, endStream: !hasBody) else {
            result = .notMade
            return
        }
        stream = id
    }

    func received(_ bytes: inout ByteBuffer) {
        guard result == nil, let session else { return }
        // A connection of one request has no time for floods that are worth counting.
        let error = bytes.withUnsafeReadableBytes { session.receive($0, now: 0) }
        if error != nil, result == nil { result = .failure }
    }

    func write(to out: inout ByteBuffer) {
        if result != nil { session?.goAway() }
        session?.produce(into: &out, limit: 64 * 1024)
        if session?.failure != nil, result == nil { result = .failure }
    }

    /// The answer is whole.
    private func judge() {
        guard result == nil else { return }
        switch order.probe {
        case .tcp: result = .success
        case .http(_, _, let statuses): result = statuses.contains { $0.contains(status) } ? .success : .failure
        case .grpc:
            let isServing = status == 200 && grpcStatus == .ok && GRPCHealth.isServing(answer)
            result = isServing ? .success : .failure
        }
    }
}

extension HTTP2ProbeCall: HTTP2Delegate {
    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        if case .interimAnswer = kind { isInterim = true } else { isInterim = false }
    }

    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if ASCII.equalsFolded(name, ":status") {
            status = value.reduce(0) { ($0 * 10 + Int($1 & 15)) % 1000 }
        } else if FieldName.intern(name) == .grpcStatus {
            grpcStatus = GRPCCode(field: value)
        }
        return true
    }

    func headersEnded(_ stream: Int32, endStream: Bool) {
        if case .http = order.probe, !isInterim { judge() }
    }

    func headersTooLarge(_ stream: Int32, endStream: Bool) { result = result ?? .failure }

    func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        answer += bytes
        // Nothing that speaks of one status is so long.
        if answer.count > GRPCHealth.maximumAnswer { result = result ?? .failure }
    }

    func streamEnded(_ stream: Int32) { judge() }

    func streamInvalid(_ stream: Int32) { result = result ?? .failure }

    /// Without an answer, the server has given it up.
    func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) { result = result ?? .timeout }

    func pullData(_ stream: Int32, upTo: Int) -> HTTP2Body {
        let piece = body ?? ByteBuffer()
        body = nil
        return .last(piece)
    }

    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {}
    func pingAcked(_ payload: UInt64) {}
    func settingsReceived() {}
}

/// The messages of `grpc.health.v1.Health/Check` (gRPC, "Health Checking Protocol").
enum GRPCHealth {
    static let path = "/grpc.health.v1.Health/Check"
    static let maximumAnswer = 4096

    /// `HealthCheckRequest { string service = 1; }` in its frame.
    static func request(service: String) -> [UInt8] {
        var message: [UInt8] = []
        if !service.isEmpty {
            message.append(0x0A)
            var count = service.utf8.count
            while count > 0x7F {
                message.append(UInt8(truncatingIfNeeded: count) | 0x80)
                count >>= 7
            }
            message.append(UInt8(truncatingIfNeeded: count))
            message += Array(service.utf8)
        }
        return [0] + withUnsafeBytes(of: UInt32(truncatingIfNeeded: message.count).bigEndian) { Array($0) } + message
    }

    /// Whether a frame holds `HealthCheckResponse { ServingStatus status = 1; }` with `SERVING`, which is 1.
    static func isServing(_ frame: [UInt8]) -> Bool {
        guard frame.count >= 5, frame[0] == 0 else { return false }
        let length = frame[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard frame.count == 5 + length else { return false }
        var status: UInt64 = 0
        var rest = frame[5...]
        while !rest.isEmpty {
            guard let key = varint(&rest) else { return false }
            guard skipOrRead(key, &rest, &status) else { return false }
        }
        return status == 1
    }

    /// Reads one field, which is nothing to us unless it is the status.
    private static func skipOrRead(_ key: UInt64, _ rest: inout ArraySlice<UInt8>, _ status: inout UInt64) -> Bool {
        switch key & 7 {
        case 0:
            guard let value = varint(&rest) else { return false }
            if key >> 3 == 1 { status = value }
            return true
        case 1: return skip(8, &rest)
        case 2:
            guard let count = varint(&rest), let count = Int(exactly: count) else { return false }
            return skip(count, &rest)
        case 5: return skip(4, &rest)
        default: return false
        }
    }

    private static func skip(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard count <= rest.count else { return false }
        rest = rest.dropFirst(count)
        return true
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
