import SluiceCore

/// What the TLS towards an upstream is made of.
package struct TLSClientSettings: Sendable {
    package enum Verification: Sendable {
        /// The chain and the name of the host; the names of `rules`, where there are any, stand in for the host's.
        case full
        /// The chain only.
        case chain
        /// Nothing, but for the pins and hashes of `rules`.
        case none
    }

    package var verification: Verification
    /// Required unless nothing is verified.
    package var trust: TLSTrustStore?
    package var rules: TLSPeerRules
    /// How many intermediates may stand between the leaf and the trusted certificate; nil: the library's 100.
    package var maximumDepth: Int?
    /// What the gateway shows when it is asked for a certificate.
    package var certificate: TLSCertificateSource?
    package var minimumVersion: TLSVersion
    package var maximumVersion: TLSVersion
    /// OpenSSL's names of cipher suites for TLS 1.2; nil: forward secret AEAD suites.
    package var ciphers: [String]?
    /// Groups for the key exchange; nil: `X25519MLKEM768`, `X25519`, `P-256`, `P-384`.
    package var curves: [String]?
    /// What ALPN offers, in order; empty: no ALPN.
    package var protocols: [[UInt8]]
    /// How many sessions are kept for resumption; 0: none.
    package var sessionCacheSize: Int
    /// Bytes that a server may send before the handshake is done.
    package var handshakeByteLimit: Int
    /// Is given lines for an SSLKEYLOGFILE (RFC 9850): whoever has them reads the traffic. Called on the loop.
    package var keyLog: (@Sendable ([UInt8]) -> Void)?
    /// Seconds since 1970: what certificates and revocation lists are held against.
    package var clock: @Sendable () -> Int64

    package init(trust: TLSTrustStore?) {
        verification = trust == nil ? .none : .full
        self.trust = trust
        rules = TLSPeerRules()
        maximumDepth = nil
        certificate = nil
        minimumVersion = .tls12
        maximumVersion = .tls13
        ciphers = nil
        curves = nil
        protocols = []
        sessionCacheSize = 256
        handshakeByteLimit = 262_144
        keyLog = nil
        clock = SystemClock.secondsSince1970
    }
}
