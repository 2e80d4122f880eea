import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceRouting

/// Answers that the gateway gives itself: direct responses, redirects, refusals, failures.
extension Exchange {
    /// Sends a reply; it passes the response side of the filters entered so far, as every response does.
    func reply(_ local: LocalReply) {
        hasActed = true
        guard !responseHeadSent, let connection else { return finish() }
        if needsTunnel, local.status < 300 { return reply(LocalReply(.badUpgrade)) }
        if let error = local.error {
            self.error = error
            // Nobody wants to read what was refused for its length.
            if error == .bodyTooLarge || error == .lengthRequired { connection.closesAfterExchange = true }
        }
        phase = .forwarding
        if request.method == .connect { connection.closesAfterExchange = true }
        response.reset()
        var local = local
        if let error = local.error, let translation {
            _ = errorID()
            translation.translateReply(&local, error, self)
        }
        if let code = grpcStatus(of: local) {
            prepareStatusOnly(code, local)
            return send([], status: response.status, isStatusOnly: true)
        }
        response.status = local.status
        let reason = ReasonPhrase.of(local.status)
        response.reason = response.fields.store(
            UnsafeRawBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount)
        )
        var body = local.body
        if let error = local.error, body.isEmpty {
            let form = ErrorBody(accept: request)
            body = form.bytes(error, status: local.status, requestID: errorID())
            response.fields.append(.contentType, value: form.contentType.utf8)
            response.fields.append(.xRequestID, value: requestID)
        } else if !body.isEmpty {
            response.fields.append(.contentType, value: local.contentType.bytes)
            if local.error != nil, translation != nil { response.fields.append(.xRequestID, value: requestID) }
        }
        for field in local.fields { response.fields.append(name: field.name, value: field.value) }
        send(body, status: local.status)
    }

    private func send(_ body: [UInt8], status: UInt16, isStatusOnly: Bool = false) {
        let mayHaveBody = status >= 200 && status != 204 && status != 304
        // A status of gRPC over HTTP/2 has no body, not even an empty one.
        if mayHaveBody, !isStatusOnly || !request.isHTTP2 {
            response.fields.append(.contentLength, value: "\(body.count)".utf8)
        }
        response.framing = body.isEmpty ? .none : .length(UInt64(body.count))
        responseHasBody = false
        runResponseFilters()
        let ours = generation
        sendResponseHead()
        guard generation == ours else { return }
        if mayHaveBody, request.method != .head, !body.isEmpty { sendBody(ByteBuffer(bytes: body)) }
        responseFinished()
    }

    /// The id that the client and the log share; made when a failure first needs one.
    func errorID() -> [UInt8] {
        if requestID.isEmpty { requestID = RequestID.make(&loop.random) }
        return requestID
    }

    // MARK: - What routes and misses answer

    /// No route matched, or only the method did not.
    var routeMiss: LocalReply {
        guard let methods = allowedMethods, let view = snapshot?.view else { return LocalReply(.noRoute) }
        var allow = ByteBuffer()
        view.writeAllow(methods, into: &allow)
        var local = LocalReply(.methodNotAllowed)
        local.fields = [(name: Array("Allow".utf8), value: Array(buffer: allow))]
        return local
    }

    func respond(_ plan: RespondPlan) -> LocalReply {
        var local = LocalReply(status: plan.status, contentType: StaticOrBytes(plan.contentType))
        if let bytes = plan.body.constantBytes {
            local.body = bytes
        } else {
            var body = ByteBuffer()
            render(plan.body, for: .text, into: &body)
            local.body = Array(buffer: body)
        }
        local.fields = plan.fields.map { (name: $0.name, value: fieldValue($0.value)) }
        return local
    }

    func redirect(_ plan: RedirectPlan) -> LocalReply {
        var location = ByteBuffer()
        guard plan.write(to: &location, for: self) else { return LocalReply(.badTarget) }
        var local = LocalReply(status: plan.status)
        local.fields = [(name: Array("Location".utf8), value: Array(buffer: location))]
        return local
    }
}

/// The body of an error: JSON, or plain text for who prefers it.
struct ErrorBody {
    private let isText: Bool

    /// Looks at `Accept`: text wins only where it is named and JSON is not (browsers and curl's `*/*` get JSON).
    init(accept request: RequestHead) {
        guard let range = request.fields.value(of: .accept) else {
            isText = false
            return
        }
        isText = request.fields.withBytes(range) { value in
            var text = false
            var json = false
            FieldList.forEach(value) { item in
                let type = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: item.prefix { $0 != 0x3B }))
                if ASCII.equalsFolded(type, "text/plain") || ASCII.equalsFolded(type, "text/*") { text = true }
                if ASCII.equalsFolded(type, "application/json") { json = true }
            }
            return text && !json
        }
    }

    var contentType: String { isText ? "text/plain; charset=utf-8" : "application/json" }

    /// The id is hexadecimal or a checked token, so nothing in here needs escaping.
    func bytes(_ error: GatewayError, status: UInt16, requestID: [UInt8]) -> [UInt8] {
        let id = String(decoding: requestID, as: UTF8.self)
        let text =
            isText
            ? "\(status) \(error.code): \(error.message)\nrequest id: \(id)\n"
            : "{\"status\":\(status),\"code\":\"\(error.code)\",\"message\":\"\(error.message)\",\"request_id\":\"\(id)\"}\n"
        return Array(text.utf8)
    }
}
