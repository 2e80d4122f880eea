import CNIOBoringSSL

/// The TLS of one upstream: made on a control thread, never changed but for its cache of sessions, shared by all loops.
package final class TLSClientContext: Sendable {
    /// The client's own certificate.
    package let certificate: TLSCertificate?
    /// When the first certificate of its chain runs out; seconds since 1970.
    package let earliestNotAfter: Int64?
    /// What works and should be mended all the same.
    package let warnings: [TLSWarning]

    /// An SSL_CTX.
    let library: LibraryObject
    let verifier: PeerVerifier
    let sessions: TLSSessionCache
    let handshakeByteLimit: Int
    let keyLog: (@Sendable ([UInt8]) -> Void)?

    package init(_ settings: TLSClientSettings) throws(TLSSettingsError) {
        let credential: Credential?
        if let source = settings.certificate {
            credential = try Credential(source, index: 0, now: settings.clock())
        } else {
            credential = nil
        }
        certificate = credential?.leaf
        earliestNotAfter = credential?.earliestNotAfter
        warnings = credential?.warnings ?? []
        if settings.verification != .none, settings.trust == nil {
            throw TLSSettingsError(.trust, "the server's certificate is to be verified, and no CA is trusted")
        }
        verifier = PeerVerifier(
            role: .server,
            trust: settings.verification == .none ? nil : settings.trust,
            rules: try PeerRuleSet(settings.rules),
            maximumDepth: settings.maximumDepth,
            checksHost: settings.verification == .full,
            clock: settings.clock
        )
        sessions = TLSSessionCache(limit: settings.sessionCacheSize)
        handshakeByteLimit = settings.handshakeByteLimit
        keyLog = settings.keyLog
        library = try LibraryContext.make(
            minimum: settings.minimumVersion,
            maximum: settings.maximumVersion,
            ciphers: settings.ciphers,
            curves: settings.curves
        )
        try library.lend { (context) throws(TLSSettingsError) in try Self.configure(context, settings, credential) }
    }

    private static func configure(
        _ context: OpaquePointer,
        _ settings: TLSClientSettings,
        _ credential: Credential?
    ) throws(TLSSettingsError) {
        let none = TLSSettingsError(.library, "the library has no memory")
        if let credential, credential.plain.lend({ SSL_CTX_add1_credential(context, $0) }) != 1 { throw none }
        let alpn = try LibraryContext.alpnList(settings.protocols)
        // Zero is success here.
        guard SSL_CTX_set_alpn_protos(context, alpn, alpn.count) == 0 else { throw none }
        // Peers are always looked at, so that pins hold where nothing else does.
        SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, TLSCallbacks.verify)
        SSL_CTX_set_reverify_on_resume(context, 1)
        if settings.sessionCacheSize > 0 {
            SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
            SSL_CTX_sess_set_new_cb(context, TLSCallbacks.newSession)
        } else {
            SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF)
        }
        if settings.keyLog != nil { SSL_CTX_set_keylog_callback(context, TLSCallbacks.keyLog) }
    }
}
