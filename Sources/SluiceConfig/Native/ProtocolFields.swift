internal import NIOCore

/// `http2`, on both sides.
private enum HTTP2Fields {
    private static let standard = HTTP2Model()

    static let maxStreams = Field(
        "max_streams",
        .integer(1...10_000),
        default: standard.maxStreams,
        doc: "Streams of one connection at the same time."
    )
    static let streamWindow = Field(
        "stream_window",
        .size(16 * 1024...16 * 1024 * 1024),
        default: standard.streamWindow,
        doc: "What the peer may send ahead on one stream."
    )
    static let connectionWindow = Field(
        "connection_window",
        .size(64 * 1024...256 * 1024 * 1024),
        default: standard.connectionWindow,
        doc: "What the peer may send ahead on all streams of a connection together."
    )
    static let keepalive = OptionalField(
        "keepalive",
        .keepalive,
        absent: "none",
        doc: "Asks silent connections for a sign of life (PING)."
    )
    static let schema = ObjectSchema(
        "http2",
        doc: "HTTP/2 connections.",
        fields: [maxStreams, streamWindow, connectionWindow, keepalive]
    )

    static func decode(_ reader: ObjectReader) -> HTTP2Model {
        var model = HTTP2Model()
        model.maxStreams = reader.read(maxStreams)
        model.streamWindow = reader.read(streamWindow)
        model.connectionWindow = reader.read(connectionWindow)
        if model.streamWindow > model.connectionWindow {
            if reader.has(connectionWindow) {
                reader.invalid(streamWindow, "'stream_window' is larger than 'connection_window'")
            } else {
                // A larger stream alone takes the connection with it.
                model.connectionWindow = model.streamWindow
            }
        }
        if let keepalive = reader.read(keepalive) {
            model.keepaliveInterval = keepalive.interval
            model.keepaliveTimeout = keepalive.timeout
        }
        return model
    }
}

extension ValueType where Value == HTTP2Model {
    static var http2: Self { .object(HTTP2Fields.schema) { HTTP2Fields.decode($0) } }
}

private struct Keepalive: Sendable {
    var interval: TimeAmount
    var timeout: TimeAmount
}

private enum KeepaliveFields {
    static let interval = OptionalField(
        required: "interval",
        .duration(atLeast: .seconds(1)),
        doc: "How long a connection is silent before it is asked."
    )
    static let timeout = Field(
        "timeout",
        .duration(atLeast: .milliseconds(100)),
        default: HTTP2Model().keepaliveTimeout,
        doc: "How long the answer may take; then the connection is closed."
    )
    static let schema = ObjectSchema("keepalive", doc: "Finds connections that are dead.", fields: [interval, timeout])
}

extension ValueType where Value == Keepalive {
    fileprivate static var keepalive: Self {
        .object(KeepaliveFields.schema) { reader in
            let timeout = reader.read(KeepaliveFields.timeout)
            return reader.read(KeepaliveFields.interval).map { Keepalive(interval: $0, timeout: timeout) }
        }
    }
}

// MARK: - Listeners

extension ValueType where Value == [HTTPProtocol] {
    /// At least one, each once.
    static var protocols: Self {
        let list = ValueType.list(of: ValueType<HTTPProtocol>.choice(), atLeast: 1)
        return list.checked { list in
            Set(list).count < list.count ? ValueProblem("names one of them twice") : nil
        }
    }
}

private enum HTTPSRedirectFields {
    private static let standard = HTTPSRedirectModel()

    static let port = Field("port", .port, default: standard.port, doc: "The port of the `https` address.")
    static let status = Field(
        "status",
        .redirectStatus,
        default: standard.status,
        doc: "308 and 307 keep the method; 301 and 302 turn others than GET and HEAD into GET in most clients."
    )
    static let schema = ObjectSchema(
        "http_redirect",
        doc: "Every request is sent to the same address with `https`.",
        fields: [port, status]
    )
}

extension ValueType where Value == Int {
    fileprivate static var redirectStatus: Self {
        scalar(.choice(["301", "302", "307", "308"])) { text in
            let known = [301, 302, 307, 308]
            if let status = Int(text), known.contains(status) { return .success(status) }
            return .failure(ValueProblem("cannot be {}", help: Spelling.choices(known.map { "\($0)" })))
        }
        .shown { "\($0)" }
    }
}

extension ValueType where Value == HTTPSRedirectModel {
    static var httpsRedirect: Self {
        let word = ValueType.scalar(.choice(["https"])) { text in
            text == "https"
                ? .success(HTTPSRedirectModel())
                : .failure(ValueProblem("cannot be {}", help: "write 'https', or {port: 8443}"))
        }
        return .either(
            text: word,
            other: .object(HTTPSRedirectFields.schema) { reader in
                var model = HTTPSRedirectModel()
                model.port = reader.read(HTTPSRedirectFields.port)
                model.status = reader.read(HTTPSRedirectFields.status)
                return model
            }
        )
    }
}
