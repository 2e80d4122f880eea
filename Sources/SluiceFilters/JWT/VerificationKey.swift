import SluiceCore

/// A key that signatures are checked with, as plain bytes, and the one algorithm that it is for (RFC 8725, section 3.1).
package struct VerificationKey: Hashable, Sendable {
    enum Material: Hashable, Sendable {
        case secret([UInt8])
        /// Big-endian numbers without leading zeros.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// Coordinates of full length.
        case curve(EllipticCurve, x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
    }

    /// `kid`
    let id: [UInt8]?
    let algorithm: JWTAlgorithm
    let material: Material
}

extension VerificationKey: CustomStringConvertible, CustomReflectable {
    /// It may be a secret, so that no log and no dump shows it.
    package var description: String { "\(algorithm.rawValue) key" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a JWK is of no use here.
enum KeyProblem: Error, Hashable, Sendable {
    /// It is fine, but for something else: encryption, another algorithm, a kind of key that this gateway does not know.
    /// RFC 7517, section 5, has such keys ignored.
    case notForThis(String)
    /// It is wrong, and somebody should hear of it.
    case broken(String)

    var text: String {
        switch self {
        case .notForThis(let text), .broken(let text): text
        }
    }
}

/// The parts of a JWK (RFC 7517), whether they came as JSON or stand in the configuration.
struct KeyParameters {
    /// Texts by name.
    var texts: [String: [UInt8]] = [:]
    /// Names whose value is of another kind than the parameter has.
    var mistyped: Set<String> = []
    /// `key_ops`
    var operations: [[UInt8]]?

    init() {}

    init(_ object: JSONObject) {
        for member in object.members {
            let name = String(decoding: member.name, as: UTF8.self)
            if name == "key_ops", let items = member.value.items {
                setOperations(items.map(\.text))
            } else if name != "key_ops", let text = member.value.text {
                texts[name] = text
            } else {
                mistyped.insert(name)
            }
        }
    }

    /// `key_ops`; nil for an item that is no text.
    mutating func setOperations(_ items: [[UInt8]?]) {
        let known = items.compactMap { $0 }
        // RFC 7517, section 4.3: duplicates must not be there.
        if known.count < items.count || Set(known).count < known.count { mistyped.insert("key_ops") }
        operations = known
    }

    func has(_ name: String) -> Bool { texts[name] != nil || mistyped.contains(name) }
}

extension VerificationKey {
    /// RFC 7518, section 3.3, and what no issuer exceeds: each check takes time that grows with the square.
    private static let modulusBits = 2048...8192
    private static let longestID = 256
    private static let longestSecret = 4096

    /// Makes a key from its parameters.
    ///
    /// - Parameter allowed: algorithms in order of preference; the first that fits is that of a key without `alg`.
    init(_ parameters: KeyParameters, allowed: [JWTAlgorithm]) throws(KeyProblem) {
        try Self.checkPurpose(parameters)
        material = try Self.material(parameters)
        algorithm = try Self.algorithm(parameters, material, allowed)
        if case .secret(let bytes) = material, bytes.count < algorithm.digestCount {
            throw .broken(
                "the secret is shorter than the \(algorithm.digestCount) bytes that \(algorithm.rawValue) needs"
            )
        }
        guard !parameters.mistyped.contains("kid") else { throw .broken("'kid' is no text") }
        id = parameters.texts["kid"]
        if let id, id.count > Self.longestID { throw .broken("'kid' is longer than \(Self.longestID) bytes") }
        try KeyVerifier.check(material)
    }

    /// RFC 7517, sections 4.2 and 4.3: both, where they are there, must allow what the gateway does with the key.
    private static func checkPurpose(_ parameters: KeyParameters) throws(KeyProblem) {
        for name in ["kty", "use", "alg", "key_ops"] where parameters.mistyped.contains(name) {
            throw .broken("'\(name)' is not of the form that it must have")
        }
        if let use = parameters.texts["use"], !use.elementsEqual("sig".utf8) {
            throw .notForThis("'use' is not 'sig'")
        }
        if let operations = parameters.operations, !operations.contains(where: { $0.elementsEqual("verify".utf8) }) {
            throw .notForThis("'key_ops' does not hold 'verify'")
        }
    }

    private static func algorithm(
        _ parameters: KeyParameters,
        _ material: Material,
        _ allowed: [JWTAlgorithm]
    ) throws(KeyProblem) -> JWTAlgorithm {
        let fitting = material.algorithms
        guard let name = parameters.texts["alg"] else {
            // Without a word to the contrary, an RSA key or a secret is for the algorithm that everybody has.
            guard let algorithm = allowed.first(where: fitting.contains) else {
                throw .notForThis("it is for none of 'algorithms'")
            }
            return algorithm
        }
        guard let algorithm = JWTAlgorithm(name) else { throw .notForThis("its 'alg' is not one of signatures") }
        guard fitting.contains(algorithm) else { throw .broken("its 'alg' does not go with its 'kty'") }
        guard allowed.contains(algorithm) else { throw .notForThis("its 'alg' is none of 'algorithms'") }
        return algorithm
    }

    // MARK: - Material

    private static func material(_ parameters: KeyParameters) throws(KeyProblem) -> Material {
        guard let type = parameters.texts["kty"] else { throw .broken("'kty' is missing") }
        switch String(decoding: type, as: UTF8.self) {
        case "oct": return .secret(try secret(parameters))
        case "RSA": return try rsa(parameters)
        case "EC": return try curve(parameters)
        case "OKP": return try edwards(parameters)
        default: throw .notForThis("its 'kty' is not known")
        }
    }

    private static func secret(_ parameters: KeyParameters) throws(KeyProblem) -> [UInt8] {
        let secret = try bytes("k", parameters)
        guard secret.count <= longestSecret else { throw .broken("'k' is longer than \(longestSecret) bytes") }
        return secret
    }

    private static func rsa(_ parameters: KeyParameters) throws(KeyProblem) -> Material {
        try refusePrivate(parameters)
        // Some issuers write a zero byte in front. It changes nothing.
        let modulus = Array(try bytes("n", parameters).drop { $0 == 0 })
        let exponent = Array(try bytes("e", parameters).drop { $0 == 0 })
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard bits >= modulusBits.lowerBound else { throw .broken("it has \(bits) bits, and RSA needs 2048") }
        guard bits <= modulusBits.upperBound else { throw .broken("it has more than 8192 bits") }
        let value = exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard exponent.count <= 4, value >= 3, !value.isMultiple(of: 2) else {
            throw .broken("'e' is no exponent of an RSA key")
        }
        return .rsa(modulus: modulus, exponent: exponent)
    }

    private static func curve(_ parameters: KeyParameters) throws(KeyProblem) -> Material {
        try refusePrivate(parameters)
        let name = parameters.texts["crv"].map { String(decoding: $0, as: UTF8.self) }
        guard let name else { throw .broken("'crv' is missing") }
        guard let curve = EllipticCurve(rawValue: name) else { throw .notForThis("its 'crv' is not known") }
        let (x, y) = (try bytes("x", parameters), try bytes("y", parameters))
        guard x.count == curve.coordinateCount, y.count == curve.coordinateCount else {
            throw .broken("'x' and 'y' must have \(curve.coordinateCount) bytes on \(name)")
        }
        return .curve(curve, x: x, y: y)
    }

    private static func edwards(_ parameters: KeyParameters) throws(KeyProblem) -> Material {
        try refusePrivate(parameters)
        guard let name = parameters.texts["crv"] else { throw .broken("'crv' is missing") }
        guard name.elementsEqual("Ed25519".utf8) else { throw .notForThis("its 'crv' is not known") }
        let x = try bytes("x", parameters)
        guard x.count == 32 else { throw .broken("'x' must have 32 bytes on Ed25519") }
        return .ed25519(x)
    }

    /// Who can read it could sign, so it is not the key that it should be.
    private static func refusePrivate(_ parameters: KeyParameters) throws(KeyProblem) {
        if parameters.has("d") {
            throw .broken("it holds the private part ('d'), which nobody but the issuer may have")
        }
    }

    private static func bytes(_ name: String, _ parameters: KeyParameters) throws(KeyProblem) -> [UInt8] {
        guard let text = parameters.texts[name] else { throw .broken("'\(name)' is missing") }
        guard let bytes = Base64.decode(text, as: .url), !bytes.isEmpty else {
            throw .broken("'\(name)' is not base64url")
        }
        return bytes
    }
}

extension VerificationKey.Material {
    /// All that such a key could be for.
    var algorithms: [JWTAlgorithm] {
        switch self {
        case .secret: [.hs256, .hs384, .hs512]
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .curve(let curve, _, _): [curve.algorithm]
        case .ed25519: [.eddsa]
        }
    }
}
