import CNIOBoringSSL

/// Certificates that are trusted, and lists of those that are revoked, read once and shared by contexts and loops.
package final class TLSTrustStore: Sendable {
    /// An X509_STORE.
    let store: LibraryObject
    /// SHA-256 over everything that decides who is trusted.
    let digest: [UInt8]
    private let trusted: [LibraryObject]
    /// When the first of the certificates runs out; seconds since 1970.
    package let earliestNotAfter: Int64
    /// When the first of the revocation lists runs out; seconds since 1970. Nil without one; from then on, whoever it
    /// speaks of is refused.
    package let revocationListsValidUntil: Int64?

    /// - Parameters:
    ///   - bundle: PEM with any number of certificates, or one in DER. One that is not self-signed ends a chain too.
    ///   - revocationLists: PEM or DER. Where there is any, each issuer in a chain must have one.
    ///   - checksWholeChain: Whether intermediates are looked up in the lists too, or the leaf only.
    ///   - skipsUnreadable: Whether certificates that cannot be read are left out: for the bundle of a system.
    package init(
        bundle: [UInt8],
        revocationLists: [[UInt8]] = [],
        checksWholeChain: Bool = true,
        skipsUnreadable: Bool = false
    ) throws(TLSSettingsError) {
        let none = TLSSettingsError(.library, "the library has no memory")
        guard let store = LibraryObject(taking: X509_STORE_new(), { X509_STORE_free($0) }) else { throw none }
        trusted = try CertificateChain.parse(bundle, of: "bundle", item: .trust, skipsUnreadable: skipsUnreadable)
        var seen: [UInt8] = [checksWholeChain ? 1 : 0]
        for certificate in trusted {
            guard store.lend(with: certificate, { X509_STORE_add_cert($0, $1) }) == 1,
                let der = certificate.certificateInDER
            else { throw none }
            seen += sha256(der)
        }
        seen.append(0)
        var validUntil: Int64?
        for (index, file) in revocationLists.enumerated() {
            for list in try Self.lists(file, index: index) {
                guard store.lend(with: list, { X509_STORE_add_crl($0, $1) }) == 1,
                    let der = list.lend({ list in LibraryObject.bytes { i2d_X509_CRL(list, $0) } })
                else { throw none }
                seen += sha256(der)
                let end = list.lend { X509_CRL_get0_nextUpdate($0).map { TLSCertificate.seconds(of: $0) } ?? .max }
                validUntil = min(validUntil ?? .max, end)
            }
        }
        var flags = X509_V_FLAG_PARTIAL_CHAIN
        if !revocationLists.isEmpty {
            flags |= checksWholeChain ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : X509_V_FLAG_CRL_CHECK
        }
        guard store.lend({ X509_STORE_set_flags($0, UInt(flags)) }) == 1 else { throw none }
        self.store = store
        digest = sha256(seen)
        earliestNotAfter = trusted.map { TLSCertificate.notAfter(of: $0) }.min() ?? 0
        revocationListsValidUntil = validUntil
    }

    /// How many certificates are trusted.
    package var count: Int { trusted.count }

    /// The facts of each, read anew at each call.
    package var certificates: [TLSCertificate] { trusted.compactMap { TLSCertificate($0) } }

    /// The names of the trusted in DER, as they stand in a request for a certificate.
    var subjects: [[UInt8]] {
        trusted.compactMap { certificate in
            certificate.lend { certificate in
                LibraryObject.bytes { i2d_X509_NAME(X509_get_subject_name(certificate), $0) }
            }
        }
    }

    private static func lists(_ file: [UInt8], index: Int) throws(TLSSettingsError) -> [LibraryObject] {
        let item = TLSSettingsError.Item.revocationList(index)
        guard !file.isEmpty else { throw TLSSettingsError(item, "the revocation list is empty") }
        var parts = [file]
        if PEM.looksLikePEM(file) {
            do { parts = try PEM.blocks(file).filter { $0.label == "X509 CRL" }.map(\.bytes) } catch {
                throw TLSSettingsError(item, "the PEM file \(error.message)")
            }
        }
        guard !parts.isEmpty else { throw TLSSettingsError(item, "there is no revocation list in the file") }
        var lists: [LibraryObject] = []
        for part in parts {
            LibraryError.clear()
            let list = part.withUnsafeBufferPointer { bytes -> OpaquePointer? in
                var start = bytes.baseAddress
                return d2i_X509_CRL(nil, &start, bytes.count)
            }
            guard let list = LibraryObject(taking: list, { X509_CRL_free($0) }) else {
                let reason = LibraryError.take()?.text ?? "unknown form"
                throw TLSSettingsError(item, "the revocation list cannot be read: \(reason)")
            }
            lists.append(list)
        }
        return lists
    }
}
