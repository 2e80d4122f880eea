package import SluiceCore

/// The facts of one certificate, as plain values.
package struct TLSCertificate: Sendable {
    /// RFC 4514 text: `CN=api,O=Example`. Printable ASCII only; everything else is escaped.
    package let subject: [UInt8]
    package let issuer: [UInt8]
    /// The common name as UTF-8, where there is exactly one; nil if it holds a control character.
    package let commonName: [UInt8]?
    /// Subject alternative names. A name with a NUL or another control character is not among them, and
    /// `hasMalformedNames` is set.
    package let dnsNames: [[UInt8]]
    package let uris: [[UInt8]]
    package let emails: [[UInt8]]
    package let ipAddresses: [IPAddress]
    /// Whether a subject alternative name was left out since no such name can be meant.
    package let hasMalformedNames: Bool
    /// Upper case hexadecimal digits, two per byte.
    package let serial: [UInt8]
    /// SHA-256 of the certificate in DER: 64 lower case hexadecimal digits.
    package let fingerprint: [UInt8]
    /// SHA-256 of the subject's public key info: base64 with padding, 44 characters.
    package let publicKeyPin: [UInt8]
    /// `RSA 2048`, `EC P-256`, `Ed25519`.
    package let keyKind: String
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    package let der: [UInt8]
}

/// The certificate that a peer showed.
package struct PeerCertificate: Sendable {
    package let certificate: TLSCertificate
    /// The chain as the peer sent it, leaf first, each in DER.
    package let chain: [[UInt8]]
    /// Whether it passed all checks; false only where the settings let others in.
    package let isVerified: Bool
}
