import SluiceCore

/// The keys of a JWK Set (RFC 7517, section 5) that are of use here, in their order.
struct KeySet: Hashable, Sendable {
    /// More than any issuer has; each is tried at most once per token.
    static let maximumCount = 256
    /// A set may be this large as JSON.
    static let limits = JSONLimits(bytes: 1 << 20, depth: 8, values: 20_000)

    var keys: [VerificationKey] = []
    /// What was left out and why: `key 'a' (2nd)`, the problem.
    var ignored: [Ignored] = []

    struct Ignored: Hashable, Sendable {
        let index: Int
        let id: String?
        let problem: KeyProblem
    }

    /// Why a whole set is of no use.
    struct Problem: Error, Hashable, Sendable { let text: String }

    init(keys: [VerificationKey]) { self.keys = keys }

    /// Reads a set. Keys that are of no use are left out; a set without any other is an error.
    init(json: [UInt8], allowed: [JWTAlgorithm]) throws(Problem) {
        let value: JSONValue
        do throws(JSONError) { value = try JSONParser.parse(json, limits: Self.limits) } catch {
            throw Problem(text: "\(error.kind.rawValue) (byte \(error.offset))")
        }
        guard let items = value.object?["keys"]?.items else {
            throw Problem(text: "is no JWK Set: an object with the list 'keys' is needed")
        }
        try self.init(
            items.map { item in item.object.map { KeyParameters($0) } },
            allowed: allowed
        )
    }

    /// - Parameter items: nil for one that is no object.
    init(_ items: [KeyParameters?], allowed: [JWTAlgorithm]) throws(Problem) {
        guard items.count <= Self.maximumCount else {
            throw Problem(text: "holds more than \(Self.maximumCount) keys")
        }
        for (index, item) in items.enumerated() {
            let id = item?.texts["kid"].map { String(decoding: $0, as: UTF8.self) }
            do throws(KeyProblem) {
                guard let item else { throw .broken("it is no object") }
                keys.append(try VerificationKey(item, allowed: allowed))
            } catch {
                ignored.append(Ignored(index: index, id: id, problem: error))
            }
        }
        guard !keys.isEmpty else {
            let reason = ignored.first.map { ": \($0.text)" } ?? ""
            throw Problem(text: "holds no key that is of use\(reason)")
        }
    }

    /// Tells this set of keys from all others.
    var fingerprint: String {
        var bytes: [UInt8] = []
        func add(_ part: [UInt8]) {
            bytes += Array("\(part.count):".utf8)
            bytes += part
        }
        for key in keys {
            add(key.id.map { [1] + $0 } ?? [])
            add(Array(key.algorithm.rawValue.utf8))
            for part in key.material.parts { add(part) }
        }
        return SHA256Digest(of: bytes).hexadecimal
    }

    /// Keys that are wrong, in words for operators.
    var warnings: [String] {
        ignored.compactMap { if case .broken = $0.problem { $0.text } else { nil } }
    }
}

extension VerificationKey.Material {
    fileprivate var parts: [[UInt8]] {
        switch self {
        case .secret(let bytes), .ed25519(let bytes): [bytes]
        case .rsa(let modulus, let exponent): [modulus, exponent]
        case .curve(let curve, let x, let y): [Array(curve.rawValue.utf8), x, y]
        }
    }
}

extension KeySet.Ignored {
    /// `key 2 ('a'): ...`
    var text: String {
        let name = id.map { " ('\(Self.visible($0))')" } ?? ""
        return "key \(index + 1)\(name): \(problem.text)"
    }

    private static func visible(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
            )
        )
    }
}
