import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// Exchanges whose client and upstream speak different protocols; see `Translation`.
extension Exchange {
    // MARK: - Request

    /// Nothing goes upstream before the request is complete: what has no body is not begun by one.
    var holdsRequest: Bool {
        guard let translation else { return false }
        return translation.holdsRequest || !request.framing.hasBody
    }

    /// A piece of the request's body has passed the filters.
    func pass(_ piece: ByteBuffer, isLast: Bool) {
        var piece = piece
        if let translation, let error = translation.translateRequest(&piece, isLast: isLast, self) {
            return requestBroken(error)
        }
        guard piece.readableBytes > 0 else { return }
        if case .collectingBody = phase { bodies.hold(piece) } else { sendUpstream(piece) }
    }

    // MARK: - Response

    /// The upstream's head is there. Whether it says that there is a body means nothing to the client.
    func translateHead(_ translation: any Translation) {
        response.fields.remove(.contentLength)
        response.framing = .chunked
        responseHasBody = true
        switch translation.translateHead(self) {
        case .send, .finish: releaseHead()
        case .hold: responseIsHeld = true
        case .fail(let error): responseUnusable(error)
        }
    }

    func translateBody(_ body: ByteBuffer, _ translation: any Translation) {
        var piece = body
        switch translation.translateResponse(&piece, isLast: false, self) {
        case .hold: return
        case .fail(let error): return responseUnusable(error)
        case .finish:
            attempt.cancel()
            return passTranslatedEnd(piece)
        case .send: break
        }
        guard releaseHeldHead() else { return }
        if request.method == .head {
            // There is nothing more to say.
            attempt.cancel()
            return responseFinished()
        }
        if piece.readableBytes > 0 { passBody(piece) }
    }

    func translateEnd(_ translation: any Translation) {
        var piece = ByteBuffer()
        if case .fail(let error) = translation.translateResponse(&piece, isLast: true, self) {
            return responseUnusable(error)
        }
        passTranslatedEnd(piece)
    }

    /// The last of the answer is there.
    private func passTranslatedEnd(_ piece: ByteBuffer) {
        guard releaseHeldHead() else { return }
        if request.method == .head { return responseFinished() }
        let ours = generation
        if piece.readableBytes > 0 { passBody(piece) }
        guard generation == ours, phase != .idle else { return }
        passEnd()
    }

    /// - Returns: whether the exchange goes on.
    private func releaseHeldHead() -> Bool {
        guard responseIsHeld else { return true }
        let ours = generation
        releaseHead()
        return generation == ours && phase != .idle
    }

    private func releaseHead() {
        responseIsHeld = false
        let reason = ReasonPhrase.of(response.status)
        response.reason = response.fields.store(
            UnsafeRawBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount)
        )
        if request.method == .head { responseHasBody = false }
        passHead()
    }

    /// The upstream's answer makes no sense to the client.
    private func responseUnusable(_ error: GatewayError) {
        if responseHeadSent { return responseBroken(error) }
        responseIsHeld = false
        attempt.cancel()
        reply(LocalReply(error))
    }
}
