/// Codes of RST_STREAM and GOAWAY frames (RFC 9113, section 7); peers may send others.
package struct HTTP2ErrorCode: RawRepresentable, Equatable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noError = HTTP2ErrorCode(rawValue: 0x0)
    package static let protocolError = HTTP2ErrorCode(rawValue: 0x1)
    package static let internalError = HTTP2ErrorCode(rawValue: 0x2)
    package static let flowControlError = HTTP2ErrorCode(rawValue: 0x3)
    package static let settingsTimeout = HTTP2ErrorCode(rawValue: 0x4)
    package static let streamClosed = HTTP2ErrorCode(rawValue: 0x5)
    package static let frameSizeError = HTTP2ErrorCode(rawValue: 0x6)
    /// Nothing was done for this stream: it is safe to ask again (RFC 9113, section 8.7).
    package static let refusedStream = HTTP2ErrorCode(rawValue: 0x7)
    package static let cancel = HTTP2ErrorCode(rawValue: 0x8)
    package static let compressionError = HTTP2ErrorCode(rawValue: 0x9)
    package static let connectError = HTTP2ErrorCode(rawValue: 0xA)
    package static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 0xB)
    package static let inadequateSecurity = HTTP2ErrorCode(rawValue: 0xC)
    package static let http11Required = HTTP2ErrorCode(rawValue: 0xD)
}

/// Why a whole connection ends. Its GOAWAY is (or was) in what `produce` writes.
package enum HTTP2Error: Error, Equatable, Sendable {
    /// The first bytes are not those of an HTTP/2 client (RFC 9113, section 3.4).
    case badPreface
    /// The peer broke the protocol; the code is that of our GOAWAY.
    case broken(HTTP2ErrorCode)
    /// More streams at a time than it was told that it may open.
    case tooManyStreams
    /// It resets streams faster than it uses them.
    case rapidReset
    /// It makes us reset streams faster than it uses them.
    case provokedResets
    case continuationFlood
    case pingFlood
    case settingsFlood
    /// Frames that carry nothing and end nothing.
    case emptyFrameFlood
    /// WINDOW_UPDATE, PRIORITY and unknown frames.
    case idleFrameFlood
    /// A header block that unpacks to many times what is allowed.
    case headerBomb
    /// Answers pile up because the peer does not read them.
    case unreadOutput
    /// Memory ran out, or the library is in a state that it should never be in.
    case failed

    /// The reason code for logs and metrics.
    package var code: StaticString {
        switch self {
        case .badPreface: "http2_bad_preface"
        case .broken: "http2_protocol_error"
        case .tooManyStreams: "http2_too_many_streams"
        case .rapidReset: "http2_rapid_reset"
        case .provokedResets: "http2_provoked_resets"
        case .continuationFlood: "http2_continuation_flood"
        case .pingFlood: "http2_ping_flood"
        case .settingsFlood: "http2_settings_flood"
        case .emptyFrameFlood: "http2_empty_frame_flood"
        case .idleFrameFlood: "http2_idle_frame_flood"
        case .headerBomb: "http2_header_bomb"
        case .unreadOutput: "http2_unread_output"
        case .failed: "http2_failed"
        }
    }

    /// The code of the GOAWAY that ends the connection.
    package var goAwayCode: HTTP2ErrorCode {
        switch self {
        case .badPreface, .tooManyStreams: .protocolError
        case .broken(let code): code
        case .failed: .internalError
        case .rapidReset, .provokedResets, .continuationFlood, .pingFlood, .settingsFlood, .emptyFrameFlood,
            .idleFrameFlood, .headerBomb, .unreadOutput:
            .enhanceYourCalm
        }
    }
}
