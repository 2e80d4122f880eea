import CNIOBoringSSL

/// What a verified chain must fulfil on top of what the library checks.
enum ChainRules {
    /// Shorter keys can be broken: 112 bits of security, as Debian's OpenSSL asks for too (security level 2).
    private static let minimumRSABits = 2048
    private static let curves: Set<Int32> = [NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1]
    /// Signatures that can be forged.
    private static let weakSignatures: Set<Int32> = [
        NID_sha1WithRSAEncryption, NID_ecdsa_with_SHA1, NID_md5WithRSAEncryption, NID_md4WithRSAEncryption,
        NID_dsaWithSHA1,
    ]
    /// RFC 5280, section 4.1.2.2.
    private static let longestSerial: Int32 = 20

    /// - Parameter chain: STACK_OF(X509), from the leaf to what is trusted.
    static func check(_ chain: OpaquePointer?) -> TLSFailure? {
        let certificates = LibraryList(chain).map { OpaquePointer($0) }
        for (index, certificate) in certificates.enumerated() {
            // Nobody goes by the signature of what is trusted as it is.
            let isSigned = index + 1 < certificates.count
            let problem =
                keyProblem(of: X509_get0_pubkey(certificate))
                ?? (isSigned ? signatureProblem(of: certificate) : nil)
                ?? nameProblem(of: certificate, isLeaf: index == 0) ?? extensionProblem(of: certificate)
            if let problem { return invalid(problem) }
        }
        if let leaf = certificates.first, let problem = leafProblem(of: leaf) { return invalid(problem) }
        if certificates.count > 1, let problem = anchorProblem(of: certificates) { return invalid(problem) }
        return NameConstraints.check(certificates)
    }

    /// - Parameter key: An EVP_PKEY; nil for one of a kind that the library does not know.
    private static func keyProblem(of key: OpaquePointer?) -> String? {
        switch KeyKind(of: key) {
        case .rsa(let bits) where bits < minimumRSABits || bits % 8 != 0:
            "a certificate of the chain has an RSA key of \(bits) bits"
        case .elliptic(let curve) where !curves.contains(curve): "a certificate of the chain has a key on a weak curve"
        case .other where key == nil || EVP_PKEY_id(key) == EVP_PKEY_DSA:
            "a certificate of the chain has a key of a kind that is not used with TLS"
        case .rsa, .elliptic, .ed25519, .other: nil
        }
    }

    private static func signatureProblem(of certificate: OpaquePointer) -> String? {
        let isWeak = weakSignatures.contains(X509_get_signature_nid(certificate))
        return isWeak ? "a certificate of the chain has a signature that can be forged" : nil
    }

    /// RFC 5280, sections 4.1.2.2, 4.1.2.4 and 4.1.2.6.
    private static func nameProblem(of certificate: OpaquePointer, isLeaf: Bool) -> String? {
        let isNameless = !isLeaf && X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0
        if isNameless || X509_NAME_entry_count(X509_get_issuer_name(certificate)) == 0 {
            return "an authority of the chain has no name"
        }
        let isLong = ASN1_STRING_length(X509_get0_serialNumber(certificate)) > longestSerial
        return isLong ? "a certificate of the chain has a serial number of more than \(longestSerial) bytes" : nil
    }

    /// RFC 5280, sections 4.2.1.1 and 4.2.1.2: key identifiers are never critical.
    private static func extensionProblem(of certificate: OpaquePointer) -> String? {
        for kind in [NID_authority_key_identifier, NID_subject_key_identifier] {
            let index = X509_get_ext_by_NID(certificate, kind, -1)
            guard index >= 0, let found = X509_get_ext(certificate, index) else { continue }
            if X509_EXTENSION_get_critical(found) == 1 {
                return "a certificate of the chain has a critical key identifier"
            }
        }
        return nil
    }

    /// RFC 5280, sections 4.2.1.9 and 4.2.1.10: what is no authority does not say that it is one.
    private static func leafProblem(of leaf: OpaquePointer) -> String? {
        let flags = X509_get_extension_flags(leaf)
        guard flags & UInt32(EXFLAG_CA) == 0 else { return nil }
        if X509_get_ext_by_NID(leaf, NID_name_constraints, -1) >= 0 {
            return "the certificate constrains names, and is no authority's"
        }
        let saysNo = flags & UInt32(EXFLAG_BCONS) != 0 && flags & UInt32(EXFLAG_KUSAGE) != 0
        guard saysNo, X509_get_key_usage(leaf) & UInt32(X509v3_KU_KEY_CERT_SIGN) != 0 else { return nil }
        return "the certificate may sign others, and is no authority's"
    }

    /// The library believes whatever is trusted; what that says about itself holds all the same.
    private static func anchorProblem(of chain: [OpaquePointer]) -> String? {
        guard let anchor = chain.last else { return nil }
        if X509_get_extension_flags(anchor) & UInt32(EXFLAG_CRITICAL) != 0 {
            return "the trusted certificate has a critical extension that is not known"
        }
        guard X509_check_ca(anchor) == 1 else { return "the trusted certificate is no authority's" }
        let limit = X509_get_pathlen(anchor)
        let between = chain.dropFirst().dropLast().count { X509_get_extension_flags($0) & UInt32(EXFLAG_SI) == 0 }
        return limit >= 0 && between > limit ? "the trusted certificate allows no chain of this length" : nil
    }

    private static func invalid(_ text: String) -> TLSFailure { TLSFailure(.certificateInvalid, text) }
}
