import Crypto
import CryptoExtras
import SluiceCore
import Testing

/// Makes tokens, also ones that no library would make.
enum TokenForge {
    /// Claims that the filter of `JWTBench` takes.
    static let claims = #"{"iss":"https://issuer.example","aud":"orders","sub":"alice","exp":1700003600}"#

    static func claims(_ more: String) -> String { claims.dropLast() + "," + more + "}" }

    static func part(_ text: String) -> String { part(Array(text.utf8)) }

    static func part(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Base64.encode(bytes, as: .url), as: UTF8.self)
    }

    /// Any header and payload with a signature of `sign`.
    static func token(
        _ header: String,
        _ payload: String = claims,
        sign: ([UInt8]) throws -> [UInt8]
    ) rethrows -> String {
        let signed = "\(part(header)).\(part(payload))"
        return "\(signed).\(part(try sign(Array(signed.utf8))))"
    }

    /// With the secret of the fixtures.
    static func hs256(_ header: String = #"{"alg":"HS256","kid":"hmac"}"#, _ payload: String = claims) throws -> String
    {
        let secret = try #require(Base64.decode(JWTFixtures.privateKey("hmac"), as: .url))
        return token(header, payload) { hmac($0, secret) }
    }

    static func hmac(_ message: [UInt8], _ secret: [UInt8]) -> [UInt8] {
        HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: secret)).withUnsafeBytes { Array($0) }
    }

    static func rs256(_ header: String = #"{"alg":"RS256","kid":"rsa"}"#, _ payload: String = claims) throws -> String {
        let key = try _RSA.Signing.PrivateKey(pemRepresentation: JWTFixtures.privateKey("rsa"))
        return try token(header, payload) { message in
            Array(try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation)
        }
    }

    static func es256(
        _ header: String = #"{"alg":"ES256","kid":"p256"}"#,
        _ payload: String = claims,
        asDER: Bool = false
    ) throws -> String {
        let key = try P256.Signing.PrivateKey(pemRepresentation: JWTFixtures.privateKey("p256"))
        return try token(header, payload) { message in
            let signature = try key.signature(for: message)
            return Array(asDER ? signature.derRepresentation : signature.rawRepresentation)
        }
    }
}
