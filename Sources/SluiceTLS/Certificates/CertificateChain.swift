import CNIOBoringSSL

/// A leaf and its intermediates in the order in which they are sent.
struct CertificateChain {
    /// X509, leaf first.
    let certificates: [LibraryObject]
    /// What was mended.
    let warnings: [String]

    /// Reads a file and puts its certificates in order, beginning with the one that the key belongs to.
    ///
    /// - Parameter index: The position of the certificate in the settings.
    init(_ bytes: [UInt8], key: LibraryObject, index: Int) throws(TLSSettingsError) {
        let item = TLSSettingsError.Item.certificate(index)
        var rest = try Self.parse(bytes, of: "chain", item: item)
        guard let leaf = rest.firstIndex(where: { $0.lend(with: key) { X509_check_private_key($0, $1) } == 1 }) else {
            LibraryError.clear()
            throw TLSSettingsError(.key(index), "the private key does not belong to the certificate")
        }
        LibraryError.clear()
        var warnings: [String] = []
        if leaf > 0 { warnings.append("the certificate of the private key is number \(leaf + 1) of its file") }
        var chain = [rest.remove(at: leaf)]
        while let issuer = rest.firstIndex(where: { Self.issued(chain[chain.count - 1], by: $0) }) {
            if issuer > 0, leaf == 0, warnings.isEmpty { warnings.append("the chain is not in order") }
            let next = rest.remove(at: issuer)
            let isSelfSigned = Self.issued(next, by: next)
            chain.append(next)
            if isSelfSigned { break }
        }
        for stray in rest where !chain.contains(where: { $0.lend(with: stray) { X509_cmp($0, $1) } == 0 }) {
            // Another certificate for one of the issuers, signed by somebody else, may help some clients.
            guard chain.contains(where: { Self.issued($0, by: stray) || Self.issued(stray, by: $0) }) else {
                let subject = TLSCertificate(stray).map { String(decoding: $0.subject, as: UTF8.self) } ?? ""
                throw TLSSettingsError(item, "'\(TextForm.clean(subject))' in the file has no part in the chain")
            }
            chain.append(stray)
        }
        certificates = chain
        self.warnings = warnings
    }

    /// All certificates of a file in PEM, or the one of a file in DER.
    static func parse(
        _ bytes: [UInt8],
        of name: String,
        item: TLSSettingsError.Item,
        skipsUnreadable: Bool = false
    ) throws(TLSSettingsError) -> [LibraryObject] {
        guard !bytes.isEmpty else { throw TLSSettingsError(item, "the file of the \(name) is empty") }
        guard PEM.looksLikePEM(bytes) else {
            guard let certificate = LibraryObject.certificate(der: bytes) else {
                throw TLSSettingsError(item, "the \(name) is neither PEM nor a certificate in DER")
            }
            return [certificate]
        }
        let blocks: [PEM.Block]
        do { blocks = try PEM.blocks(bytes) } catch { throw TLSSettingsError(item, "the PEM file \(error.message)") }
        let labels: Set = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]
        var certificates: [LibraryObject] = []
        for (index, block) in blocks.filter({ labels.contains($0.label) }).enumerated() {
            LibraryError.clear()
            if let certificate = LibraryObject.certificate(der: block.bytes) {
                certificates.append(certificate)
            } else if !skipsUnreadable {
                let reason = LibraryError.take()?.text ?? "unknown form"
                throw TLSSettingsError(item, "certificate \(index + 1) of the \(name) cannot be read: \(reason)")
            }
        }
        LibraryError.clear()
        guard !certificates.isEmpty else { throw TLSSettingsError(item, "there is no certificate in the file") }
        return certificates
    }

    /// Whether one certificate was signed by another, going by names and the signature.
    private static func issued(_ subject: LibraryObject, by issuer: LibraryObject) -> Bool {
        defer { LibraryError.clear() }
        return issuer.lend(with: subject) { issuer, subject in
            guard X509_check_issued(issuer, subject) == X509_V_OK, let key = X509_get0_pubkey(issuer) else {
                return false
            }
            return X509_verify(subject, key) == 1
        }
    }
}
