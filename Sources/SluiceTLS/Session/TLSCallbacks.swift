import CNIOBoringSSL

/// What the library calls while a session is calling it, as C functions: each finds its session and asks that.
///
/// They are constants, since a closure written where a C function is expected brings the compiler down.
enum TLSCallbacks {
    typealias SelectCertificate = @convention(c) (UnsafePointer<SSL_CLIENT_HELLO>?) -> ssl_select_cert_result_t
    typealias ServerName =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
        ) -> Int32
    typealias SelectProtocol =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32
    typealias Verify = @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt8>?) -> ssl_verify_result_t
    typealias NewSession = @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32
    typealias KeyLog = @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Void
    typealias TicketKey =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?,
            UnsafeMutablePointer<EVP_CIPHER_CTX>?, UnsafeMutablePointer<HMAC_CTX>?, Int32
        ) -> Int32

    static let selectCertificate: SelectCertificate = { hello in
        guard let ssl = hello?.pointee.ssl, let session = SessionBIO.session(of: ssl) else {
            return ssl_select_cert_error
        }
        return session.selectCertificate() ? ssl_select_cert_success : ssl_select_cert_error
    }

    static let serverName: ServerName = { ssl, alert, _ in
        guard let session = SessionBIO.session(of: ssl), let failure = session.refusedName else {
            return SSL_TLSEXT_ERR_OK
        }
        session.recordedFailure = failure
        alert?.pointee = Int32(SSL_AD_UNRECOGNIZED_NAME)
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    static let selectProtocol: SelectProtocol = { ssl, choice, length, list, count, _ in
        guard let list, let choice, let length, let session = SessionBIO.session(of: ssl) else {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        let offered = UnsafeBufferPointer(start: list, count: Int(count))
        switch session.selectProtocol(offered) {
        case .found(let range):
            choice.pointee = list + range.lowerBound
            length.pointee = UInt8(truncatingIfNeeded: range.count)
            return SSL_TLSEXT_ERR_OK
        case .ignored:
            return SSL_TLSEXT_ERR_NOACK
        case .refused:
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
    }

    static let verify: Verify = { ssl, alert in
        guard let session = SessionBIO.session(of: ssl) else { return ssl_verify_invalid }
        guard let failure = session.verifyPeer() else { return ssl_verify_ok }
        session.recordedFailure = failure
        alert?.pointee = failure.reason.alert
        return ssl_verify_invalid
    }

    static let newSession: NewSession = { ssl, ticket in
        guard let ticket, let session = SessionBIO.session(of: ssl) else { return 0 }
        // One says that the reference is taken over.
        return session.keep(ticket) ? 1 : 0
    }

    static let keyLog: KeyLog = { ssl, line in
        guard let line, let session = SessionBIO.session(of: ssl) else { return }
        session.keyLog?(Array(String(cString: line).utf8) + [0x0A])
    }

    static let ticketKey: TicketKey = { ssl, name, vector, cipher, mac, isSealing in
        guard let name, let vector, let cipher, let mac, let keys = SessionBIO.session(of: ssl)?.ticketKeys else {
            return isSealing == 1 ? 0 : -1
        }
        return isSealing == 1 ? keys.seal(name, vector, cipher, mac) : keys.open(name, vector, cipher, mac)
    }
}

extension TLSTicketKeys {
    private static let nameLength = Int(SSL_TICKET_KEY_NAME_LEN)
    private static let vectorLength = 16

    /// Sets up the sealing of a ticket: 1, or 0 for no ticket.
    fileprivate func seal(
        _ name: UnsafeMutablePointer<UInt8>,
        _ vector: UnsafeMutablePointer<UInt8>,
        _ cipher: UnsafeMutablePointer<EVP_CIPHER_CTX>,
        _ mac: UnsafeMutablePointer<HMAC_CTX>
    ) -> Int32 {
        guard let key = current, RAND_bytes(vector, Self.vectorLength) == 1 else { return 0 }
        for (index, byte) in key.name.prefix(Self.nameLength).enumerated() { name[index] = byte }
        let isReady =
            EVP_EncryptInit_ex(cipher, key.algorithm, nil, key.cipherKey, vector) == 1
            && HMAC_Init_ex(mac, key.macKey, key.macKey.count, EVP_sha256(), nil) == 1
        return isReady ? 1 : 0
    }

    /// Sets up the opening of a ticket: 1, or 2 to have it sealed anew; 0 where the key is unknown.
    fileprivate func open(
        _ name: UnsafeMutablePointer<UInt8>,
        _ vector: UnsafeMutablePointer<UInt8>,
        _ cipher: UnsafeMutablePointer<EVP_CIPHER_CTX>,
        _ mac: UnsafeMutablePointer<HMAC_CTX>
    ) -> Int32 {
        guard let (key, isOld) = key(named: UnsafeBufferPointer(start: name, count: Self.nameLength)),
            EVP_DecryptInit_ex(cipher, key.algorithm, nil, key.cipherKey, vector) == 1,
            HMAC_Init_ex(mac, key.macKey, key.macKey.count, EVP_sha256(), nil) == 1
        else { return 0 }
        return isOld ? 2 : 1
    }
}

extension TLSTicketKeys.Key {
    /// An EVP_CIPHER of the length of the key.
    fileprivate var algorithm: OpaquePointer? { cipherKey.count == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc() }
}
