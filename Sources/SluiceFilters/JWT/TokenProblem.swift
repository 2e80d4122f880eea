import SluiceCore

/// Why a request does not pass, in the words of the metrics.
enum TokenProblem: String, CaseIterable, Error, Sendable {
    case missing
    case several
    case empty
    case tooLarge = "too_large"
    case malformed
    case encrypted
    case critical
    case nested
    case algorithm
    case unknownKey = "unknown_key"
    case signature
    case expired
    case notYetValid = "not_yet_valid"
    case noExpiry = "no_expiry"
    case issuer
    case audience
    case type
    case claim
    case scope
    case consumer
    case keysUnavailable = "keys_unavailable"

    /// The reason code of the answer.
    var error: GatewayError {
        switch self {
        case .missing: .credentialMissing
        case .several, .empty, .tooLarge, .malformed, .encrypted, .critical, .nested: .tokenMalformed
        case .algorithm, .unknownKey, .signature: .tokenSignatureInvalid
        case .expired: .tokenExpired
        case .notYetValid: .tokenNotYetValid
        case .noExpiry, .issuer, .audience, .type, .claim: .tokenClaimInvalid
        case .scope: .scopeMissing
        case .consumer: .consumerForbidden
        case .keysUnavailable: .keysUnavailable
        }
    }

    /// `error_description` (RFC 6750, section 3): what is wrong with the token, nothing about the gateway.
    var description: String {
        switch self {
        case .missing: "there is no token"
        case .several: "there is more than one token"
        case .empty: "the token is empty"
        case .tooLarge: "the token is too long"
        case .malformed: "the token is malformed"
        case .encrypted: "the token is encrypted"
        case .critical: "the token uses an extension that is not understood"
        case .nested: "the token holds another one"
        case .algorithm: "the algorithm of the signature is not accepted"
        case .unknownKey: "the key of the signature is not known"
        case .signature: "the signature is not valid"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet"
        case .noExpiry: "the token does not say when it expires"
        case .issuer: "the issuer is not accepted"
        case .audience: "the token is for another audience"
        case .type: "the type of the token is not accepted"
        case .claim: "a claim is missing or has a value that is not accepted"
        case .scope: "the token does not have the scope that is needed"
        case .consumer: "the caller is not known"
        case .keysUnavailable: "the keys are not available"
        }
    }

    /// The error code of RFC 6750, section 3.1; nil where none belongs.
    var code: String? {
        switch self {
        // A request without a token is only asked for one; and the other two are not about the token.
        case .missing, .consumer, .keysUnavailable: nil
        case .several, .empty: "invalid_request"
        case .scope: "insufficient_scope"
        default: "invalid_token"
        }
    }
}

/// The answers of one filter, made once.
struct TokenRefusals {
    private let replies: [LocalReply]

    /// - Parameters:
    ///   - realm: for `WWW-Authenticate`; without quotes and backslashes.
    ///   - scopes: what a token needs, for the answer to one that has not got it.
    init(realm: String, scopes: [String]) {
        replies = TokenProblem.allCases.map { problem in
            var reply = LocalReply(problem.error)
            // RFC 6750, section 3.1: the request itself is wrong, whatever the token says.
            if problem.code == "invalid_request" { reply.status = 400 }
            if problem == .keysUnavailable {
                reply.fields = [(name: Array("Retry-After".utf8), value: Array("5".utf8))]
            } else if problem != .consumer {
                let value = Self.challenge(problem, realm, scopes)
                reply.fields = [(name: Array("WWW-Authenticate".utf8), value: Array(value.utf8))]
            }
            return reply
        }
    }

    private static func challenge(_ problem: TokenProblem, _ realm: String, _ scopes: [String]) -> String {
        var value = "Bearer realm=\"\(realm)\""
        if let code = problem.code { value += ", error=\"\(code)\", error_description=\"\(problem.description)\"" }
        if problem == .scope { value += ", scope=\"\(scopes.joined(separator: " "))\"" }
        return value
    }

    subscript(problem: TokenProblem) -> LocalReply { replies[problem.index] }
}

extension TokenProblem {
    /// Its place in tables.
    var index: Int { Self.indexes[self] ?? 0 }

    private static let indexes = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}
