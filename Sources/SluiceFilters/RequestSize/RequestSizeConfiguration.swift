package import SluiceConfig

/// `request_size`: how large the parts of a request may be.
package struct RequestSizeConfiguration: RunnableFilterConfiguration {
    static let body = OptionalField(
        "body",
        .size(),
        absent: "as listener and route say",
        doc: "Bytes of the body. Beyond it: 413."
    )
    static let header = OptionalField(
        "header",
        .size(1...Int.max),
        absent: "any",
        doc: "Bytes of a single header, name and value. Beyond it: 431."
    )
    static let headers = OptionalField(
        "headers",
        .size(1...Int.max),
        absent: "as the listener says",
        doc: "Bytes of all headers together, 4 for each added as they take on the wire. Beyond it: 431."
    )
    static let query = OptionalField(
        "query",
        .size(),
        absent: "as the listener says of the whole target",
        doc: "Bytes of the query, its `?` not counted. Beyond it: 414."
    )
    static let requireLength = Field(
        "require_content_length",
        .flag,
        default: false,
        doc: "Refuses bodies whose length is not said beforehand, with 411."
    )
    package static let schema = ObjectSchema(
        "request_size",
        doc: """
            Refuses requests that are too large, by what they say before anything of the body is read, or while it comes.
            """,
        fields: [body, header, headers, query, requireLength]
    )

    var body: Int?
    var header: Int?
    var headers: Int?
    var query: Int?
    var requiresLength: Bool

    package init(from reader: ObjectReader) {
        body = reader.read(Self.body)
        header = reader.read(Self.header)
        headers = reader.read(Self.headers)
        query = reader.read(Self.query)
        requiresLength = reader.read(Self.requireLength)
        let limits: [any AnyField] = [Self.body, Self.header, Self.headers, Self.query, Self.requireLength]
        if !limits.contains(where: { reader.has($0) }) {
            let help = "write what may not be exceeded: {body: 1MiB}"
            reader.report(.missingField, at: reader.node.span, "filter 'request_size' limits nothing", help: help)
        }
        if let header, let headers, header > headers {
            reader.invalid(
                Self.header,
                "'header' allows a single header more than 'headers' allows all of them",
                help: "'header' is about each one, 'headers' about all together"
            )
        }
    }

    package var effects: [String] {
        var lines: [String] = []
        func refuse(_ what: String, _ limit: Int?, _ status: Int) {
            guard let limit else { return }
            lines.append("request: refuse \(what) of more than \(Units.showSize(limit)) with \(status)")
        }
        refuse("a body", body, 413)
        refuse("a header", header, 431)
        refuse("headers", headers, 431)
        refuse("a query", query, 414)
        if requiresLength { lines.append("request: refuse bodies without Content-Length with 411") }
        return lines
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { RequestSizeFilter(self) }
}
