/// How a session reaches its delegate without counting a reference, which would cost each field.
///
/// A variable of any protocol's type is counted whenever it is read, weak, unowned or not. A constant object is not; this
/// is one, and what it holds in turn is a bare pointer. The functions are those of `HTTP2Delegate`.
class HTTP2DelegateLink {
    func headersBegan(_: Int32, _: HTTP2HeadersKind) {}
    func field(_: Int32, name _: UnsafeRawBufferPointer, value _: UnsafeRawBufferPointer) -> Bool { false }
    func headersEnded(_: Int32, endStream _: Bool) {}
    func headersTooLarge(_: Int32, endStream _: Bool) {}
    func data(_: Int32, _: UnsafeRawBufferPointer) {}
    func streamEnded(_: Int32) {}
    func streamInvalid(_: Int32) {}
    func streamClosed(_: Int32, errorCode _: HTTP2ErrorCode) {}
    func pullData(_: Int32, upTo _: Int) -> HTTP2Body { .failed(.internalError) }
    func goAwayReceived(lastStream _: Int32, errorCode _: HTTP2ErrorCode) {}
    func pingAcked(_: UInt64) {}
    func settingsReceived() {}
}

/// The link to a delegate of one type.
final class HTTP2DirectLink<Delegate: HTTP2Delegate>: HTTP2DelegateLink {
    // SAFETY: the delegate owns the session, or whoever owns both calls the session only while it is alive.
    private let delegate: Unmanaged<Delegate>

    init(_ delegate: Delegate) { self.delegate = Unmanaged.passUnretained(delegate) }

    override func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {
        delegate._withUnsafeGuaranteedRef { $0.headersBegan(stream, kind) }
    }

    override func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        delegate._withUnsafeGuaranteedRef { $0.field(stream, name: name, value: value) }
    }

    override func headersEnded(_ stream: Int32, endStream: Bool) {
        delegate._withUnsafeGuaranteedRef { $0.headersEnded(stream, endStream: endStream) }
    }

    override func headersTooLarge(_ stream: Int32, endStream: Bool) {
        delegate._withUnsafeGuaranteedRef { $0.headersTooLarge(stream, endStream: endStream) }
    }

    override func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        delegate._withUnsafeGuaranteedRef { $0.data(stream, bytes) }
    }

    override func streamEnded(_ stream: Int32) {
        delegate._withUnsafeGuaranteedRef { $0.streamEnded(stream) }
    }

    override func streamInvalid(_ stream: Int32) {
        delegate._withUnsafeGuaranteedRef { $0.streamInvalid(stream) }
    }

    override func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) {
        delegate._withUnsafeGuaranteedRef { $0.streamClosed(stream, errorCode: errorCode) }
    }

    override func pullData(_ stream: Int32, upTo limit: Int) -> HTTP2Body {
        delegate._withUnsafeGuaranteedRef { $0.pullData(stream, upTo: limit) }
    }

    override func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {
        delegate._withUnsafeGuaranteedRef { $0.goAwayReceived(lastStream: lastStream, errorCode: errorCode) }
    }

    override func pingAcked(_ payload: UInt64) {
        delegate._withUnsafeGuaranteedRef { $0.pingAcked(payload) }
    }

    override func settingsReceived() {
        delegate._withUnsafeGuaranteedRef { $0.settingsReceived() }
    }
}
