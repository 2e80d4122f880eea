import NIOCore
import SluiceConfig
import SluiceCore

/// The fields of `jwt`.
enum JWTFields {
    static let issuer = Field(
        "issuer",
        .nameOrNames,
        default: [],
        defaultText: "any",
        doc: "The issuer (`iss`) of the tokens, or a list of those that share the keys."
    )
    static let audiences = OptionalField(
        required: "audiences",
        .audiences,
        doc: "Names of this service, of which the token's `aud` must hold one; `any` where tokens have none."
    )
    static let jwks = OptionalField(required: "jwks", .keySource, doc: "The keys of the issuer, as a JWK Set.")
    static let algorithms = OptionalField(
        "algorithms",
        .list(of: ValueType<JWTAlgorithm>.choice(), atLeast: 1),
        absent: "all; with `url` those without a shared secret",
        doc: "Algorithms that signatures may have. A key without `alg` is for the first of them that fits it."
    )
    static let types = Field(
        "types",
        .list(of: .name),
        default: [],
        defaultText: "any",
        doc: "Types (`typ`) that tokens may have: `at+jwt` for access tokens of RFC 9068."
    )
    static let leeway = Field(
        "leeway",
        .leeway,
        default: .seconds(30),
        doc: "How far the clock of the issuer may be off, for `exp` and `nbf`."
    )
    static let requireExpiry = Field(
        "require_expiry",
        .flag,
        default: true,
        doc: "Refuses tokens that do not say when they expire."
    )
    static let claims = Field(
        "claims",
        .map(keys: .name, of: .claimValues),
        default: [],
        doc: "Claims that must be there, each with a value or a list of those that it may have; an empty list: any."
    )
    static let scopes = OptionalField(
        "scopes",
        .scopes,
        absent: "none",
        doc:
            "Scopes that the token must have in `scope` or `scp`: a list of all, or `{any: [...]}` of which one is enough."
    )
    static let claimHeaders = Field(
        "claim_headers",
        .map(keys: .editableHeader(.request, replacing: true), of: .name),
        default: [],
        doc: "Headers for the upstream and the claims that fill them. What the client sent there is always removed."
    )
    static let consumer = OptionalField(
        "consumer",
        .name,
        absent: "none",
        doc: "The claim that names a caller of `consumers`; who is not among them is refused."
    )
    static let from = Field(
        "from",
        .places,
        default: [.bearer],
        defaultText: "`Authorization: Bearer`",
        doc: "Where the token is looked for. More than one token in a request is an error."
    )
    static let forward = Field("forward", .flag, default: false, doc: "Passes the token on to the upstream.")
    static let required = Field(
        "required",
        .flag,
        default: true,
        doc: "`false`: requests without a token pass. A bad token never does."
    )
    static let realm = Field("realm", .realm, default: "api", doc: "What `WWW-Authenticate` calls the service.")
    static let maxSize = Field(
        "max_size",
        .size(256...1 << 18),
        default: 16 * 1024,
        doc: "Bytes of a token; a longer one is refused unread."
    )

    static let schema = ObjectSchema(
        "jwt",
        doc: "Lets requests with a valid JSON Web Token pass, and tells the upstream what it says.",
        fields: [
            issuer, audiences, jwks, algorithms, types, leeway, requireExpiry, claims, scopes, claimHeaders, consumer,
            from, forward, required, realm, maxSize,
        ]
    )
}

extension ValueType where Value == [String] {
    fileprivate static var nameOrNames: Self {
        .either(text: ValueType<String>.name.map { [$0] }, other: .list(of: .name, atLeast: 1))
    }

    /// A text, or a list of several, which may be empty.
    fileprivate static var claimValues: Self {
        .either(text: ValueType<String>.text.map { [$0] }, other: .list(of: .text))
    }
}

extension ValueType where Value == AudienceModel {
    fileprivate static var audiences: Self {
        let any = ValueType<String>.scalar(.choice(["any"])) { text in
            if text == "any" { return .success(text) }
            return .failure(ValueProblem("must be a list of names, or 'any': {}", help: "write it as a list: [{}]"))
        }
        return .either(
            text: any.map { _ in AudienceModel(names: nil) },
            other: ValueType<[String]>.list(of: .name, atLeast: 1).map { AudienceModel(names: $0) }
        )
    }
}

extension ValueType where Value == TimeAmount {
    /// What clocks may be off by; more would keep expired tokens alive.
    fileprivate static var leeway: Self {
        duration(atLeast: .zero).checked { amount in
            amount <= .minutes(10) ? nil : ValueProblem(.outOfRange, "must be at most 10m, not {}")
        }
    }
}

extension ValueType where Value == String {
    /// What may stand between quotes without an escape.
    fileprivate static var realm: Self {
        name.checked { text in
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
                ? nil : ValueProblem(.fieldSyntax, "may hold letters of ASCII, but no quote or backslash: {}")
        }
    }

    /// `scope-token` of RFC 6749, section 3.3.
    fileprivate static var scope: Self {
        name.checked { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
                ? nil : ValueProblem(.fieldSyntax, "is not a scope: {}")
        }
    }
}

extension ValueType where Value == ScopeModel {
    fileprivate static var scopes: Self {
        let list = ValueType<[String]>.list(of: .scope, atLeast: 1)
        let all = OptionalField("all", list, doc: "Scopes that are all needed.")
        let any = OptionalField("any", list, doc: "Scopes of which one is enough.")
        let schema = ObjectSchema("scopes", doc: "The scopes.", fields: [all, any], exactlyOne: ["all", "any"])
        let object = ValueType.object(schema) { reader in
            reader.read(all).map { ScopeModel(names: $0, needsAll: true) }
                ?? reader.read(any).map { ScopeModel(names: $0, needsAll: false) }
        }
        return ValueType(.anyOf([list.type, object.type])) { node, scope in
            guard node.items != nil || node.entries == nil else { return object.decode(node, scope) }
            return list.decode(node, scope).map { ScopeModel(names: $0, needsAll: true) }
        }
    }
}

extension ValueType where Value == [TokenPlaceModel] {
    fileprivate static var places: Self { .list(of: .place, atLeast: 1) }
}

extension ValueType where Value == TokenPlaceModel {
    private static let header = OptionalField("header", .headerName, doc: "A header with the token in it.")
    private static let scheme = OptionalField(
        "scheme",
        .scheme,
        absent: "`Bearer` for `authorization`, none for others",
        doc: "What stands in front of the token in the header."
    )
    private static let query = OptionalField("query", .parameterName, doc: "A query parameter.")
    private static let cookie = OptionalField("cookie", .cookieName, doc: "A cookie.")
    private static let schema = ObjectSchema(
        "from",
        doc: "A place where a token may be.",
        fields: [header, scheme, query, cookie],
        exactlyOne: ["header", "query", "cookie"]
    )

    fileprivate static var place: Self {
        .object(schema) { reader in
            let scheme = reader.read(scheme)
            if scheme != nil, !reader.has(header) { reader.invalid(Self.scheme, "'scheme' goes with 'header' only") }
            if let name = reader.read(header) {
                return .header(name, scheme: scheme ?? (name == "authorization" ? "Bearer" : ""))
            }
            if let name = reader.read(query) { return .query(name) }
            return reader.read(cookie).map { .cookie($0) }
        }
    }
}

extension ValueType where Value == String {
    /// A token of RFC 9110, section 11.1.
    fileprivate static var scheme: Self {
        name.checked { text in
            text.utf8.allSatisfy(ASCII.isToken) ? nil : ValueProblem(.fieldSyntax, "is not a scheme: {}")
        }
    }

    /// As it stands in a target: a name with escapes would be another name to whoever decodes them.
    fileprivate static var parameterName: Self {
        name.checked { text in
            text.utf8.allSatisfy(ASCII.isToken) && !text.contains("%") && !text.contains("&")
                ? nil : ValueProblem(.fieldSyntax, "is not the name of a query parameter: {}")
        }
    }
}
