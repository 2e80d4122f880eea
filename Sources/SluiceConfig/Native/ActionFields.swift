internal import SluiceCore

/// `rewrite:`
private enum RewriteFields {
    static let prefix = OptionalField(
        "prefix",
        .pathPrefix,
        doc: "Replaces what `prefix`, or the whole `path`, of the match took."
    )
    static let path = OptionalField(
        "path",
        .pathTemplateText,
        doc: "The whole new path, a template: `/v2/users/${path.id}`."
    )
    static let regex = OptionalField(
        "regex",
        .regex,
        doc: "RE2; every place in the path that it finds is replaced by `substitution`."
    )
    static let substitution = OptionalField(
        "substitution",
        .text,
        doc: "What stands there instead; `\\1` is the first group."
    )
    static let schema = ObjectSchema(
        "rewrite",
        doc: "Changes the path that the upstream sees.",
        fields: [prefix, path, regex, substitution],
        exactlyOne: ["prefix", "path", "regex"]
    )

    static func decode(_ reader: ObjectReader) -> RewriteModel? {
        let prefix = reader.read(prefix)
        let path = reader.read(path)
        let regex = reader.read(regex)
        let substitution = reader.read(substitution)
        if reader.has(Self.regex) != reader.has(Self.substitution) {
            let message = "\(reader.owner.description) needs 'regex' and 'substitution' together"
            reader.report(.missingField, at: reader.node.span, message)
            return nil
        }
        if let regex, let substitution {
            checkSubstitution(reader, regex, substitution)
            return .regex(pattern: regex, substitution: substitution)
        }
        return prefix.map { .prefix($0) } ?? path.map { .path($0) }
    }

    private static func checkSubstitution(_ reader: ObjectReader, _ regex: String, _ substitution: String) {
        guard let expression = try? RegularExpression(regex) else { return }
        if let problem = expression.problem(inSubstitution: substitution) {
            reader.report(
                .regex,
                at: reader.span(of: Self.substitution),
                "'substitution' does not fit 'regex': \(problem)"
            )
        }
    }
}

extension ValueType where Value == RewriteModel {
    static var rewrite: Self { .object(RewriteFields.schema, decode: RewriteFields.decode) }
}

extension ValueType where Value == String {
    /// A template whose result is a path.
    fileprivate static var pathTemplateText: Self {
        template.checked { text in
            let isPath = text.hasPrefix("/") || text.hasPrefix("${")
            return isPath ? nil : ValueProblem(.pathPattern, "is not a path: {}", help: "a path begins with '/'")
        }
    }

    /// A path, a URL, or a template of one.
    fileprivate static var redirectTarget: Self {
        template.checked { text in
            guard text.utf8.allSatisfy({ ASCII.isTarget($0) || $0 == UInt8(ascii: "#") || $0 >= 0x80 }) else {
                return ValueProblem(.fieldSyntax, "holds a character that no URL holds: {}")
            }
            let isTarget = ["/", "http://", "https://", "${"].contains { text.hasPrefix($0) }
            return isTarget
                ? nil
                : ValueProblem(.pathPattern, "is neither a path nor a URL: {}", help: "begin with '/' or 'https://'")
        }
    }
}

// MARK: - Redirect

private enum RedirectFields {
    enum Scheme: String, CaseIterable, Sendable { case http, https }

    static let to = OptionalField(
        "to",
        .redirectTarget,
        absent: "the path stays",
        doc: "An absolute path or a URL; may be a template."
    )
    static let prefix = OptionalField(
        "prefix",
        .pathPrefix,
        doc: "Replaces what the match took, like the one of `rewrite`."
    )
    static let scheme = OptionalField(
        "scheme",
        ValueType<Scheme>.choice(),
        absent: "that of the request",
        doc: "The scheme."
    )
    static let host = OptionalField("host", .hostName, absent: "that of the request", doc: "The host.")
    static let port = OptionalField("port", .port, absent: "that of the scheme, or of the request", doc: "The port.")
    static let status = Field(
        "status",
        .redirectStatus,
        default: RedirectModel().status,
        doc: "301, 302, 303, 307 or 308."
    )
    static let keepQuery = Field(
        "keep_query",
        .flag,
        default: true,
        doc: "Whether the query goes along, unless `to` has its own."
    )
    static let schema = ObjectSchema(
        "redirect",
        doc: "Sends the client elsewhere.",
        fields: [to, prefix, scheme, host, port, status, keepQuery],
        atMostOne: ["to", "prefix"]
    )

    static func decode(_ reader: ObjectReader) -> RedirectModel? {
        var model = RedirectModel()
        model.to = reader.read(to)
        model.prefix = reader.read(prefix)
        model.scheme = reader.read(scheme)?.rawValue
        model.host = reader.read(host)
        model.port = reader.read(port)
        model.status = reader.read(status)
        model.keepQuery = reader.read(keepQuery)
        let targets: [any AnyField] = [to, prefix, scheme, host, port]
        guard targets.contains(where: { reader.has($0) }) else {
            let help = Spelling.choices(targets.map(\.schema.name))
            reader.report(
                .missingField,
                at: reader.node.span,
                "\(reader.owner.description) says nowhere where to",
                help: help
            )
            return nil
        }
        if let to = model.to, to.hasPrefix("http://") || to.hasPrefix("https://") {
            let parts: [any AnyField] = [scheme, host, port]
            for field in parts where reader.has(field) {
                reader.report(
                    .exclusive,
                    at: reader.span(of: field),
                    "'\(field.schema.name)' has no meaning beside a whole URL in 'to'"
                )
            }
        }
        return model
    }
}

extension ValueType where Value == RedirectModel {
    static var redirect: Self {
        .either(
            text: ValueType<String>.redirectTarget.map {
                var model = RedirectModel()
                model.to = $0
                return model
            },
            other: .object(RedirectFields.schema, decode: RedirectFields.decode)
        )
    }
}

extension ValueType where Value == Int {
    fileprivate static var redirectStatus: Self {
        integer(300...399).checked {
            [301, 302, 303, 307, 308].contains($0)
                ? nil : ValueProblem("cannot be {}", help: "possible here: 301, 302, 303, 307, 308")
        }
    }
}

// MARK: - Respond

private enum RespondFields {
    private static let standard = RespondModel()

    static let status = Field("status", .status(200...599), default: standard.status, doc: "The status.")
    static let body = Field(
        "body",
        .template,
        default: standard.body,
        defaultText: "empty",
        doc: "The body; may be a template."
    )
    static let contentType = Field(
        "content_type",
        .headerValue,
        default: standard.contentType,
        doc: "The Content-Type of the body."
    )
    static let headers = Field(
        "headers",
        .map(keys: .headerName, of: .headerTemplate),
        default: [],
        doc: "Further headers; values may be templates."
    )
    static let schema = ObjectSchema(
        "respond",
        doc: "Answers without any upstream.",
        fields: [status, body, contentType, headers]
    )

    /// What the gateway itself writes, because it decides about the message's end and the connection.
    private static let own: Set<String> = [
        "connection", "content-length", "content-type", "date", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]

    static func decode(_ reader: ObjectReader) -> RespondModel {
        var model = RespondModel()
        model.status = reader.read(status)
        model.body = reader.read(body)
        model.contentType = reader.read(contentType)
        for header in reader.read(headers) {
            if own.contains(header.name) {
                let help = header.name == "content-type" ? "use 'content_type'" : nil
                reader.report(
                    .invalidValue,
                    at: header.span,
                    "the gateway itself sets the header '\(header.name)'",
                    help: help
                )
            }
            model.headers.append(HeaderValueModel(name: header.name, value: header.value))
        }
        if !model.body.isEmpty, model.status == 204 || model.status == 304 {
            reader.invalid(body, "a response with status \(model.status) has no body")
        }
        return model
    }
}

extension ValueType where Value == RespondModel {
    static var respond: Self { .object(RespondFields.schema) { RespondFields.decode($0) } }
}
