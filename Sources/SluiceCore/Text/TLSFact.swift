/// What the TLS handshake with a client found out, by the names that templates have for it behind `tls.`.
///
/// Values that are missing, and all of a cleartext connection, are empty. Of a client's certificate only what was
/// verified is told. Several names of one kind are told with commas in between.
package enum TLSFact: String, CaseIterable, Sendable {
    /// `TLSv1.3`
    case version
    /// `TLS_AES_128_GCM_SHA256`
    case cipher
    /// What the client asked for (SNI).
    case serverName = "server_name"
    /// RFC 4514: `CN=web,O=Example`.
    case clientSubject = "client.subject"
    case clientIssuer = "client.issuer"
    /// Hexadecimal, upper case.
    case clientSerial = "client.serial"
    /// SHA-256 of the certificate, hexadecimal.
    case clientFingerprint = "client.fingerprint"
    /// SHA-256 of its public key, base64.
    case clientPin = "client.pin"
    case clientURI = "client.uri"
    case clientDNS = "client.dns"
    case clientEmail = "client.email"

    /// Where it starts among the variables of templates.
    static let prefix = "tls."
}
