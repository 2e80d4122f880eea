package import SluiceCore

/// A known caller, its groups and its credentials.
package struct ConsumerModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var groups: [String] = []
    /// Digests of its keys; the keys themselves are kept nowhere.
    package var keys: [SHA256Digest] = []
    /// What its certificate has; one of them is enough.
    package var certificates: [CertificateIdentity] = []

    package init(name: String, place: SourcePlace) {
        self.name = name
        self.place = place
    }
}

/// What one certificate has and no other caller's does.
package enum CertificateIdentity: Hashable, Sendable {
    /// Of its public key: base64 of the SHA-256 digest.
    case pin(String)
    case uri(String)
    /// Lower case.
    case dns(String)
    /// The part behind `@` in lower case.
    case email(String)
    /// RFC 4514, as the gateway writes it.
    case subject(String)
}
