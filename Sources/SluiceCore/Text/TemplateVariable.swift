/// What a `${...}` in a template stands for.
package enum TemplateVariable: Hashable, Sendable {
    /// A capture of the path: a variable of a template, a group of a regular expression (name, or number from 1).
    case path(String)
    case requestMethod
    case requestPath
    case requestQuery
    case requestHost
    case requestScheme
    case requestID
    /// The target as it was received.
    case requestTarget
    /// A request field; the name in lower case.
    case header(String)
    case query(String)
    case cookie(String)
    case clientIP
    case routeName
    case upstreamName
    case responseStatus
    /// Who the caller is, once a filter has found out.
    case consumerName
    /// A claim of the caller's verified token.
    case claim(String)
    /// What the TLS handshake with the client found out.
    case tls(TLSFact)

    /// Those that have no name of their own choosing.
    static let fixed: [(text: String, variable: TemplateVariable)] =
        [
            ("request.method", .requestMethod), ("request.path", .requestPath), ("request.query", .requestQuery),
            ("request.host", .requestHost), ("request.scheme", .requestScheme), ("request.id", .requestID),
            ("request.target", .requestTarget), ("client.ip", .clientIP), ("route.name", .routeName),
            ("upstream.name", .upstreamName), ("response.status", .responseStatus),
            ("consumer.name", .consumerName),
        ] + TLSFact.allCases.map { (TLSFact.prefix + $0.rawValue, .tls($0)) }

    /// The families that a name follows, and how each is made from it.
    static let named: [(prefix: String, make: @Sendable (String) -> TemplateVariable)] = [
        ("path.", { .path($0) }), ("header.", { .header($0) }), ("query.", { .query($0) }),
        ("cookie.", { .cookie($0) }), ("jwt.", { .claim($0) }),
    ]

    /// All variables as an error message lists them.
    package static let names: [String] = fixed.map(\.text) + named.map { $0.prefix + "NAME" }

    /// Parses what stands between `${` and `}`.
    init?(_ text: String) {
        if let found = Self.fixed.first(where: { $0.text == text }) {
            self = found.variable
            return
        }
        guard let family = Self.named.first(where: { text.hasPrefix($0.prefix) }) else { return nil }
        let name = String(text.dropFirst(family.prefix.count))
        guard !name.isEmpty, name.utf8.allSatisfy(ASCII.isToken) else { return nil }
        // Field names are compared in lower case; all others as they are.
        let isHeader = family.prefix == "header."
        self = family.make(isHeader ? String(decoding: name.utf8.map(ASCII.lowercased), as: UTF8.self) : name)
    }

    /// Whether its value is part of the target that the client asked for, in the escaped form of the wire.
    var isPath: Bool {
        switch self {
        case .path, .requestPath, .requestQuery, .requestTarget: true
        default: false
        }
    }
}
