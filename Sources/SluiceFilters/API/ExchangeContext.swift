package import NIOCore
import SluiceConfig
public import SluiceCore
package import SluiceTLS

/// What the engine does for a filter that holds an `ExchangeContext`. Isolation: the loop of the request.
package protocol ExchangeEngine: AnyObject {
    /// Appends the value of a run-time variable.
    func resolve(_ variable: TemplateVariable, into out: inout ByteBuffer)
    /// Random bits of this loop; not for secrets.
    func random() -> UInt64
    /// Goes on after a filter that said `.wait`, or is about to say it; see `FilterTicket.resume`. Moves the
    /// `generation` on.
    func resume(_ verdict: HeadVerdict)
    /// The name of the route; empty without one.
    var nameOfRoute: [UInt8] { get }
    /// The name of the upstream that was chosen; empty before.
    var nameOfUpstream: [UInt8] { get }
    /// The TLS of the connection that the request came over; nil in cleartext.
    var tlsSession: TLSSession? { get }
}

/// One request and its response as filters see them.
///
/// The engine's exchange is the only subclass; filters read and edit the heads here and never see the engine.
/// Isolation: the loop of the request.
open class ExchangeContext: TimerNode {
    package final var request = RequestHead()
    /// Meaningful once the response side runs.
    package final var response = ResponseHead()
    /// What follows the body of the response, there with the last call of `onResponseBody`. What a filter leaves of it is
    /// sent.
    package final var responseTrailers: Trailers?
    /// The client, after `trusted_proxies` were taken into account; nil on a Unix socket.
    package final var client: IPAddress?
    /// Tells this exchange from others that used the same object, and one wait from the next; see `FilterTicket`.
    package final var generation: UInt64 = 0
    /// What filters remember about this exchange, by the slot that the compile step gave each.
    package final var slots: ContiguousArray<AnyObject?> = []
    /// The id in error bodies and logs: what `request_id` set, or one made when first asked for.
    package final var requestID: [UInt8] = []
    /// Who the caller is, once a filter has found out.
    package final var consumer: Consumer?
    /// What the caller's verified token says.
    package final var claims: (any ClaimSource)?
    /// The trace that the request belongs to, once a filter has found out.
    package final var traceID = TraceID.none
    /// Bytes that the request's body may have, besides what listener and route say: beyond it the engine answers 413.
    /// Only ever lowered, by filters on the request head.
    package final var requestBodyLimit = UInt64.max
    /// What the client is to be told about a limit.
    package final var limitNotice: LimitNotice?
    /// What stands between the client's protocol and the upstream's, if they differ.
    package final var translation: (any Translation)?
    /// What goes upstream in place of the client's request line.
    package final var upstreamLine: UpstreamLine?
    /// How often the request has come through this gateway before. A request that a filter makes for it says so too:
    /// see `CalloutRequest.passes`.
    package final var passes: UInt8 = 0
    /// What the engine counted and timed.
    package final var record = ExchangeRecord()

    package override init() { super.init() }

    // SAFETY: the engine is this very object (`Exchange.init` sets it), so it lives exactly as long. A weak reference
    // would give every exchange a side table, and each retain of it a slow path.
    package final unowned(unsafe) var engine: (any ExchangeEngine)?

    /// The name of the route; empty without one.
    package final var routeName: [UInt8] { engine?.nameOfRoute ?? [] }
    /// The name of the upstream that was chosen; empty before.
    package final var upstreamName: [UInt8] { engine?.nameOfUpstream ?? [] }

    /// Whether the request came over TLS.
    package final var isSecure: Bool { engine?.tlsSession != nil }
    /// What the client showed of itself in the TLS handshake, if that was verified. Read at the first call.
    package final var clientCertificate: PeerCertificate? {
        engine?.tlsSession?.peer.flatMap { $0.isVerified ? $0 : nil }
    }
    /// What the TLS handshake found out, as text; empty where there is nothing.
    package final func text(of fact: TLSFact) -> [UInt8] { engine?.tlsSession?.text(of: fact) ?? [] }

    fileprivate final func resume(_ verdict: HeadVerdict) { engine?.resume(verdict) }

    /// Appends a template, filled in from this exchange.
    ///
    /// - Returns: false for a path that must not be used; see `Template.render`.
    @discardableResult
    package final func render(_ template: Template, for use: Template.Use, into out: inout ByteBuffer) -> Bool {
        template.render(into: &out, for: use) { engine?.resolve(template.variables[$0], into: &$1) }
    }

    /// A template as a header value.
    package final func fieldValue(_ template: Template) -> [UInt8] {
        if let bytes = template.constantBytes { return bytes }
        var out = ByteBuffer()
        render(template, for: .fieldValue, into: &out)
        return Array(buffer: out)
    }
}

/// What a filter that waits holds on to: resumes its exchange, or does nothing if that is over by then.
///
/// Good for one resume: a second one must not let the request pass the next filter, which may be waiting by then.
///
/// Isolation: the loop of the request.
package struct FilterTicket {
    private let exchange: ExchangeContext
    private let generation: UInt64

    package init(_ exchange: ExchangeContext) {
        self.exchange = exchange
        self.generation = exchange.generation
    }

    /// Whether the exchange still waits for this; if not, nothing of it must be touched.
    package var isWaiting: Bool { exchange.generation == generation }

    /// - Returns: whether the exchange was still waiting for this.
    @discardableResult
    package func resume(_ verdict: HeadVerdict) -> Bool {
        guard exchange.generation == generation else { return false }
        exchange.resume(verdict)
        return true
    }
}
