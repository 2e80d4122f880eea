package import SluiceConfig

/// `request_id`: gives every request an id that client, upstream and logs share.
package struct RequestIDConfiguration: RunnableFilterConfiguration {
    static let header = Field(
        "header",
        .editableHeader(.request),
        default: "x-request-id",
        doc: "The header that carries the id."
    )
    static let trust = Field(
        "trust",
        .flag,
        default: false,
        doc: "Keeps the id that the client sent, if it is one header of 1 to 128 token characters."
    )
    static let echo = Field("echo", .flag, default: true, doc: "Sends the id back to the client.")
    package static let schema = ObjectSchema(
        "request_id",
        doc: "Gives every request an id, for the upstream, the response, error bodies and `${request.id}`.",
        fields: [header, trust, echo]
    )

    package var header: String
    package var trust: Bool
    package var echo: Bool

    package init(header: String = "x-request-id", trust: Bool = false, echo: Bool = true) {
        self.header = header
        self.trust = trust
        self.echo = echo
    }

    package init(from reader: ObjectReader) {
        header = reader.read(Self.header)
        trust = reader.read(Self.trust)
        echo = reader.read(Self.echo)
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter {
        RequestIDFilter(header: Array(header.utf8), trust: trust, echo: echo, loop: resources.loop)
    }
}
