/// Why a TLS connection failed.
package struct TLSFailure: Error, Sendable, Equatable {
    /// The raw value is the word in logs and metrics; it never changes.
    package enum Reason: String, Sendable, CaseIterable {
        /// The first bytes are no TLS: plain HTTP to a TLS port, most often. Nothing was written to `out`, so that an
        /// answer in plain text can be.
        case notTLS = "not_tls"
        /// No version that both know.
        case unsupportedVersion = "unsupported_version"
        /// No cipher suite, group or signature algorithm that both know.
        case noSharedCipher = "no_shared_cipher"
        /// ALPN found nothing in common.
        case noSharedProtocol = "no_shared_protocol"
        /// The client's server name is unknown, or there is none, and the listener is strict.
        case unknownServerName = "unknown_server_name"
        /// A certificate was required, and none came.
        case noCertificate = "no_certificate"
        case certificateExpired = "certificate_expired"
        case certificateNotYetValid = "certificate_not_yet_valid"
        /// No chain to a trusted certificate.
        case certificateUnknownCA = "certificate_unknown_ca"
        case certificateRevoked = "certificate_revoked"
        /// The revocation list of an issuer is missing, has run out or is not valid.
        case revocationUnknown = "revocation_unknown"
        /// Made for another purpose, such as a server's certificate shown by a client.
        case certificateWrongPurpose = "certificate_wrong_purpose"
        /// Malformed, badly signed, or against a rule of RFC 5280.
        case certificateInvalid = "certificate_invalid"
        /// The certificate is valid and none of its names is the one expected.
        case sanMismatch = "san_mismatch"
        /// The certificate is valid and has neither the pinned key nor the given hash.
        case pinMismatch = "pin_mismatch"
        /// The own certificate's OCSP response has run out, and the policy is strict about it.
        case noOCSPResponse = "no_ocsp_response"
        /// The peer refused with an alert; the detail has its name.
        case peerAlert = "peer_alert"
        /// The peer sent more than a handshake may have.
        case handshakeTooLarge = "handshake_too_large"
        /// For the owner of the timer; the session never gives it.
        case handshakeTimeout = "handshake_timeout"
        /// The handshake failed for another reason; see the detail.
        case handshakeFailed = "handshake_failed"
        /// A record could not be opened, or came where it must not.
        case protocolError = "protocol_error"
        /// The peer asked to renegotiate.
        case renegotiation = "renegotiation"
        /// Not the peer's fault: memory, or a state that should be impossible.
        case internalError = "internal_error"
    }

    package let reason: Reason
    /// For the log: plain printable ASCII, never longer than 256 bytes.
    package let detail: String

    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// Both, for logs: `certificate_unknown_ca: self signed certificate: CN=localhost`.
    package var text: String { detail.isEmpty ? reason.rawValue : "\(reason.rawValue): \(detail)" }
}
