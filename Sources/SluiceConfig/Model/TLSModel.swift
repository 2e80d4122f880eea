package import NIOCore

// MARK: - What both sides share

/// Bytes of a certificate, key, list or staple: in a file, which is read again when it changes, or in the configuration.
package struct TLSMaterial: Hashable, Sendable {
    package enum Origin: Hashable, Sendable {
        /// The path as the process opens it.
        case file(String)
        /// PEM.
        case inline(Secret)
    }

    package var origin: Origin
    package var span: SourceSpan

    package init(_ origin: Origin, at span: SourceSpan) {
        self.origin = origin
        self.span = span
    }

    /// The path of the file; nil for what stands in the configuration.
    package var path: String? {
        if case .file(let path) = origin { path } else { nil }
    }
}

/// Versions of the protocol. Older ones are broken (RFC 8996) and not spoken.
package enum TLSProtocolVersion: String, CaseIterable, Comparable, Sendable {
    case tls12 = "1.2"
    case tls13 = "1.3"

    package static func < (a: TLSProtocolVersion, b: TLSProtocolVersion) -> Bool { a.rawValue < b.rawValue }
}

/// Cipher suites of TLS 1.2, by the names that OpenSSL gives them. Those of TLS 1.3 are all good and not chosen.
package enum TLSCipher: String, CaseIterable, Sendable {
    case ecdsaAES128GCM = "ECDHE-ECDSA-AES128-GCM-SHA256"
    case rsaAES128GCM = "ECDHE-RSA-AES128-GCM-SHA256"
    case ecdsaAES256GCM = "ECDHE-ECDSA-AES256-GCM-SHA384"
    case rsaAES256GCM = "ECDHE-RSA-AES256-GCM-SHA384"
    case ecdsaChaCha20 = "ECDHE-ECDSA-CHACHA20-POLY1305"
    case rsaChaCha20 = "ECDHE-RSA-CHACHA20-POLY1305"
    // For old clients: CBC, and RSA key exchange without forward secrecy.
    case ecdsaAES128 = "ECDHE-ECDSA-AES128-SHA"
    case rsaAES128 = "ECDHE-RSA-AES128-SHA"
    case ecdsaAES256 = "ECDHE-ECDSA-AES256-SHA"
    case rsaAES256 = "ECDHE-RSA-AES256-SHA"
    case plainAES128GCM = "AES128-GCM-SHA256"
    case plainAES256GCM = "AES256-GCM-SHA384"
    case plainAES128 = "AES128-SHA"
    case plainAES256 = "AES256-SHA"

    /// Forward secrecy and authenticated encryption.
    package static let modern: [TLSCipher] = [
        .ecdsaAES128GCM, .rsaAES128GCM, .ecdsaAES256GCM, .rsaAES256GCM, .ecdsaChaCha20, .rsaChaCha20,
    ]
}

/// Groups of the key exchange.
package enum TLSCurve: String, CaseIterable, Sendable {
    case x25519MLKEM768 = "X25519MLKEM768"
    case x25519 = "X25519"
    case p256 = "P-256"
    case p384 = "P-384"

    package static let modern: [TLSCurve] = [.x25519MLKEM768, .x25519, .p256, .p384]
}

/// What may be agreed on with a peer.
package struct TLSParameters: Hashable, Sendable {
    package var minVersion = TLSProtocolVersion.tls12
    package var maxVersion = TLSProtocolVersion.tls13
    /// Of TLS 1.2, best first.
    package var ciphers = TLSCipher.modern
    /// Best first.
    package var curves = TLSCurve.modern

    package init() {}
}

/// A certificate with its chain, and its key.
package struct CertificateModel: Hashable, Sendable {
    /// PEM, the leaf first.
    package var certificate: TLSMaterial
    /// PEM; may be the same file.
    package var key: TLSMaterial
    /// Of an encrypted key.
    package var passphrase: Secret?

    package init(certificate: TLSMaterial, key: TLSMaterial) {
        self.certificate = certificate
        self.key = key
    }
}

/// A condition on the names in a peer's certificate (subject alternative names, RFC 5280, section 4.2.1.6).
package enum IdentityMatch: Hashable, Sendable {
    /// Lower case; `*.example.com` takes every name below.
    case dns(String)
    case uri(String)
    /// Whole segments: `spiffe://example.org/ns/prod` takes that and everything below.
    case uriPrefix(String)
    /// The part behind `@` in lower case.
    case email(String)
}

/// How the certificate of a peer is verified.
package struct PeerVerificationModel: Hashable, Sendable {
    package enum RevocationScope: String, CaseIterable, Sendable { case leaf, chain }

    /// PEM, one or more; nil: those of the system, for upstreams only.
    package var authorities: TLSMaterial?
    /// Certificate revocation lists, PEM or DER, one of each authority; nil: none are asked.
    package var revocations: TLSMaterial?
    package var revocationScope = RevocationScope.chain
    /// Certificates between the peer's and an authority.
    package var depth = 10
    /// Of which one must hold; empty: for upstreams the name of the server, for clients any name.
    package var match: [IdentityMatch] = []
    /// Base64 of SHA-256 digests of public keys (SubjectPublicKeyInfo), of which the peer's must be one; empty: any.
    package var pins: [String] = []

    package init() {}
}

// MARK: - Listeners

/// TLS with clients.
package struct ListenerTLSModel: Hashable, Sendable {
    package var place: SourcePlace
    /// At least one; the first serves clients that ask for no known name.
    package var certificates: [ListenerCertificateModel] = []
    /// Whether clients that ask for no name, or for one that no certificate has, are refused.
    package var strictNames = false
    package var parameters = TLSParameters()
    /// nil: clients are not asked for certificates.
    package var clientCertificate: ClientCertificateModel?
    package var forwardedCertificate = ForwardedCertificateModel()
    package var staplingPolicy = StaplingPolicy.lenient
    package var tickets = SessionTicketModel.on
    package var sessionLifetime = TimeAmount.hours(2)
    package var handshakeTimeout = TimeAmount.seconds(10)
    /// Where secrets are written in the format of `SSLKEYLOGFILE`, for debugging; nil: nowhere.
    package var keyLog: String?

    package init(place: SourcePlace) { self.place = place }
}

/// What becomes of a certificate whose OCSP answer is not valid.
package enum StaplingPolicy: String, CaseIterable, Sendable {
    /// It serves without one.
    case lenient
    /// It is not used when the answer that there is has run out.
    case strict
    /// It is not used without a valid answer.
    case require
}

/// One of the certificates of a listener, of which each client gets the one that fits.
package struct ListenerCertificateModel: Hashable, Sendable {
    package var certificate: CertificateModel
    /// Names that it serves, lower case; `*.example.com` takes one label. Empty: the DNS names in it.
    package var hosts: [String] = []
    /// A DER-encoded OCSP answer that is handed to clients.
    package var ocsp: TLSMaterial?

    package init(_ certificate: CertificateModel) { self.certificate = certificate }
}

/// What clients must show.
package struct ClientCertificateModel: Hashable, Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// A client without one is served; one that is not valid is refused.
        case optional
        case require
    }

    package var mode = Mode.require
    /// With authorities.
    package var verification = PeerVerificationModel()

    package init() {}
}

/// What upstreams are told of the client's certificate in `X-Forwarded-Client-Cert`, as Envoy writes it.
package struct ForwardedCertificateModel: Hashable, Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// The header is removed.
        case sanitize
        /// It says what this gateway verified, and nothing else.
        case set
        /// That comes behind what the client sent, if its certificate was verified.
        case append
        /// What the client sent goes on, if its certificate was verified.
        case forward
    }

    package enum Part: String, CaseIterable, Sendable { case by, hash, cert, chain, subject, uri, dns }

    package var mode = Mode.sanitize
    package var parts: [Part] = [.hash, .subject, .uri, .dns]

    package init() {}
}

/// How sessions are resumed.
package enum SessionTicketModel: Hashable, Sendable {
    case off
    /// With keys that this process makes and renews itself.
    case on
    /// With keys of these files: the first encrypts, all decrypt.
    case keys([TLSMaterial])
}

extension ListenerTLSModel {
    /// All that is read, in the order of the fields; a file that holds two things is there twice.
    package var materials: [TLSMaterial] {
        var all = certificates.flatMap { $0.certificate.materials + [$0.ocsp].compactMap(\.self) }
        if let clientCertificate { all += clientCertificate.verification.materials }
        if case .keys(let keys) = tickets { all += keys }
        return all
    }
}

extension CertificateModel {
    fileprivate var materials: [TLSMaterial] { key == certificate ? [certificate] : [certificate, key] }
}

extension PeerVerificationModel {
    fileprivate var materials: [TLSMaterial] { [authorities, revocations].compactMap(\.self) }
}

// MARK: - Upstreams

/// TLS with servers.
package struct UpstreamTLSModel: Hashable, Sendable {
    /// Of `verify` where it is written.
    package var place: SourcePlace
    package var verify = true
    package var verification = PeerVerificationModel()
    /// The name that is asked for and that the certificate must have; nil: the Host that the upstream always gets, else the
    /// endpoint's own.
    package var serverName: String?
    /// What servers are shown that ask for one.
    package var certificate: CertificateModel?
    package var parameters = TLSParameters()

    package init(place: SourcePlace) { self.place = place }

    /// All that is read, but for the authorities of the system.
    package var materials: [TLSMaterial] { (verify ? verification.materials : []) + (certificate?.materials ?? []) }
}
