import NIOCore
import SluiceCore
import SluiceHTTP

/// Turns gRPC-Web into gRPC and back (gRPC-Web, "Protocol differences vs gRPC over HTTP2").
///
/// Isolation: one loop. Bounds: bodies pass piece by piece, and of each direction a few bytes are kept. Allocates: one
/// object per call of gRPC-Web, nothing for other requests.
final class GRPCWebFilter: Filter {
    private let slot: Int

    init(slot: Int) { self.slot = slot }

    var requestBody: BodyInterest { .stream }
    var responseBody: BodyInterest { .stream }
    func looksAtRequestBody(of exchange: ExchangeContext) -> Bool { call(exchange)?.isTextRequest == true }
    func looksAtResponseBody(of exchange: ExchangeContext) -> Bool { call(exchange) != nil }

    private func call(_ exchange: ExchangeContext) -> Call? { exchange.slots[slot] as? Call }

    // MARK: - Request

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        guard case .post = exchange.request.method, let type = exchange.request.fields.grpcContentType else {
            return .next
        }
        let isTextRequest: Bool
        switch type.kind {
        case .plain: return .next
        case .web: isTextRequest = false
        case .webText: isTextRequest = true
        }
        exchange.slots[slot] = Call(
            isTextRequest: isTextRequest,
            isTextResponse: Self.wantsText(exchange.request.fields) ?? isTextRequest,
            suffix: type.suffix
        )
        exchange.request.fields.remove(.contentType)
        exchange.request.fields.append(.contentType, value: GRPCContentType(.plain, suffix: type.suffix).bytes)
        exchange.request.fields.remove(.te)
        exchange.request.fields.append(.te, value: "trailers".utf8)
        return .next
    }

    /// What `Accept` says; nil: nothing of gRPC-Web.
    private static func wantsText(_ fields: HeaderTable) -> Bool? {
        guard let accept = fields.value(of: .accept) else { return nil }
        return fields.withBytes(accept) { value in
            var answer: Bool?
            FieldList.forEach(value) { item in
                guard answer == nil, let type = GRPCContentType(item) else { return }
                switch type.kind {
                case .plain: break
                case .web: answer = false
                case .webText: answer = true
                }
            }
            return answer
        }
    }

    func onRequestBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
        guard let call = call(exchange) else { return .pass }
        var decoded = ByteBuffer()
        let isValid = piece.withUnsafeReadableBytes { call.decoder.decode($0, into: &decoded) }
        guard isValid, !isLast || call.decoder.isComplete else {
            call.isRefused = true
            return .fail(.badGRPCWeb)
        }
        piece = decoded
        return .pass
    }

    // MARK: - Response

    func onResponse(_ exchange: ExchangeContext) {
        guard let call = call(exchange), !call.isRefused else { return }
        if let type = exchange.response.fields.grpcContentType {
            guard case .plain = type.kind else { return }
            setType(call, suffix: type.suffix.isEmpty ? call.suffix : type.suffix, exchange)
        } else if exchange.record.attempts > 0 {
            // A server, or a proxy on the way, that knows nothing of gRPC: what it says, no client could read.
            call.isForeign = true
            setType(call, suffix: call.suffix, exchange)
            setStatus(exchange)
        }
    }

    private func setType(_ call: Call, suffix: [UInt8], _ exchange: ExchangeContext) {
        let type = GRPCContentType(call.isTextResponse ? .webText : .web, suffix: suffix)
        exchange.response.fields.remove(.contentType)
        exchange.response.fields.append(.contentType, value: type.bytes)
    }

    /// The HTTP status stays as it is, for clients that go by it.
    private func setStatus(_ exchange: ExchangeContext) {
        let status = exchange.response.status
        let code = GRPCCode.transport(httpStatus: status)
        exchange.response.fields.remove(.grpcStatus)
        exchange.response.fields.append(.grpcStatus, value: "\(code.rawValue)".utf8)
        exchange.response.fields.remove(lowercased: Self.message)
        exchange.response.fields.append(
            name: Self.message,
            value: "The service answered without gRPC, with HTTP status \(status).".utf8
        )
    }

    private static let message = Array("grpc-message".utf8)

    func onResponseBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
        guard let call = call(exchange), !call.isRefused else { return .pass }
        if call.isForeign {
            piece.clear()
            return .pass
        }
        if isLast { appendTrailers(to: &piece, exchange) }
        guard call.isTextResponse else { return .pass }
        var text = ByteBuffer()
        piece.withUnsafeReadableBytes { call.encoder.encode($0, into: &text) }
        if isLast { call.encoder.finish(into: &text) }
        piece = text
        return .pass
    }

    /// The trailers as the last frame of the body, which is where browsers can read them.
    private func appendTrailers(to piece: inout ByteBuffer, _ exchange: ExchangeContext) {
        guard let trailers = exchange.responseTrailers?.fields, trailers.count > 0 else { return }
        exchange.responseTrailers = nil
        var lines = ByteBuffer()
        for entry in trailers.entries where !entry.isRemoved {
            trailers.withBytes(entry.nameRange) { name in
                for byte in name { lines.writeInteger(ASCII.lowercased(byte)) }
            }
            lines.writeStaticString(": ")
            trailers.withBytes(entry.valueRange) { _ = lines.writeBytes($0) }
            lines.writeStaticString("\r\n")
        }
        piece.writeInteger(UInt8(0x80))
        piece.writeInteger(UInt32(truncatingIfNeeded: lines.readableBytes))
        piece.writeImmutableBuffer(lines)
    }
}

/// One call of gRPC-Web. Isolation: its loop.
private final class Call {
    let isTextRequest: Bool
    let isTextResponse: Bool
    /// How messages are written, as the client says it: `+proto`.
    let suffix: [UInt8]
    var decoder = Base64UnitDecoder()
    var encoder = GRPCWebEncoder()
    /// The request was no gRPC-Web after all.
    var isRefused = false
    /// The answer is not gRPC: its body is left out.
    var isForeign = false

    init(isTextRequest: Bool, isTextResponse: Bool, suffix: [UInt8]) {
        self.isTextRequest = isTextRequest
        self.isTextResponse = isTextResponse
        self.suffix = suffix
    }
}
