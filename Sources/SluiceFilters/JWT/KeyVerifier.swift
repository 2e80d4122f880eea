import Crypto
import CryptoExtras
import SluiceCore

/// A key in the form that the cryptographic library computes with. One loop's own: its objects are counted.
///
/// The only place that knows the library. Isolation: one loop.
enum KeyVerifier {
    case hmac(SymmetricKey)
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)

    /// nil for what the library does not take; `check` has said so before.
    init?(_ material: VerificationKey.Material) {
        guard let verifier = try? Self.make(material) else { return nil }
        self = verifier
    }

    /// Refuses material that is no key: a point that is not on its curve, an even modulus.
    static func check(_ material: VerificationKey.Material) throws(KeyProblem) {
        do { _ = try make(material) } catch { throw .broken("its numbers make no key") }
    }

    private static func make(_ material: VerificationKey.Material) throws -> KeyVerifier {
        switch material {
        case .secret(let bytes): return .hmac(SymmetricKey(data: bytes))
        case .rsa(let modulus, let exponent): return .rsa(try _RSA.Signing.PublicKey(n: modulus, e: exponent))
        case .curve(let curve, let x, let y):
            let point = [0x04] + x + y
            switch curve {
            case .p256: return .p256(try P256.Signing.PublicKey(x963Representation: point))
            case .p384: return .p384(try P384.Signing.PublicKey(x963Representation: point))
            case .p521: return .p521(try P521.Signing.PublicKey(x963Representation: point))
            }
        case .ed25519(let bytes): return .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: bytes))
        }
    }

    /// Whether a signature is right, by the algorithm that the key is for.
    ///
    /// ECDSA signatures are the two numbers behind each other and of full length (RFC 7518, section 3.4), never DER.
    func isValid(_ signature: [UInt8], of message: UnsafeRawBufferPointer, by algorithm: JWTAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.hmac(let key), .hs256): HMAC<SHA256>.isValid(signature, of: message, by: key)
        case (.hmac(let key), .hs384): HMAC<SHA384>.isValid(signature, of: message, by: key)
        case (.hmac(let key), .hs512): HMAC<SHA512>.isValid(signature, of: message, by: key)
        case (.rsa(let key), .rs256): key.isValid(signature, of: SHA256.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .rs384): key.isValid(signature, of: SHA384.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .rs512): key.isValid(signature, of: SHA512.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .ps256): key.isValid(signature, of: SHA256.hash(data: message), .PSS)
        case (.rsa(let key), .ps384): key.isValid(signature, of: SHA384.hash(data: message), .PSS)
        case (.rsa(let key), .ps512): key.isValid(signature, of: SHA512.hash(data: message), .PSS)
        case (.p256(let key), .es256):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA256.hash(data: message))
            } ?? false
        case (.p384(let key), .es384):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA384.hash(data: message))
            } ?? false
        case (.p521(let key), .es512):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA512.hash(data: message))
            } ?? false
        case (.ed25519(let key), .eddsa): signature.count == 64 && key.isValidSignature(signature, for: message)
        default: false
        }
    }
}

extension HMAC {
    /// Compares in constant time.
    fileprivate static func isValid(_ code: [UInt8], of message: UnsafeRawBufferPointer, by key: SymmetricKey) -> Bool {
        isValidAuthenticationCode(code, authenticating: message, using: key)
    }
}

extension _RSA.Signing.PublicKey {
    fileprivate func isValid(_ signature: [UInt8], of digest: some Digest, _ padding: _RSA.Signing.Padding) -> Bool {
        // The salt of PSS is as long as the digest (RFC 7518, section 3.5), which is what the library checks.
        isValidSignature(_RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: padding)
    }
}
