package import NIOCore

/// How one attempt ended, as the retry policy sees it.
package enum AttemptOutcome: Hashable, Sendable {
    /// The head of an answer. `retryAfter`: its `Retry-After`, already taken relative to now.
    case response(status: Int, retryAfter: TimeAmount? = nil)
    /// An answer of gRPC with nothing but a status (trailers only), which is not OK.
    case grpc(status: Int)
    /// No connection: refused, unreachable, too slow, or the TLS handshake failed.
    case connectFailure
    /// The connection or stream ended before the head of an answer.
    case resetBeforeResponse
    /// The upstream declined the stream unprocessed (HTTP/2 REFUSED_STREAM, or above the last stream of a GOAWAY).
    case refusedStream
    /// The time of this attempt ran out before the head of an answer.
    case perTryTimeout
}

/// An attempt without success, and what the engine knows about trying again.
package struct FailedAttempt: Sendable {
    package var outcome: AttemptOutcome
    /// Retries made before this attempt; 0 for the first attempt. Resends do not count.
    package var retriesMade: Int
    /// By method (RFC 9110, section 9.2.2).
    package var isIdempotent: Bool
    /// Everything sent so far can be sent again: the body is kept whole, or none was taken in yet.
    package var isReplayable: Bool
    /// The connection had carried another request before.
    package var wasReused: Bool
    /// Not one byte of the request was handed to the connection.
    package var sentNothing: Bool
    /// The request was resent once already.
    package var wasResent: Bool

    package init(
        _ outcome: AttemptOutcome,
        retriesMade: Int,
        isIdempotent: Bool,
        isReplayable: Bool,
        wasReused: Bool = false,
        sentNothing: Bool = false,
        wasResent: Bool = false
    ) {
        self.outcome = outcome
        self.retriesMade = retriesMade
        self.isIdempotent = isIdempotent
        self.isReplayable = isReplayable
        self.wasReused = wasReused
        self.sentNothing = sentNothing
        self.wasResent = wasResent
    }
}

/// What to do about a failed attempt.
package enum RetryDecision: Hashable, Sendable {
    /// Pass it on to the client.
    case no(RetryRefusal)
    /// Send again at once on a fresh connection. Neither an attempt nor charged to the budget.
    case resend
    /// Try again after a wait, if the retry budget allows.
    case retry(after: TimeAmount)
}

/// Why there is no further attempt.
package enum RetryRefusal: String, CaseIterable, Sendable {
    /// No condition of the policy covers the outcome.
    case notRetriable = "not_retriable"
    case attemptsExhausted = "attempts_exhausted"
    /// Part of the body is gone.
    case bodyNotKept = "body_not_kept"
    /// The upstream asks for more patience than `maxRetryAfter`; the client is told instead.
    case retryAfterTooLong = "retry_after_too_long"
}
