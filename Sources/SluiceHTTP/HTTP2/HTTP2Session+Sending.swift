import CNGHTTP2
import NIOCore
import SluiceCore

/// What the library's callbacks do on the sending side.
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
        pulled = bytes.readableBytes > 0 ? bytes : nil
        isDribble = role == .server && bytes.readableBytes == limit && limit < Self.dribble
        return bytes.readableBytes
    }

    func writeData(head: UnsafeRawBufferPointer) {
        output?.write(head)
        guard var bytes = pulled.take() else { return }
        if !isDribble {
            flood.dataMoved()
        } else if let error = flood.idleFrame() {
            fail(error)
        }
        output?.write(body: &bytes)
        // A large one went out as it is.
        if bytes.readableBytes == 0 { memory.giveBack(bytes) }
    }

    /// Windows that let fewer bytes pass make more work than they move (CVE-2019-9511).
    private static let dribble = 64

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>, _ head: nghttp2_frame_hd) {
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_HEADERS: lastSent = max(lastSent, head.stream_id)
        case NGHTTP2_RST_STREAM: resetSent(head.stream_id, HTTP2ErrorCode(rawValue: sluice_h2_reset_code(frame)))
        case NGHTTP2_GOAWAY:
            let code = HTTP2ErrorCode(rawValue: sluice_h2_goaway_code(frame))
            // The library found something that it does not tell otherwise.
            if code != .noError, !askedToGo, failure == nil { failure = .broken(code) }
            if let payload = pingBehindNotice {
                pingBehindNotice = nil
                ping(payload)
            }
        default: break
        }
    }

    private func resetSent(_ stream: Int32, _ code: HTTP2ErrorCode) {
        // Bodies that are not as long as they said are found without a word.
        if code == .protocolError, toldInvalid != stream { delegate.streamInvalid(stream) }
        guard role == .server else { return }
        closed.reset(stream)
        if isProvoked(code), let error = flood.provokedReset() { fail(error) }
    }

    /// Whether a reset is the client's doing, found out by the library or by the delegate.
    private func isProvoked(_ code: HTTP2ErrorCode) -> Bool {
        switch code {
        case .protocolError, .flowControlError, .streamClosed, .frameSizeError, .compressionError, .enhanceYourCalm:
            true
        // The library refuses what is too much for a client that does not take note of our settings. Later on it is
        // the delegate that refuses.
        case .refusedStream: !settingsAcked
        default: false
        }
    }

    func frameNotSent(_ head: nghttp2_frame_hd, category: nghttp2_headers_category) {
        guard nghttp2_frame_type(UInt32(head.type)) == NGHTTP2_HEADERS else { return }
        // A request: the library closes its stream. Anything else would leave the stream hanging.
        if category == NGHTTP2_HCAT_REQUEST { unsent = head.stream_id } else { reset(head.stream_id, .internalError) }
    }
}
