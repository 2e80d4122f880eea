import CNIOBoringSSL
import SluiceCore

extension TLSCertificate {
    /// Reads the facts out of a parsed certificate; nil only for want of memory.
    init?(_ x509: LibraryObject) {
        guard let der = x509.certificateInDER, let publicKey = x509.publicKeyInDER else { return nil }
        self = x509.lend { TLSCertificate($0, der: der, publicKey: publicKey) }
    }

    private init(_ pointer: OpaquePointer, der: [UInt8], publicKey: [UInt8]) {
        let names = SubjectNames(pointer)
        subject = Self.text(of: X509_get_subject_name(pointer))
        issuer = Self.text(of: X509_get_issuer_name(pointer))
        commonName = Self.commonName(of: X509_get_subject_name(pointer))
        dnsNames = names.dns
        uris = names.uris
        emails = names.emails
        ipAddresses = names.ipAddresses
        hasMalformedNames = names.isMalformed
        serial = TextForm.hexadecimal(Self.bytes(of: X509_get0_serialNumber(pointer)), upperCase: true)
        fingerprint = TextForm.hexadecimal(sha256(der))
        publicKeyPin = Base64.encode(sha256(publicKey))
        keyKind = KeyKind(of: X509_get0_pubkey(pointer)).text
        notBefore = Self.seconds(of: X509_get0_notBefore(pointer))
        notAfter = Self.seconds(of: X509_get0_notAfter(pointer))
        self.der = der
    }

    /// Reads DER; nil if it is no certificate.
    package init?(der: [UInt8]) {
        guard let x509 = LibraryObject.certificate(der: der) else { return nil }
        self.init(x509)
    }

    /// The certificate in PEM, with a line end after the last line.
    package var pem: [UInt8] { Self.pem(der: der) }

    /// The same of one that nobody has read.
    package static func pem(der: [UInt8]) -> [UInt8] { PEM.certificate(der: der) }

    /// Seconds since 1970; a date that cannot be read is in 1970, so that such a certificate has expired.
    static func seconds(of time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var seconds: Int64 = 0
        guard let time, ASN1_TIME_to_posix(time, &seconds) == 1 else { return 0 }
        return seconds
    }

    static func bytes(of string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
        guard let string, let start = ASN1_STRING_get0_data(string) else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: Int(max(0, ASN1_STRING_length(string)))))
    }

    /// XN_FLAG_RFC2253, a macro that Swift does not see: everything but printable ASCII escaped; strings of unknown
    /// types and fields as hexadecimal; `,` and `+` between parts; the most specific part first; short names.
    private static let nameFlags: UInt = 0x317 | 1 << 16 | 1 << 20 | 1 << 24

    private static func text(of name: OpaquePointer?) -> [UInt8] {
        guard let name, let out = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(out) }
        guard X509_NAME_print_ex(out, name, 0, nameFlags) >= 0 else { return [] }
        var start: UnsafePointer<UInt8>?
        var count = 0
        guard BIO_mem_contents(out, &start, &count) == 1, let start else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: count))
    }

    private static func commonName(of name: OpaquePointer?) -> [UInt8]? {
        guard let name else { return nil }
        let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, X509_NAME_get_index_by_NID(name, NID_commonName, index) < 0,
            let entry = X509_NAME_get_entry(name, index), let data = X509_NAME_ENTRY_get_data(entry),
            let text = LibraryObject.bytes({ ASN1_STRING_to_UTF8($0, data) })
        else { return nil }
        return text.isEmpty || text.contains { $0 < 0x20 || $0 == 0x7F } ? nil : text
    }
}

/// The subject alternative names of a certificate (RFC 5280, section 4.2.1.6).
struct SubjectNames {
    var dns: [[UInt8]] = []
    var uris: [[UInt8]] = []
    var emails: [[UInt8]] = []
    var ipAddresses: [IPAddress] = []
    /// A name holds a NUL or another control character, an address has a length that no address has, or the extension
    /// cannot be read or is there twice.
    var isMalformed = false

    init(_ x509: OpaquePointer) {
        var isCritical: Int32 = 0
        guard let names = X509_get_ext_d2i(x509, NID_subject_alt_name, &isCritical, nil) else {
            LibraryError.clear()
            // -1 says that there is none.
            isMalformed = isCritical != -1
            return
        }
        let list = OpaquePointer(names)
        defer { GENERAL_NAMES_free(list) }
        for element in LibraryList(list) { add(element.assumingMemoryBound(to: GENERAL_NAME.self).pointee) }
    }

    private mutating func add(_ name: GENERAL_NAME) {
        switch name.type {
        case GEN_DNS: add(TLSCertificate.bytes(of: name.d.dNSName), to: \.dns)
        case GEN_URI: add(TLSCertificate.bytes(of: name.d.uniformResourceIdentifier), to: \.uris)
        case GEN_EMAIL: add(TLSCertificate.bytes(of: name.d.rfc822Name), to: \.emails)
        case GEN_IPADD: add(address: TLSCertificate.bytes(of: name.d.iPAddress))
        default: break
        }
    }

    private mutating func add(_ bytes: [UInt8], to list: WritableKeyPath<SubjectNames, [[UInt8]]>) {
        // What stands behind a NUL is not seen by those who compare C strings (CVE-2009-2408 and its kin).
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            isMalformed = true
        } else if !bytes.isEmpty, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            self[keyPath: list].append(bytes)
        }
    }

    private mutating func add(address bytes: [UInt8]) {
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4:
            ipAddresses.append(IPAddress(v4: UInt32(truncatingIfNeeded: number(0..<4))))
        case 16:
            let address = IPAddress(high: number(0..<8), low: number(8..<16))
            // An IPv4 address has four bytes here; in sixteen it would speak for another kind.
            if !address.isV4 { ipAddresses.append(address) }
        default:
            isMalformed = true
        }
    }
}

/// What kind of key it is.
enum KeyKind: Equatable {
    case rsa(bits: Int)
    case elliptic(curve: Int32)
    case ed25519
    case other

    init(of key: OpaquePointer?) {
        guard let key else {
            self = .other
            return
        }
        switch EVP_PKEY_id(key) {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: self = .rsa(bits: Int(EVP_PKEY_bits(key)))
        case EVP_PKEY_EC: self = .elliptic(curve: EVP_PKEY_get_ec_curve_nid(key))
        case EVP_PKEY_ED25519: self = .ed25519
        default: self = .other
        }
    }

    var text: String {
        switch self {
        case .rsa(let bits): "RSA \(bits)"
        case .elliptic(NID_X9_62_prime256v1): "EC P-256"
        case .elliptic(NID_secp384r1): "EC P-384"
        case .elliptic(NID_secp521r1): "EC P-521"
        case .elliptic: "EC"
        case .ed25519: "Ed25519"
        case .other: "unknown"
        }
    }

    var isRSA: Bool {
        if case .rsa = self { return true }
        return false
    }
}
