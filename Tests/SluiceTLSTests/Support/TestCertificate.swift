import CNIOBoringSSL
import SluiceTLS

/// The moment at which all tests of certificates take place: 2027-01-15.
let testNow: Int64 = 1_800_000_000

/// A subject alternative name as raw bytes.
enum TestName {
    case dns(String)
    case uri(String)
    case email(String)
    case ip([UInt8])
    case raw(tag: UInt8, [UInt8])

    var der: [UInt8] {
        switch self {
        case .dns(let text): DER.element(0x82, Array(text.utf8))
        case .uri(let text): DER.element(0x86, Array(text.utf8))
        case .email(let text): DER.element(0x81, Array(text.utf8))
        case .ip(let bytes): DER.element(0x87, bytes)
        case .raw(let tag, let bytes): DER.element(tag, bytes)
        }
    }
}

/// What a test certificate says.
struct TestCertificateSettings {
    var name = "test"
    var names: [TestName] = []
    var isCA = false
    var pathLength: Int?
    /// Seconds since 1970.
    var notBefore = testNow - 86_400
    var notAfter = testNow + 86_400
    /// `serverAuth,clientAuth`; nil leaves the extension out.
    var purposes: String? = "serverAuth,clientAuth"
    /// What a leaf's key may do.
    var usage = "critical,digitalSignature"
    var serial: Int64 = 0
    var key: TestKey?
    var mustStaple = false
    /// Name constraints: `excluded;DNS:bar.test`.
    var constraints: String?
    /// The second extension of the same kind, against the rules.
    var namesTwice = false
    /// EVP_sha256 unless given.
    var digest: OpaquePointer?
}

/// A certificate with its key, made for one test.
final class TestCertificate: @unchecked Sendable {
    // SAFETY: as `TestKey`.
    let pointer: OpaquePointer
    let key: TestKey
    let issuer: TestCertificate?

    deinit { X509_free(pointer) }

    /// Signed by `issuer`, or by itself.
    init(by issuer: TestCertificate? = nil, _ change: (inout TestCertificateSettings) -> Void = { _ in }) {
        var settings = TestCertificateSettings()
        change(&settings)
        self.issuer = issuer
        key = settings.key ?? TestKey.elliptic()
        pointer = X509_new()!
        precondition(X509_set_version(pointer, 2) == 1)
        let serial = settings.serial == 0 ? Int64.random(in: 0x0100_0000_0000...0x7FFF_FFFF_FFFF) : settings.serial
        ASN1_INTEGER_set_int64(X509_get_serialNumber(pointer), serial)
        Self.set(X509_get_subject_name(pointer), settings.name)
        X509_set_issuer_name(pointer, X509_get_subject_name(issuer?.pointer ?? pointer))
        ASN1_TIME_set_posix(X509_getm_notBefore(pointer), settings.notBefore)
        ASN1_TIME_set_posix(X509_getm_notAfter(pointer), settings.notAfter)
        precondition(X509_set_pubkey(pointer, key.pointer) == 1)
        addExtensions(settings)
        let signer = issuer?.key.pointer ?? key.pointer
        // Ed25519 has its own.
        let digest = EVP_PKEY_id(signer) == EVP_PKEY_ED25519 ? nil : settings.digest ?? EVP_sha256()
        precondition(X509_sign(pointer, signer, digest) > 0)
    }

    private static func set(_ name: OpaquePointer?, _ commonName: String) {
        guard !commonName.isEmpty else { return }
        let bytes = Array(commonName.utf8)
        precondition(
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes, bytes.count, -1, 0) == 1
        )
    }

    private func addExtensions(_ settings: TestCertificateSettings) {
        if settings.isCA {
            add(NID_basic_constraints, "critical,CA:TRUE" + (settings.pathLength.map { ",pathlen:\($0)" } ?? ""))
            add(NID_key_usage, "critical,keyCertSign,cRLSign")
        } else {
            add(NID_basic_constraints, "critical,CA:FALSE")
            add(NID_key_usage, settings.usage)
            if let purposes = settings.purposes { add(NID_ext_key_usage, purposes) }
        }
        if let constraints = settings.constraints { add(NID_name_constraints, "critical," + constraints) }
        add(NID_subject_key_identifier, "hash")
        add(NID_authority_key_identifier, "keyid")
        let names = DER.element(0x30, settings.names.flatMap(\.der))
        if !settings.names.isEmpty { add("2.5.29.17", names) }
        if settings.namesTwice { add("2.5.29.17", names) }
        if settings.mustStaple { add("1.3.6.1.5.5.7.1.24", DER.sequence(DER.element(0x02, [5]))) }
    }

    private func add(_ kind: Int32, _ text: String) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.pointer ?? pointer, pointer, nil, nil, 0)
        let found = X509V3_EXT_nconf_nid(nil, &context, kind, text)!
        defer { X509_EXTENSION_free(found) }
        precondition(X509_add_ext(pointer, found, -1) == 1)
    }

    private func add(_ identifier: String, _ content: [UInt8]) {
        let object = OBJ_txt2obj(identifier, 1)!
        defer { ASN1_OBJECT_free(object) }
        let value = ASN1_OCTET_STRING_new()!
        defer { ASN1_OCTET_STRING_free(value) }
        precondition(ASN1_OCTET_STRING_set(value, content, Int32(content.count)) == 1)
        let found = X509_EXTENSION_create_by_OBJ(nil, object, 0, value)!
        defer { X509_EXTENSION_free(found) }
        precondition(X509_add_ext(pointer, found, -1) == 1)
    }

    var der: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(pointer, &start)
        defer { OPENSSL_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    var facts: TLSCertificate { TLSCertificate(der: der)! }
    var pem: [UInt8] { facts.pem }

    /// The serial number as an INTEGER's content.
    var serial: [UInt8] {
        let hexadecimal = facts.serial
        return stride(from: 0, to: hexadecimal.count, by: 2).map {
            UInt8(String(decoding: hexadecimal[$0..<$0 + 2], as: UTF8.self), radix: 16)!
        }
    }

    /// As a source of settings, with intermediates up to the root, which is left out.
    var source: TLSCertificateSource {
        var chain = pem
        var next = issuer
        while let current = next, current.issuer != nil {
            chain += current.pem
            next = current.issuer
        }
        return TLSCertificateSource(chain: chain, key: key.pem)
    }

    /// A revocation list of this authority, in DER.
    func revocationList(
        of revoked: [TestCertificate],
        thisUpdate: Int64 = testNow - 3600,
        nextUpdate: Int64 = testNow + 3600
    ) -> [UInt8] {
        let list = X509_CRL_new()!
        defer { X509_CRL_free(list) }
        X509_CRL_set_version(list, 1)
        X509_CRL_set_issuer_name(list, X509_get_subject_name(pointer))
        let times = [thisUpdate, nextUpdate].map { ASN1_TIME_set_posix(nil, $0)! }
        defer { for time in times { ASN1_TIME_free(time) } }
        X509_CRL_set1_lastUpdate(list, times[0])
        X509_CRL_set1_nextUpdate(list, times[1])
        for certificate in revoked {
            let entry = X509_REVOKED_new()!
            X509_REVOKED_set_serialNumber(entry, X509_get0_serialNumber(certificate.pointer))
            X509_REVOKED_set_revocationDate(entry, times[0])
            precondition(X509_CRL_add0_revoked(list, entry) == 1)
        }
        X509_CRL_sort(list)
        precondition(X509_CRL_sign(list, key.pointer, EVP_sha256()) > 0)
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_CRL(list, &start)
        defer { OPENSSL_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
}
