/// `telemetry`
enum TelemetryFields {
    static let accessLog = OptionalField(
        "access_log",
        .accessLog,
        absent: "none is written",
        doc: "Where a line for each request goes: `stdout`, a path, or a mapping."
    )
    static let tracing = OptionalField(
        "tracing",
        .tracing,
        absent: "no spans are sent",
        doc: "Where the spans of the `trace` filter go: the URL of a collector, or a mapping."
    )
    static let schema = ObjectSchema(
        "telemetry",
        doc: "What is told about requests to whoever operates the gateway.",
        fields: [accessLog, tracing]
    )

    static func decode(_ reader: ObjectReader) -> TelemetryModel {
        var model = TelemetryModel()
        model.accessLog = reader.read(accessLog)
        model.tracing = reader.read(tracing)
        return model
    }
}

extension ValueType where Value == TelemetryModel {
    static var telemetry: Self { .object(TelemetryFields.schema) { TelemetryFields.decode($0) } }
}
