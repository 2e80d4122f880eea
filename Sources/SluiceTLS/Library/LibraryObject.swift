import CNIOBoringSSL

/// A counted reference to an object of the library, given back when the last Swift reference goes.
///
/// SAFETY: the library counts references atomically, and what is wrapped here (contexts, certificates, keys, stores,
/// credentials, sessions) is not changed any more once it is shared.
final class LibraryObject: @unchecked Sendable {
    let pointer: OpaquePointer
    private let release: @Sendable (OpaquePointer?) -> Void

    /// Takes over one reference.
    init(_ pointer: OpaquePointer, _ release: @escaping @Sendable (OpaquePointer?) -> Void) {
        self.pointer = pointer
        self.release = release
    }

    /// Takes over one reference, unless there is none.
    convenience init?(taking pointer: OpaquePointer?, _ release: @escaping @Sendable (OpaquePointer?) -> Void) {
        guard let pointer else { return nil }
        self.init(pointer, release)
    }

    deinit { release(pointer) }

    /// A certificate that is parsed out of its DER; nil if it is none, or bytes follow it.
    static func certificate(der: [UInt8]) -> LibraryObject? {
        guard let buffer = buffer(der) else { return nil }
        let certificate = withExtendedLifetime(buffer) { X509_parse_from_buffer(buffer.pointer) }
        return LibraryObject(taking: certificate) { X509_free($0) }
    }

    /// A byte string that the library shares between its objects.
    static func buffer(_ bytes: [UInt8]) -> LibraryObject? {
        LibraryObject(taking: CRYPTO_BUFFER_new(bytes, bytes.count, nil)) { CRYPTO_BUFFER_free($0) }
    }
}

/// Elements of one of the library's lists.
struct LibraryList: Sequence, IteratorProtocol {
    private let list: OpaquePointer?
    private var index = 0

    init(_ list: OpaquePointer?) { self.list = list }

    var count: Int { list.map { OPENSSL_sk_num($0) } ?? 0 }

    mutating func next() -> UnsafeMutableRawPointer? {
        guard let list, index < OPENSSL_sk_num(list) else { return nil }
        defer { index += 1 }
        return OPENSSL_sk_value(list, index)
    }
}

extension LibraryObject {
    /// Bytes that a function of the library writes into memory of its own.
    static func bytes(_ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) -> Int32) -> [UInt8]? {
        var start: UnsafeMutablePointer<UInt8>?
        let count = write(&start)
        guard count >= 0, let start else { return nil }
        defer { OPENSSL_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
}
