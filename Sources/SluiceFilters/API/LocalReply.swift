import SluiceConfig
package import SluiceCore

/// An answer that the gateway gives itself.
package struct LocalReply: Sendable {
    package var status: UInt16
    package var body: [UInt8]
    package var contentType: StaticOrBytes
    /// Further fields; names and values are valid.
    package var fields: [(name: [UInt8], value: [UInt8])]
    /// What it stands for in logs and metrics; nil for answers that are no errors.
    package var error: GatewayError?

    package init(
        status: UInt16,
        body: [UInt8] = [],
        contentType: StaticOrBytes = "text/plain; charset=utf-8",
        fields: [(name: [UInt8], value: [UInt8])] = [],
        error: GatewayError? = nil
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.fields = fields
        self.error = error
    }

    /// The answer for an error: its body is written when it is sent, as JSON or text by the request's Accept field.
    package init(_ error: GatewayError) {
        self.init(status: error.status, error: error)
    }
}

/// Text that is a constant most of the time.
package struct StaticOrBytes: ExpressibleByStringLiteral, Sendable {
    package let bytes: [UInt8]

    package init(stringLiteral value: String) { bytes = Array(value.utf8) }
    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}
