import CNIOBoringSSL

/// The TLS of one listener: made on a control thread, never changed, shared by all loops.
package final class TLSServerContext: Sendable {
    /// The certificates in the order of the settings, leaf only.
    package let certificates: [TLSCertificate]
    /// The names that choose each of the certificates, in lower case; a leading `*.` stands for one label.
    package var serverNames: [[[UInt8]]] { credentials.map(\.serverNames) }
    /// When the first certificate of any chain runs out; seconds since 1970.
    package let earliestNotAfter: Int64
    /// What works and should be mended all the same.
    package let warnings: [TLSWarning]

    /// An SSL_CTX.
    let library: LibraryObject
    let credentials: [Credential]
    let names: ServerNameTable
    let settings: Settings
    let verifier: PeerVerifier?

    /// What is needed while connections live.
    struct Settings: Sendable {
        let refusesUnknownNames: Bool
        let protocols: [[UInt8]]
        let acceptsUnverified: Bool
        let ticketKeys: TLSTicketKeys?
        let staplingPolicy: TLSServerSettings.StaplingPolicy
        let handshakeByteLimit: Int
        let keyLog: (@Sendable ([UInt8]) -> Void)?
        let clock: @Sendable () -> Int64
        /// SHA-256 of how clients are told apart: a session of another policy is not resumed.
        let policyDigest: [UInt8]
    }

    package init(_ settings: TLSServerSettings) throws(TLSSettingsError) {
        guard settings.certificates.indices.contains(settings.defaultCertificate) else {
            let none = settings.certificates.isEmpty
            let text = none ? "there is no certificate" : "the default certificate is none of the list"
            throw TLSSettingsError(.certificate(0), text)
        }
        let now = settings.clock()
        var credentials: [Credential] = []
        for (index, source) in settings.certificates.enumerated() {
            credentials.append(try Credential(source, index: index, now: now))
        }
        self.credentials = credentials
        certificates = credentials.map(\.leaf)
        earliestNotAfter = credentials.map(\.earliestNotAfter).min() ?? 0
        warnings = credentials.flatMap(\.warnings)
        names = ServerNameTable(
            names: credentials.map(\.serverNames),
            isRSA: credentials.map(\.keyKind.isRSA),
            fallback: settings.defaultCertificate
        )
        for (index, credential) in credentials.enumerated()
        where settings.staplingPolicy == .mustStaple && credential.staple == nil {
            throw TLSSettingsError(.ocspResponse(index), "stapling is a must, and there is no OCSP response")
        }
        _ = try LibraryContext.alpnList(settings.protocols)
        verifier = try Self.verifier(settings)
        self.settings = Settings(
            refusesUnknownNames: settings.refusesUnknownNames,
            protocols: settings.protocols,
            acceptsUnverified: settings.clientAuthentication.acceptsUnverified,
            ticketKeys: settings.ticketKeys,
            staplingPolicy: settings.staplingPolicy,
            handshakeByteLimit: settings.handshakeByteLimit,
            keyLog: settings.keyLog,
            clock: settings.clock,
            policyDigest: Self.policyDigest(settings.clientAuthentication, verifier)
        )
        library = try LibraryContext.make(
            minimum: settings.minimumVersion,
            maximum: settings.maximumVersion,
            ciphers: settings.ciphers,
            curves: settings.curves
        )
        try library.lend { (context) throws(TLSSettingsError) in try Self.configure(context, settings) }
    }

    private static func verifier(_ settings: TLSServerSettings) throws(TLSSettingsError) -> PeerVerifier? {
        let clients = settings.clientAuthentication
        guard clients.mode != .none else { return nil }
        guard let trust = clients.trust else {
            throw TLSSettingsError(.clientAuthentication, "clients' certificates are asked for, and no CA is trusted")
        }
        return PeerVerifier(
            role: .client,
            trust: trust,
            rules: try PeerRuleSet(clients.rules),
            maximumDepth: clients.maximumDepth,
            checksHost: false,
            clock: settings.clock
        )
    }

    private static func policyDigest(_ clients: TLSClientAuthentication, _ verifier: PeerVerifier?) -> [UInt8] {
        let mode: UInt8 =
            switch clients.mode {
            case .none: 0
            case .optional: 1
            case .require: 2
            }
        guard let verifier, let trust = verifier.trust else { return sha256([mode]) }
        let depth = withUnsafeBytes(of: (clients.maximumDepth ?? -1).bigEndian) { Array($0) }
        return sha256([mode, clients.acceptsUnverified ? 1 : 0] + depth + trust.digest + verifier.rules.identity)
    }

    private static func configure(
        _ context: OpaquePointer,
        _ settings: TLSServerSettings
    ) throws(TLSSettingsError) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF)
        if settings.ticketKeys == nil {
            SSL_CTX_set_options(context, UInt32(SSL_OP_NO_TICKET))
            SSL_CTX_set_num_tickets(context, 0)
        } else {
            SSL_CTX_set_tlsext_ticket_key_cb(context, TLSCallbacks.ticketKey)
        }
        SSL_CTX_set_timeout(context, max(1, settings.sessionLifetime))
        SSL_CTX_set_session_psk_dhe_timeout(context, max(1, settings.sessionLifetime))
        SSL_CTX_set_select_certificate_cb(context, TLSCallbacks.selectCertificate)
        SSL_CTX_set_tlsext_servername_callback(context, TLSCallbacks.serverName)
        if !settings.protocols.isEmpty { SSL_CTX_set_alpn_select_cb(context, TLSCallbacks.selectProtocol, nil) }
        if settings.keyLog != nil { SSL_CTX_set_keylog_callback(context, TLSCallbacks.keyLog) }
        let clients = settings.clientAuthentication
        guard clients.mode != .none else { return }
        let mode = clients.mode == .require ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        SSL_CTX_set_custom_verify(context, mode, TLSCallbacks.verify)
        if clients.namesAuthorities, let trust = clients.trust { try name(trust.subjects, context) }
    }

    /// Names the authorities in requests for a certificate, unless they are too many to be of use there.
    private static func name(_ authorities: [[UInt8]], _ context: OpaquePointer) throws(TLSSettingsError) {
        guard authorities.reduce(0, { $0 + $1.count + 2 }) <= 16_384 else { return }
        guard let list = OPENSSL_sk_new_null() else { throw TLSSettingsError(.library, "the library has no memory") }
        for authority in authorities {
            guard let buffer = CRYPTO_BUFFER_new(authority, authority.count, nil) else { continue }
            if OPENSSL_sk_push(list, UnsafeMutableRawPointer(buffer)) == 0 { CRYPTO_BUFFER_free(buffer) }
        }
        // Takes the list over.
        SSL_CTX_set0_client_CAs(context, list)
    }
}
