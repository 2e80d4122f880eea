import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding

/// One request of REST that becomes a call of gRPC. Isolation: its loop.
final class RESTCall: Translation {
    private let transcoder: Transcoder
    private let unmatched: GRPCJSONConfiguration.Unmatched
    private var format: ResponseFormat
    private var match: Transcoder.Match?
    private var method: MethodEntry?
    private var request: RequestTranslator?
    private var answer: AnswerTranslation?
    /// What is wrong with the request.
    private var problem: TranscodingError?

    init(_ transcoder: Transcoder, unmatched: GRPCJSONConfiguration.Unmatched, streams: ResponseFormat) {
        self.transcoder = transcoder
        self.unmatched = unmatched
        self.format = streams
    }

    var clientSpeaksGRPC: Bool { false }

    /// A call with one request is made when that is known to be sound.
    var holdsRequest: Bool { method?.streamsRequests == false }

    var calledMethod: CalledMethod? { method.map { CalledMethod(service: $0.service, method: $0.name) } }

    // MARK: - Request

    func refusal(of exchange: ExchangeContext) -> LocalReply? {
        let request = exchange.request
        let match = request.fields.withBytes(request.path) { path in
            if case .head = request.method {
                return Self.head.withUnsafeBytes { transcoder.match(method: $0, path: path) }
            }
            return request.fields.withBytes(request.methodRange) { transcoder.match(method: $0, path: path) }
        }
        guard let match else { return refusalOfUnmatched(exchange) }
        if Self.isEncoded(request.fields) {
            problem = TranscodingError(.syntax, "a body with a content-encoding cannot be read")
            return LocalReply(status: 415, error: .untranslatableRequest)
        }
        do {
            try begin(match, exchange)
            return nil
        } catch {
            return LocalReply(note(error))
        }
    }

    private static let head = Array("GET".utf8)

    private func refusalOfUnmatched(_ exchange: ExchangeContext) -> LocalReply? {
        let path = exchange.request.path
        let methods = exchange.request.fields.withBytes(path) { transcoder.allowedMethods(path: $0) }
        guard case .refuse = unmatched else {
            exchange.translation = nil
            return nil
        }
        guard !methods.isEmpty else { return LocalReply(.noBinding) }
        var local = LocalReply(.methodNotAllowed)
        var names = methods
        if let place = methods.firstIndex(of: "GET") { names.insert("HEAD", at: place + 1) }
        local.fields = [(name: Array("Allow".utf8), value: Array(names.joined(separator: ", ").utf8))]
        return local
    }

    private static func isEncoded(_ fields: HeaderTable) -> Bool {
        guard let index = fields.firstIndex(ofLowercased: contentEncoding) else { return false }
        return !fields.withBytes(fields.entries[index].valueRange) { ASCII.equalsFolded($0, "identity") || $0.isEmpty }
    }

    private func begin(_ match: Transcoder.Match, _ exchange: ExchangeContext) throws {
        let head = exchange.request
        let type = head.fields.value(of: .contentType) ?? .empty
        self.match = match
        method = transcoder.pool.methods[transcoder.bindings[match.binding].method]
        request = try head.fields.withBytes(head.path) { path in
            try head.fields.withBytes(head.query ?? .empty) { query in
                try head.fields.withBytes(type) { type in
                    try transcoder.request(match, path: path, query: query, contentType: type)
                }
            }
        }
        if let accept = head.fields.value(of: .accept) {
            format = head.fields.withBytes(accept) { ResponseFormat.preferred(by: $0, fallback: format) }
        }
    }

    private func note(_ error: any Error) -> GatewayError {
        guard let error = error as? TranscodingError else { return .internalError }
        problem = error
        return error.kind == .tooLarge ? .bodyTooLarge : .untranslatableRequest
    }

    func translateRequest(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> GatewayError? {
        guard let request else { return nil }
        do {
            var frames = try request.feed(piece)
            if isLast {
                var rest = try request.finish()
                if frames.readableBytes == 0 { swap(&frames, &rest) } else { frames.writeBuffer(&rest) }
            }
            piece = frames
            return nil
        } catch {
            return note(error)
        }
    }

    func prepareRequest(_ exchange: ExchangeContext) {
        guard let match else { return }
        for name in [FieldName.contentType, .te, .accept] { exchange.request.fields.remove(name) }
        for name in Self.removed { exchange.request.fields.remove(lowercased: name) }
        exchange.request.fields.append(.contentType, value: "application/grpc".utf8)
        exchange.request.fields.append(.te, value: "trailers".utf8)
        exchange.upstreamLine = UpstreamLine(
            method: .post,
            methodRange: exchange.request.fields.store("POST".utf8),
            target: exchange.request.fields.store(transcoder.path(of: match).utf8)
        )
    }

    private static let contentEncoding = Array("content-encoding".utf8)
    private static let removed = [
        contentEncoding, Array("accept-encoding".utf8), Array("grpc-encoding".utf8),
        Array("grpc-accept-encoding".utf8),
    ]

    // MARK: - Response

    func translateHead(_ exchange: ExchangeContext) -> TranslationStep {
        guard let match, let method else { return .fail(.internalError) }
        let answer = AnswerTranslation(
            transcoder,
            transcoder.response(match, format: format),
            streams: method.streamsResponses
        )
        self.answer = answer
        answer.readHead(exchange)
        return .hold
    }

    func translateResponse(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> TranslationStep {
        answer?.translate(&piece, isLast: isLast, exchange) ?? .fail(.internalError)
    }

    func translateReply(_ local: inout LocalReply, _ error: GatewayError, _ exchange: ExchangeContext) {
        guard local.body.isEmpty else { return }
        let detail = RPCStatus.errorInfo(
            reason: error.code.uppercased(),
            domain: "sluice",
            metadata: [("request_id", String(decoding: exchange.requestID, as: UTF8.self))]
        )
        let status = RPCStatus(
            code: .rest(httpStatus: local.status),
            message: problem?.description ?? error.message,
            details: [detail]
        )
        local.body = transcoder.body(of: status)
        local.contentType = "application/json"
    }
}
