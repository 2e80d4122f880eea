import SluiceCore

/// What a token must say, and what is taken from it.
///
/// Two filters with the same rules and keys accept the same tokens with the same result, so that they share what was
/// verified. Everything that makes a difference must be in here: equality is made from the fields by the compiler.
struct TokenRules: Hashable, Sendable {
    /// Empty: any.
    var issuers: [[UInt8]] = []
    /// nil: any, or none.
    var audiences: [[UInt8]]?
    /// `typ`, shortened; empty: any.
    var types: [[UInt8]] = []
    var leeway: Int64 = 30
    var requiresExpiry = true
    var claims: [ClaimRule] = []
    var scopes: ScopeRule?
    var headers: [ClaimHeader] = []
    /// The claim that names the consumer.
    var consumer: ClaimPath?

    struct ClaimRule: Hashable, Sendable {
        var claim: ClaimPath
        /// Empty: any value.
        var values: [[UInt8]]
    }

    struct ScopeRule: Hashable, Sendable {
        var names: [[UInt8]]
        var needsAll: Bool
    }

    /// A header of the upstream request that is filled from a claim.
    struct ClaimHeader: Hashable, Sendable {
        var name: [UInt8]
        var claim: ClaimPath
    }
}

/// The seconds since 1970 in which a token is good.
struct TokenTimes: Hashable, Sendable {
    /// The first in which it is, leeway included.
    var begins = Int64.min
    /// The first in which it is not any more, leeway included.
    var ends = Int64.max

    func problem(at now: Int64) -> TokenProblem? {
        now >= ends ? .expired : now < begins ? .notYetValid : nil
    }
}

extension TokenRules {
    /// Checks everything but the times against the clock.
    func check(_ claims: JSONObject, type: [UInt8]?) throws(TokenProblem) -> TokenTimes {
        if !types.isEmpty, !types.contains(where: { $0 == type }) { throw .type }
        if !issuers.isEmpty {
            guard let issuer = claims["iss"]?.text, issuers.contains(issuer) else { throw .issuer }
        }
        try checkAudience(claims)
        let times = try times(claims)
        for rule in self.claims where !rule.isMet(by: claims) { throw .claim }
        return times
    }

    /// Whether the token has the scopes that are needed; apart from the rest, since it is another kind of refusal.
    func hasScopes(_ claims: JSONObject) -> Bool {
        guard let scopes else { return true }
        let given = Self.scopes(of: claims)
        return scopes.needsAll ? scopes.names.allSatisfy(given.contains) : scopes.names.contains(where: given.contains)
    }

    /// RFC 7519, section 4.1.3: a text, or a list of texts.
    private func checkAudience(_ claims: JSONObject) throws(TokenProblem) {
        guard let audiences else { return }
        switch claims["aud"] {
        case .string(let audience): guard audiences.contains(audience) else { throw .audience }
        case .array(let items):
            let texts = items.compactMap(\.text)
            guard texts.count == items.count, texts.contains(where: audiences.contains) else { throw .audience }
        default: throw .audience
        }
    }

    // MARK: - Times

    /// RFC 7519, sections 4.1.4 to 4.1.6. Fractions of a second are rounded to the safe side.
    private func times(_ claims: JSONObject) throws(TokenProblem) -> TokenTimes {
        var times = TokenTimes()
        if let expires = try Self.date("exp", .down, claims) {
            times.ends = expires.addingReportingOverflow(leeway).overflow ? Int64.max : expires + leeway
        } else if requiresExpiry {
            throw .noExpiry
        }
        if let begins = try Self.date("nbf", .up, claims) {
            times.begins = begins.subtractingReportingOverflow(leeway).overflow ? Int64.min : begins - leeway
        }
        _ = try Self.date("iat", .down, claims)
        return times
    }

    private static func date(
        _ name: String,
        _ rounding: JSONNumber.Rounding,
        _ claims: JSONObject
    ) throws(TokenProblem) -> Int64? {
        guard let value = claims[name] else { return nil }
        guard let seconds = value.number?.rounded(rounding) else { throw .claim }
        return seconds
    }

    // MARK: - Scopes

    /// Those of `scope` (RFC 8693, section 4.2) and `scp`, each a list of texts or a text with spaces.
    private static func scopes(of claims: JSONObject) -> Set<[UInt8]> {
        var scopes: Set<[UInt8]> = []
        for name in ["scope", "scp"] {
            switch claims[name] {
            case .string(let text): scopes.formUnion(text.split(separator: 0x20).map { Array($0) })
            case .array(let items): scopes.formUnion(items.compactMap(\.text))
            default: break
            }
        }
        return scopes
    }
}

extension TokenRules.ClaimRule {
    /// Whether the claim has one of the values, or, being a list, holds one.
    func isMet(by claims: JSONObject) -> Bool {
        guard let value = claim.value(in: claims) else { return false }
        if values.isEmpty { return value != .null }
        let given = value.items ?? [value]
        return given.contains { item in item.scalarText.map(values.contains) ?? false }
    }
}

extension TokenRules.ClaimHeader {
    /// The value of the header; nil where the claim has none that a header can hold unchanged.
    ///
    /// A list becomes its texts with commas between them, unless one of them has a comma, which would make two of one.
    func value(from claims: JSONObject) -> [UInt8]? {
        guard let value = claim.value(in: claims) else { return nil }
        guard let items = value.items else { return Self.safe(value.scalarText) }
        let comma = UInt8(ascii: ",")
        let texts = items.compactMap { Self.safe($0.scalarText) }
        guard !texts.isEmpty, texts.count == items.count, !texts.contains(where: { $0.contains(comma) }) else {
            return nil
        }
        return Array(texts.joined(separator: [comma]))
    }

    /// What the upstream reads must be what the token says: no blanks that are lost, no byte that is replaced.
    private static func safe(_ text: [UInt8]?) -> [UInt8]? {
        guard let text, let first = text.first, let last = text.last else { return nil }
        guard first != 0x20, first != 0x09, last != 0x20, last != 0x09 else { return nil }
        return text.allSatisfy(ASCII.isFieldValue) ? text : nil
    }
}
