import NIOCore
package import SluiceConfig
import SluiceCore

/// `cors`: which other sites' scripts may use these routes (Fetch standard, "CORS protocol").
package struct CORSConfiguration: RunnableFilterConfiguration {
    static let origins = OptionalField(
        required: "origins",
        .list(of: .origin, atLeast: 1),
        doc:
            "Who may: `https://app.example.com`, `https://*.example.com` (one or more labels), `~` and a regular expression, `null`, or `*` for all."
    )
    static let methods = Field(
        "methods",
        .list(of: .method, atLeast: 1),
        default: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        defaultText: "`[GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]`",
        doc: "Methods that scripts may use."
    )
    static let headers = OptionalField(
        "headers",
        .list(of: .headerName),
        absent: "those that the browser asks for",
        doc: "Request headers that scripts may set."
    )
    static let expose = Field(
        "expose_headers",
        .list(of: .headerName),
        default: [],
        doc: "Response headers that scripts may read besides the harmless ones."
    )
    static let credentials = Field(
        "credentials",
        .flag,
        default: false,
        doc: "Whether cookies and other credentials of the browser may come along."
    )
    static let maxAge = OptionalField(
        "max_age",
        .duration(atLeast: .zero),
        absent: "the browser's own, mostly 5s",
        doc: "How long browsers remember the answer to a preflight."
    )
    static let privateNetwork = Field(
        "private_network",
        .flag,
        default: false,
        doc: "Lets public sites reach this one in a private network (Private Network Access)."
    )
    static let passPreflights = Field(
        "continue_preflight",
        .flag,
        default: false,
        doc: "Sends preflights upstream as well instead of answering them with 204."
    )
    static let enforce = Field(
        "enforce",
        .flag,
        default: false,
        doc: "Refuses requests of other origins with 403; otherwise they pass without CORS headers, which browsers then hide from scripts."
    )
    package static let schema = ObjectSchema(
        "cors",
        doc: """
            Answers preflights and tells browsers which scripts may read the answers. What the upstream says about CORS \
            itself is replaced. Runs ahead of authentication, since preflights carry no credentials.
            """,
        fields: [
            origins, methods, headers, expose, credentials, maxAge, privateNetwork, passPreflights, enforce,
        ]
    )
    package static var role: FilterRole { .cors }

    var origins: [OriginRule]
    var methods: [String]
    /// nil: whatever is asked for.
    var headers: [String]?
    var exposed: [String]
    var credentials: Bool
    var maxAge: TimeAmount?
    var privateNetwork: Bool
    var passesPreflights: Bool
    var enforces: Bool

    package init(from reader: ObjectReader) {
        origins = reader.read(Self.origins) ?? []
        methods = reader.read(Self.methods)
        headers = reader.read(Self.headers)
        exposed = reader.read(Self.expose)
        credentials = reader.read(Self.credentials)
        maxAge = reader.read(Self.maxAge)
        privateNetwork = reader.read(Self.privateNetwork)
        passesPreflights = reader.read(Self.passPreflights)
        enforces = reader.read(Self.enforce)
        if credentials, origins.contains(.any) {
            reader.invalid(
                Self.credentials,
                "'credentials' with the origin '*' would let every site act as the user",
                help: "name the origins"
            )
        }
    }

    package var effects: [String] {
        let who = origins.map(\.text).joined(separator: ", ")
        return ["request: answer preflights of \(who)", "response: set the CORS headers for \(who)"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { CORSFilter(self, resources) }
}

extension ValueType where Value == OriginRule {
    static var origin: Self {
        scalar(.text("origin")) { text in
            guard let rule = OriginRule(text) else {
                let help = "scheme and host, and nothing behind them: 'https://app.example.com', 'https://*.example.com'"
                return .failure(ValueProblem("is not an origin: {}", help: help))
            }
            if case .regex(let expression) = rule {
                do throws(RegularExpressionError) {
                    _ = try RegularExpression(expression)
                } catch {
                    return .failure(ValueProblem(.regex, "is not a regular expression", detail: error.message, help: error.help))
                }
            }
            return .success(rule)
        }
    }
}
