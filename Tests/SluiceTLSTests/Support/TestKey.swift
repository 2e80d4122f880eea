import CNIOBoringSSL

/// A private key.
final class TestKey: @unchecked Sendable {
    // SAFETY: the library counts references atomically, and the key never changes.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// P-256 unless another curve is named.
    static func elliptic(_ curve: Int32 = NID_X9_62_prime256v1) -> TestKey {
        let parts = EC_KEY_new_by_curve_name(curve)!
        precondition(EC_KEY_generate_key(parts) == 1)
        let key = EVP_PKEY_new()!
        precondition(EVP_PKEY_assign_EC_KEY(key, parts) == 1)
        return TestKey(key)
    }

    /// Reads PEM that needs no passphrase.
    convenience init(pem: String) {
        let bytes = Array(pem.utf8)
        let file = BIO_new_mem_buf(bytes, bytes.count)!
        defer { BIO_free(file) }
        self.init(PEM_read_bio_PrivateKey(file, nil, nil, nil)!)
    }

    static let rsa = TestKey(pem: TestRSAKeys.strong)
    static let weakRSA = TestKey(pem: TestRSAKeys.weak)

    static func ed25519() -> TestKey {
        let seed = (0..<32).map { _ in UInt8.random(in: 0...255) }
        return TestKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, 32)!)
    }

    private func written(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        let out = BIO_new(BIO_s_mem())!
        defer { BIO_free(out) }
        precondition(write(out) == 1)
        var start: UnsafePointer<UInt8>?
        var count = 0
        precondition(BIO_mem_contents(out, &start, &count) == 1)
        return Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// PKCS#8, as most tools write it.
    var pem: [UInt8] { written { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) } }

    /// `RSA PRIVATE KEY` or `EC PRIVATE KEY`.
    var traditionalPEM: [UInt8] {
        written { out in
            if let rsa = EVP_PKEY_get0_RSA(pointer) {
                return PEM_write_bio_RSAPrivateKey(out, rsa, nil, nil, 0, nil, nil)
            }
            return PEM_write_bio_ECPrivateKey(out, EVP_PKEY_get0_EC_KEY(pointer), nil, nil, 0, nil, nil)
        }
    }

    /// PKCS#8, encrypted by PBES2 with AES-256.
    func encryptedPEM(_ passphrase: String) -> [UInt8] {
        written { out in
            PEM_write_bio_PKCS8PrivateKey(
                out,
                pointer,
                EVP_aes_256_cbc(),
                passphrase,
                Int32(passphrase.utf8.count),
                nil,
                nil
            )
        }
    }

    /// The old form with `Proc-Type: 4,ENCRYPTED`.
    func encryptedTraditionalPEM(_ passphrase: String) -> [UInt8] {
        written { out in
            let bytes = Array(passphrase.utf8)
            return PEM_write_bio_ECPrivateKey(
                out,
                EVP_PKEY_get0_EC_KEY(pointer),
                EVP_aes_128_cbc(),
                bytes,
                Int32(bytes.count),
                nil,
                nil
            )
        }
    }

    /// PKCS#1 or SEC1 without PEM.
    var der: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PrivateKey(pointer, &start)
        defer { OPENSSL_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
}
