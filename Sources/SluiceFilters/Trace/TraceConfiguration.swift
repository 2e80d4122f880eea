package import SluiceConfig

/// How far what a caller says about its trace is believed.
enum TraceTrust: String, CaseIterable {
    /// The trace goes on, and is recorded if the caller records it.
    case `continue`
    /// The trace goes on, but whether it is recorded is decided here.
    case resample
    /// A new trace begins.
    case restart
}

/// A way to write trace contexts into headers.
enum TraceFormat: String, CaseIterable {
    /// `traceparent` and `tracestate`.
    case w3c
    /// The single field `b3`; read, also the several ones.
    case b3
    /// `x-b3-traceid` and its like; read, also the single one.
    case b3multi
}

/// `trace`: takes part in distributed traces.
package struct TraceConfiguration: RunnableFilterConfiguration {
    static let trust = Field(
        "trust",
        .choice(of: TraceTrust.self),
        default: .continue,
        doc:
            "What the caller's trace context is worth: `continue` goes on with its trace and records what it records, `resample` goes on with its trace and decides here what is recorded, `restart` begins a new trace."
    )
    static let sample = Field(
        "sample",
        .percent,
        default: 1,
        doc: "Of how many traces whose recording is decided here spans are recorded."
    )
    static let accept = Field(
        "accept",
        .list(of: .choice(of: TraceFormat.self), atLeast: 1),
        default: [.w3c, .b3],
        defaultText: "`[w3c, b3]`",
        doc: "Where the context is looked for; the first that is there counts. `b3` stands for both of its forms."
    )
    static let emit = OptionalField(
        "emit",
        .list(of: .choice(of: TraceFormat.self), atLeast: 1),
        absent: "`w3c`, and B3 where the context came so",
        doc: "How the context is written for the upstream: `w3c`, `b3`, `b3multi`."
    )
    package static let schema = ObjectSchema(
        "trace",
        doc: """
            Takes part in distributed traces (W3C Trace Context, B3): goes on with the caller's trace or begins one, \
            tells the upstream, and sends spans to `telemetry.tracing`.
            """,
        fields: [trust, sample, accept, emit]
    )

    var trust = TraceTrust.continue
    /// 0 ... 1
    var sample = 1.0
    var accept: [TraceFormat] = [.w3c, .b3]
    /// nil: as it came, and always W3C.
    var emit: [TraceFormat]?

    package init() {}

    package init(from reader: ObjectReader) {
        trust = reader.read(Self.trust)
        sample = reader.read(Self.sample)
        accept = reader.read(Self.accept)
        emit = reader.read(Self.emit)
        if trust == .restart, reader.has(Self.accept) {
            reader.invalid(
                Self.accept,
                "'accept' has no effect with 'trust: restart', which goes on with nobody's trace",
                help: "remove it, or use 'trust: resample'"
            )
        }
    }

    package var effects: [String] {
        let headers = Set(emit ?? [.w3c])
        var names: [String] = headers.contains(.w3c) ? ["traceparent"] : []
        if headers.contains(.b3) { names.append("b3") }
        if headers.contains(.b3multi) { names.append("x-b3-*") }
        let trace =
            switch trust {
            case .continue: "the client's trace, or a new one, recorded as it says"
            case .resample: "the client's trace, or a new one"
            case .restart: "a new trace"
            }
        return [
            "request: set \(names.joined(separator: " and ")) to \(trace)", "\(Units.showPercent(sample)) recorded",
        ]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { TraceFilter(self, resources) }
}
