import CNIOBoringSSL

/// What a verified chain must fulfil on top of what the library checks.
enum ChainRules {
    /// Shorter keys can be broken: 112 bits of security, as Debian's OpenSSL asks for too (security level 2).
    private static let minimumRSABits = 2048
    /// Signatures that can be forged.
    private static let weakSignatures: Set<Int32> = [
        NID_sha1WithRSAEncryption, NID_ecdsa_with_SHA1, NID_md5WithRSAEncryption, NID_md4WithRSAEncryption,
        NID_dsaWithSHA1,
    ]

    /// - Parameter chain: STACK_OF(X509), from the leaf to what is trusted.
    static func check(_ chain: OpaquePointer?) -> TLSFailure? {
        let certificates = LibraryList(chain).map { OpaquePointer($0) }
        for (index, certificate) in certificates.enumerated() {
            if case .rsa(let bits) = KeyKind(of: X509_get0_pubkey(certificate)), bits < minimumRSABits {
                return invalid("a certificate of the chain has an RSA key of \(bits) bits")
            }
            // Nobody goes by the signature of what is trusted as it is.
            if index + 1 < certificates.count, weakSignatures.contains(X509_get_signature_nid(certificate)) {
                return invalid("a certificate of the chain has a signature that can be forged")
            }
            // RFC 5280, sections 4.1.2.4 and 4.1.2.6.
            let isNameless = index > 0 && X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0
            if isNameless || X509_NAME_entry_count(X509_get_issuer_name(certificate)) == 0 {
                return invalid("an authority of the chain has no name")
            }
        }
        return nil
    }

    private static func invalid(_ text: String) -> TLSFailure { TLSFailure(.certificateInvalid, text) }
}
