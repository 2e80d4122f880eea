import CNIOBoringSSL

/// One try at building a chain from a leaf to something trusted.
struct ChainAttempt {
    let store: LibraryObject
    /// `ssl_client` or `ssl_server`: what the leaf must be good for.
    let purpose: String
    let maximumDepth: Int?
    /// Seconds since 1970.
    let now: Int64

    /// - Parameters:
    ///   - untrusted: Intermediates to choose from.
    ///   - anchors: What is trusted instead of all of the store.
    func run(leaf: LibraryObject, untrusted: [LibraryObject], anchors: [LibraryObject]? = nil) -> TLSFailure? {
        LibraryObject.lend(untrusted) { untrusted in
            LibraryObject.lend(anchors ?? []) { trusted in
                store.lend(with: leaf) {
                    run($0, leaf: $1, untrusted: untrusted, trusted: anchors.map { _ in trusted })
                }
            }
        }
    }

    private func run(
        _ store: OpaquePointer,
        leaf: OpaquePointer,
        untrusted: [OpaquePointer],
        trusted: [OpaquePointer]?
    ) -> TLSFailure? {
        let none = TLSFailure(.internalError, "the library has no memory")
        // Both lists are used until the context is freed.
        guard let list = Self.list(untrusted), let anchors = Self.list(trusted ?? []) else { return none }
        defer {
            OPENSSL_sk_free(list)
            OPENSSL_sk_free(anchors)
        }
        guard let context = X509_STORE_CTX_new() else { return none }
        defer { X509_STORE_CTX_free(context) }
        guard X509_STORE_CTX_init(context, store, leaf, list) == 1,
            X509_STORE_CTX_set_default(context, purpose) == 1,
            let parameters = X509_STORE_CTX_get0_param(context)
        else { return none }
        X509_VERIFY_PARAM_set_time_posix(parameters, now)
        X509_STORE_CTX_set_verify_cb(context, Self.judge)
        if let maximumDepth { X509_VERIFY_PARAM_set_depth(parameters, Int32(clamping: max(0, maximumDepth))) }
        if trusted != nil { X509_STORE_CTX_set0_trusted_stack(context, anchors) }
        defer { LibraryError.clear() }
        guard X509_verify_cert(context) == 1 else { return Self.failure(context) }
        return ChainRules.check(X509_STORE_CTX_get0_chain(context))
    }

    /// What is to become of a problem that the library found: 1 lets it pass.
    private static let judge: @convention(c) (Int32, OpaquePointer?) -> Int32 = { isGood, context in
        // Constraints on addresses are for `NameConstraints`.
        let isUnknown = X509_STORE_CTX_get_error(context) == X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE
        return isGood == 1 || isUnknown ? 1 : 0
    }

    /// The trusted certificates whose subject is the issuer of a certificate.
    func anchors(for certificate: LibraryObject) -> [LibraryObject] {
        store.lend(with: certificate) { Self.anchors($0, for: $1) }
    }

    private static func anchors(_ store: OpaquePointer, for certificate: OpaquePointer) -> [LibraryObject] {
        guard let context = X509_STORE_CTX_new() else { return [] }
        defer { X509_STORE_CTX_free(context) }
        guard X509_STORE_CTX_init(context, store, certificate, nil) == 1,
            let found = X509_STORE_CTX_get1_certs(context, X509_get_issuer_name(certificate))
        else { return [] }
        defer { OPENSSL_sk_free(found) }
        return LibraryList(found).map { element in LibraryObject(OpaquePointer(element)) { X509_free($0) } }
    }

    /// A list that owns none of its elements.
    private static func list(_ certificates: [OpaquePointer]) -> OpaquePointer? {
        guard let list = OPENSSL_sk_new_null() else { return nil }
        for certificate in certificates {
            guard OPENSSL_sk_push(list, UnsafeMutableRawPointer(certificate)) > 0 else {
                OPENSSL_sk_free(list)
                return nil
            }
        }
        return list
    }

    private static func failure(_ context: OpaquePointer) -> TLSFailure {
        let error = X509_STORE_CTX_get_error(context)
        var text = String(cString: X509_verify_cert_error_string(Int(error)))
        let depth = X509_STORE_CTX_get_error_depth(context)
        if depth > 0 { text += ", at depth \(depth)" }
        if let current = X509_STORE_CTX_get_current_cert(context), X509_up_ref(current) == 1,
            let certificate = TLSCertificate(LibraryObject(current) { X509_free($0) })
        {
            text += ": " + String(decoding: certificate.subject, as: UTF8.self)
        }
        return TLSFailure(reason(of: error), TextForm.clean(text))
    }

    private static func reason(of error: Int32) -> TLSFailure.Reason {
        switch error {
        case X509_V_ERR_CERT_HAS_EXPIRED: .certificateExpired
        case X509_V_ERR_CERT_NOT_YET_VALID: .certificateNotYetValid
        case X509_V_ERR_CERT_REVOKED: .certificateRevoked
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_CRL_NOT_YET_VALID,
            X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
            X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, X509_V_ERR_DIFFERENT_CRL_SCOPE,
            X509_V_ERR_CRL_PATH_VALIDATION_ERROR, X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
            X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
            .revocationUnknown
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            .certificateUnknownCA
        case X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_CERT_REJECTED: .certificateWrongPurpose
        case X509_V_ERR_OUT_OF_MEM, X509_V_ERR_INVALID_CALL, X509_V_ERR_STORE_LOOKUP, X509_V_ERR_UNSPECIFIED:
            .internalError
        default: .certificateInvalid
        }
    }
}
