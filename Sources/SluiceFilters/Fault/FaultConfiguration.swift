import NIOCore
package import SluiceConfig

/// `fault`: failures and delays on purpose, to see what clients make of them.
package struct FaultConfiguration: RunnableFilterConfiguration {
    /// The engine gives up on a filter that waits for ten seconds.
    static let longestDelay = TimeAmount.seconds(9)

    static let abort = OptionalField("abort", .abort, absent: "none", doc: "Requests that are answered with an error.")
    static let delay = OptionalField("delay", .delay, absent: "none", doc: "Requests that wait before they go on.")
    static let fromHeaders = Field(
        "from_headers",
        .flag,
        default: false,
        doc: "Does what `x-fault-abort: 503` and `x-fault-delay: 250ms` of a request ask for, whoever sent it."
    )
    static let maxDelayed = Field(
        "max_delayed",
        .integer(1...100_000),
        default: 1000,
        doc: "Requests that wait at once, over all loops; further ones go on without a delay."
    )
    package static let schema = ObjectSchema(
        "fault",
        doc: """
            Fails or delays a share of the requests, to try out retries, timeouts and alerts. A request that is to be \
            delayed and failed waits first.
            """,
        fields: [abort, delay, fromHeaders, maxDelayed]
    )
    package static let mayRepeat = true

    /// An error for a share of the requests.
    struct Abort: Equatable, Sendable {
        var status: Int
        /// 0 to 1.
        var share: Double
    }

    /// A pause for a share of the requests, somewhere between two bounds.
    struct Delay: Equatable, Sendable {
        var shortest: TimeAmount
        var longest: TimeAmount
        /// 0 to 1.
        var share: Double
    }

    var abort: Abort?
    var delay: Delay?
    var fromHeaders: Bool
    var maxDelayed: Int

    package init(from reader: ObjectReader) {
        abort = reader.read(Self.abort)
        delay = reader.read(Self.delay)
        fromHeaders = reader.read(Self.fromHeaders)
        maxDelayed = reader.read(Self.maxDelayed)
        if !reader.has(Self.abort), !reader.has(Self.delay), !reader.has(Self.fromHeaders) {
            let help = "write what is to go wrong: {abort: {status: 503, percent: 1%}}"
            reader.report(.missingField, at: reader.node.span, "filter 'fault' does nothing", help: help)
        } else if reader.has(Self.maxDelayed), !reader.has(Self.delay), !fromHeaders {
            reader.invalid(Self.maxDelayed, "'max_delayed' has no effect without 'delay' or 'from_headers'")
        }
    }

    package var effects: [String] {
        var lines: [String] = []
        if let delay {
            let (least, most) = (Units.showDuration(delay.shortest), Units.showDuration(delay.longest))
            let time = least == most ? least : "\(least) to \(most)"
            lines.append("request: delay \(Units.showPercent(delay.share)) by \(time)")
        }
        if let abort { lines.append("request: answer \(Units.showPercent(abort.share)) with \(abort.status)") }
        if fromHeaders { lines.append("request: delay or answer as x-fault-delay and x-fault-abort ask for") }
        return lines
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { FaultFilter(self, resources) }
}

extension ValueType where Value == Double {
    fileprivate static var share: Field<Double> {
        Field("percent", .percent, default: 1, doc: "The share of the requests, chosen at random: `0.5%`.")
    }
}

extension ValueType where Value == FaultConfiguration.Abort {
    fileprivate static var abort: Self {
        let status = OptionalField(required: "status", .status(200...599), doc: "The status of the answer.")
        let share = ValueType<Double>.share
        let schema = ObjectSchema("abort", doc: "Requests that are answered with an error.", fields: [status, share])
        return .object(schema) { reader in
            let share = reader.read(share)
            return reader.read(status).map { FaultConfiguration.Abort(status: $0, share: share) }
        }
    }
}

extension ValueType where Value == FaultConfiguration.Delay {
    fileprivate static var delay: Self { .object(DelayFields.schema, decode: DelayFields.decode) }
}

/// `delay:`
private enum DelayFields {
    static let time = OptionalField("time", .faultTime, doc: "How long: `250ms`, at most `9s`.")
    static let min = OptionalField("min", .faultTime, doc: "The shortest delay, for delays that differ.")
    static let max = OptionalField("max", .faultTime, doc: "The longest delay, at most `9s`.")
    static let share = ValueType<Double>.share
    static let schema = ObjectSchema(
        "delay",
        doc: "Requests that wait before they go on: always as long, or some time between `min` and `max`.",
        fields: [time, min, max, share]
    )

    static func decode(_ reader: ObjectReader) -> FaultConfiguration.Delay? {
        let (time, min, max) = (reader.read(time), reader.read(min), reader.read(max))
        let share = reader.read(share)
        if reader.has(Self.time) {
            if reader.has(Self.min) || reader.has(Self.max) {
                let message = "\(reader.owner.description) has 'time' and bounds: only one of them can apply"
                reader.report(.exclusive, at: reader.span(of: Self.time), message)
            }
            return time.map { FaultConfiguration.Delay(shortest: $0, longest: $0, share: share) }
        }
        guard reader.has(Self.min), reader.has(Self.max) else {
            let message = "\(reader.owner.description) needs 'time', or 'min' and 'max'"
            reader.report(.missingField, at: reader.node.span, message)
            return nil
        }
        guard let min, let max else { return nil }
        if min > max {
            reader.invalid(Self.min, "'min' is longer than 'max'")
            return nil
        }
        return FaultConfiguration.Delay(shortest: min, longest: max, share: share)
    }
}

extension ValueType where Value == TimeAmount {
    /// Within the time that the engine lets a filter wait.
    fileprivate static var faultTime: Self {
        duration.checked { amount in
            guard amount > FaultConfiguration.longestDelay else { return nil }
            let longest = Units.showDuration(FaultConfiguration.longestDelay)
            return ValueProblem(
                .outOfRange,
                "must be at most \(longest), not {}",
                help: "a filter that holds a request for ten seconds is given up; slower answers are up to the upstream"
            )
        }
    }
}
