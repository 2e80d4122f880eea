import CNIOBoringSSL

/// Reading a private key: PEM or DER; PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC1 (RFC 5915); encrypted or not.
enum PrivateKey {
    /// What the library's question for a passphrase is answered from.
    private struct Answer {
        let passphrase: [UInt8]?
        var wasAsked = false
    }

    private typealias Question =
        @convention(c) (
            UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
        ) -> Int32

    private static let question: Question = { buffer, capacity, _, data in
        guard let buffer, let answer = data?.assumingMemoryBound(to: Answer.self) else { return -1 }
        answer.pointee.wasAsked = true
        guard let passphrase = answer.pointee.passphrase, passphrase.count <= Int(capacity) else { return -1 }
        for (index, byte) in passphrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        return Int32(passphrase.count)
    }

    /// An EVP_PKEY.
    static func read(
        _ bytes: [UInt8],
        passphrase: [UInt8]?,
        item: TLSSettingsError.Item
    ) throws(TLSSettingsError) -> LibraryObject {
        guard !bytes.isEmpty else { throw TLSSettingsError(item, "the file of the private key is empty") }
        var answer = Answer(passphrase: passphrase)
        let isPEM = PEM.looksLikePEM(bytes)
        LibraryError.clear()
        let key = isPEM ? readPEM(bytes, &answer) : readDER(bytes, &answer)
        if let key = LibraryObject(taking: key, { EVP_PKEY_free($0) }) {
            LibraryError.clear()
            return key
        }
        let error = LibraryError.take()
        if answer.wasAsked {
            let isMissing = passphrase == nil
            let wrong = "the private key does not open with the passphrase, or its encryption is not supported"
            throw TLSSettingsError(item, isMissing ? "the encrypted private key needs a passphrase" : wrong)
        }
        if let error, isPEM, error.library == ERR_LIB_PEM, error.reason == PEM_R_NO_START_LINE {
            throw TLSSettingsError(item, "there is no private key in the file")
        }
        throw TLSSettingsError(item, "the private key cannot be read: \(error?.text ?? "unknown form")")
    }

    private static func readPEM(_ bytes: [UInt8], _ answer: inout Answer) -> OpaquePointer? {
        guard let file = BIO_new_mem_buf(bytes, bytes.count) else { return nil }
        defer { BIO_free(file) }
        return withUnsafeMutablePointer(to: &answer) { PEM_read_bio_PrivateKey(file, nil, question, $0) }
    }

    private static func readDER(_ bytes: [UInt8], _ answer: inout Answer) -> OpaquePointer? {
        let plain = bytes.withUnsafeBufferPointer { all -> OpaquePointer? in
            var start = all.baseAddress
            return d2i_AutoPrivateKey(nil, &start, all.count)
        }
        if let plain { return plain }
        guard let file = BIO_new_mem_buf(bytes, bytes.count) else { return nil }
        defer { BIO_free(file) }
        return withUnsafeMutablePointer(to: &answer) { d2i_PKCS8PrivateKey_bio(file, nil, question, $0) }
    }
}
