import CNGHTTP2
import SluiceCore

/// What the library's callbacks do on the receiving side.
extension HTTP2Session {
    /// A header block on its way in. There is never more than one (RFC 9113, section 4.3).
    struct HeaderBlock {
        /// Nil while a client cannot tell yet.
        var kind: HTTP2HeadersKind?
        var size = 0
        var count = 0
        var isTooLarge = false
    }

    // MARK: - Headers of frames

    /// A frame's header came; the library has not seen it yet. False ends the connection.
    func frameBegan(_ head: HTTP2FrameHead, isInBlock: Bool) -> Bool {
        if let error = cost(of: head) ?? (isInBlock ? nil : misplaced(head)) { fail(error) }
        // RFC 9113, section 4.2. The library does not look at CONTINUATION.
        if isInBlock, head.length > settings.maxFrameSize { fail(.broken(.frameSizeError)) }
        if pendingFrames > settings.floods.pendingFrames + 4 * openStreams { fail(.unreadOutput) }
        return failure == nil
    }

    private func cost(of head: HTTP2FrameHead) -> HTTP2Error? {
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_DATA: return head.length == 0 && !head.endsStream ? flood.emptyFrame() : nil
        case NGHTTP2_HEADERS:
            continuations = 0
            return head.length == 0 ? flood.emptyFrame() : nil
        case NGHTTP2_CONTINUATION:
            continuations += 1
            if continuations > settings.floods.continuations { return .continuationFlood }
            return head.length == 0 ? flood.emptyFrame() : nil
        case NGHTTP2_PING: return head.isAck ? flood.idleFrame() : flood.ping()
        case NGHTTP2_SETTINGS: return head.isAck ? flood.idleFrame() : flood.settingsFrame()
        case NGHTTP2_RST_STREAM: return role == .server ? flood.reset() : nil
        default: return flood.idleFrame()
        }
    }

    /// What a client may not send, where the library is more patient than RFC 9113.
    private func misplaced(_ head: HTTP2FrameHead) -> HTTP2Error? {
        guard role == .server else { return nil }
        let type = nghttp2_frame_type(UInt32(head.type))
        if type == NGHTTP2_PRIORITY, head.stream == 0 { return .broken(.protocolError) }
        guard type == NGHTTP2_DATA || type == NGHTTP2_HEADERS, head.length <= settings.maxFrameSize else { return nil }
        if closed.isNew(head.stream) {
            let isTooMuch = type == NGHTTP2_HEADERS && openStreams >= Int(settings.maxConcurrentStreams)
            return isTooMuch && settingsAcked && !askedToGo ? .tooManyStreams : nil
        }
        guard nghttp2_session_find_stream(raw, head.stream) == nil else { return nil }
        switch closed.meaning(of: head.stream) {
        case .new: return nil
        // The rest of a body may be many frames, but not without end.
        case .late: return flood.idleFrame()
        case .closed: return .broken(.streamClosed)
        case .skipped: return .broken(type == NGHTTP2_DATA ? .streamClosed : .protocolError)
        }
    }

    // MARK: - Header blocks

    /// False ends the connection.
    func headersBegan(_ stream: Int32, category: nghttp2_headers_category, dependsOn parent: Int32) -> Bool {
        block = HeaderBlock()
        // A client knows only by the first field what it is.
        guard role == .server else { return true }
        if parent == stream {
            fail(.broken(.protocolError))
            return false
        }
        guard category == NGHTTP2_HCAT_REQUEST else {
            block.kind = .trailers
            delegate.headersBegan(stream, .trailers)
            return true
        }
        openStreams += 1
        closed.open(stream)
        flood.streamOpened()
        takeTurns(stream)
        block.kind = .request
        delegate.headersBegan(stream, .request)
        return true
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

    private func headersEnded(_ stream: Int32, endStream: Bool) -> Bool {
        // Without any field it can only be the end of a response.
        if block.kind == nil { delegate.headersBegan(stream, .trailers) }
        if block.isTooLarge {
            // Whatever the answer, this costs as much as a stream that is reset.
            if role == .server, let error = flood.provokedReset() {
                fail(error)
                return false
            }
            delegate.headersTooLarge(stream, endStream: endStream)
        } else {
            delegate.headersEnded(stream, endStream: endStream)
        }
        if endStream { delegate.streamEnded(stream) }
        return failure == nil
    }

    // MARK: - Whole frames

    /// A frame has come and is valid. False ends the connection.
    func frameEnded(_ frame: UnsafePointer<nghttp2_frame>, _ head: nghttp2_frame_hd) -> Bool {
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_DATA: return dataEnded(head, padding: sluice_h2_padding(frame))
        case NGHTTP2_HEADERS: return headersEnded(head.stream_id, endStream: Self.endsStream(head))
        case NGHTTP2_RST_STREAM: resetByPeer = head.stream_id
        case NGHTTP2_SETTINGS: if Self.isAck(head) { settingsAcked = true } else { delegate.settingsReceived() }
        case NGHTTP2_PING: if Self.isAck(head) { delegate.pingAcked(sluice_h2_ping_payload(frame)) }
        case NGHTTP2_GOAWAY:
            delegate.goAwayReceived(
                lastStream: sluice_h2_goaway_last(frame),
                errorCode: HTTP2ErrorCode(rawValue: sluice_h2_goaway_code(frame))
            )
        default: break
        }
        return failure == nil
    }

    private func dataEnded(_ head: nghttp2_frame_hd, padding: Int) -> Bool {
        if head.length > padding {
            flood.dataMoved()
        } else if head.length > 0, !Self.endsStream(head), let error = flood.emptyFrame() {
            // Nothing but padding.
            fail(error)
            return false
        }
        if Self.endsStream(head) { delegate.streamEnded(head.stream_id) }
        return failure == nil
    }

    /// A frame is invalid: the library resets its stream, or ends the connection.
    func frameInvalid(_ head: nghttp2_frame_hd) {
        guard head.stream_id > 0, nghttp2_session_find_stream(raw, head.stream_id) != nil else { return }
        toldInvalid = head.stream_id
        delegate.streamInvalid(head.stream_id)
    }

    func streamClosed(_ stream: Int32, _ code: HTTP2ErrorCode) {
        openStreams -= 1
        if code == .noError, resetByPeer != stream { flood.streamFinished() }
        delegate.streamClosed(stream, errorCode: unsent == stream ? .refusedStream : code)
        unsent = 0
    }

    private static func endsStream(_ head: nghttp2_frame_hd) -> Bool {
        head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    }

    private static func isAck(_ head: nghttp2_frame_hd) -> Bool { head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 }
}
