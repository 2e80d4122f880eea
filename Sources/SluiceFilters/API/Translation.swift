package import NIOCore
package import SluiceCore

/// Stands between a client of one protocol and an upstream of another, for one exchange: a filter sets it in its request
/// hook (`ExchangeContext.translation`).
///
/// Filters see the client's side of it: the request as the client made it, the answer as the client gets it. The request is
/// translated behind the last of them, the answer ahead of the first. Isolation: the loop of the request.
package protocol Translation: AnyObject {
    /// Whether answers of the gateway's own are a status of gRPC.
    var clientSpeaksGRPC: Bool { get }

    /// Whether nothing goes upstream before the request is complete.
    var holdsRequest: Bool { get }

    /// The method of gRPC that the request is for, as its descriptors name it; nil before that is known.
    var calledMethod: CalledMethod? { get }

    /// Asked before the request is forwarded, when all filters have let it pass: an answer in its place, or nil.
    func refusal(of exchange: ExchangeContext) -> LocalReply?

    /// A piece of the request's body; with `isLast` the end. What it leaves of it goes on.
    ///
    /// - Returns: why the request cannot be translated.
    func translateRequest(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> GatewayError?

    /// The request is forwarded: edits its fields and sets `upstreamLine`. Called once; of a request that is held, behind its
    /// body.
    func prepareRequest(_ exchange: ExchangeContext)

    /// The head of the upstream's answer, which it turns into the client's.
    func translateHead(_ exchange: ExchangeContext) -> TranslationStep

    /// A piece of the answer's body; with `isLast` the end, and `exchange.responseTrailers` are there to be read and edited.
    /// What it leaves goes on. While the head is held, it may still change that.
    func translateResponse(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> TranslationStep

    /// Gives an answer of the gateway's own to an error the form that the client knows.
    func translateReply(_ local: inout LocalReply, _ error: GatewayError, _ exchange: ExchangeContext)
}

/// A method of gRPC, by the names that its descriptors have for it: a client cannot make them up.
package struct CalledMethod: Hashable, Sendable {
    package let service: String
    package let method: String

    package init(service: String, method: String) {
        self.service = service
        self.method = method
    }
}

/// How the upstream's answer goes on.
package enum TranslationStep {
    /// It goes to the client, its head first.
    case send
    /// The head is not known yet. The piece must be empty; at the end it is the same as `send`.
    case hold
    /// It is complete, although the upstream has not ended its own, of which nothing more is of any use: that is cut off.
    /// At the end it is the same as `send`.
    case finish
    /// It cannot be translated. When the head has gone already, the answer is cut off.
    case fail(GatewayError)
}

/// What stands in the place of the client's request line.
package struct UpstreamLine: Sendable {
    package let method: Method
    /// Ranges into the fields of the request; the target has its query.
    package let methodRange: ByteRange
    package let target: ByteRange

    package init(method: Method, methodRange: ByteRange, target: ByteRange) {
        self.method = method
        self.methodRange = methodRange
        self.target = target
    }
}
