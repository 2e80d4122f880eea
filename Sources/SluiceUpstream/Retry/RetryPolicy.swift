package import NIOCore
package import SluiceConfig
package import SluiceCore

/// When and how soon a route tries a request again.
///
/// Which condition covers which outcome (Envoy's meaning: `5xx`, `gateway-error` and `reset` cover every way of not
/// getting an answer):
///
/// | outcome               | 5xx | gateway-error | reset | connect-failure | refused-stream | retriable-status-codes |
/// |-----------------------|-----|---------------|-------|-----------------|----------------|------------------------|
/// | status 502, 503, 504  | yes | yes           |       |                 |                | if listed              |
/// | status 508            |     |               |       |                 |                | if listed              |
/// | status 500-599, other | yes |               |       |                 |                | if listed              |
/// | any other status      |     |               |       |                 |                | if listed              |
/// | connect failure       | yes | yes           | yes   | yes             |                |                        |
/// | reset before response | yes | yes           | yes   |                 |                |                        |
/// | refused stream        | yes | yes           | yes   |                 | yes            |                        |
/// | per-try timeout       | yes | yes           | yes   |                 |                |                        |
///
/// An answer of gRPC that is nothing but a status has conditions of its own: `cancelled` (1), `deadline-exceeded` (4),
/// `resource-exhausted` (8), `internal` (13), `unavailable` (14).
///
/// The conditions hold for every method, POST too, as in Envoy: whoever configures them says that the upstream can take
/// it. Without any configuration there is only the *resend*, once per request: a request that died on a connection
/// that was used before, without an answer, most likely met a keep-alive timeout. It is sent again when that cannot do
/// it twice: the method is idempotent, or nothing was sent (RFC 9110, section 9.2.2; RFC 9112, section 9.3.1). And so is
/// one that the upstream declined unprocessed (RFC 9113, section 8.7).
///
/// Isolation: any. Allocates: never after `init`.
package struct RetryPolicy: Sendable {
    /// Further attempts after the first.
    package let maxRetries: Int
    /// How long one attempt may take to the head of the answer; nil: no limit of its own.
    package let perTryTimeout: TimeAmount?
    /// How much of a request body is kept for another attempt.
    package let bufferBytes: Int
    private let conditions: Conditions
    private let statusCodes: [Int]
    private let backoff: RetryBackoff
    private let maxRetryAfter: TimeAmount

    /// nil: a route without retries.
    package init(_ model: RetryModel?) {
        let model = model ?? RetryModel()
        conditions = Conditions(model.on)
        maxRetries = conditions.isEmpty ? 0 : max(model.attempts, 0)
        perTryTimeout = model.perTryTimeout
        bufferBytes = maxRetries == 0 ? 0 : max(model.bufferBytes, 0)
        statusCodes = model.statusCodes
        backoff = RetryBackoff(base: model.backoffBase, longest: model.backoffMax)
        maxRetryAfter = model.maxRetryAfter
    }

    /// Whether the policy covers an outcome; attempts, body and waiting left aside.
    ///
    /// Asked of every answer, so it costs a few comparisons.
    package func covers(_ outcome: AttemptOutcome) -> Bool {
        switch outcome {
        case .response(let status, _):
            conditions.contains(.serverError) && status / 100 == 5 && status != Self.loopDetected
                || conditions.contains(.gatewayError) && (502...504).contains(status)
                || conditions.contains(.retriableStatusCodes) && statusCodes.contains(status)
        case .grpc(let status): conditions.covers(grpc: status)
        case .connectFailure:
            !conditions.isDisjoint(with: [.anyLackOfAnswer, .connectFailure])
        case .refusedStream:
            !conditions.isDisjoint(with: [.anyLackOfAnswer, .refusedStream])
        case .resetBeforeResponse, .perTryTimeout:
            !conditions.isDisjoint(with: .anyLackOfAnswer)
        }
    }

    /// RFC 5842, section 7.2. Trying again at each turn of a loop would multiply its requests by one another.
    private static let loopDetected = 508

    /// Whether statuses of gRPC are to be looked for in answers.
    package var looksAtGRPC: Bool { !conditions.isDisjoint(with: .anyGRPC) }

    /// What to do about an attempt that ended without success.
    ///
    /// The retry budget is not asked here: after `.retry` the engine takes its place there or gives up.
    package func decide(_ attempt: FailedAttempt, random: inout RandomSource) -> RetryDecision {
        if Self.mayResend(attempt) { return .resend }
        guard covers(attempt.outcome) else { return .no(.notRetriable) }
        guard attempt.retriesMade < maxRetries else { return .no(.attemptsExhausted) }
        guard attempt.isReplayable else { return .no(.bodyNotKept) }
        if case .response(_, let asked?) = attempt.outcome, asked > .zero {
            guard asked <= maxRetryAfter else { return .no(.retryAfterTooLong) }
            return .retry(after: RetryBackoff.spread(asked, random: &random))
        }
        return .retry(after: backoff.wait(before: attempt.retriesMade + 1, random: &random))
    }

    private static func mayResend(_ attempt: FailedAttempt) -> Bool {
        guard !attempt.wasResent, attempt.isReplayable else { return false }
        return switch attempt.outcome {
        case .resetBeforeResponse: attempt.wasReused && (attempt.isIdempotent || attempt.sentNothing)
        case .refusedStream: true
        case .response, .grpc, .connectFailure, .perTryTimeout: false
        }
    }
}

/// The configured conditions as bits.
private struct Conditions: OptionSet {
    let rawValue: UInt16

    static let serverError = Conditions(rawValue: 1)
    static let gatewayError = Conditions(rawValue: 2)
    static let reset = Conditions(rawValue: 4)
    static let connectFailure = Conditions(rawValue: 8)
    static let refusedStream = Conditions(rawValue: 16)
    static let retriableStatusCodes = Conditions(rawValue: 32)
    static let cancelled = Conditions(rawValue: 64)
    static let deadlineExceeded = Conditions(rawValue: 128)
    static let resourceExhausted = Conditions(rawValue: 256)
    static let `internal` = Conditions(rawValue: 512)
    static let unavailable = Conditions(rawValue: 1024)
    static let anyGRPC: Conditions = [.cancelled, .deadlineExceeded, .resourceExhausted, .internal, .unavailable]
    static let anyLackOfAnswer: Conditions = [.serverError, .gatewayError, .reset]

    init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Codes of gRPC: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
    func covers(grpc status: Int) -> Bool {
        switch status {
        case 1: contains(.cancelled)
        case 4: contains(.deadlineExceeded)
        case 8: contains(.resourceExhausted)
        case 13: contains(.internal)
        case 14: contains(.unavailable)
        default: false
        }
    }

    init(_ model: Set<RetryModel.Condition>) {
        self = []
        for condition in model {
            switch condition {
            case .serverError: insert(.serverError)
            case .gatewayError: insert(.gatewayError)
            case .reset: insert(.reset)
            case .connectFailure: insert(.connectFailure)
            case .refusedStream: insert(.refusedStream)
            case .retriableStatusCodes: insert(.retriableStatusCodes)
            case .cancelled: insert(.cancelled)
            case .deadlineExceeded: insert(.deadlineExceeded)
            case .internal: insert(.internal)
            case .resourceExhausted: insert(.resourceExhausted)
            case .unavailable: insert(.unavailable)
            }
        }
    }
}
