internal import NIOCore
internal import SluiceCore

/// `retry:`
private enum RetryFields {
    private static let standard = RetryModel()

    static let on = OptionalField(
        required: "on",
        .list(of: ValueType<RetryModel.Condition>.choice(), atLeast: 1),
        doc: "What is tried again."
    )
    static let attempts = Field(
        "attempts",
        .integer(1...10),
        default: standard.attempts,
        doc: "Further tries after the first."
    )
    static let perTry = OptionalField(
        "per_try_timeout",
        .duration,
        absent: "the route's `timeout`",
        doc: "Time for one try."
    )
    static let codes = Field(
        "status_codes",
        .list(of: .status(400...599)),
        default: [],
        doc: "The statuses of `retriable-status-codes`."
    )
    static let backoff = OptionalField(
        "backoff",
        .backoff,
        doc: "The pause before a try, jittered and longer each time."
    )
    static let retryAfter = Field(
        "max_retry_after",
        .duration(atLeast: .zero),
        default: standard.maxRetryAfter,
        doc: "A longer `Retry-After` is not waited for."
    )
    static let buffer = Field(
        "buffer",
        .size(0...(64 * 1024 * 1024)),
        default: standard.bufferBytes,
        doc: "A larger request body is not kept for a second try."
    )

    static let schema = ObjectSchema(
        "retry",
        doc: "When and how a request is tried again, within the budget of the upstream.",
        fields: [on, attempts, perTry, codes, backoff, retryAfter, buffer]
    )

    static func decode(_ reader: ObjectReader) -> RetryModel {
        var model = RetryModel()
        model.on = Set(reader.read(on) ?? [])
        model.attempts = reader.read(attempts)
        model.perTryTimeout = reader.read(perTry)
        model.statusCodes = reader.read(codes)
        if let backoff = reader.read(backoff) {
            model.backoffBase = backoff.base
            model.backoffMax = backoff.longest
        }
        model.maxRetryAfter = reader.read(retryAfter)
        model.bufferBytes = reader.read(buffer)
        checkCodes(reader, model)
        return model
    }

    private static func checkCodes(_ reader: ObjectReader, _ model: RetryModel) {
        let listens = model.on.contains(.retriableStatusCodes)
        if listens, model.statusCodes.isEmpty, !reader.has(codes) {
            reader.report(
                .retryWithoutCondition,
                .warning,
                at: reader.span(of: on),
                "'retriable-status-codes' of \(reader.owner.description) has no effect without 'status_codes'"
            )
        } else if !listens, !model.statusCodes.isEmpty, !model.on.isEmpty {
            reader.report(
                .retryWithoutCondition,
                .warning,
                at: reader.span(of: codes),
                "'status_codes' of \(reader.owner.description) have no effect",
                help: "add 'retriable-status-codes' to 'on'"
            )
        }
    }
}

extension ValueType where Value == RetryModel {
    static var retry: Self { .object(RetryFields.schema) { RetryFields.decode($0) } }
}

private struct Backoff: Sendable {
    var base: TimeAmount
    var longest: TimeAmount
}

private enum BackoffFields {
    private static let standard = RetryModel()

    static let base = Field("base", .duration, default: standard.backoffBase, doc: "The first pause at most.")
    static let longest = Field("max", .duration, default: standard.backoffMax, doc: "Any pause at most.")
    static let schema = ObjectSchema("backoff", doc: "Pauses between tries.", fields: [base, longest])
}

extension ValueType where Value == Backoff {
    fileprivate static var backoff: Self {
        .object(BackoffFields.schema) { reader in
            let base = reader.read(BackoffFields.base)
            // A base alone moves the end with it, ten times as in the defaults.
            let longest =
                reader.has(BackoffFields.longest)
                ? reader.read(BackoffFields.longest) : max(BackoffFields.longest.fallback, base * 10)
            if base > longest { reader.invalid(BackoffFields.base, "'base' is longer than 'max'") }
            return Backoff(base: base, longest: longest)
        }
    }
}
