/// `telemetry.access_log`
enum AccessLogFields {
    private static let standard = AccessLogModel()

    static let path = Field(
        "path",
        .logTarget,
        default: standard.target,
        doc: "`stdout`, `stderr` or a file, which is opened anew on `SIGUSR1`."
    )
    static let format = Field(
        "format",
        .logFormat,
        default: standard.format,
        defaultText: "`json`",
        doc:
            "`json`, `text` (Envoy's default line), a text with Envoy's operators such as `%REQ(:METHOD)%`, or a mapping of JSON keys to one operator each."
    )
    static let sample = Field(
        "sample",
        .percent,
        default: standard.sample,
        doc: "Of how many requests; those that failed are always logged."
    )
    static let redact = Field(
        "redact",
        .list(of: .name),
        default: [],
        doc: "Further headers and query parameters whose values are not shown."
    )
    static let buffer = Field(
        "buffer",
        .size(64 * 1024...1 << 40),
        default: standard.queueBytes,
        doc: "What may wait for a slow disk or pipe; lines beyond are dropped and counted."
    )
    static let schema = ObjectSchema(
        "access_log",
        doc: "One line for each request.",
        fields: [path, format, sample, redact, buffer]
    )

    static func decode(_ reader: ObjectReader) -> AccessLogModel {
        var model = AccessLogModel()
        model.target = reader.read(path)
        model.format = reader.read(format)
        model.sample = reader.read(sample)
        model.redact = Set(reader.read(redact).map { $0.lowercased() })
        model.queueBytes = reader.read(buffer)
        return model
    }
}

extension ValueType where Value == AccessLogModel {
    static var accessLog: Self {
        .either(
            text: ValueType<AccessLogModel.Target>.logTarget.map { target in
                var model = AccessLogModel()
                model.target = target
                return model
            },
            other: .object(AccessLogFields.schema) { AccessLogFields.decode($0) }
        )
    }
}

extension ValueType where Value == AccessLogModel.Target {
    static var logTarget: Self {
        scalar(.text("stdout, stderr or path")) { text in
            switch text {
            case "stdout", "/dev/stdout": .success(.standardOutput)
            case "stderr", "/dev/stderr": .success(.standardError)
            case "": .failure(ValueProblem("must not be empty", help: "'stdout', 'stderr' or the path of a file"))
            default: .success(.file(text))
            }
        }
        .shown { target in
            switch target {
            case .standardOutput: "stdout"
            case .standardError: "stderr"
            case .file(let path): path
            }
        }
    }
}

extension ValueType where Value == LogFormat {
    static var logFormat: Self {
        let text = ValueType<LogFormat>.scalar(.text("json, text or a format")) { text in
            switch text {
            case "json": return .success(.json)
            case "text": return .success(.text)
            default:
                guard text.contains("%") else {
                    let help = "'json', 'text', or a text with operators: '%START_TIME% %REQ(:METHOD)% ...'"
                    return .failure(ValueProblem("is no format for log lines: {}", help: help))
                }
                return LogSyntax.parse(text).mapError { ValueProblem($0.message, help: $0.help) }
            }
        }
        return ValueType(.anyOf([text.type, .map(keys: "JSON key", .text("operator"))])) { node, scope in
            guard node.entries != nil else { return text.decode(node, scope) }
            return jsonFields.decode(node, scope).map { LogFormat(fields: $0) }
        }
    }

    /// `{time: "%START_TIME%", status: "%RESPONSE_CODE%"}`: each value is one operator.
    private static var jsonFields: ValueType<[(key: String, value: LogOperator, limit: Int?)]> {
        ValueType<[(key: String, value: LogOperator, limit: Int?)]>(.map(keys: "JSON key", .text("operator"))) {
            node,
            scope in
            guard let entries = node.entries else { return nil }
            var fields: [(key: String, value: LogOperator, limit: Int?)] = []
            for entry in entries {
                guard let text = scope.text(of: entry.value) else { continue }
                switch LogSyntax.parse(text) {
                case .failure(let problem):
                    scope.report(ValueProblem(problem.message, help: problem.help), in: entry.value)
                case .success(let format):
                    guard case .value(let value, let limit)? = format.segments.first, format.segments.count == 2 else {
                        let help = "'%START_TIME%', '%REQ(X-ID)%', ..."
                        scope.report(ValueProblem("must be exactly one operator: {}", help: help), in: entry.value)
                        continue
                    }
                    fields.append((entry.key, value, limit))
                }
            }
            return fields
        }
    }
}
