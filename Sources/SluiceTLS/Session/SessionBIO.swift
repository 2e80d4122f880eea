import CNIOBoringSSL
import NIOCore

/// The side of a session that the library reads from and writes to, as its kind of stream (BIO).
///
/// Each stream points at its session without counting as a reference: a session makes its stream, is the only one to
/// call the library with it, and frees it when it goes.
enum SessionBIO {
    // SAFETY: made once, by the runtime's own lock, and never changed after that.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session") else { return nil }
        BIO_meth_set_read(method, read)
        BIO_meth_set_write(method, write)
        BIO_meth_set_ctrl(method, control)
        return method
    }()

    /// A stream for a session, to be given to its SSL.
    static func make(for session: TLSSession) -> OpaquePointer? {
        guard let method, let stream = BIO_new(method) else { return nil }
        // SAFETY: the session frees the stream in its `deinit`, so the pointer is good as long as the stream.
        BIO_set_data(stream, Unmanaged.passUnretained(session).toOpaque())
        BIO_set_init(stream, 1)
        return stream
    }

    /// The session that an SSL belongs to.
    @inline(__always)
    static func session(of ssl: OpaquePointer?) -> TLSSession? {
        guard let ssl, let stream = SSL_get_rbio(ssl) else { return nil }
        return session(behind: stream)
    }

    @inline(__always)
    private static func session(behind stream: OpaquePointer?) -> TLSSession? {
        guard let stream, let data = BIO_get_data(stream) else { return nil }
        // SAFETY: the library calls back only inside a call that the session made, which is alive then.
        return Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
        stream,
        buffer,
        capacity in
        guard let buffer, capacity > 0, let session = session(behind: stream) else { return -1 }
        let count = session.incoming.take(UnsafeMutableRawBufferPointer(start: buffer, count: Int(capacity)))
        BIO_clear_retry_flags(stream)
        guard count > 0 else {
            BIO_set_retry_read(stream)
            return -1
        }
        return Int32(truncatingIfNeeded: count)
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
        stream,
        bytes,
        count in
        guard let bytes, count >= 0, let session = session(behind: stream) else { return -1 }
        session.outgoing.writeBytes(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return count
    }

    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
        _,
        command,
        _,
        _ in
        command == BIO_CTRL_FLUSH ? 1 : 0
    }
}

/// What is left of the bytes that came in with one call.
struct IncomingBytes {
    private var rest = UnsafeRawBufferPointer(start: nil, count: 0)

    init() {}

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    var count: Int { rest.count }

    func prefix(_ count: Int) -> [UInt8] { Array(rest.prefix(max(0, count))) }

    mutating func take(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, rest.count)
        guard count > 0 else { return 0 }
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        return count
    }
}
