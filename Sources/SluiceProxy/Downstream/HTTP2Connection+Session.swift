import SluiceCore
import SluiceHTTP

/// What the session of a connection tells.
extension HTTP2Connection: HTTP2Delegate {
    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        blockKind = kind
        if case .request = kind {
            text.begin()
            streams.insert(HTTP2Stream(stream, of: self), at: stream)
        } else {
            blockTrailers.reset()
        }
    }

    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if case .request = blockKind {
            text.add(name, value)
        } else if !BodyDecoder.isForbiddenInTrailers(name) {
            blockTrailers.append(name: name, value: value)
        }
        return true
    }

    func headersEnded(_ id: Int32, endStream: Bool) {
        guard let stream = streams[id] else { return }
        guard case .request = blockKind else {
            var trailers = HeaderTable()
            swap(&trailers, &blockTrailers)
            return stream.trailersCame(trailers)
        }
        requestCount += 1
        let head = text.finish(endStream: endStream, random: &loop.random)
        stream.headCame(head, opensWebSocket: text.opensWebSocket, endStream: endStream)
        arrived.append(stream)
        drainIfLast()
    }

    func headersTooLarge(_ id: Int32, endStream: Bool) {
        guard let stream = streams[id] else { return }
        if case .request = blockKind {
            requestCount += 1
            stream.headCame(.failure(.headTooLarge), opensWebSocket: false, endStream: endStream)
            arrived.append(stream)
        } else {
            session?.reset(id, .enhanceYourCalm)
        }
    }

    func data(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        // A stream that is slow to be taken must not keep the others of its connection from sending.
        // The connection keeps it.
        unretained(session) { $0.consumeConnection(bytes.count) }
        // Only `streamClosed`, and the end of the connection, take streams out of the table that keeps them.
        unretained(streams[id]) {
            $0.dataCame(bytes)
            touch($0)
        }
    }

    func streamEnded(_ id: Int32) {
        unretained(streams[id]) {
            $0.inputHasEnded = true
            touch($0)
        }
    }

    private func touch(_ stream: HTTP2Stream) {
        guard !stream.isTouched else { return }
        stream.isTouched = true
        touched.append(stream)
    }

    func streamInvalid(_ id: Int32) { worker.metrics.http2MalformedStreams.increment() }

    func streamClosed(_ id: Int32, errorCode: HTTP2ErrorCode) {
        guard let stream = streams.remove(id) else { return }
        stream.closed(errorCode)
        streamLeft()
    }

    func pullData(_ id: Int32, upTo limit: Int) -> HTTP2Body {
        // As in `data`.
        unretained(streams[id]) { $0.pull(upTo: limit) } ?? .failed(.internalError)
    }

    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) { drainNow() }

    func pingAcked(_ payload: UInt64) {
        if payload == Self.drainPing, phase == .noticed { drainNow() }
    }

    func settingsReceived() {}
}
