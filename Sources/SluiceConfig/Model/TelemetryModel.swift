/// What is told about requests to whoever operates the gateway.
package struct TelemetryModel: Sendable {
    /// nil: none is written.
    package var accessLog: AccessLogModel?
    /// nil: no spans are sent anywhere.
    package var tracing: TracingModel?

    package init() {}
}
