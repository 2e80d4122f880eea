import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceSockets

/// How answers are written (RFC 9112).
extension HTTP1Connection {
    func sendContinue() {
        var line = loop.takeScratch()
        line.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        writeAndFlush(line)
        loop.giveBack(line)
    }

    /// RFC 9110, section 15.2: not to HTTP/1.0.
    func sendInterim(_ head: inout ResponseHead) {
        // What a client does not read must not pile up: over HTTP/2 no upstream can be stopped from sending heads.
        guard exchange?.request.minorVersion == 1, isWritable else { return }
        var buffer = loop.takeScratch()
        _ = buffer.writeHead(atMost: head.fields.bytes.readableBytes * 2 + 64) { writer in
            StatusLine.write(&head, to: &writer)
            writer.write(&head.fields)
            writer.write("\r\n")
        }
        writeAndFlush(buffer)
        loop.giveBack(buffer)
    }

    /// Status line, fields, framing, persistence.
    func sendHead(of exchange: Exchange) -> Bool {
        let isHTTP10 = exchange.request.minorVersion == 0
        if exchange.responseHasBody, exchange.response.framing.isUnbounded {
            respondsChunked = !isHTTP10
            if isHTTP10 { closesAfterExchange = true }
        }
        let ends = endsAfterThis
        let saysEmpty = exchange.needsEmptyLength
        var buffer = loop.takeScratch()
        let size = exchange.response.fields.bytes.readableBytes * 2 + 256
        let isComplete = buffer.writeHead(atMost: size) { writer in
            StatusLine.write(&exchange.response, to: &writer)
            writer.write(&exchange.response.fields)
            if !exchange.response.fields.present.mayHave(.date) { writer.writeDate(loop.httpDate()) }
            if respondsChunked { writer.write("Transfer-Encoding: chunked\r\n") }
            if saysEmpty { writer.write("Content-Length: 0\r\n") }
            if ends {
                writer.write("Connection: close\r\n")
            } else if isHTTP10 {
                writer.write("Connection: keep-alive\r\n")
            }
            writer.write("\r\n")
        }
        out = buffer
        return isComplete
    }

    /// Sends one piece, framed; small ones are gathered behind the head.
    func sendBody(_ piece: ByteBuffer) {
        var buffer = out.take() ?? loop.takeScratch()
        if respondsChunked { buffer.writeChunkHead(piece.readableBytes) }
        if piece.readableBytes <= Worker.copyLimit {
            piece.withUnsafeReadableBytes { _ = buffer.writeBytes($0) }
            if respondsChunked { buffer.writeStaticString("\r\n") }
            out = buffer
            return
        }
        if buffer.readableBytes > 0 { write(buffer) }
        loop.giveBack(buffer)
        write(piece)
        if respondsChunked {
            var end = loop.takeScratch()
            end.writeStaticString("\r\n")
            out = end
        }
    }

    func endResponse(_ trailers: Trailers?) {
        guard respondsChunked else { return flushResponse() }
        var buffer = out.take() ?? loop.takeScratch()
        buffer.writeStaticString("0\r\n")
        if let trailers { trailers.fields.write(to: &buffer) }
        buffer.writeStaticString("\r\n")
        out = buffer
        flushResponse()
    }

    func flushResponse() {
        if let buffer = out.take() {
            writeAndFlush(buffer)
            loop.giveBack(buffer)
        } else {
            flush()
        }
    }

    // MARK: - Tunnels

    func beginTunnel(of exchange: Exchange, token: [UInt8]) {
        closesAfterExchange = true
        var buffer = loop.takeScratch()
        let size = exchange.response.fields.bytes.readableBytes * 2 + token.count + 128
        _ = buffer.writeHead(atMost: size) { writer in
            StatusLine.write(&exchange.response, to: &writer)
            writer.write(&exchange.response.fields)
            if exchange.response.status == 101 {
                writer.write("Connection: upgrade\r\nUpgrade: ")
                writer.write(token)
                writer.write("\r\n")
            }
            writer.write("\r\n")
        }
        writeAndFlush(buffer)
        loop.giveBack(buffer)
        passThrough()
    }

    func sendTunnel(_ bytes: ByteBuffer) { write(bytes) }

    func finishTunnel() { closeAfterFlush() }
}

extension Exchange {
    /// An answer that ended with its head over HTTP/2, where that says enough: to a client of HTTP/1 its length must be
    /// said, or the end of the connection would be its end.
    fileprivate var needsEmptyLength: Bool {
        guard !responseHasBody, case .none = response.framing, !response.fields.present.mayHave(.contentLength) else {
            return false
        }
        return request.method != .head && response.status != 204 && response.status != 304
    }
}
