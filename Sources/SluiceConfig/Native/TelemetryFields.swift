/// `telemetry`
enum TelemetryFields {
    static let accessLog = OptionalField(
        "access_log",
        .accessLog,
        absent: "none is written",
        doc: "Where a line for each request goes: `stdout`, a path, or a mapping."
    )
    static let schema = ObjectSchema(
        "telemetry",
        doc: "What is told about requests to whoever operates the gateway.",
        fields: [accessLog]
    )

    static func decode(_ reader: ObjectReader) -> TelemetryModel {
        var model = TelemetryModel()
        model.accessLog = reader.read(accessLog)
        return model
    }
}

extension ValueType where Value == TelemetryModel {
    static var telemetry: Self { .object(TelemetryFields.schema) { TelemetryFields.decode($0) } }
}
