import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// What comes back from an attempt, on its way to the client.
extension Exchange: AttemptDelegate {
    func attemptIsConnected(_ attempt: Attempt) { sendRequest() }

    func attemptBecameWritable(_ attempt: Attempt) {
        if phase == .tunnel { connection?.resumeReading() } else { connection?.process() }
    }

    // MARK: - Heads

    /// RFC 9110, section 15.2: interim responses go through.
    func attempt(_ attempt: Attempt, interim head: inout ResponseHead) {
        guard !responseHeadSent, let connection else { return }
        if head.status == 100 {
            if sentContinue { return }
            sawContinue = true
        }
        HopByHop.remove(from: &head.fields, nominated: head.nominatesFields)
        connection.sendInterim(&head)
    }

    func attempt(_ attempt: Attempt, head: inout ResponseHead, opensTunnel: Bool) {
        if !opensTunnel, retries(after: &head) { return }
        releaseRetryBudget()
        if record.isTimed { record.answered = timestamp }
        swap(&response, &head)
        if opensTunnel { return beginTunnel() }
        // An ordinary answer to what was not an ordinary request.
        if needsTunnel, response.status < 300 { return refuseUpgrade() }
        // What follows a refused CONNECT may be meant for the tunnel that is not there.
        if request.method == .connect { connection?.closesAfterExchange = true }
        HopByHop.remove(from: &response.fields, nominated: response.nominatesFields)
        response.fields.remove(.transferEncoding)
        if isGRPC { noteStatus(in: &response.fields) }
        responseHasBody = response.framing.hasBody
        if let translation { return translateHead(translation) }
        passHead()
    }

    /// The head is what the client is to get, but for the filters.
    func passHead() {
        if responseHasBody, filterWork.contains(.responseBody), bodies.changesResponseLength(filterChain, self) {
            response.fields.remove(.contentLength)
            response.framing = .chunked
        }
        if !stickyCookie.isEmpty { response.fields.append(.setCookie, value: stickyCookie) }
        runResponseFilters()
        sendResponseHead()
    }

    func runResponseFilters() {
        guard let chain = filterChain else { return }
        while filtersEntered > 0 {
            filtersEntered -= 1
            if chain.wantsResponse[filtersEntered] { chain.filters[filtersEntered].onResponse(self) }
        }
    }

    func sendResponseHead() {
        guard let connection else { return }
        responseHeadSent = true
        if request.expectsContinue, !sawContinue, !requestBodyIsComplete {
            // The client may now leave the body out or send it: what follows could be read two ways.
            connection.closesAfterExchange = true
        }
        if !connection.sendHead(of: self) { responseBroken(.internalError) }
    }

    // MARK: - Body

    func attempt(_ attempt: Attempt, body: ByteBuffer) {
        if phase == .tunnel { return tunnelBytesFromUpstream(body) }
        if let translation { return translateBody(body, translation) }
        passBody(body)
    }

    func passBody(_ body: ByteBuffer) {
        guard filterWork.contains(.responseBody), let chain = filterChain else { return sendBody(body) }
        switch bodies.runResponse(body, isLast: false, chain, self) {
        case .success(let passed): if passed.readableBytes > 0 { sendBody(passed) }
        case .failure(let error): responseBroken(error)
        }
    }

    func sendBody(_ piece: ByteBuffer) {
        record.responseBytes += UInt64(piece.readableBytes)
        connection?.sendBody(piece)
    }

    func flushDownstream() { connection?.flushResponse() }

    func attemptReadDone(_ attempt: Attempt) {
        guard phase == .forwarding || phase == .tunnel else { return }
        flushDownstream()
        guard let connection else { return }
        connection.touch()
        if !connection.isWritable { attempt.pauseReading() }
    }

    /// The client has taken what was queued: more may come.
    func downstreamBecameWritable() { attempt.resumeReading() }

    // MARK: - Ends

    func attemptFinished(_ attempt: Attempt, trailers: Trailers?) {
        if phase == .tunnel { return tunnelFinished() }
        if isGRPC, let trailers { noteStatus(in: &trailers.fields) }
        responseTrailers = trailers
        if let translation { return translateEnd(translation) }
        passEnd()
    }

    func passEnd() {
        if filterWork.contains(.responseBody), let chain = filterChain, responseHasBody {
            switch bodies.runResponse(ByteBuffer(), isLast: true, chain, self) {
            case .success(let passed): if passed.readableBytes > 0 { sendBody(passed) }
            case .failure(let error): return responseBroken(error)
            }
        }
        responseFinished(responseTrailers)
    }

    /// The answer is complete and queued. What is left of the request body is thrown away, within reason.
    func responseFinished(_ trailers: Trailers? = nil) {
        responseIsComplete = true
        connection?.endResponse(trailers)
        if requestBodyIsComplete { return finish() }
        guard let connection, !connection.endsAfterThis, !connection.inputHasEnded else { return finish() }
        phase = .discarding
        wheel.arm(self, in: Worker.discardTicks)
        connection.resumeReading()
        connection.process()
    }

    func attemptFailed(_ attempt: Attempt, _ error: GatewayError) {
        if phase == .tunnel { return tunnelFinished() }
        if responseHeadSent { return responseBroken(error) }
        endAttemptRecord(.failure(error))
        if retries(after: error) { return }
        releaseRetryBudget()
        // What is left of the body was meant for a connection that is gone; without it nobody knows where it ends.
        reply(LocalReply(error))
    }

    /// The head is out, the rest cannot follow: the only honest end is to cut the connection.
    func responseBroken(_ error: GatewayError) {
        self.error = error
        attempt.cancel()
        finish()
    }

    // MARK: - Deadlines

    /// A deadline of the exchange has passed: a filter's, the route's, or that for the rest of a body.
    func patienceEnded() {
        if isWaiting {
            endWaiting()
            generation &+= 1
            return reply(LocalReply(worker.builtIn == nil ? .filterTimeout : .gatewayExhausted))
        }
        switch phase {
        case .discarding:
            connection?.closesAfterExchange = true
            finish()
        case .forwarding:
            guard routeDeadline != TimerNode.never else { return }
            attempt.timeOut()
            backoff?.cancel()
            if responseHeadSent { responseBroken(.routeTimeout) } else { reply(LocalReply(.routeTimeout)) }
        case .idle, .readingHead, .runningFilters, .collectingBody, .tunnel: break
        }
    }

    /// The gateway stops and waits no longer: a client without an answer learns why it gets none.
    func cutShort() {
        guard isPastHead, phase != .tunnel, !responseHeadSent else { return }
        if isWaiting {
            endWaiting()
            generation &+= 1
        }
        attempt.cancel()
        backoff?.cancel()
        connection?.closesAfterExchange = true
        requestBodyIsComplete = true
        reply(LocalReply(.draining))
    }

    /// Nothing has moved on either side for too long.
    func streamIdle() {
        let waitsForClient = !requestBodyIsComplete && phase != .tunnel
        if phase == .tunnel { return tunnelFinished() }
        if waitsForClient { attempt.cancel() } else { attempt.timeOut() }
        backoff?.cancel()
        connection?.closesAfterExchange = true
        if responseHeadSent { return responseBroken(.streamIdle) }
        requestBodyIsComplete = true
        reply(LocalReply(waitsForClient ? .requestBodyTimeout : .streamIdle))
    }
}

/// The first line of a response.
enum StatusLine {
    /// `HTTP/1.1 SP status SP reason CRLF`, the reason as the upstream gave it.
    @inline(__always)
    static func write(_ head: inout ResponseHead, to writer: inout HeadWriter) {
        writer.write("HTTP/1.1 ")
        let status = head.status
        writer.write(UInt8(truncatingIfNeeded: 0x30 + status / 100))
        writer.write(UInt8(truncatingIfNeeded: 0x30 + status / 10 % 10))
        writer.write(UInt8(truncatingIfNeeded: 0x30 + status % 10))
        writer.write(UInt8(ascii: " "))
        let reason = head.reason
        head.fields.bytes.withUnsafeReadableBytes { writer.write(reason, of: $0) }
        writer.write("\r\n")
    }
}

extension HeadWriter {
    mutating func writeDate(_ date: UnsafeRawBufferPointer) {
        write("Date: ")
        write(date)
        write("\r\n")
    }
}
