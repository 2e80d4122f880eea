import CNGHTTP2
package import NIOCore
package import SluiceCore

/// One HTTP/2 connection, without its socket: bytes in, frames to the delegate, frames out.
///
/// A wrapper around nghttp2 that hands over bytes, keeps no copy of bodies, and ends connections that flood. Flow
/// control is the caller's: what `data` delivered is the peer's to send again only after `consume` and
/// `consumeConnection`. Bodies are pulled from the delegate when the peer's windows allow, and only inside `produce`.
///
/// After `receive`, and whenever something was submitted, the caller writes what `produce` gives; when `failure` is set
/// after that, or nothing is wanted any more (`isDone`), it closes the connection.
///
/// Isolation: one loop. The delegate must outlive it, and is usually its owner. Calls from within the delegate's
/// methods are fine but for `receive` and `produce`, which do nothing then.
package final class HTTP2Session {
    package let role: HTTP2Role
    let settings: HTTP2Settings
    /// The library's object; freed with this one.
    let raw: OpaquePointer
    let delegate: HTTP2DelegateLink
    let memory: LoopMemory
    var flood: HTTP2FloodGuard

    /// Why the connection ends; set by `receive`, or by `produce` once the GOAWAY is in its bytes.
    package internal(set) var failure: HTTP2Error?
    /// Streams that are known and not closed.
    package internal(set) var openStreams = 0
    /// The header block being received.
    var block = HeaderBlock()
    /// CONTINUATION frames of the header block being received.
    var continuations = 0
    /// Where `produce` writes; nil outside of it.
    var output: Output?
    /// What `pullData` gave for the DATA frame that is being made.
    var pulled: ByteBuffer?
    /// The window let hardly anything of it pass.
    var isDribble = false
    /// A request that was never sent; its stream is about to be closed.
    var unsent: Int32 = 0
    /// The last stream that the delegate was told to be malformed.
    var toldInvalid: Int32 = 0
    /// The last stream that the peer reset.
    var resetByPeer: Int32 = 0
    /// The highest stream that we have sent headers on.
    var lastSent: Int32 = 0
    /// The caller has asked for a GOAWAY.
    var askedToGo = false
    /// Payload of the PING that follows the notice of a GOAWAY, until that has been produced.
    var pingBehindNotice: UInt64?
    /// The peer has taken note of our settings.
    var settingsAcked = false
    /// Streams that are over; only used by a server.
    var closed: HTTP2StreamMemory
    var scanner: HTTP2FrameScanner
    private var isInside = false
    /// The library cannot say anything any more.
    private var isBroken = false
    /// Whether a header block was incomplete before the frame that is being read.
    private var isInBlock = false

    /// Makes a session whose first bytes, preface and SETTINGS, are waiting to be produced.
    ///
    /// - Parameter memory: that of its loop; pieces of bodies go there when they were copied.
    /// - Returns: nil when memory runs out.
    package init?<Delegate: HTTP2Delegate>(
        role: HTTP2Role,
        settings: HTTP2Settings = HTTP2Settings(),
        delegate: Delegate,
        memory: LoopMemory = LoopMemory()
    ) {
        guard let raw = HTTP2Library.session(role, settings, memory) else { return nil }
        self.role = role
        self.settings = settings
        self.raw = raw
        self.delegate = HTTP2DirectLink(delegate)
        self.memory = memory
        self.flood = HTTP2FloodGuard(settings.floods)
        self.closed = HTTP2StreamMemory(limit: settings.maxConcurrentStreams)
        self.scanner = HTTP2FrameScanner(preface: role == .server ? Int(NGHTTP2_CLIENT_MAGIC_LEN) : 0)
        // SAFETY: unretained; the library uses it only in calls made by this object, which frees the session at its end.
        nghttp2_session_set_user_data(raw, Unmanaged.passUnretained(self).toOpaque())
        guard HTTP2Library.begin(raw, role, settings) else { return nil }
    }

    deinit { nghttp2_session_del(raw) }

    // MARK: - Input

    /// Reads bytes of the peer, whatever pieces they come in.
    ///
    /// - Parameter now: milliseconds of a clock that does not go backwards; the limits on floods count by it.
    /// - Returns: a connection error, if it is known by now: some are found by `produce` only, see `failure`.
    package func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> HTTP2Error? {
        guard failure == nil, !isInside else { return failure }
        isInside = true
        defer { isInside = false }
        flood.pass(to: now)
        var rest = bytes
        while !rest.isEmpty {
            // Frame by frame: what the last one did counts for the next.
            let step = scanner.next(rest)
            if let head = step.head, !frameBegan(head, isInBlock: isInBlock) { return failure }
            isInBlock = scanner.isInHeaderBlock
            read(UnsafeRawBufferPointer(rebasing: rest[..<step.count]))
            if failure != nil { return failure }
            rest = UnsafeRawBufferPointer(rebasing: rest[step.count...])
        }
        return nil
    }

    private func read(_ bytes: UnsafeRawBufferPointer) {
        if scanner.dependsOnItself { return fail(.broken(.protocolError)) }
        let result = nghttp2_session_mem_recv(raw, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        if result < 0 { fail(Self.meaning(of: result)) }
    }

    private static func meaning(of result: Int) -> HTTP2Error {
        switch nghttp2_error(Int32(truncatingIfNeeded: result)) {
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .badPreface
        // Answers to PING and SETTINGS pile up.
        case NGHTTP2_ERR_FLOODED: .unreadOutput
        case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: .continuationFlood
        default: .failed
        }
    }

    /// Ends the connection with a GOAWAY; nothing more is read.
    func fail(_ error: HTTP2Error) {
        guard failure == nil else { return }
        failure = error
        nghttp2_session_terminate_session(raw, error.goAwayCode.rawValue)
    }

    /// Whether a header block has begun and its end has not come: no other frame can come before it does.
    package var isInHeaderBlock: Bool { scanner.isInHeaderBlock }

    /// Whether more of the peer's bytes make sense.
    package var wantsRead: Bool { failure == nil && nghttp2_session_want_read(raw) != 0 }

    /// Whether `produce` has something to say. Bodies that wait for a window or for `dataReady` do not count.
    package var wantsWrite: Bool { !isBroken && nghttp2_session_want_write(raw) != 0 }

    /// Nothing will be read or written any more: the connection is to be closed.
    package var isDone: Bool { !wantsWrite && !wantsRead }

    // MARK: - Output

    /// Where the bytes of one `produce` go.
    struct Output {
        let buffer: UnsafeMutablePointer<ByteBuffer>
        /// Takes what must not be copied; nil: everything is.
        let pass: ((ByteBuffer) -> Void)?
        let limit: Int
        var count = 0

        /// Whether a further DATA frame may be begun.
        var isFull: Bool { count >= limit }

        mutating func write(_ bytes: UnsafeRawBufferPointer) {
            count += buffer.pointee.writeBytes(bytes)
        }

        /// Large bodies go out as they are, behind what was written so far.
        mutating func write(body: inout ByteBuffer) {
            guard let pass, body.readableBytes >= HTTP2Session.passedOn else {
                count += buffer.pointee.writeBuffer(&body)
                return
            }
            count += body.readableBytes
            pass(buffer.pointee)
            buffer.pointee = ByteBuffer()
            pass(body)
        }
    }

    /// Bytes from which on a piece of a body is handed over instead of copied.
    static let passedOn = 4096

    /// Appends the frames that may go now to `out`.
    ///
    /// Bodies are pulled one frame at a time, taking turns between streams, until about `limit` bytes are there; then
    /// `wantsWrite` stays true. On a server, the client's wishes for priority are ignored.
    package func produce(into out: inout ByteBuffer, limit: Int) {
        withUnsafeMutablePointer(to: &out) { run(Output(buffer: $0, pass: nil, limit: limit)) }
    }

    /// As `produce(into:limit:)`, but pieces of bodies from 4 KiB on are not copied.
    ///
    /// `pass` gets each of them, and before it what was in `out` so far. What is in `out` at the end comes last.
    package func produce(into out: inout ByteBuffer, limit: Int, pass: (ByteBuffer) -> Void) {
        withoutActuallyEscaping(pass) { pass in
            withUnsafeMutablePointer(to: &out) { run(Output(buffer: $0, pass: pass, limit: limit)) }
        }
    }

    private func run(_ output: Output) {
        guard !isInside else { return }
        isInside = true
        self.output = output
        defer {
            self.output = nil
            isInside = false
        }
        while self.output?.isFull == false {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(raw, &bytes)
            if count < 0 {
                isBroken = true
                return fail(.failed)
            }
            if count == 0 { return }
            self.output?.write(UnsafeRawBufferPointer(start: bytes, count: count))
        }
    }
}
