import NIOCore
import SluiceCore
import SluiceHTTP

/// How an attempt reaches its owner without counting a reference: see `HTTP2DelegateLink`. The functions are those of
/// `AttemptDelegate`.
class AttemptLink {
    /// The owner, counted from here on.
    var owner: AnyObject? { nil }

    func connected(_: Attempt) {}
    func becameWritable(_: Attempt) {}
    func received(interim _: inout ResponseHead, _: Attempt) {}
    func received(head _: inout ResponseHead, opensTunnel _: Bool, _: Attempt) {}
    func received(body _: ByteBuffer, _: Attempt) {}
    func readDone(_: Attempt) {}
    func finished(_: Trailers?, _: Attempt) {}
    func failed(_: GatewayError, _: Attempt) {}
    func tunnelEnded(_: Attempt) {}
}

/// The link to an owner of one type.
final class AttemptDirectLink<Owner: AttemptDelegate>: AttemptLink {
    // SAFETY: the owner has the attempt, and with it this link, as a constant, and cuts the link at its own end.
    private let pointer: Unmanaged<Owner>

    init(_ owner: Owner) { pointer = Unmanaged.passUnretained(owner) }

    override var owner: AnyObject? { pointer.takeUnretainedValue() }

    override func connected(_ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptIsConnected(attempt) }
    }

    override func becameWritable(_ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptBecameWritable(attempt) }
    }

    override func received(interim head: inout ResponseHead, _ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attempt(attempt, interim: &head) }
    }

    override func received(head: inout ResponseHead, opensTunnel: Bool, _ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attempt(attempt, head: &head, opensTunnel: opensTunnel) }
    }

    override func received(body: ByteBuffer, _ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attempt(attempt, body: body) }
    }

    override func readDone(_ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptReadDone(attempt) }
    }

    override func finished(_ trailers: Trailers?, _ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptFinished(attempt, trailers: trailers) }
    }

    override func failed(_ error: GatewayError, _ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptFailed(attempt, error) }
    }

    override func tunnelEnded(_ attempt: Attempt) {
        pointer._withUnsafeGuaranteedRef { $0.attemptTunnelEnded(attempt) }
    }
}
