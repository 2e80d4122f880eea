import CNIOBoringSSL

/// What contexts of both sides have in common: an SSL_CTX with versions, ciphers, groups and credentials.
enum LibraryContext {
    /// Forward secret AEAD suites; AES-128 and ChaCha20 are equal, so that the client's hardware decides.
    private static let defaultCiphers =
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
        + "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
        + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

    /// How peers may sign: the library's own list without SHA-1 (RFC 9155), and with P-521 and Ed25519.
    private static let peerAlgorithms: [UInt16] = [
        UInt16(SSL_SIGN_ECDSA_SECP256R1_SHA256), UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA256),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA256), UInt16(SSL_SIGN_ECDSA_SECP384R1_SHA384),
        UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA384), UInt16(SSL_SIGN_RSA_PKCS1_SHA384),
        UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA512), UInt16(SSL_SIGN_RSA_PKCS1_SHA512),
        UInt16(SSL_SIGN_ECDSA_SECP521R1_SHA512), UInt16(SSL_SIGN_ED25519),
    ]

    /// An SSL_CTX that leaves certificates of peers to its user.
    static func make(
        minimum: TLSVersion,
        maximum: TLSVersion,
        ciphers: [String]?,
        curves: [String]?
    ) throws(TLSSettingsError) -> LibraryObject {
        LibraryError.clear()
        guard let context = LibraryObject(taking: SSL_CTX_new(TLS_with_buffers_method()), { SSL_CTX_free($0) }) else {
            throw TLSSettingsError(.library, "the library has no memory")
        }
        guard minimum <= maximum else {
            throw TLSSettingsError(.versions, "the lowest version is above the highest")
        }
        try context.lend { (context) throws(TLSSettingsError) in
            guard SSL_CTX_set_min_proto_version(context, minimum.rawValue) == 1,
                SSL_CTX_set_max_proto_version(context, maximum.rawValue) == 1
            else { throw TLSSettingsError(.versions, "the library does not know this version") }
            try set(ciphers: ciphers, of: context)
            try set(curves: curves, of: context)
            guard SSL_CTX_set_verify_algorithm_prefs(context, peerAlgorithms, peerAlgorithms.count) == 1 else {
                throw TLSSettingsError(.library, "the library does not know the usual signature algorithms")
            }
            SSL_CTX_set_options(context, UInt32(SSL_OP_CIPHER_SERVER_PREFERENCE))
            SSL_CTX_set_early_data_enabled(context, 0)
        }
        return context
    }

    private static func set(ciphers: [String]?, of context: OpaquePointer) throws(TLSSettingsError) {
        defer { LibraryError.clear() }
        guard let ciphers else {
            guard SSL_CTX_set_strict_cipher_list(context, defaultCiphers) == 1 else {
                throw TLSSettingsError(.ciphers, "the library does not know the usual cipher suites")
            }
            return
        }
        for cipher in ciphers where !isOne(cipher) || SSL_CTX_set_strict_cipher_list(context, cipher) != 1 {
            let name = TextForm.clean(cipher)
            let isNew = name.hasPrefix("TLS_AES_") || name.hasPrefix("TLS_CHACHA20_")
            let known = "is no known cipher suite; names are OpenSSL's, such as ECDHE-RSA-AES128-GCM-SHA256"
            throw TLSSettingsError(.ciphers, "'\(name)' \(isNew ? "is of TLS 1.3, where all suites are on" : known)")
        }
        guard SSL_CTX_set_strict_cipher_list(context, ciphers.joined(separator: ":")) == 1 else {
            throw TLSSettingsError(.ciphers, "the list of cipher suites is empty")
        }
    }

    private static func set(curves: [String]?, of context: OpaquePointer) throws(TLSSettingsError) {
        guard let curves else { return }
        defer { LibraryError.clear() }
        for curve in curves where !isOne(curve) || SSL_CTX_set1_groups_list(context, curve) != 1 {
            let known = "known are X25519MLKEM768, X25519, P-256, P-384 and P-521"
            throw TLSSettingsError(.curves, "'\(TextForm.clean(curve))' is no known group; \(known)")
        }
        guard SSL_CTX_set1_groups_list(context, curves.joined(separator: ":")) == 1 else {
            throw TLSSettingsError(.curves, "the list of groups is empty, or names one twice")
        }
    }

    /// Whether it is one name, not a list or a rule of the library's little language.
    private static func isOne(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !":[]|!+@,;".utf8.contains($0) }
    }

    /// The list of ALPN (RFC 7301, section 3.1): each name behind its length.
    static func alpnList(_ protocols: [[UInt8]]) throws(TLSSettingsError) -> [UInt8] {
        var list: [UInt8] = []
        for name in protocols {
            guard let length = UInt8(exactly: name.count), length > 0 else {
                throw TLSSettingsError(.protocols, "a protocol's name has between 1 and 255 bytes")
            }
            list.append(length)
            list += name
        }
        guard list.count <= 65_535 else { throw TLSSettingsError(.protocols, "the list of protocols is too long") }
        return list
    }
}
