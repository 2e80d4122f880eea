import NIOCore
import SluiceCore
import SluiceHTTP

/// What the session of a connection tells.
extension UpstreamHTTP2Connection: HTTP2Delegate {
    package func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        self.kind = kind
        if case .trailers = kind { block.reset() } else { text.clear(keeping: 4096) }
    }

    package func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if case .trailers = kind {
            if !BodyDecoder.isForbiddenInTrailers(name) { block.append(name: name, value: value) }
        } else if name.first == UInt8(ascii: ":") {
            guard ASCII.equalsFolded(name, ":status"), value.count == 3 else { return false }
            let status = value.reduce(0 as UInt16) { $0 &* 10 &+ UInt16($1 & 15) }
            text.append("HTTP/1.1 ")
            text.append(value)
            text.append(" ")
            text.append(ReasonPhrase.of(status))
            text.append("\r\n")
        } else {
            text.appendLine(name, value)
        }
        return true
    }

    package func headersEnded(_ id: Int32, endStream: Bool) {
        guard let stream = streams[id] else { return }
        touch(stream)
        switch kind {
        case .trailers:
            var trailers = HeaderTable()
            swap(&trailers, &block)
            stream.trailersCame(trailers)
        case .interimAnswer, .answer, .request:
            text.append("\r\n")
            var isInterim = false
            if case .interimAnswer = kind { isInterim = true }
            stream.headCame(text.bytes, isInterim: isInterim, endStream: endStream)
        }
    }

    package func headersTooLarge(_ id: Int32, endStream: Bool) { streams[id]?.fail(.upstreamHeadTooLarge) }

    package func data(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        // The connection keeps it.
        unretained(session) { $0.consumeConnection(bytes.count) }
        // Only `streamClosed`, and the end of the connection, take streams out of the table that keeps them.
        unretained(streams[id]) {
            touch($0)
            $0.dataCame(bytes)
        }
    }

    private func touch(_ stream: UpstreamStream) {
        guard !stream.isTouched else { return }
        stream.isTouched = true
        touched.append(stream)
    }

    package func streamEnded(_ id: Int32) { unretained(streams[id]) { $0.answerEnded() } }

    package func streamInvalid(_ id: Int32) { streams[id]?.markMalformed() }

    package func streamClosed(_ id: Int32, errorCode: HTTP2ErrorCode) {
        guard let stream = streams.remove(id) else { return }
        stream.closed(errorCode)
        streamLeft()
    }

    package func pullData(_ id: Int32, upTo limit: Int) -> HTTP2Body {
        // As in `data`.
        unretained(streams[id]) { $0.pull(upTo: limit) } ?? .failed(.internalError)
    }

    package func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) { leave() }

    package func pingAcked(_ payload: UInt64) {}

    package func settingsReceived() {
        hasSettings = true
        let waiting = waitingForSettings
        waitingForSettings = []
        for stream in waiting { stream.settingsCame() }
        endpoint.upstream.streamEnded()
    }
}
