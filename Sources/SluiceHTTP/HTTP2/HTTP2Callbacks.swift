import CNGHTTP2
import NIOCore

/// The functions that the library calls, each of which hands on to the session.
///
/// They are named functions, since a C function cannot carry anything along.
enum HTTP2Callbacks {
    static func install(in callbacks: OpaquePointer) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, onInvalidHeader)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, onInvalidFrame)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onFrameSent)
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, onFrameNotSent)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
    }
}

/// All is well, for the library.
private let success: Int32 = 0

/// Ends the call into the library; nothing more will be read.
private var fatal: Int32 { Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }

/// Calls `body` with the session of a callback; without one, which cannot be, nothing more is read.
@inline(__always)
private func with(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Int32) -> Int32 {
    guard let context else { return fatal }
    // SAFETY: `HTTP2Session.init` put itself there, and it is what called the library: whoever called it keeps it alive,
    // so that no reference need be counted for each field.
    return Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
}

private func onBeginHeaders(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    let category = sluice_h2_category(frame)
    return with(context) {
        $0.headersBegan(head.pointee.stream_id, category: category, dependsOn: sluice_h2_parent(frame))
            ? success : fatal
    }
}

private func onHeader(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ name: UnsafePointer<UInt8>?,
    _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?,
    _ valueCount: Int,
    _: UInt8,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    let name = UnsafeRawBufferPointer(start: name, count: nameCount)
    let value = UnsafeRawBufferPointer(start: value, count: valueCount)
    return with(context) { $0.field(head.pointee.stream_id, name: name, value: value) ? success : fatal }
}

/// Left alone, the library would drop the field and let the message pass; it is malformed (RFC 9113, section 8.2.1).
private func onInvalidHeader(
    _: OpaquePointer?,
    _: UnsafePointer<nghttp2_frame>?,
    _: UnsafePointer<UInt8>?,
    _: Int,
    _: UnsafePointer<UInt8>?,
    _: Int,
    _: UInt8,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
}

private func onData(
    _: OpaquePointer?,
    _: UInt8,
    _ stream: Int32,
    _ bytes: UnsafePointer<UInt8>?,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    with(context) {
        $0.delegate.data(stream, UnsafeRawBufferPointer(start: bytes, count: count))
        return success
    }
}

private func onFrame(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    return with(context) { $0.frameEnded(frame, head.pointee) ? success : fatal }
}

private func onInvalidFrame(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _: Int32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    return with(context) {
        $0.frameInvalid(head.pointee)
        return success
    }
}

private func onStreamClose(
    _: OpaquePointer?,
    _ stream: Int32,
    _ code: UInt32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    with(context) {
        $0.streamClosed(stream, HTTP2ErrorCode(rawValue: code))
        return success
    }
}

private func onFrameSent(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    return with(context) {
        $0.frameSent(frame, head.pointee)
        return success
    }
}

private func onFrameNotSent(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _: Int32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, let head = sluice_h2_head(frame) else { return fatal }
    return with(context) {
        $0.frameNotSent(head.pointee, category: sluice_h2_category(frame))
        return success
    }
}

/// Says how much of a body goes into the next DATA frame; the bytes themselves follow in `sendData`.
func readBody(
    _: OpaquePointer?,
    _ stream: Int32,
    _: UnsafeMutablePointer<UInt8>?,
    _ limit: Int,
    _ flags: UnsafeMutablePointer<UInt32>?,
    _: UnsafeMutablePointer<nghttp2_data_source>?,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let flags else { return Int(fatal) }
    var count = Int(fatal)
    _ = with(context) {
        count = $0.pull(stream, upTo: limit, &flags.pointee)
        return success
    }
    return count
}

private func sendData(
    _: OpaquePointer?,
    _: UnsafeMutablePointer<nghttp2_frame>?,
    _ head: UnsafePointer<UInt8>?,
    _: Int,
    _: UnsafeMutablePointer<nghttp2_data_source>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    with(context) {
        // Nine bytes: the header of the frame. No frame is padded, so the body is all that follows.
        $0.writeData(head: UnsafeRawBufferPointer(start: head, count: 9))
        return success
    }
}
