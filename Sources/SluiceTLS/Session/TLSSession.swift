import CNIOBoringSSL
package import NIOCore
import SluiceCore

/// The TLS of one connection: bytes in, bytes out, no sockets and no timers. Belongs to one loop.
package final class TLSSession {
    enum Side {
        case server(TLSServerContext)
        case client(TLSClientContext)
    }

    /// An SSL; its stream is `SessionBIO`.
    let ssl: OpaquePointer
    let side: Side
    /// Who the server must be; nil on a server.
    let host: PeerHost?
    /// Whose sessions a client resumes, and whose it keeps.
    let cacheKey: TLSSessionCache.Key?

    /// What the library reads from and writes to during a call.
    var incoming = IncomingBytes()
    var outgoing = ByteBuffer()

    package internal(set) var state = TLSState.handshaking
    private var isEstablished = false
    /// Bytes that came before the handshake was done, and the first few of these.
    private var handshakeBytes = 0
    private var firstBytes: [UInt8] = []

    // What callbacks found out.
    /// Why the handshake is about to fail: clearer than the library's own error.
    var recordedFailure: TLSFailure?
    /// Why the client's server name is not accepted.
    var refusedName: TLSFailure?
    /// What a client asked for, in lower case and without a dot at the end; on the client's side what it sends.
    package internal(set) var serverName: [UInt8]?
    /// The certificates that the server name leads to.
    var choice: ServerNameTable.Choice?
    /// Whether the peer's certificate failed and was let pass.
    var isUnverified = false
    var cachedPeer: CachedPeer?

    /// What was read about the peer, which may be that there is nothing.
    struct CachedPeer {
        let certificate: PeerCertificate?
    }

    /// Nil only for want of memory.
    package init?(server context: TLSServerContext) {
        guard let ssl = context.library.lend({ SSL_new($0) }) else { return nil }
        self.ssl = ssl
        side = .server(context)
        host = nil
        cacheKey = nil
        guard attachStream() else { return nil }
        SSL_set_accept_state(ssl)
    }

    /// - Parameters:
    ///   - host: What the peer must prove to be: a DNS name, or an IP address (with or without brackets). A name is
    ///     sent as server name (RFC 6066, section 3); an address is not.
    ///   - endpoint: Tells sessions of servers apart that do not share theirs: a hash of the address, for instance.
    ///
    /// Nil if `host` is neither, or for want of memory.
    package init?(client context: TLSClientContext, host: [UInt8], endpoint: UInt64 = 0) {
        guard let peer = PeerHost(host), let ssl = context.library.lend({ SSL_new($0) }) else { return nil }
        self.ssl = ssl
        side = .client(context)
        self.host = peer
        cacheKey = TLSSessionCache.Key(host: host, endpoint: endpoint)
        guard attachStream() else { return nil }
        if case .name(let name) = peer {
            serverName = name
            let isSet = name.map { CChar(bitPattern: $0) } + [0]
            guard SSL_set_tlsext_host_name(ssl, isSet) == 1 else { return nil }
        }
        SSL_set_connect_state(ssl)
    }

    deinit { SSL_free(ssl) }

    private func attachStream() -> Bool {
        guard let stream = SessionBIO.make(for: self) else { return false }
        // One reference for both directions is taken over.
        SSL_set_bio(ssl, stream, stream)
        // What only a handshake needs is freed behind it.
        SSL_set_shed_handshake_config(ssl, 1)
        return true
    }

    // MARK: Bytes

    /// Writes what a client begins with. A server begins with nothing.
    package func start(into out: inout ByteBuffer) -> TLSState {
        guard case .handshaking = state, case .client(let context) = side else { return state }
        if let key = cacheKey, let session = context.sessions.take(for: key) {
            _ = session.lend { SSL_set_session(ssl, $0) }
        }
        swap(&outgoing, &out)
        defer { swap(&outgoing, &out) }
        shakeHands()
        return state
    }

    /// Takes all of `ciphertext`, appends what it says to `plain`, and what must be sent (handshake, alerts, key
    /// updates) to `out`. There may be bytes in both whatever the state.
    ///
    /// After `.peerClosed`, what follows the `close_notify` stays in `ciphertext`. A session that failed takes nothing.
    ///
    /// Allocates: the library a buffer per record; `plain` and `out` when they must grow.
    package func receive(
        _ ciphertext: inout ByteBuffer,
        plain: inout ByteBuffer,
        out: inout ByteBuffer
    ) -> TLSState {
        guard ciphertext.readableBytes > 0, mayReceive else { return state }
        swap(&outgoing, &out)
        defer { swap(&outgoing, &out) }
        ciphertext.readWithUnsafeReadableBytes { bytes in
            incoming = IncomingBytes(bytes)
            if !isEstablished { shakeHands() }
            if isEstablished, case .open = state { open(into: &plain) }
            let taken = bytes.count - incoming.count
            incoming = IncomingBytes()
            return taken
        }
        return state
    }

    private var mayReceive: Bool {
        switch state {
        case .handshaking, .open: true
        case .peerClosed, .failed: false
        }
    }

    /// Takes the handshake as far as the bytes go.
    private func shakeHands() {
        if handshakeBytes < 16 {
            firstBytes += incoming.prefix(16 - firstBytes.count)
        }
        let given = incoming.count
        let mark = outgoing.writerIndex
        let result = SSL_do_handshake(ssl)
        handshakeBytes += given - incoming.count
        if result == 1 {
            established()
        } else if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ {
            guard handshakeBytes > handshakeByteLimit else { return }
            fail(TLSFailure(.handshakeTooLarge, "more than \(handshakeByteLimit) bytes before the handshake was done"))
        } else {
            let failure = TLSFailure.reading(LibraryError.take(), recordedFailure, firstBytes, isOpen: false)
            // An answer in plain text may follow: an alert would spoil it.
            if failure.reason == .notTLS { outgoing.moveWriterIndex(to: mark) }
            fail(failure)
        }
    }

    private func established() {
        isEstablished = true
        state = .open
        firstBytes = []
        guard let failure = recheckResumedClient() else { return }
        SSL_send_fatal_alert(ssl, failure.reason.alert)
        fail(failure)
    }

    private func fail(_ failure: TLSFailure) {
        LibraryError.clear()
        state = .failed(failure)
    }

    /// Opens all records that are there.
    private func open(into plain: inout ByteBuffer) {
        while incoming.count > 0 || SSL_has_pending(ssl) == 1 {
            // No record says more than its ciphertext has bytes, and what the library holds back it names.
            let wanted = max(Int(SSL_pending(ssl)), min(incoming.count, 65_536), 512)
            var count: Int32 = 0
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { room in
                count = SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))
                return Int(max(0, count))
            }
            if count <= 0 {
                stopReading(count)
                return
            }
        }
    }

    private func stopReading(_ result: Int32) {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_ZERO_RETURN: state = .peerClosed
        default: fail(TLSFailure.reading(LibraryError.take(), recordedFailure, [], isOpen: true))
        }
    }

    /// Appends `plain` to `out` in records of at most 16 KiB; false before the handshake is done and after a failure.
    ///
    /// Allocates: the library a buffer per record; `out` at most once.
    package func seal(_ plain: ByteBuffer, into out: inout ByteBuffer) -> Bool {
        plain.withUnsafeReadableBytes { seal($0, into: &out) }
    }

    /// As `seal(_:into:)`, for bytes that are in no buffer.
    package func seal(_ plain: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> Bool {
        guard isEstablished, !isFailed else { return false }
        guard plain.count > 0 else { return true }
        let records = (plain.count + Self.recordSize - 1) / Self.recordSize
        // With the first data go the tickets of TLS 1.3.
        let extra = hasSealed ? 0 : 1024
        out.reserveCapacity(minimumWritableBytes: plain.count + records * SSL_max_seal_overhead(ssl) + extra)
        swap(&outgoing, &out)
        defer { swap(&outgoing, &out) }
        hasSealed = true
        var rest = plain
        while rest.count > 0 {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.largestWrite))
            guard SSL_write(ssl, part.baseAddress, Int32(part.count)) == part.count else {
                fail(TLSFailure.reading(LibraryError.take(), nil, [], isOpen: true))
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
        return true
    }

    private var hasSealed = false
    private static let recordSize = 16_384
    /// What fits the library's int with room to spare.
    private static let largestWrite = 1 << 30

    /// Writes `close_notify`, once. Nothing before the handshake is done.
    package func close(into out: inout ByteBuffer) {
        guard isEstablished, !isFailed, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
        swap(&outgoing, &out)
        defer { swap(&outgoing, &out) }
        SSL_shutdown(ssl)
        LibraryError.clear()
    }

    private var isFailed: Bool {
        if case .failed = state { return true }
        return false
    }

    private var handshakeByteLimit: Int {
        switch side {
        case .server(let context): context.settings.handshakeByteLimit
        case .client(let context): context.handshakeByteLimit
        }
    }
}

@available(*, unavailable)
extension TLSSession: Sendable {}
