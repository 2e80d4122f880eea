/// A certificate with its private key, as bytes of files.
package struct TLSCertificateSource: Sendable {
    /// PEM with the leaf and its intermediates, or one certificate in DER. Out of order is mended.
    package var chain: [UInt8]
    /// PEM (PKCS#8, PKCS#1, SEC1; encrypted or not) or DER.
    package var key: [UInt8]
    /// What an encrypted key is opened with.
    package var passphrase: [UInt8]?
    /// A DER encoded OCSPResponse (RFC 6960, section 4.2.1) to be stapled.
    package var ocspResponse: [UInt8]?
    /// Names that choose this certificate: `api.example.com` or `*.example.com`. Nil takes those in the certificate,
    /// which are the DNS names among its subject alternative names or, where it has none at all, its common name.
    package var serverNames: [[UInt8]]?

    package init(
        chain: [UInt8],
        key: [UInt8],
        passphrase: [UInt8]? = nil,
        ocspResponse: [UInt8]? = nil,
        serverNames: [[UInt8]]? = nil
    ) {
        self.chain = chain
        self.key = key
        self.passphrase = passphrase
        self.ocspResponse = ocspResponse
        self.serverNames = serverNames
    }
}
