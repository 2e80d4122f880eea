package import SluiceCore
package import SluiceUpstream

/// What happened to an exchange, in numbers: for the access log, metrics and spans.
///
/// Times are nanoseconds of the monotonic clock, 0 for what has not happened, and are taken only when somebody asks for
/// them (`isTimed`). Isolation: the loop of the request.
package struct ExchangeRecord {
    package var isTimed = false
    /// The request head was complete.
    package var began: UInt64 = 0
    /// The last byte of the request came.
    package var requestEnded: UInt64 = 0
    /// The first attempt began.
    package var attemptBegan: UInt64 = 0
    /// The head of the answer that was passed on came from the upstream.
    package var answered: UInt64 = 0
    package var ended: UInt64 = 0

    /// Bytes of the bodies as they were sent, without framing.
    package var requestBytes: UInt64 = 0
    package var responseBytes: UInt64 = 0
    /// Tries, the first one included; 0: nothing was sent upstream.
    package var attempts = 0
    /// The server of the last try.
    package var endpoint: LoopEndpoint?
    /// Why the request failed or was refused.
    package var error: GatewayError?
    /// How a call of gRPC ended; nil for other requests, and before the end.
    package var grpcStatus: GRPCCode?

    package init() {}

    /// For a new exchange: as cheap as can be.
    @inline(__always)
    package mutating func reset() {
        isTimed = false
        began = 0
        requestEnded = 0
        attemptBegan = 0
        answered = 0
        ended = 0
        requestBytes = 0
        responseBytes = 0
        attempts = 0
        if endpoint != nil { endpoint = nil }
        error = nil
        grpcStatus = nil
    }
}
