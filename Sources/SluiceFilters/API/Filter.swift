package import NIOCore
package import SluiceCore

/// What a head hook decides, once.
package enum HeadVerdict {
    case next
    /// The gateway answers itself; the response side of this filter and of those before it still runs.
    case respond(LocalReply)
    /// The filter holds a `FilterTicket` and will resume; under the engine's deadline for filters.
    case wait
}

/// What a body hook decides about the piece it was shown (and may have changed).
package enum BodyVerdict: Sendable {
    case pass
    /// Keep this piece and show it again together with the next one.
    case buffer
    /// The gateway gives up on the exchange.
    case fail(GatewayError)
}

/// What a filter wants to see of a body. `none` costs nothing per chunk.
package enum BodyInterest: Equatable, Sendable {
    case none
    /// Each piece as it comes.
    case stream
    /// Once, complete, and refused above this many bytes.
    case whole(limit: Int)
}

/// How a try ended whose answer, if there was one, the client does not see.
package enum AttemptEnd: Sendable {
    /// With an answer that another try is to replace.
    case answer(status: UInt16)
    case failure(GatewayError)
}

/// One policy in the path of a request.
///
/// An instance belongs to one loop and one place in one chain; it is made when a configuration is loaded and shared by
/// all requests of that loop. What it wants to remember about one request goes into the slot it is given.
///
/// Order: request hooks run in the order of the configuration, response hooks in reverse. A local reply, also one for
/// a failed upstream, runs the response hooks of every filter whose request hook was entered.
package protocol Filter: AnyObject {
    var requestBody: BodyInterest { get }
    var responseBody: BodyInterest { get }

    /// Whether it wants to see the body of this request, or of its response, after all. Asked behind the request hook, and
    /// only of filters with an interest in streams of pieces; for others the body stays as long as it says.
    func looksAtRequestBody(of exchange: ExchangeContext) -> Bool
    func looksAtResponseBody(of exchange: ExchangeContext) -> Bool

    /// The head came and a route (or none) is chosen; nothing was sent upstream. May edit `exchange.request`.
    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict

    /// A piece of the request body; with `isLast` the end. Only for filters with an interest.
    func onRequestBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict

    /// Whether `onResponse` is to be called.
    var wantsResponse: Bool { get }

    /// The final head of the response, from the upstream or from the gateway. May edit `exchange.response`.
    func onResponse(_ exchange: ExchangeContext)

    /// A piece of the response body; with `isLast` the end, and `exchange.responseTrailers` may be read and edited. Only
    /// for filters with an interest.
    func onResponseBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict

    /// Whether `onAttempt` and `onAttemptEnd` are to be called.
    var wantsAttempts: Bool { get }

    /// A try to forward the request begins; `exchange.record.attempts` counts it already. Edits of `exchange.request`
    /// go out with it and with those that follow.
    func onAttempt(_ exchange: ExchangeContext)

    /// A try ended without an answer that is passed on. What ends the last try otherwise, its answer included, is known
    /// in `onEnd`.
    func onAttemptEnd(_ exchange: ExchangeContext, _ end: AttemptEnd)

    /// Whether `onEnd` is to be called.
    var wantsEnd: Bool { get }

    /// The exchange is over, however it went. Called once for each whose request hook was entered; heads, slots and
    /// record are still there, but nothing of them has an effect any more.
    func onEnd(_ exchange: ExchangeContext)
}

extension Filter {
    package var requestBody: BodyInterest { .none }
    package var responseBody: BodyInterest { .none }
    package func looksAtRequestBody(of exchange: ExchangeContext) -> Bool { true }
    package func looksAtResponseBody(of exchange: ExchangeContext) -> Bool { true }
    package func onRequest(_ exchange: ExchangeContext) -> HeadVerdict { .next }
    package func onRequestBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
        .pass
    }
    package var wantsResponse: Bool { true }
    package func onResponse(_ exchange: ExchangeContext) {}
    package func onResponseBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
        .pass
    }
    package var wantsAttempts: Bool { false }
    package func onAttempt(_ exchange: ExchangeContext) {}
    package func onAttemptEnd(_ exchange: ExchangeContext, _ end: AttemptEnd) {}
    package var wantsEnd: Bool { false }
    package func onEnd(_ exchange: ExchangeContext) {}
}
