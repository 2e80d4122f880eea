import NIOCore
package import SluiceConfig
import SluiceCore

/// `cors`: which other sites' scripts may use these routes (Fetch standard, "CORS protocol").
package struct CORSConfiguration: RunnableFilterConfiguration {
    static let origins = OptionalField(
        required: "origins",
        .list(of: .origin, atLeast: 1),
        doc:
            "Who may: `https://app.example.com`, `https://*.example.com` (one or more labels), `https://app-*.example.com` (part of a label), `http://localhost:*` (any port), `~` and a regular expression for the whole origin, `\"null\"`, or `*` for all."
    )
    static let methods = Field(
        "methods",
        .list(of: .routeMethod, atLeast: 1),
        default: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        defaultText: "`[GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]`",
        doc: "Methods that scripts may use; `*` for the one that the browser asks for."
    )
    static let headers = OptionalField(
        "headers",
        .list(of: .headerName),
        absent: "those that the browser asks for",
        doc: "Request headers that scripts may set; `*` for those that the browser asks for."
    )
    static let expose = Field(
        "expose_headers",
        .list(of: .headerName),
        default: [],
        doc: "Response headers that scripts may read besides the harmless ones; `*` for all."
    )
    static let credentials = Field(
        "credentials",
        .flag,
        default: false,
        doc: "Whether cookies and other credentials of the browser may come along."
    )
    static let maxAge = OptionalField(
        "max_age",
        .maxAge,
        absent: "the browser's own, mostly 5s",
        doc: "How long browsers remember the answer to a preflight, in whole seconds."
    )
    static let privateNetwork = Field(
        "private_network",
        .flag,
        default: false,
        doc: "Lets public sites reach this one in a private network (Private Network Access)."
    )
    static let continuePreflight = Field(
        "continue_preflight",
        .flag,
        default: false,
        doc:
            "Sends preflights upstream instead of answering them with 204. The gateway still decides on origins and credentials, the upstream on the rest."
    )
    static let enforce = Field(
        "enforce",
        .flag,
        default: false,
        doc:
            "Refuses requests of other origins with 403; otherwise they pass without CORS headers, and browsers hide the answers from scripts."
    )
    package static let schema = ObjectSchema(
        "cors",
        doc: """
            Answers preflights and tells browsers which scripts may read the answers. What the upstream says about CORS \
            itself is replaced. Runs ahead of authentication, since preflights carry no credentials.
            """,
        fields: [
            origins, methods, headers, expose, credentials, maxAge, privateNetwork, continuePreflight, enforce,
        ]
    )
    package static var role: FilterRole { .cors }

    var origins: [OriginRule]
    /// nil: whatever is asked for.
    var methods: [String]?
    /// nil: whatever is asked for.
    var headers: [String]?
    var exposed: [String]
    var credentials: Bool
    var maxAge: TimeAmount?
    var privateNetwork: Bool
    var continuesPreflights: Bool
    var enforces: Bool

    package init(from reader: ObjectReader) {
        origins = reader.read(Self.origins) ?? []
        methods = reader.read(Self.methods)
        headers = reader.read(Self.headers)
        exposed = reader.read(Self.expose)
        credentials = reader.read(Self.credentials)
        maxAge = reader.read(Self.maxAge)
        privateNetwork = reader.read(Self.privateNetwork)
        continuesPreflights = reader.read(Self.continuePreflight)
        enforces = reader.read(Self.enforce)
        if methods?.contains("*") == true { methods = nil }
        if headers?.contains("*") == true { headers = nil }
        checkOrigins(reader)
        checkEffect(reader)
    }

    /// What would let in more than anybody can want.
    private func checkOrigins(_ reader: ObjectReader) {
        if origins.contains(.any), origins.count > 1 {
            reader.invalid(Self.origins, "'origins' has '*', which lets in every origin, and others beside it")
        }
        guard credentials else { return }
        if origins.contains(.any) {
            reader.invalid(
                Self.credentials,
                "'credentials' with the origin '*' would let every site act as the user",
                help: "name the origins"
            )
        }
        if origins.contains(.null) {
            reader.invalid(
                Self.credentials,
                "'credentials' with the origin 'null' would let every site act as the user: any can put a script into a sandboxed frame",
                help: "name the origins"
            )
        }
        if exposed.contains("*") {
            reader.invalid(
                Self.expose,
                "'expose_headers' has '*', which browsers take for the name of a header once there are credentials",
                help: "name the headers"
            )
        }
    }

    /// Settings without an effect are the ones that somebody relies on.
    private func checkEffect(_ reader: ObjectReader) {
        if enforces, origins.contains(.any) {
            reader.invalid(Self.enforce, "'enforce' refuses nobody where every origin is allowed")
        }
        guard continuesPreflights else { return }
        let others: [(String, any AnyField)] = [
            ("methods", Self.methods), ("headers", Self.headers), ("max_age", Self.maxAge),
            ("private_network", Self.privateNetwork),
        ]
        for (name, field) in others where reader.has(field) {
            reader.report(
                .exclusive,
                at: reader.span(of: field),
                "'\(name)' has no effect with 'continue_preflight': the upstream answers the preflight"
            )
        }
    }

    package var effects: [String] {
        let who = origins.map(\.text).joined(separator: ", ")
        var lines: [String] = []
        if !continuesPreflights { lines.append("request: answer preflights of \(who)") }
        if enforces { lines.append("request: refuse other origins with 403") }
        return lines + ["response: set the CORS headers for \(who)"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { CORSFilter(self, resources) }
}

extension ValueType where Value == TimeAmount {
    /// `Access-Control-Max-Age` is in seconds; 0 tells browsers to ask each time.
    fileprivate static var maxAge: Self {
        duration(atLeast: .zero).checked { amount in
            amount.nanoseconds % 1_000_000_000 == 0 ? nil : ValueProblem("must be whole seconds, not {}")
        }
    }
}
