import CNIOBoringSSL
import SluiceCore

/// Decides whether the certificates that a peer shows are good enough.
struct PeerVerifier: Sendable {
    enum Role: Sendable {
        /// The peer is a client, and this side a server.
        case client
        case server
    }

    let role: Role
    /// Nil: the chain is not checked.
    let trust: TLSTrustStore?
    let rules: PeerRuleSet
    let maximumDepth: Int?
    /// Whether the host must be among the names of the certificate.
    let checksHost: Bool
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64

    /// - Parameters:
    ///   - chain: X509, leaf first.
    ///   - host: Who the peer must be; nil on a server.
    func verify(_ chain: [LibraryObject], host: PeerHost?) -> TLSFailure? {
        guard let leaf = chain.first else { return TLSFailure(.noCertificate, "no certificate was shown") }
        let names = leaf.lend { SubjectNames($0) }
        if let trust {
            if let failure = verify(chain, leaf: leaf, trust: trust) { return failure }
            guard !names.isMalformed else {
                let text = "a subject alternative name cannot be read or holds a control character"
                return TLSFailure(.certificateInvalid, text)
            }
        }
        if checksHost, !rules.hasNames {
            guard let host, host.isCovered(by: names) else {
                return TLSFailure(.sanMismatch, "the certificate is for another host\(Self.list(names))")
            }
        }
        return rules.check(leaf, names: names)
    }

    /// Whether a chain that was good once has run out since: all that can have changed for a resumed session.
    func verifyDates(_ chain: [LibraryObject]) -> TLSFailure? {
        guard trust != nil else { return nil }
        let now = clock()
        let isCurrent = chain.allSatisfy { TLSCertificate.notAfter(of: $0) >= now }
        return isCurrent ? nil : TLSFailure(.certificateExpired, "a certificate of the resumed session has expired")
    }

    private func verify(_ chain: [LibraryObject], leaf: LibraryObject, trust: TLSTrustStore) -> TLSFailure? {
        let attempt = ChainAttempt(
            store: trust.store,
            purpose: role == .client ? "ssl_client" : "ssl_server",
            maximumDepth: maximumDepth,
            now: clock()
        )
        let intermediates = Array(chain.dropFirst())
        guard let failure = attempt.run(leaf: leaf, untrusted: intermediates) else { return nil }
        var others = AlternativePaths(attempt, leaf: leaf, intermediates: intermediates)
        return failure.reason != .internalError && others.hasGoodOne() ? nil : failure
    }

    private static func list(_ names: SubjectNames) -> String {
        let some =
            names.dns.prefix(3).map { String(decoding: $0, as: UTF8.self) }
            + names.ipAddresses.prefix(3).map(\.description)
        return some.isEmpty ? "" : TextForm.clean(": " + some.joined(separator: ", "))
    }
}

extension TLSFailure.Reason {
    /// The alert to send for a bad certificate (RFC 8446, section 6.2).
    var alert: UInt8 {
        let alert =
            switch self {
            case .certificateExpired, .certificateNotYetValid: SSL_AD_CERTIFICATE_EXPIRED
            case .certificateRevoked: SSL_AD_CERTIFICATE_REVOKED
            case .certificateUnknownCA: SSL_AD_UNKNOWN_CA
            case .certificateWrongPurpose: SSL_AD_UNSUPPORTED_CERTIFICATE
            case .certificateInvalid: SSL_AD_BAD_CERTIFICATE
            case .internalError: SSL_AD_INTERNAL_ERROR
            default: SSL_AD_CERTIFICATE_UNKNOWN
            }
        return UInt8(truncatingIfNeeded: alert)
    }
}
