package import SluiceCore

/// Where the access log goes, what a line looks like and which requests get one.
package struct AccessLogModel: Sendable {
    package enum Target: Hashable, Sendable {
        case standardOutput
        case standardError
        /// Opened for appending, created with mode 0640, opened anew on `SIGUSR1`.
        case file(String)
    }

    package var target = Target.standardOutput
    package var format = LogFormat.json
    /// Of how many requests, 0 ... 1; routes may say otherwise. Failed ones (a reason code, or a status of 500 and above)
    /// are always logged.
    package var sample = 1.0
    /// Further headers and query parameters, in lower case, whose values are not shown.
    package var redact: Set<String> = []
    /// Bytes that may wait for the writer; lines beyond are dropped and counted.
    package var queueBytes = 8 * 1024 * 1024

    package init() {}
}

/// A line of the access log, taken apart.
package struct LogFormat: Sendable {
    package enum Segment: Hashable, Sendable {
        case literal([UInt8])
        case value(LogOperator, limit: Int?)
    }

    /// Whether texts are written as JSON strings, with `null` for what is missing; else a missing value is `-`.
    package var isJSON: Bool
    package var segments: [Segment]

    package init(isJSON: Bool, segments: [Segment]) {
        self.isJSON = isJSON
        self.segments = segments
    }

    /// One JSON object a line, from pairs of a key and an operator.
    package init(fields: [(key: String, value: LogOperator, limit: Int?)]) {
        var segments: [Segment] = []
        var separator = "{"
        for field in fields {
            segments.append(.literal(Array("\(separator)\(LogSyntax.quoted(field.key)):".utf8)))
            segments.append(.value(field.value, limit: field.limit))
            separator = ","
        }
        segments.append(.literal(Array((fields.isEmpty ? "{}\n" : "}\n").utf8)))
        self.init(isJSON: true, segments: segments)
    }

    /// `format: json`.
    package static let json = LogFormat(fields: [
        ("time", .startTime(.standard), nil), ("request_id", .requestID, nil), ("client", .client, nil),
        ("method", .method, nil), ("host", .requestHost, 256), ("path", .originalPath, 2048),
        ("protocol", .protocolName, nil), ("status", .status, nil), ("code", .reasonCode, nil),
        ("flags", .flags, nil), ("listener", .listenerName, nil), ("route", .routeName, nil),
        ("upstream", .upstreamName, nil), ("endpoint", .endpoint, nil), ("attempts", .attempts, nil),
        ("consumer", .consumer, nil), ("bytes_in", .requestBytes, nil), ("bytes_out", .responseBytes, nil),
        ("duration_ms", .duration(.whole), nil), ("upstream_ms", .duration(.upstream), nil),
        ("user_agent", .requestField("user-agent", or: nil), 512), ("trace_id", .traceID, nil),
    ])

    /// `format: text`: Envoy's default format, which many tools read.
    package static let text: LogFormat = {
        let format =
            "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% "
            + "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
            + "\"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" "
            + "\"%UPSTREAM_HOST%\"\n"
        return (try? LogSyntax.parse(format).get()) ?? .json
    }()
}

/// One value of a line.
package enum LogOperator: Hashable, Sendable {
    package enum Span: Hashable, Sendable {
        /// From the complete request head to the end.
        case whole
        /// To the end of the request body.
        case request
        /// To the head of the answer.
        case response
        /// From there to the end.
        case responseSending
        /// From the first attempt to the head of the answer that was passed on.
        case upstream
    }

    case startTime(LogTimeFormat)
    case emitTime(LogTimeFormat)
    /// In milliseconds: with three decimals in JSON, whole in text, as Envoy writes it.
    case duration(Span)
    case requestBytes, responseBytes
    case protocolName, upstreamProtocol
    case status, reasonCode, flags, flagsLong
    /// Why there is no TLS with the upstream.
    case upstreamTLSFailure
    case routeName, upstreamName, endpoint, listenerName, listenerAddress
    case attempts
    case method, scheme, requestHost
    /// Path and query as they came, and as they went on.
    case originalPath, path, pathWithoutQuery
    case requestField(String, or: String?)
    case responseField(String, or: String?)
    case queryParameter(String)
    /// The client behind trusted proxies; the peer itself.
    case client, peer
    case requestID, traceID, consumer
    /// How a call of gRPC ended.
    case grpcStatus(GRPCStatusForm)
    case claim(String)
    /// What the TLS handshake with the client found out.
    case tls(TLSFact)
    /// What is never there in this version.
    case absent

    /// How the status of a call is written.
    package enum GRPCStatusForm: Hashable, Sendable {
        /// `DeadlineExceeded`
        case camel
        /// `DEADLINE_EXCEEDED`
        case snake
        /// `4`
        case number
    }
}

/// How a point in time is written.
package struct LogTimeFormat: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case literal([UInt8])
        case year, month, day, hour, minute, second
        /// Digits behind the second: 3, 6 or 9.
        case fraction(Int)
        /// Seconds since 1970.
        case epoch
    }

    package var parts: [Part]

    package init(parts: [Part]) { self.parts = parts }

    /// RFC 3339 with milliseconds: `2026-11-23T09:40:56.123Z`.
    package static let standard = LogTimeFormat(parts: [
        .year, .literal([0x2D]), .month, .literal([0x2D]), .day, .literal([0x54]), .hour, .literal([0x3A]), .minute,
        .literal([0x3A]), .second, .literal([0x2E]), .fraction(3), .literal([0x5A]),
    ])
}
