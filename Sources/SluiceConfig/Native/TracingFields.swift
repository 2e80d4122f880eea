import NIOCore
import SluiceCore

/// `telemetry.tracing`
enum TracingFields {
    static let otlp = OptionalField(
        required: "otlp",
        .receiverURL,
        doc: "The receiver of OTLP over HTTP: `http://127.0.0.1:4318`. `/v1/traces` is put behind it."
    )
    static let serviceName = Field("service_name", .name, default: "sluice", doc: "The `service.name` of the spans.")
    static let attributes = Field(
        "attributes",
        .map(keys: .name, of: .text),
        default: [],
        doc: "Further attributes of the resource: `{deployment.environment.name: production}`."
    )
    static let headers = OptionalField(
        "headers",
        .map(keys: .receiverHeader, of: .headerValue),
        absent: "none",
        secret: true,
        doc: "Headers of the requests to the receiver, such as its key."
    )
    static let timeout = Field("timeout", .duration, default: .seconds(10), doc: "For one request to the receiver.")
    static let buffer = Field(
        "buffer",
        .size(64 * 1024...1 << 40),
        default: 8 * 1024 * 1024,
        doc: "What may wait for a slow receiver; spans beyond are dropped and counted."
    )
    static let schema = ObjectSchema(
        "tracing",
        doc: "Sends the spans of the `trace` filter to a collector, by OTLP over HTTP.",
        fields: [otlp, serviceName, attributes, headers, timeout, buffer]
    )

    static func decode(_ reader: ObjectReader) -> TracingModel? {
        let serviceName = reader.read(serviceName)
        let attributes = reader.read(attributes)
        let headers = reader.read(headers) ?? []
        let (timeout, buffer) = (reader.read(timeout), reader.read(buffer))
        guard let endpoint = reader.read(otlp) else { return nil }
        var model = TracingModel(endpoint: endpoint)
        model.serviceName = serviceName
        model.attributes = attributes.map { (name: $0.name, value: $0.value) }
        model.headers = headers.map { (name: $0.name, value: $0.value) }
        model.timeout = timeout
        model.queueBytes = buffer
        return model
    }
}

extension ValueType where Value == TracingModel {
    static var tracing: Self {
        .either(
            text: ValueType<FetchURL>.receiverURL.map { TracingModel(endpoint: $0) },
            other: .object(TracingFields.schema) { TracingFields.decode($0) }
        )
    }
}

extension ValueType where Value == FetchURL {
    fileprivate static var receiverURL: Self {
        scalar(.text("URL")) { text in
            if let url = FetchURL(text) { return .success(url) }
            let help = "URLs look like http://127.0.0.1:4318"
            return .failure(ValueProblem(.address, "is not an http or https URL: {}", help: help))
        }
    }
}

extension ValueType where Value == String {
    /// A header that the client of the receiver does not write itself.
    fileprivate static var receiverHeader: Self {
        headerName.checked { name in
            let own = ["host", "connection", "content-length", "content-type", "transfer-encoding"]
            return own.contains(name) ? ValueProblem("cannot be {}: the gateway writes that header itself") : nil
        }
    }
}
