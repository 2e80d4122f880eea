import SluiceCore

/// What a listener's TLS is made of.
package struct TLSServerSettings: Sendable {
    /// How strict the server is about its own OCSP responses.
    package enum StaplingPolicy: Sendable {
        /// Staple a response that is valid now; never fail.
        case lenient
        /// As `lenient`, but a certificate whose given response has run out is not used.
        case strict
        /// A certificate without a response that is valid now is not used.
        case mustStaple
    }

    /// At least one. Several for one name are told apart by the algorithms a client knows: put ECDSA before RSA.
    package var certificates: [TLSCertificateSource]
    /// The certificate for clients that send no name or an unknown one: its position.
    package var defaultCertificate: Int
    /// Whether a client with no name or an unknown one is refused (alert `unrecognized_name`).
    package var refusesUnknownNames: Bool
    package var minimumVersion: TLSVersion
    package var maximumVersion: TLSVersion
    /// OpenSSL's names of cipher suites for TLS 1.2, in order; nil: forward secret AEAD suites. Those of TLS 1.3 are
    /// not for choice.
    package var ciphers: [String]?
    /// Groups for the key exchange, in order: `X25519MLKEM768`, `X25519`, `P-256`, `P-384`; nil: these.
    package var curves: [String]?
    /// What ALPN offers, in the server's order; empty: no ALPN. A client whose list has nothing in common is refused
    /// with `no_application_protocol` (RFC 7301, section 3.2).
    package var protocols: [[UInt8]]
    package var clientAuthentication: TLSClientAuthentication
    /// What session tickets are sealed with; nil: no resumption. Share one between contexts to let sessions outlive a
    /// reload.
    package var ticketKeys: TLSTicketKeys?
    /// Seconds for which a session can be resumed.
    package var sessionLifetime: UInt32
    package var staplingPolicy: StaplingPolicy
    /// Bytes that a client may send before the handshake is done.
    package var handshakeByteLimit: Int
    /// Is given lines for an SSLKEYLOGFILE (RFC 9850): whoever has them reads the traffic. Called on the loop.
    package var keyLog: (@Sendable ([UInt8]) -> Void)?
    /// Seconds since 1970: what certificates, revocation lists and OCSP responses are held against. How old a ticket
    /// is goes by the library's own clock.
    package var clock: @Sendable () -> Int64

    package init(certificates: [TLSCertificateSource]) {
        self.certificates = certificates
        defaultCertificate = 0
        refusesUnknownNames = false
        minimumVersion = .tls12
        maximumVersion = .tls13
        ciphers = nil
        curves = nil
        protocols = []
        clientAuthentication = TLSClientAuthentication()
        ticketKeys = nil
        sessionLifetime = 7200
        staplingPolicy = .lenient
        handshakeByteLimit = 65_536
        keyLog = nil
        clock = SystemClock.secondsSince1970
    }
}

/// Whether and how clients prove who they are.
package struct TLSClientAuthentication: Sendable {
    package enum Mode: Sendable {
        case none
        /// A certificate is asked for; a client without one is let in, a client with a bad one is not.
        case optional
        case require
    }

    package var mode: Mode
    /// Required unless `mode` is `none`.
    package var trust: TLSTrustStore?
    package var rules: TLSPeerRules
    /// How many intermediates may stand between the leaf and the trusted certificate; nil: the library's 100.
    package var maximumDepth: Int?
    /// Whether a certificate that fails is let in all the same; `PeerCertificate.isVerified` says so then.
    package var acceptsUnverified: Bool
    /// Whether the names of the trusted authorities are sent, so that a browser knows which certificate to offer.
    package var namesAuthorities: Bool

    package init(mode: Mode = .none, trust: TLSTrustStore? = nil, rules: TLSPeerRules = TLSPeerRules()) {
        self.mode = mode
        self.trust = trust
        self.rules = rules
        maximumDepth = nil
        acceptsUnverified = false
        namesAuthorities = true
    }
}
