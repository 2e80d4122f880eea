import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP

/// How answers are written, and tunnels.
extension HTTP2Stream {
    var endsAfterThis: Bool { true }

    var needsTunnel: Bool { opensWebSocket }

    var isWritable: Bool { outputBytes < Worker.bufferLimit }

    /// Frames that may wait in front of an interim answer.
    private static let mostPending = 1000

    func sendContinue() {
        var head = ResponseHead()
        head.status = 100
        sendInterim(&head)
    }

    func sendInterim(_ head: inout ResponseHead) {
        // An upstream that sends them without end does not fill memory with what the client does not read.
        guard isOpen, let session = home.session, session.pendingFrames < Self.mostPending else { return }
        home.fields.reset()
        home.fields.status(head.status)
        _ = session.submitInterim(id, &home.fields, &head.fields)
        home.schedule()
    }

    func sendHead(of exchange: Exchange) -> Bool {
        let hasBody = exchange.response.framing.hasBody && exchange.request.method != .head
        return sendHead(of: exchange, endStream: !hasBody)
    }

    private func sendHead(of exchange: Exchange, endStream: Bool) -> Bool {
        home.fields.reset()
        home.fields.status(exchange.response.status)
        let date = exchange.response.fields.present.mayHave(.date) ? nil : home.loop.httpDate()
        let isSent = withSession {
            $0.submitAnswer(id, &home.fields, &exchange.response.fields, date: date, endStream: endStream)
        }
        guard let isSent else { return true }
        guard isSent else { return false }
        answer = endStream ? .ended : .began
        if endStream, !inputHasEnded { home.endedBeforeRequest(id) }
        return true
    }

    func sendBody(_ piece: ByteBuffer) {
        guard case .began = answer, piece.readableBytes > 0 else { return }
        output.append(piece, joiningUpTo: Worker.copyLimit)
        outputBytes += piece.readableBytes
    }

    func endResponse(_ trailers: Trailers?) {
        if case .began = answer {
            answer = .ended
            outTrailers = trailers
        }
        flushResponse()
    }

    func flushResponse() {
        guard isOpen else { return }
        if isDeferred {
            isDeferred = false
            withSession { $0.dataReady(id) }
        }
        home.schedule()
    }

    /// The session can send up to so much of the body.
    func pull(upTo limit: Int) -> HTTP2Body {
        if isOpen { lastActivity = home.now }
        guard var piece = output.popFirst() else {
            switch answer {
            case .none, .began:
                isDeferred = true
                return .wait
            case .ended: return end(ByteBuffer())
            case .broken: return .failed(.internalError)
            }
        }
        if piece.readableBytes > limit, let part = piece.readSlice(length: limit) {
            output.prepend(piece)
            outputBytes -= limit
            wake()
            return .bytes(part)
        }
        outputBytes -= piece.readableBytes
        if output.isEmpty, case .ended = answer { return end(piece) }
        wake()
        return .bytes(piece)
    }

    private func end(_ piece: ByteBuffer) -> HTTP2Body {
        guard isOpen else { return .failed(.internalError) }
        // A tunnel that is half closed goes on in the other direction.
        if !inputHasEnded, !isTunnel || exchange == nil { home.endedBeforeRequest(id) }
        guard let trailers = outTrailers.take(), !trailers.isEmpty else { return .last(piece) }
        home.fields.reset()
        let isSent = withSession { $0.submitTrailers(id, &home.fields, &trailers.fields) }
        return isSent == true ? .lastBeforeTrailers(piece) : .failed(.internalError)
    }

    /// There is room again: the upstream may go on.
    private func wake() {
        guard outputBytes < Worker.bufferLimit / 2, !isWaking else { return }
        unretained(exchange) {
            guard $0.isPastHead else { return }
            isWaking = true
            $0.downstreamBecameWritable()
            isWaking = false
        }
    }

    // MARK: - Tunnels

    func beginTunnel(of exchange: Exchange, token: [UInt8]) {
        isTunnel = true
        // RFC 8441, section 5: what is 101 there is 200 here, and the rest of the handshake has no place.
        if opensWebSocket {
            exchange.response.status = 200
            exchange.response.reason = exchange.response.fields.store("OK".utf8)
            exchange.response.fields.remove(lowercased: Array("sec-websocket-accept".utf8))
        }
        exchange.response.fields.remove(.contentLength)
        _ = sendHead(of: exchange, endStream: false)
        if isOpen { home.schedule() }
        if !isProcessing { process() }
    }

    func sendTunnel(_ bytes: ByteBuffer) { sendBody(bytes) }

    func closeTunnelOutput() { endResponse(nil) }

    func finishTunnel() { closeTunnelOutput() }
}
