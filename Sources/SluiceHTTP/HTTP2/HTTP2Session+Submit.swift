import CNGHTTP2
package import SluiceCore

extension HTTP2Session {
    // MARK: - Messages

    /// Sends the head of an answer. With a body to come, `pullData` is asked for it.
    ///
    /// An answer may be whole before the request is: to make the client stop sending, `reset` with `.noError` after
    /// `produce` has given the end of the answer (RFC 9113, section 8.1).
    ///
    /// - Returns: false when a field line is malformed.
    package func submitAnswer(_ stream: Int32, _ fields: inout HTTP2FieldList, endStream: Bool) -> Bool {
        fields.gather() && submitAnswer(stream, fields.vectors, endStream: endStream)
    }

    /// The same with the fields of a table and, if it is given, `Date` behind them; `list` has the status.
    ///
    /// - Returns: false when a field is malformed.
    package func submitAnswer(
        _ stream: Int32,
        _ list: inout HTTP2FieldList,
        _ table: inout HeaderTable,
        date: UnsafeRawBufferPointer?,
        endStream: Bool
    ) -> Bool {
        list.gather(&table, date: date) && submitAnswer(stream, list.vectors, endStream: endStream)
    }

    private func submitAnswer(_ stream: Int32, _ fields: borrowing HTTP2Vectors, endStream: Bool) -> Bool {
        guard !endStream else { return nghttp2_submit_response(raw, stream, fields.base, fields.count, nil) == 0 }
        var body = nghttp2_data_provider(source: nghttp2_data_source(), read_callback: readBody)
        return nghttp2_submit_response(raw, stream, fields.base, fields.count, &body) == 0
    }

    /// Sends an interim answer (status 1xx but 101).
    ///
    /// - Returns: false when a field line is malformed.
    package func submitInterim(_ stream: Int32, _ fields: inout HTTP2FieldList) -> Bool {
        fields.gather() && submitInterim(stream, fields.vectors)
    }

    /// The same with the fields of a table; `list` has the status.
    package func submitInterim(_ stream: Int32, _ list: inout HTTP2FieldList, _ table: inout HeaderTable) -> Bool {
        list.gather(&table) && submitInterim(stream, list.vectors)
    }

    private func submitInterim(_ stream: Int32, _ fields: borrowing HTTP2Vectors) -> Bool {
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        return nghttp2_submit_headers(raw, flags, stream, nil, fields.base, fields.count, nil) == 0
    }

    /// Ends a message with trailers; its body has ended with `.lastBeforeTrailers`.
    ///
    /// - Returns: false when a field line is malformed.
    package func submitTrailers(_ stream: Int32, _ fields: inout HTTP2FieldList) -> Bool {
        fields.gather() && nghttp2_submit_trailer(raw, stream, fields.vectors.base, fields.vectors.count) == 0
    }

    /// The same with the fields of a table; `list` is empty.
    package func submitTrailers(_ stream: Int32, _ list: inout HTTP2FieldList, _ table: inout HeaderTable) -> Bool {
        list.gather(&table) && nghttp2_submit_trailer(raw, stream, list.vectors.base, list.vectors.count) == 0
    }

    /// Opens a stream with a request. With a body to come, `pullData` is asked for it.
    ///
    /// - Returns: the stream, or nil when there can be no more on this connection, or a line is malformed.
    package func submitRequest(_ fields: inout HTTP2FieldList, endStream: Bool) -> Int32? {
        guard canOpenStream, fields.gather() else { return nil }
        return submitRequest(fields.vectors, endStream: endStream)
    }

    /// Opens a stream with the request whose head `text` begins with, as HTTP/1 writes it: see
    /// `HTTP2FieldList.gather(request:)`. The stream ends with its head where `text` does, if it `mayEnd`.
    ///
    /// - Returns: the stream, and how long the head is; nil as for lists.
    package func submitRequest(
        head text: UnsafeRawBufferPointer,
        scheme: StaticString,
        protocol upgrade: StaticString?,
        mayEnd: Bool,
        with list: inout HTTP2FieldList
    ) -> (stream: Int32, headCount: Int)? {
        guard canOpenStream, let end = list.gather(request: text, scheme: scheme, protocol: upgrade),
            let stream = submitRequest(list.vectors, endStream: mayEnd && end == text.count)
        else { return nil }
        return (stream, end)
    }

    private func submitRequest(_ fields: borrowing HTTP2Vectors, endStream: Bool) -> Int32? {
        let stream: Int32
        if endStream {
            stream = nghttp2_submit_request(raw, nil, fields.base, fields.count, nil, nil)
        } else {
            var body = nghttp2_data_provider(source: nghttp2_data_source(), read_callback: readBody)
            stream = nghttp2_submit_request(raw, nil, fields.base, fields.count, &body, nil)
        }
        guard stream > 0 else { return nil }
        openStreams += 1
        return stream
    }

    /// Asks `pullData` again, which had nothing when it was asked last.
    package func dataReady(_ stream: Int32) { nghttp2_session_resume_data(raw, stream) }

    // MARK: - Flow control

    /// Lets the peer send that many more bytes on the stream. The stream may be over.
    package func consume(_ stream: Int32, _ bytes: Int) {
        guard bytes > 0 else { return }
        nghttp2_session_consume_stream(raw, stream, bytes)
    }

    /// Lets the peer send that many more bytes on the connection: to be called for all that `data` gave, also when the
    /// stream was closed meanwhile.
    package func consumeConnection(_ bytes: Int) {
        guard bytes > 0 else { return }
        nghttp2_session_consume_connection(raw, bytes)
    }

    /// Bytes that may be sent on the stream, as far as its own window goes.
    package func remoteWindow(_ stream: Int32) -> Int {
        Int(nghttp2_session_get_stream_remote_window_size(raw, stream))
    }

    /// Bytes that may be sent on all streams together.
    package var remoteConnectionWindow: Int { Int(nghttp2_session_get_remote_window_size(raw)) }

    // MARK: - Ending

    /// Whether the last frame of our side of the stream has been produced; nil when there is no such stream any more.
    ///
    /// Only then a reset does not take back what was submitted before it.
    package func hasEnded(_ stream: Int32) -> Bool? {
        switch nghttp2_session_get_stream_local_close(raw, stream) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// Ends a stream at once; `streamClosed` follows out of `produce`.
    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        // A stream that is over needs no reset; a request that has not left yet is taken back.
        let isWaiting = role == .client && stream > lastSent
        guard isWaiting || nghttp2_session_find_stream(raw, stream) != nil else { return }
        nghttp2_submit_rst_stream(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// Tells the client to open no more streams, while those under way, and those that it has opened already, are still
    /// served: the first step of a graceful end. `goAway` is the second, a round trip later. Only for a server.
    ///
    /// - Parameter ping: payload of a PING that follows the notice: whoever answers it has seen that.
    package func shutdownNotice(ping: UInt64) {
        // Given to the library now, it would go first.
        pingBehindNotice = ping
        nghttp2_submit_shutdown_notice(raw)
    }

    /// Takes no new streams from now on; those that were seen go on to their end.
    package func goAway(_ code: HTTP2ErrorCode = .noError) {
        askedToGo = true
        let last = nghttp2_session_get_last_proc_stream_id(raw)
        nghttp2_submit_goaway(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, nil, 0)
    }

    /// Sends a PING; `pingAcked` gets the same payload back.
    package func ping(_ payload: UInt64) {
        _ = withUnsafeBytes(of: payload) { bytes in
            nghttp2_submit_ping(
                raw,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            )
        }
    }

    // MARK: - What the peer said

    /// Whether a request can be sent now, as far as the peer's limit, its GOAWAY and ours go. Only for a client.
    package var canOpenStream: Bool {
        failure == nil && openStreams < Int(peerMaxConcurrentStreams) && nghttp2_session_check_request_allowed(raw) != 0
    }

    /// Streams that the peer lets us have open at a time; 100 until it says so.
    package var peerMaxConcurrentStreams: UInt32 {
        nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    }

    /// Whether the peer takes extended CONNECT (RFC 8441, section 3).
    package var peerTakesConnectProtocol: Bool {
        nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// Streams that have been opened and not closed, and frames that wait; for tests and metrics.
    package var pendingFrames: Int { nghttp2_session_get_outbound_queue_size(raw) }
}
