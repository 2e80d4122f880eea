import CNIOBoringSSL

/// A certificate with its key, ready to be shown.
struct Credential: Sendable {
    /// SSL_CREDENTIAL without and with the OCSP response.
    let plain: LibraryObject
    let stapled: LibraryObject?
    /// Seconds since 1970 between which the response may be stapled.
    let staple: OCSPResponse?
    let leaf: TLSCertificate
    let keyKind: KeyKind
    /// The earliest end of the leaf and its intermediates.
    let earliestNotAfter: Int64
    /// Names that choose it, as `DNSName.normalised` leaves them; a leading `*.` is kept.
    let serverNames: [[UInt8]]
    let warnings: [TLSWarning]

    /// - Parameter now: Seconds since 1970, for warnings.
    init(_ source: TLSCertificateSource, index: Int, now: Int64) throws(TLSSettingsError) {
        let key = try PrivateKey.read(source.key, passphrase: source.passphrase, item: .key(index))
        let chain = try CertificateChain(source.chain, key: key, index: index)
        let item = TLSSettingsError.Item.certificate(index)
        guard let first = chain.certificates.first, let leaf = TLSCertificate(first) else {
            throw TLSSettingsError(.library, "the library has no memory")
        }
        self.leaf = leaf
        keyKind = key.lend { KeyKind(of: $0) }
        earliestNotAfter = chain.certificates.map { TLSCertificate.notAfter(of: $0) }.min() ?? leaf.notAfter
        serverNames = try Self.serverNames(source.serverNames, leaf: leaf, index: index)
        plain = try Self.make(chain, key: key, ocspResponse: nil, index: index)
        if let response = source.ocspResponse {
            staple = try OCSPResponse(response, certificate: first, index: index)
            stapled = try Self.make(chain, key: key, ocspResponse: response, index: index)
        } else {
            staple = nil
            stapled = nil
        }
        var warnings = chain.warnings
        warnings += Self.warnings(leaf, keyKind, mustStaple: mustStaple(first) && source.ocspResponse == nil, now: now)
        self.warnings = warnings.map { TLSWarning(item: item, message: $0) }
    }

    /// The one to show now; nil where the policy forbids to show any.
    func current(_ policy: TLSServerSettings.StaplingPolicy, now: Int64) -> LibraryObject? {
        if let stapled, let staple, staple.isGood, staple.isValid(at: now) { return stapled }
        switch policy {
        case .lenient: return plain
        case .strict: return staple == nil ? plain : nil
        case .mustStaple: return nil
        }
    }

    private static func serverNames(
        _ given: [[UInt8]]?,
        leaf: TLSCertificate,
        index: Int
    ) throws(TLSSettingsError) -> [[UInt8]] {
        guard let given else {
            let hasNames = !(leaf.dnsNames.isEmpty && leaf.uris.isEmpty && leaf.emails.isEmpty)
            let found = hasNames || !leaf.ipAddresses.isEmpty ? leaf.dnsNames : leaf.commonName.map { [$0] } ?? []
            return found.compactMap { ServerNameTable.normalised($0) }
        }
        var names: [[UInt8]] = []
        for name in given {
            guard let name = ServerNameTable.normalised(name) else {
                let text = TextForm.clean(String(decoding: name, as: UTF8.self))
                throw TLSSettingsError(.serverName(index), "'\(text)' is neither a host name nor '*.' before one")
            }
            names.append(name)
        }
        return names
    }

    private static func make(
        _ chain: CertificateChain,
        key: LibraryObject,
        ocspResponse: [UInt8]?,
        index: Int
    ) throws(TLSSettingsError) -> LibraryObject {
        let none = TLSSettingsError(.library, "the library has no memory")
        guard let credential = LibraryObject(taking: SSL_CREDENTIAL_new_x509(), { SSL_CREDENTIAL_free($0) }) else {
            throw none
        }
        let buffers = chain.certificates.compactMap { certificate in
            certificate.certificateInDER.flatMap { LibraryObject.buffer($0) }
        }
        LibraryError.clear()
        let isChainSet = LibraryObject.lend(buffers) { buffers in
            credential.lend { SSL_CREDENTIAL_set1_cert_chain($0, buffers.map(Optional.some), buffers.count) == 1 }
        }
        guard isChainSet else {
            let reason = LibraryError.take()?.text ?? "unknown"
            throw TLSSettingsError(.certificate(index), "the certificate cannot be used: \(reason)")
        }
        guard credential.lend(with: key, { SSL_CREDENTIAL_set1_private_key($0, $1) }) == 1 else {
            let reason = LibraryError.take()?.text ?? "unknown"
            throw TLSSettingsError(.key(index), "the private key cannot be used: \(reason)")
        }
        if let ocspResponse {
            guard let buffer = LibraryObject.buffer(ocspResponse) else { throw none }
            let isSet = credential.lend(with: buffer) { SSL_CREDENTIAL_set1_ocsp_response($0, $1) == 1 }
            guard isSet else { throw none }
        }
        return credential
    }

    private static func warnings(_ leaf: TLSCertificate, _ kind: KeyKind, mustStaple: Bool, now: Int64) -> [String] {
        var warnings: [String] = []
        if leaf.notAfter < now { warnings.append("the certificate has expired") }
        if leaf.notBefore > now { warnings.append("the certificate is not valid yet") }
        if case .rsa(let bits) = kind, bits < 2048 { warnings.append("an RSA key of \(bits) bits can be broken") }
        if mustStaple { warnings.append("the certificate asks for an OCSP response, and there is none") }
        return warnings
    }
}

extension TLSCertificate {
    static func notAfter(of x509: LibraryObject) -> Int64 { x509.lend { seconds(of: X509_get0_notAfter($0)) } }
}

/// Whether a certificate says that it is only good with a stapled response (RFC 7633).
private func mustStaple(_ x509: LibraryObject) -> Bool {
    guard let feature = OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1) else { return false }
    defer { ASN1_OBJECT_free(feature) }
    return x509.lend { X509_get_ext_by_OBJ($0, feature, -1) } >= 0
}
