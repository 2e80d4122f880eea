package import NIOCore

/// What a header block is.
package enum HTTP2HeadersKind: Sendable {
    /// Only a server sees it.
    case request
    /// The final head of a response; only a client sees it.
    case answer
    /// A head with status 1xx, which another one follows; only a client sees it.
    case interimAnswer
    /// Fields behind the body.
    case trailers
}

/// The next piece of a body that is being sent.
package enum HTTP2Body {
    /// At least one byte; more will follow.
    case bytes(ByteBuffer)
    /// The last bytes, or none: the stream ends with them.
    case last(ByteBuffer)
    /// The last bytes, or none; trailers follow, by `submitTrailers` in this same call or any time later.
    case lastBeforeTrailers(ByteBuffer)
    /// Nothing for now: the session asks again after `dataReady`.
    case wait
    /// The body broke off: the stream is reset.
    case failed(HTTP2ErrorCode)
}

/// What a session tells, and where it gets bodies from.
///
/// All calls come inside of `HTTP2Session.receive` or `produce`, on the loop. From within them everything of the session
/// may be called but those two. A stream is told in this order: `headersBegan`, fields, `headersEnded` or
/// `headersTooLarge`, then `data`, further header blocks, `streamEnded`, and last `streamClosed`, which may come at any
/// time. When the connection itself is gone, nothing more is told, not even `streamClosed`.
package protocol HTTP2Delegate: AnyObject {
    /// A header block begins. On a server a `.request` makes the stream known; on a client `submitRequest` did.
    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind)

    /// One field as it came, pseudo fields first, names in lower case; the library has checked both (RFC 9113,
    /// section 8). The bytes are valid during the call.
    ///
    /// - Returns: false when it is too much: the rest of the block is dropped and `headersTooLarge` ends it.
    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool

    /// The header block is whole. `endStream`: nothing follows it, and `streamEnded` comes at once.
    func headersEnded(_ stream: Int32, endStream: Bool)

    /// Instead of `headersEnded`: the limits of the settings, or `field`, did not let it pass. The stream is still
    /// open, to be answered or reset.
    func headersTooLarge(_ stream: Int32, endStream: Bool)

    /// Bytes of the body, never empty. They count against both windows until `consume` and `consumeConnection`.
    func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer)

    /// The peer has finished its side (END_STREAM), and the length of the body is what `content-length` said.
    func streamEnded(_ stream: Int32)

    /// The peer sent something malformed: the stream is being reset, and `streamClosed` follows.
    func streamInvalid(_ stream: Int32)

    /// The stream is over, exactly once for each that was made known.
    ///
    /// `.noError`: both sides ended it. `.refusedStream` on a client: the server has not worked on it (it said so, or
    /// its GOAWAY did, or the request never left), so that it may be sent again whatever its method.
    func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode)

    /// The next piece of the body being sent, at most `upTo` bytes of it, which is at least 1. Bytes that are returned
    /// count as sent. `dataReady` called in here has no effect.
    func pullData(_ stream: Int32, upTo: Int) -> HTTP2Body

    /// The peer will take no new streams; those above `lastStream` are closed as `.refusedStream` right after this.
    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode)

    /// The peer has answered the ping with that payload.
    func pingAcked(_ payload: UInt64)

    /// The peer has said, or changed, what it takes; the session's properties have the new values.
    func settingsReceived()
}
