import CNIOBoringSSL
import SluiceCore

/// Reading PEM (RFC 7468).
enum PEM {
    /// One encapsulated block: `CERTIFICATE` and its bytes.
    struct Block {
        let label: String
        let bytes: [UInt8]
    }

    /// What is wrong with a file, as the end of a sentence.
    struct Malformed: Error {
        let message: String
    }

    static func looksLikePEM(_ bytes: [UInt8]) -> Bool {
        let mark = Array("-----BEGIN ".utf8)
        guard bytes.count >= mark.count else { return false }
        return (0...bytes.count - mark.count).contains { start in
            bytes[start] == mark[0] && bytes[start..<start + mark.count].elementsEqual(mark)
        }
    }

    /// All blocks of a file; text between them is skipped.
    static func blocks(_ bytes: [UInt8]) throws(Malformed) -> [Block] {
        guard let file = BIO_new_mem_buf(bytes, bytes.count) else { throw Malformed(message: "is too large") }
        defer { BIO_free(file) }
        var blocks: [Block] = []
        while let block = try next(file, number: blocks.count + 1) { blocks.append(block) }
        return blocks
    }

    private static func next(_ file: OpaquePointer, number: Int) throws(Malformed) -> Block? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        LibraryError.clear()
        guard PEM_read_bio(file, &name, &header, &data, &count) == 1, let name, let data else {
            let error = LibraryError.take()
            if let error, error.library == ERR_LIB_PEM, error.reason == PEM_R_NO_START_LINE { return nil }
            throw Malformed(message: "block \(number) is broken: \(error?.text ?? "unreadable")")
        }
        defer {
            OPENSSL_free(name)
            OPENSSL_free(header)
            OPENSSL_free(data)
        }
        return Block(
            label: String(cString: name),
            bytes: Array(UnsafeBufferPointer(start: data, count: max(0, count)))
        )
    }

    /// A certificate as a block of its own, with a line end after the last line.
    static func certificate(der: [UInt8]) -> [UInt8] {
        var text = Array("-----BEGIN CERTIFICATE-----\n".utf8)
        let body = Base64.encode(der)
        for start in stride(from: 0, to: body.count, by: 64) {
            text += body[start..<min(start + 64, body.count)]
            text.append(0x0A)
        }
        return text + Array("-----END CERTIFICATE-----\n".utf8)
    }
}
