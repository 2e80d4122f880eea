// LEAD 13:50: this file was set back to its state of 13:31 by a mistaken copy; whoever owns it: redo what changed since and delete this line.
import CNGHTTP2
import NIOCore
import SluiceCore

/// What the library's callbacks do, on the receiving side.
extension HTTP2Session {
    /// A header block on its way in. There is never more than one (RFC 9113, section 4.3).
    struct HeaderBlock {
        /// Nil while a client cannot tell yet.
        var kind: HTTP2HeadersKind?
        var size = 0
        var count = 0
        var isTooLarge = false
    }

    /// A frame's header came. False ends the connection.
    func frameBegan(_ head: nghttp2_frame_hd) -> Bool {
        if let error = cost(of: head) { fail(error) }
        if pendingFrames > settings.floods.pendingFrames { fail(.unreadOutput) }
        return failure == nil
    }

    private func cost(of head: nghttp2_frame_hd) -> HTTP2Error? {
        let endStream = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let isAck = head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_DATA: return head.length == 0 && !endStream ? flood.emptyFrame() : nil
        case NGHTTP2_HEADERS, NGHTTP2_CONTINUATION: return head.length == 0 ? flood.emptyFrame() : nil
        case NGHTTP2_PING: return isAck ? flood.idleFrame() : flood.ping()
        case NGHTTP2_SETTINGS: return isAck ? flood.idleFrame() : flood.settingsFrame()
        case NGHTTP2_RST_STREAM: return role == .server ? flood.reset() : nil
        default: return flood.idleFrame()
        }
    }

    // MARK: - Header blocks

    func headersBegan(_ stream: Int32, category: nghttp2_headers_category) {
        block = HeaderBlock()
        isInHeaderBlock = true
        // A client knows only by the first field what it is.
        guard role == .server else { return }
        if category == NGHTTP2_HCAT_REQUEST {
            openStreams += 1
            flood.streamOpened()
            takeTurns(stream)
            block.kind = .request
            delegate.headersBegan(stream, .request)
        } else {
            block.kind = .trailers
            delegate.headersBegan(stream, .trailers)
        }
    }

    /// Without this, a stream would send all of its body before the next one may (RFC 9218, section 10).
    private func takeTurns(_ stream: Int32) {
        var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
        nghttp2_session_change_extpri_stream_priority(raw, stream, &priority, 1)
    }

    /// False ends the connection.
    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        if block.kind == nil {
            let kind = Self.kind(name: name, value: value)
            block.kind = kind
            delegate.headersBegan(stream, kind)
        }
        block.size += name.count + value.count + 32
        block.count += 1
        let limit = Int(settings.maxHeaderListSize)
        if block.size > limit || block.count > settings.maxFields { block.isTooLarge = true }
        // Unpacking goes on for the table's sake, but not for ever.
        if block.size / 8 > limit || block.count / 8 > settings.maxFields {
            fail(.headerBomb)
            return false
        }
        if !block.isTooLarge, !delegate.field(stream, name: name, value: value) { block.isTooLarge = true }
        return true
    }

    /// What begins with this field, for a client (RFC 9113, section 8.3.2).
    private static func kind(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> HTTP2HeadersKind {
        guard name.first == UInt8(ascii: ":") else { return .trailers }
        return value.first == UInt8(ascii: "1") ? .interimAnswer : .answer
    }

    private func headersEnded(_ stream: Int32, endStream: Bool) {
        isInHeaderBlock = false
        if block.isTooLarge {
            delegate.headersTooLarge(stream, endStream: endStream)
        } else {
            delegate.headersEnded(stream, endStream: endStream)
        }
    }

    // MARK: - Whole frames

    /// A frame has come and is valid. False ends the connection.
    func frameEnded(_ frame: UnsafePointer<nghttp2_frame>, _ head: nghttp2_frame_hd) -> Bool {
        let endStream = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let isAck = head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_DATA:
            if head.length > 0 { flood.dataMoved() }
            if endStream { delegate.streamEnded(head.stream_id) }
        case NGHTTP2_HEADERS:
            if block.isTooLarge, role == .server, let error = flood.provokedReset() {
                fail(error)
                return false
            }
            headersEnded(head.stream_id, endStream: endStream)
            if endStream { delegate.streamEnded(head.stream_id) }
        case NGHTTP2_SETTINGS: if !isAck { delegate.settingsReceived() }
        case NGHTTP2_PING: if isAck { delegate.pingAcked(sluice_h2_ping_payload(frame)) }
        case NGHTTP2_GOAWAY:
            delegate.goAwayReceived(
                lastStream: sluice_h2_goaway_last(frame),
                errorCode: HTTP2ErrorCode(rawValue: sluice_h2_goaway_code(frame))
            )
        default: break
        }
        return failure == nil
    }

    /// A frame is invalid: the library resets its stream, or ends the connection.
    func frameInvalid(_ head: nghttp2_frame_hd) {
        isInHeaderBlock = false
        guard head.stream_id > 0, nghttp2_session_find_stream(raw, head.stream_id) != nil else { return }
        delegate.streamInvalid(head.stream_id)
    }

    func streamClosed(_ stream: Int32, _ code: HTTP2ErrorCode) {
        openStreams -= 1
        if code == .noError { flood.streamFinished() }
        delegate.streamClosed(stream, errorCode: unsent == stream ? .refusedStream : code)
        unsent = 0
    }
}

/// What the library's callbacks do, on the sending side.
extension HTTP2Session {
    /// - Returns: the number of bytes for the next DATA frame, or what else is to happen.
    func pull(_ stream: Int32, upTo limit: Int, _ flags: inout UInt32) -> Int {
        guard output?.isFull == false else { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
        let bytes: ByteBuffer
        flags = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        switch delegate.pullData(stream, upTo: limit) {
        case .bytes(let piece): bytes = piece
        case .last(let piece):
            bytes = piece
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        case .lastBeforeTrailers(let piece):
            bytes = piece
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        case .wait: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .failed(let code):
            reset(stream, code)
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        // More than asked for cannot be sent, and an empty piece that is not the last would be asked for for ever.
        let isLast = flags & NGHTTP2_DATA_FLAG_EOF.rawValue != 0
        guard bytes.readableBytes <= limit, isLast || bytes.readableBytes > 0 else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        pulled = bytes
        return bytes.readableBytes
    }

    func writeData(head: UnsafeRawBufferPointer) {
        output?.write(head)
        guard var bytes = pulled else { return }
        pulled = nil
        if bytes.readableBytes > 0 { flood.dataMoved() }
        output?.write(body: &bytes)
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>, _ head: nghttp2_frame_hd) {
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_RST_STREAM: resetSent(HTTP2ErrorCode(rawValue: sluice_h2_reset_code(frame)))
        case NGHTTP2_GOAWAY:
            let code = HTTP2ErrorCode(rawValue: sluice_h2_goaway_code(frame))
            // The library found something that it does not tell otherwise.
            if code != .noError, !askedToGo, failure == nil { failure = .broken(code) }
        default: break
        }
    }

    /// Resets with these codes are the client's doing, whether the library or the delegate found out.
    private func resetSent(_ code: HTTP2ErrorCode) {
        guard role == .server else { return }
        switch code {
        case .protocolError, .flowControlError, .streamClosed, .frameSizeError, .refusedStream, .compressionError,
            .enhanceYourCalm:
            if let error = flood.provokedReset() { fail(error) }
        default: break
        }
    }

    func frameNotSent(_ head: nghttp2_frame_hd, category: nghttp2_headers_category) {
        guard nghttp2_frame_type(UInt32(head.type)) == NGHTTP2_HEADERS else { return }
        // A request: the library closes its stream. Anything else would leave the stream hanging.
        if category == NGHTTP2_HCAT_REQUEST { unsent = head.stream_id } else { reset(head.stream_id, .internalError) }
    }
}
