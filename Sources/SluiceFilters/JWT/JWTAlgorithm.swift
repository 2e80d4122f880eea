/// Signature algorithms of RFC 7518, section 3, and RFC 8037. `none` is not among them.
package enum JWTAlgorithm: String, CaseIterable, Hashable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case eddsa = "EdDSA"

    /// The value of an `alg` parameter, in exactly that case of letters.
    init?(_ bytes: [UInt8]) {
        guard let known = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(bytes) }) else { return nil }
        self = known
    }

    /// Made and checked with the same secret.
    var isSymmetric: Bool {
        switch self {
        case .hs256, .hs384, .hs512: true
        default: false
        }
    }

    static let asymmetric = allCases.filter { !$0.isSymmetric }

    /// Bytes of the digest that it is built on; for an HMAC the least that a secret may have (RFC 7518, section 3.2).
    var digestCount: Int {
        switch self {
        case .hs256, .rs256, .ps256, .es256: 32
        case .hs384, .rs384, .ps384, .es384: 48
        case .hs512, .rs512, .ps512, .es512, .eddsa: 64
        }
    }
}

/// Curves of RFC 7518, section 6.2.1.1.
package enum EllipticCurve: String, CaseIterable, Hashable, Sendable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The only algorithm that a key on it is for.
    var algorithm: JWTAlgorithm {
        switch self {
        case .p256: .es256
        case .p384: .es384
        case .p521: .es512
        }
    }

    /// Bytes of a coordinate, and of each half of a signature.
    var coordinateCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}
