import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding

/// One call of gRPC that becomes a request of REST. Isolation: its loop.
final class GRPCCall: Translation {
    private let transcoder: ReverseTranscoder
    /// As the client says it: some take no other.
    private let type: GRPCContentType
    private var method: Int?
    private var frames: FrameReader
    private var messages = 0
    private var request: RestRequest?
    /// What is wrong with the request.
    private var problem: TranscodingError?
    private var answer: RestResponseTranslator?
    /// The status of an answer that is an error, and what there is of its body.
    private var failure: (status: UInt16, body: ByteBuffer)?
    /// Bytes of that body, most of which are read only to keep the connection.
    private var dropped = 0

    /// Bytes of an error's body that are looked at.
    private static let errorLimit = 64 * 1024

    init(_ transcoder: ReverseTranscoder, type: GRPCContentType) {
        self.transcoder = transcoder
        self.type = type
        frames = FrameReader(limit: transcoder.options.limits.message)
    }

    var clientSpeaksGRPC: Bool { true }
    var holdsRequest: Bool { true }

    var calledMethod: CalledMethod? {
        method.map(transcoder.entry).map { CalledMethod(service: $0.service, method: $0.name) }
    }

    // MARK: - Request

    func refusal(of exchange: ExchangeContext) -> LocalReply? {
        let path = exchange.request.path
        method = exchange.request.fields.withBytes(path) { transcoder.method(path: $0) }
        return method == nil ? LocalReply(.noBinding) : nil
    }

    func translateRequest(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> GatewayError? {
        do throws(TranscodingError) {
            let bytes = piece
            piece = ByteBuffer()
            try bytes.withUnsafeReadableBytes { (bytes) throws(TranscodingError) in
                try frames.feed(bytes) { message throws(TranscodingError) in try take(message) }
            }
            guard isLast else { return nil }
            guard frames.isComplete else { throw TranscodingError(.wire, "the request ends inside a message") }
            guard let request else { throw TranscodingError(.count, "a call needs one message") }
            if let body = request.body { piece = ByteBuffer(bytes: body) }
            return nil
        } catch {
            problem = error
            return error.kind == .tooLarge ? .bodyTooLarge : .untranslatableRequest
        }
    }

    private func take(_ message: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard request == nil, let method else { throw TranscodingError(.count, "a call takes one message only") }
        request = try transcoder.request(method, message: message)
    }

    func prepareRequest(_ exchange: ExchangeContext) {
        guard let request else { return }
        exchange.request.fields.remove(.contentType)
        exchange.request.fields.remove(.te)
        for name in Self.removed { exchange.request.fields.remove(lowercased: name) }
        if !request.contentType.isEmpty {
            exchange.request.fields.append(.contentType, value: request.contentType.utf8)
        }
        if !exchange.request.fields.has(.accept) {
            exchange.request.fields.append(.accept, value: "application/json, */*;q=0.5".utf8)
        }
        let name = Array(request.method.utf8)
        let method = name.withUnsafeBytes { Method.intern($0) }
        // Of methods that have no body, none has a length.
        if request.body == nil, method == .get || method == .delete || method == .head {
            exchange.request.fields.remove(.contentLength)
        }
        exchange.upstreamLine = UpstreamLine(
            method: method,
            methodRange: exchange.request.fields.store(name),
            target: exchange.request.fields.store(request.target)
        )
    }

    private static let removed = ["accept-encoding", "grpc-encoding", "grpc-accept-encoding", "content-encoding"].map {
        Array($0.utf8)
    }

    // MARK: - Response

    func translateHead(_ exchange: ExchangeContext) -> TranslationStep {
        guard let method else { return .fail(.internalError) }
        let status = exchange.response.status
        let fields = exchange.response.fields
        if fields.has(FieldKey("content-encoding")) { return .fail(.untranslatableResponse) }
        if (200..<300).contains(status) {
            answer = fields.withBytes(fields.value(of: .contentType) ?? .empty) {
                transcoder.response(method, contentType: $0)
            }
        } else {
            failure = (status, ByteBuffer())
        }
        exchange.response.fields.remove(.contentType)
        for name in Self.statusNames { exchange.response.fields.remove(lowercased: name) }
        exchange.response.status = 200
        exchange.response.fields.append(.contentType, value: type.bytes)
        // An answer that makes no sense from the start is a status and nothing else; in a stream that has begun, it is not.
        return .hold
    }

    private static let statusNames = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map { Array($0.utf8) }

    func translateResponse(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> TranslationStep {
        if failure != nil {
            let room = Self.errorLimit - (failure?.body.readableBytes ?? 0)
            if let part = piece.getSlice(at: piece.readerIndex, length: min(room, piece.readableBytes)) {
                failure?.body.writeImmutableBuffer(part)
            }
            dropped += piece.readableBytes
            piece.clear()
            if isLast { finishError(exchange) }
            guard !isLast, dropped > transcoder.options.limits.message else { return .hold }
            finishError(exchange)
            return .finish
        }
        guard let answer else { return .fail(.internalError) }
        do throws(TranscodingError) {
            var frames = try answer.feed(piece)
            if isLast {
                var rest = try answer.finish()
                frames.writeBuffer(&rest)
                end(RPCStatus(code: .ok, message: ""), exchange)
            }
            piece = frames
            return piece.readableBytes == 0 && !isLast ? .hold : .send
        } catch {
            return .fail(.untranslatableResponse)
        }
    }

    /// In characters, of which each may become nine bytes or more.
    private static let messageLimit = 256
    private static let detailsLimit = 4096

    private func finishError(_ exchange: ExchangeContext) {
        guard let failure else { return }
        let status = failure.body.withUnsafeReadableBytes { transcoder.status(httpStatus: failure.status, body: $0) }
        end(status, exchange)
    }

    /// What a call ends with. Trailers of the service's own stay.
    private func end(_ status: RPCStatus, _ exchange: ExchangeContext) {
        var trailers = exchange.responseTrailers?.fields ?? HeaderTable()
        for name in Self.statusNames { trailers.remove(lowercased: name) }
        trailers.append(.grpcStatus, value: "\(status.code.rawValue)".utf8)
        // Clients of gRPC take 8 KiB of metadata, and lose the status when there is more.
        let short = RPCStatus(code: status.code, message: String(status.message.prefix(Self.messageLimit)))
        if !short.message.isEmpty { trailers.append(name: "grpc-message".utf8, value: short.messageField) }
        let details = status.detailsField
        if !details.isEmpty, details.count <= Self.detailsLimit {
            trailers.append(name: "grpc-status-details-bin".utf8, value: details)
        }
        exchange.responseTrailers = Trailers(trailers)
        exchange.record.grpcStatus = status.code
    }

    func translateReply(_ local: inout LocalReply, _ error: GatewayError, _ exchange: ExchangeContext) {
        if let problem { local.body = Array(problem.description.utf8) }
    }
}
