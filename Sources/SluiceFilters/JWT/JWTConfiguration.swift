import NIOCore
package import SluiceConfig
import SluiceCore

/// `jwt`: callers are recognised by a signed token.
package struct JWTConfiguration: RunnableFilterConfiguration {
    var rules = TokenRules()
    var keys = KeySource.fixed(KeySet(keys: []))
    var places: [TokenPlaceModel] = [.bearer]
    var scopes: ScopeModel?
    var isRequired = true
    var forwards = false
    var realm = "api"
    var sizeLimit = 16 * 1024

    package static let schema = JWTFields.schema
    package static var role: FilterRole { .authentication }

    package init(from reader: ObjectReader) {
        rules.issuers = reader.read(JWTFields.issuer).map { Array($0.utf8) }
        rules.audiences = reader.read(JWTFields.audiences)?.names.map { $0.map { Array($0.utf8) } }
        rules.types = reader.read(JWTFields.types).map { CompactToken.shortened(Array($0.utf8)) }
        rules.leeway = reader.read(JWTFields.leeway).nanoseconds / 1_000_000_000
        rules.requiresExpiry = reader.read(JWTFields.requireExpiry)
        rules.claims = reader.read(JWTFields.claims).map { entry in
            TokenRules.ClaimRule(claim: ClaimPath(entry.name), values: entry.value.map { Array($0.utf8) })
        }
        scopes = reader.read(JWTFields.scopes)
        rules.scopes = scopes.map {
            TokenRules.ScopeRule(names: $0.names.map { Array($0.utf8) }, needsAll: $0.needsAll)
        }
        rules.consumer = reader.read(JWTFields.consumer).map { ClaimPath($0) }
        places = reader.read(JWTFields.from)
        forwards = reader.read(JWTFields.forward)
        isRequired = reader.read(JWTFields.required)
        realm = reader.read(JWTFields.realm)
        sizeLimit = reader.read(JWTFields.maxSize)
        rules.headers = headers(reader)
        keys = KeySource.read(reader, algorithms: reader.read(JWTFields.algorithms))
    }

    /// A header that is removed from every request cannot be where the token is.
    private func headers(_ reader: ObjectReader) -> [TokenRules.ClaimHeader] {
        let named = reader.read(JWTFields.claimHeaders)
        var seen: [FieldKey: NodeSpan] = [:]
        for entry in named {
            let key = FieldKey(entry.name)
            if places.contains(where: { $0.isIn(header: entry.name) }) {
                let message = "the header '\(entry.name)' cannot be filled from a claim: the token is looked for there"
                reader.report(.invalidValue, at: entry.span, message)
            }
            if let first = seen.updateValue(entry.span, forKey: key) {
                let message = "the header '\(entry.name.lowercased())' is twice in 'claim_headers'"
                reader.report(.duplicateKey, at: entry.span, message, notes: [(text: "first here", span: first)])
            }
        }
        return named.map { TokenRules.ClaimHeader(name: Array($0.name.utf8), claim: ClaimPath($0.value)) }
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter {
        let store = resources.shared("jwt keys \(keys.identity)") { keys.makeStore(resources.background) }
        // Objects that one loop's filters share: nobody else touches them.
        let loop = "\(ObjectIdentifier(resources.loop))"
        let loopKeys = resources.shared("jwt keys \(keys.identity) of \(loop)") {
            LoopKeys(store, loop: resources.loop.loop)
        }
        let cache = resources.shared("jwt tokens of \(loop)") { TokenCache() }
        return JWTFilter(self, keys: loopKeys, cache: cache, resources)
    }
}

extension JWTConfiguration {
    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.secretNames = Set(places.map { $0.name.lowercased() })
        return needs
    }

    package var effects: [String] {
        var effects = ["request: \(isRequired ? "only" : "check") a token of \(issuerText), signed with \(keys.text)"]
        if let scopes {
            effects.append(
                "request: only with scope \(scopes.names.joined(separator: scopes.needsAll ? " and " : " or "))"
            )
        }
        if !forwards { effects.append("request: remove the token") }
        for header in rules.headers {
            let (name, claim) = (String(decoding: header.name, as: UTF8.self), header.claim.name)
            effects.append(
                "request: set \(name) to the claim '\(Printable.short(String(decoding: claim, as: UTF8.self)))'"
            )
        }
        return effects
    }

    private var issuerText: String {
        let names = rules.issuers.map { "'\(Printable.short(String(decoding: $0, as: UTF8.self)))'" }
        return names.isEmpty ? "any issuer" : names.joined(separator: " or ")
    }
}

// MARK: - What the fields hold

/// Where a token may be, as the configuration says it.
enum TokenPlaceModel: Hashable, Sendable {
    case header(String, scheme: String)
    case query(String)
    case cookie(String)

    /// RFC 6750, section 2.1.
    static let bearer = TokenPlaceModel.header("authorization", scheme: "Bearer")

    var prepared: TokenPlace {
        switch self {
        case .header(let name, let scheme): .header(FieldKey(name), scheme: scheme.utf8.map(ASCII.lowercased))
        case .query(let name): .query(Array(name.utf8))
        case .cookie(let name): .cookie(Array(name.utf8))
        }
    }

    var name: String {
        switch self {
        case .header(let name, _), .query(let name), .cookie(let name): name
        }
    }

    /// Whether it is gone when a header of that name is removed, however that is spelt.
    func isIn(header other: String) -> Bool {
        switch self {
        case .header(let name, _): IdentityHeaders.areSame(name, other)
        case .cookie: IdentityHeaders.areSame("cookie", other)
        case .query: false
        }
    }
}

/// `scopes`
struct ScopeModel: Hashable, Sendable {
    var names: [String]
    var needsAll: Bool
}

/// `audiences`; nil: `any`.
struct AudienceModel: Hashable, Sendable {
    var names: [String]?
}
