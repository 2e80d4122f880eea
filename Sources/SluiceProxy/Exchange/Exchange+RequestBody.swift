import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// The request body on its way up: decoded, bounded, shown to filters, kept for another attempt, sent.
extension Exchange {
    /// Whether bytes behind the head can be taken now; otherwise they wait in the connection.
    var takesBody: Bool {
        switch phase {
        case .collectingBody, .discarding: true
        case .forwarding: !requestBodyIsComplete && attempt.isWritable
        case .idle, .readingHead, .runningFilters, .tunnel: false
        }
    }

    /// Decodes what it can of `input` and passes it on.
    func requestBytes(_ input: inout ByteBuffer) {
        while true {
            switch requestBody.next(&input) {
            case .data(let slice):
                requestData(slice)
                if phase == .idle || connection == nil { return }
                // The end of a body needs no room, and for a counted one no further byte would bring us back here.
                if phase == .forwarding, !attempt.isWritable, !requestBody.isDone { return flushUpstream() }
            case .end:
                requestTrailers = requestBody.trailers
                requestEnded()
                return
            case .needMore:
                return flushUpstream()
            case .invalid(let error):
                connection?.closesAfterExchange = true
                requestBodyIsComplete = true
                return requestBroken(error)
            }
        }
    }

    /// Takes one piece of the body itself.
    func requestData(_ piece: ByteBuffer) {
        record.requestBytes += UInt64(piece.readableBytes)
        if record.requestBytes > bodyLimit { return bodyTooLarge() }
        requestPiece(piece, isLast: false)
    }

    /// What the route says itself; `max`: nothing.
    var routeBodyLimit: UInt64 { routeIndex >= 0 ? snapshot?.routes[routeIndex].bodyLimit ?? .max : .max }

    private var bodyLimit: UInt64 {
        let route = routeBodyLimit
        return min(route != .max ? route : source?.listener.bodyLimit ?? .max, requestBodyLimit)
    }

    private func bodyTooLarge() {
        connection?.closesAfterExchange = true
        requestBodyIsComplete = true
        requestBroken(.bodyTooLarge)
    }

    /// The client's body cannot be used: say so if it still can be said, or cut the connection.
    func requestBroken(_ error: GatewayError) {
        self.error = error
        if phase == .discarding { return finish() }
        attempt.cancel()
        if responseHeadSent { finish() } else { reply(LocalReply(error)) }
    }

    private func requestPiece(_ piece: ByteBuffer, isLast: Bool) {
        switch phase {
        case .discarding: return
        case .collectingBody where filterChain?.wholeRequestLimit != nil:
            guard bodies.collect(piece) else { return bodyTooLarge() }
        default:
            guard filterWork.contains(.requestBody), let chain = filterChain else {
                return pass(piece, isLast: isLast)
            }
            switch bodies.runRequest(piece, isLast: isLast, chain, self) {
            case .success(let passed): pass(passed, isLast: isLast)
            case .failure(let error): requestBroken(error)
            }
        }
    }

    /// The body is whole, its trailers are in `requestTrailers`.
    func requestEnded() {
        requestBodyIsComplete = true
        if record.isTimed { record.requestEnded = timestamp }
        switch phase {
        case .discarding: return finish()
        case .collectingBody: return requestBodyCollected()
        default: break
        }
        if filterWork.contains(.requestBody) || translation != nil {
            let ours = generation
            requestPiece(ByteBuffer(), isLast: true)
            guard generation == ours, phase == .forwarding, !responseIsComplete else { return }
        }
        if sendsChunked || attempt.isStream { endBody() }
        finishMirror()
        let ours = generation
        writeEnd()
        guard generation == ours, phase == .forwarding else { return }
        if let ticks = snapshot?.routes[routeIndex].timeoutTicks, ticks != TimerNode.never { startRouteTimeout(ticks) }
        if responseIsComplete { finish() }
    }

    /// A filter wanted the whole body; here it is.
    func requestBodyCollected() {
        if holdsRequest, filterChain?.wholeRequestLimit == nil {
            // When it ends the exchange, this object may be another one's already.
            let ours = generation
            requestPiece(ByteBuffer(), isLast: true)
            guard generation == ours, case .collectingBody = phase else { return }
            return forward(collected: bodies.takeCollected())
        }
        guard let chain = filterChain else { return forward() }
        switch bodies.finishCollecting(chain, self) {
        case .success(var body):
            if let error = translation?.translateRequest(&body, isLast: true, self) { return requestBroken(error) }
            forward(collected: body)
        case .failure(let error): requestBroken(error)
        }
    }

    private func forward(collected body: ByteBuffer) {
        request.fields.remove(.contentLength)
        request.fields.remove(.transferEncoding)
        if body.readableBytes > 0 || request.framing.hasBody {
            request.fields.append(.contentLength, value: Array("\(body.readableBytes)".utf8))
        }
        request.framing = .none
        replay.preset(body)
        forward()
    }

    // MARK: - Sending

    func sendUpstream(_ piece: ByteBuffer) {
        replay.keep(piece)
        mirrorPiece(piece)
        writeUpstream(piece)
    }

    /// Sends one piece, framed; small ones are gathered.
    private func writeUpstream(_ piece: ByteBuffer) {
        if attempt.isStream {
            attempt.write(piece)
            return
        }
        var buffer = upstreamOut.take() ?? loop.takeScratch()
        let framed = sendsChunked
        if framed { buffer.writeChunkHead(piece.readableBytes) }
        if piece.readableBytes <= Worker.copyLimit {
            buffer.writeImmutableBuffer(piece)
            if framed { buffer.writeStaticString("\r\n") }
            upstreamOut = buffer
            return
        }
        if buffer.readableBytes > 0 { attempt.write(buffer) }
        loop.giveBack(buffer)
        attempt.write(piece)
        if framed {
            var end = loop.takeScratch()
            end.writeStaticString("\r\n")
            upstreamOut = end
        }
    }

    /// What follows a body of unknown length.
    private func endBody() {
        if translation != nil { requestTrailers = nil }
        if attempt.isStream { attempt.writeTrailers(requestTrailers) } else { endChunks() }
    }

    private func endChunks() {
        var buffer = upstreamOut.take() ?? loop.takeScratch()
        buffer.writeStaticString("0\r\n")
        if let requestTrailers { requestTrailers.fields.write(to: &buffer) }
        buffer.writeStaticString("\r\n")
        upstreamOut = buffer
    }

    /// All bytes at hand were taken: what was gathered of head and body goes out together.
    func flushPending() {
        if upstreamOut != nil || attempt.isStream, phase == .forwarding { flushUpstream() }
    }

    /// The end of the request goes out, with what was gathered.
    private func writeEnd() {
        let buffer = upstreamOut.take()
        attempt.writeEnd(buffer)
        if let buffer { loop.giveBack(buffer) }
    }

    func flushUpstream() {
        guard let buffer = upstreamOut.take() else { return attempt.flush() }
        attempt.writeAndFlush(buffer)
        loop.giveBack(buffer)
    }

    // MARK: - A connection is there

    /// Sends the head, what was kept of the body from an earlier try, and what the client has sent meanwhile.
    func sendRequest() {
        guard routeIndex >= 0, snapshot != nil, target != nil, attempt.endpoint != nil else { return }
        record.endpoint = attempt.endpoint
        var buffer = loop.takeScratch()
        guard writeRequestHead(to: &buffer) else {
            attempt.cancel()
            return reply(LocalReply(.internalError))
        }
        if requestBodyIsComplete, replay.isEmpty, !sendsChunked {
            attempt.writeEnd(buffer)
            return loop.giveBack(buffer)
        }
        if attempt.isStream {
            // Nothing of an earlier try on HTTP/1 may pass for a body.
            upstreamOut = nil
            // Packed at once: a stream's head does not wait to go out in one piece with the body.
            let isAlive = attempt.write(buffer)
            loop.giveBack(buffer)
            guard isAlive else { return }
        } else {
            upstreamOut = buffer
        }
        if let body = replay.kept { writeUpstream(body) }
        if requestBodyIsComplete {
            if sendsChunked || attempt.isStream { endBody() }
            return writeEnd()
        }
        // Within `process` its loop goes on with the body and flushes at its end.
        guard let connection else { return }
        connection.process()
        if !connection.isProcessing { flushPending() }
    }
}

extension ByteBuffer {
    /// `chunk-size CRLF`
    mutating func writeChunkHead(_ size: Int) {
        var digits = InlineArray<16, UInt8>(repeating: 0)
        var value = size
        var first = 16
        repeat {
            first -= 1
            let digit = UInt8(truncatingIfNeeded: value & 15)
            digits[first] = digit < 10 ? 0x30 + digit : 0x57 + digit
            value >>= 4
        } while value > 0 && first > 0
        for i in first..<16 { writeInteger(digits[i]) }
        writeStaticString("\r\n")
    }
}
