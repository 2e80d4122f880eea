import CNIOBoringSSL
import SluiceCore

/// What was agreed, and with whom.
extension TLSSession {
    /// By ALPN; nil where there was none.
    package var negotiatedProtocol: [UInt8]? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start, count > 0 else { return nil }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    /// Nil before it is agreed.
    package var version: TLSVersion? {
        SSL_get_current_cipher(ssl) == nil ? nil : TLSVersion(rawValue: UInt16(truncatingIfNeeded: SSL_version(ssl)))
    }

    /// The name of the IANA registry: `TLS_AES_128_GCM_SHA256`.
    package var cipher: [UInt8]? {
        guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_standard_name(cipher) else { return nil }
        return Array(String(cString: name).utf8)
    }

    /// The group of the key exchange: `X25519MLKEM768`.
    package var group: [UInt8]? {
        guard let name = SSL_get_group_name(SSL_get_group_id(ssl)) else { return nil }
        return Array(String(cString: name).utf8)
    }

    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// What the peer showed; nil where it showed nothing, and before the handshake is done. Read at the first call.
    package var peer: PeerCertificate? {
        if case .handshaking = state { return nil }
        if let cachedPeer { return cachedPeer.certificate }
        let peer = readPeer()
        cachedPeer = CachedPeer(certificate: peer)
        return peer
    }

    private func readPeer() -> PeerCertificate? {
        let chain = peerChain()
        guard let leaf = chain.first, let certificate = TLSCertificate(leaf) else { return nil }
        return PeerCertificate(
            certificate: certificate,
            chain: chain.compactMap(\.certificateInDER),
            isVerified: !isUnverified && checksChain
        )
    }

    private var checksChain: Bool {
        switch side {
        case .server(let context): context.verifier != nil
        case .client(let context): context.verifier.trust != nil
        }
    }

    /// Whether a request for this host may come over this connection (RFC 9110, section 7.4: else 421).
    ///
    /// It may when the client named no server, named this one, or a client that names it would be shown a certificate
    /// that this client may have been shown. `host` comes without a port.
    package func covers(host: UnsafeRawBufferPointer) -> Bool {
        guard case .server(let context) = side, let serverName else { return true }
        let isNamed = serverName.withUnsafeBytes { ASCII.equalsFolded($0, host) }
        if isNamed { return true }
        if let address = IPAddress(String(decoding: host, as: UTF8.self)) {
            return context.certificates.contains { $0.ipAddresses.contains(address) }
        }
        guard let name = DNSName.normalised(host) else { return false }
        if name == serverName { return true }
        guard let choice, let other = context.names.choice(for: name) else { return false }
        return other.certificates.contains { choice.certificates.contains($0) }
    }

    /// The peer's certificates as X509, leaf first; empty where it showed none, or where they cannot be read.
    func peerChain() -> [LibraryObject] {
        guard let list = SSL_get0_peer_certificates(ssl) else { return [] }
        var chain: [LibraryObject] = []
        for element in LibraryList(list) {
            let x509 = X509_parse_from_buffer(OpaquePointer(element))
            guard let certificate = LibraryObject(taking: x509, { X509_free($0) }) else {
                LibraryError.clear()
                return []
            }
            chain.append(certificate)
        }
        return chain
    }
}
