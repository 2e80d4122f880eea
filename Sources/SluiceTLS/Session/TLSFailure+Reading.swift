import CNIOBoringSSL

extension TLSFailure {
    /// Turns what the library says into a reason.
    ///
    /// - Parameters:
    ///   - recorded: What a callback found out, which is clearer.
    ///   - firstBytes: What the peer began with, before the handshake is done.
    static func reading(
        _ error: LibraryError?,
        _ recorded: TLSFailure?,
        _ firstBytes: [UInt8],
        isOpen: Bool
    ) -> TLSFailure {
        if let recorded { return recorded }
        if !isOpen, let failure = notTLS(firstBytes) { return failure }
        guard let error else { return TLSFailure(.internalError, "the library failed and did not say why") }
        guard error.library == ERR_LIB_SSL else {
            return TLSFailure(isOpen ? .protocolError : .handshakeFailed, TextForm.clean(error.text))
        }
        let alert = error.reason - SSL_AD_REASON_OFFSET
        if alert >= 0, let name = SSL_alert_desc_string_long(alert) {
            return TLSFailure(.peerAlert, TextForm.clean("the peer refused: " + String(cString: name)))
        }
        let reason = reason(of: error.reason, isOpen: isOpen)
        return TLSFailure(reason ?? (isOpen ? .protocolError : .handshakeFailed), TextForm.clean(error.text))
    }

    /// Whether the first bytes are none of TLS: a record of a handshake or an alert, or the hello of SSL 2.0.
    private static func notTLS(_ bytes: [UInt8]) -> TLSFailure? {
        guard let first = bytes.first, first != 0x16, first != 0x15, first & 0x80 == 0 else { return nil }
        let shown = TextForm.clean(String(decoding: bytes, as: UTF8.self))
        let methods = ["GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "]
        let isHTTP = shown.hasPrefix("HTTP/") || methods.contains { shown.hasPrefix($0) }
        return TLSFailure(.notTLS, "\(isHTTP ? "plain HTTP" : "something else than TLS") was received: '\(shown)'")
    }

    private static func reason(of reason: Int32, isOpen: Bool) -> Reason? {
        switch reason {
        case SSL_R_NO_RENEGOTIATION, SSL_R_RENEGOTIATION_MISMATCH: .renegotiation
        case _ where isOpen: nil
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_SUPPORTED_VERSIONS_ENABLED, SSL_R_WRONG_VERSION_NUMBER,
            SSL_R_WRONG_SSL_VERSION, SSL_R_TLS13_DOWNGRADE, SSL_R_INAPPROPRIATE_FALLBACK:
            .unsupportedVersion
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_GROUP, SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS,
            SSL_R_NO_CIPHERS_SPECIFIED, SSL_R_WRONG_CURVE, SSL_R_UNKNOWN_CERTIFICATE_TYPE:
            .noSharedCipher
        case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_INVALID_ALPN_PROTOCOL: .noSharedProtocol
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .noCertificate
        case SSL_R_CERTIFICATE_VERIFY_FAILED: .certificateInvalid
        case SSL_R_EXCESSIVE_MESSAGE_SIZE: .handshakeTooLarge
        default: nil
        }
    }
}
