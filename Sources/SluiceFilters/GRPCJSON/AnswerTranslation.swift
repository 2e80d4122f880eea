import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding

/// The answer to a call of gRPC on its way to a client of REST.
///
/// The status of HTTP comes first and that of gRPC last, so the head waits: of a stream for its first message, of all
/// others for the end. Isolation: its loop.
final class AnswerTranslation {
    private let transcoder: Transcoder
    private let translator: ResponseTranslator
    private let streams: Bool
    private var isSent = false
    /// The answer is no gRPC, but a proxy's with this status of HTTP.
    private var foreignStatus: UInt16?
    /// The answer is nothing but a status.
    private var early: RPCStatus?
    private var text = ByteBuffer()
    /// Bytes of the body of an answer that is no gRPC. They are read only to keep the connection.
    private var dropped = 0

    init(_ transcoder: Transcoder, _ translator: ResponseTranslator, streams: Bool) {
        self.transcoder = transcoder
        self.translator = translator
        self.streams = streams
    }

    /// What says something about the body that is replaced.
    private static let ofBody = [
        "content-encoding", "content-range", "content-digest", "digest", "etag", "accept-ranges",
    ]
    .map { Array($0.utf8) }

    func readHead(_ exchange: ExchangeContext) {
        if exchange.response.fields.isGRPC {
            early = Self.status(in: exchange.response.fields)
        } else {
            foreignStatus = exchange.response.status
        }
        exchange.response.fields.remove(.contentType)
        for name in Self.ofBody { exchange.response.fields.remove(lowercased: name) }
        Self.removeStatus(from: &exchange.response.fields)
    }

    func translate(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> TranslationStep {
        do {
            if foreignStatus != nil {
                dropped += piece.readableBytes
                piece.clear()
                if dropped > transcoder.options.limits.message {
                    _ = try finish(ByteBuffer(), &piece, exchange)
                    return .finish
                }
            }
            let printed = try translator.feed(piece)
            if isLast { return try finish(printed, &piece, exchange) }
            return pass(printed, &piece, exchange)
        } catch {
            return .fail(.untranslatableResponse)
        }
    }

    private func pass(_ printed: ByteBuffer, _ piece: inout ByteBuffer, _ exchange: ExchangeContext) -> TranslationStep
    {
        guard streams else {
            if text.readableBytes == 0 { text = printed } else { text.writeImmutableBuffer(printed) }
            piece.clear()
            return .hold
        }
        piece = printed
        guard !isSent else { return .send }
        guard translator.messages > 0 else { return .hold }
        setHead(200, exchange)
        return .send
    }

    // MARK: - The end

    private func finish(
        _ printed: ByteBuffer,
        _ piece: inout ByteBuffer,
        _ exchange: ExchangeContext
    ) throws(TranscodingError) -> TranslationStep {
        let status: RPCStatus
        if let foreignStatus {
            status = Self.foreign(foreignStatus)
        } else if let said = (exchange.responseTrailers?.fields).flatMap(Self.status) ?? early {
            status = said
        } else {
            // A call without a status has not ended as it should.
            return .fail(.upstreamProtocolError)
        }
        piece = printed
        if isSent { return try finishStream(status, &piece, exchange) }
        addTrailers(to: exchange)
        if status.code == .ok {
            var end = try translator.finish()
            if text.readableBytes == 0 { text = printed }
            text.writeBuffer(&end)
            setHead(200, exchange)
            setLength(text.readableBytes, exchange)
            piece = text
        } else {
            setHead(foreignStatus.map { $0 < 400 ? 502 : $0 } ?? status.code.httpStatus, exchange)
            piece = setError(status, exchange)
        }
        return .send
    }

    private func finishStream(
        _ status: RPCStatus,
        _ piece: inout ByteBuffer,
        _ exchange: ExchangeContext
    ) throws(TranscodingError) -> TranslationStep {
        if let trailers = exchange.responseTrailers {
            Self.removeStatus(from: &trailers.fields)
            if trailers.fields.count == 0 { exchange.responseTrailers = nil }
        }
        if status.code == .ok {
            var end = try translator.finish()
            piece.writeBuffer(&end)
            return .send
        }
        // Only some formats can say that this is not the whole.
        guard var end = translator.fail(status) else { return .fail(.upstreamTruncated) }
        piece.writeBuffer(&end)
        return .send
    }

    // MARK: - The head

    private func setHead(_ status: UInt16, _ exchange: ExchangeContext) {
        isSent = true
        exchange.response.status = status
        let type = translator.contentType ?? "application/json"
        exchange.response.fields.append(.contentType, value: type.utf8)
    }

    private func setError(_ status: RPCStatus, _ exchange: ExchangeContext) -> ByteBuffer {
        exchange.response.fields.remove(.contentType)
        exchange.response.fields.append(.contentType, value: "application/json".utf8)
        let body = transcoder.body(of: status)
        setLength(body.count, exchange)
        return ByteBuffer(bytes: body)
    }

    private func setLength(_ count: Int, _ exchange: ExchangeContext) {
        exchange.response.framing = count > 0 ? .length(UInt64(count)) : .none
        exchange.response.fields.append(.contentLength, value: "\(count)".utf8)
    }

    /// What trailers say besides the status, clients of REST read in the head.
    private func addTrailers(to exchange: ExchangeContext) {
        guard let trailers = exchange.responseTrailers?.fields else { return }
        exchange.responseTrailers = nil
        for entry in trailers.entries where !entry.isRemoved {
            let name = trailers.withBytes(entry.nameRange) { $0.map(ASCII.lowercased) }
            guard !Self.statusNames.contains(name), !Self.framingNames.contains(name) else { continue }
            trailers.withBytes(entry.valueRange) { exchange.response.fields.append(name: name, value: $0) }
        }
    }

    // MARK: - Statuses

    private static let message = Array("grpc-message".utf8)
    private static let details = Array("grpc-status-details-bin".utf8)
    private static let statusNames = [
        Array("grpc-status".utf8), message, details, Array("grpc-encoding".utf8), Array("grpc-accept-encoding".utf8),
    ]
    /// Fields that would change what the answer's body is.
    private static let framingNames = ["content-length", "content-type", "content-encoding", "transfer-encoding"].map {
        Array($0.utf8)
    }

    private static func removeStatus(from fields: inout HeaderTable) {
        for name in statusNames { fields.remove(lowercased: name) }
    }

    /// nil: the fields have none.
    private static func status(in fields: HeaderTable) -> RPCStatus? {
        var fields = fields
        guard let code = fields.grpcStatus else { return nil }
        if code == .ok { return RPCStatus(code: .ok, message: "") }
        func range(_ name: [UInt8]) -> ByteRange {
            fields.firstIndex(ofLowercased: name).map { fields.entries[$0].valueRange } ?? .empty
        }
        return fields.withBytes(range(message)) { message in
            fields.withBytes(range(details)) { RPCStatus(code: code, message: message, details: $0) }
        }
    }

    private static func foreign(_ status: UInt16) -> RPCStatus {
        RPCStatus(
            code: .transport(httpStatus: status),
            message: "The service answered without gRPC, with HTTP status \(status)."
        )
    }
}
