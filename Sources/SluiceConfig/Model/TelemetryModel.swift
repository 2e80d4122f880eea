/// What is told about requests to whoever operates the gateway.
package struct TelemetryModel: Sendable {
    /// nil: none is written.
    package var accessLog: AccessLogModel?

    package init() {}
}
