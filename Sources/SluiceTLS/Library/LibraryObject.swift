import CNIOBoringSSL

/// A counted reference to an object of the library, given back when the last Swift reference goes.
///
/// SAFETY: the library counts references atomically, and what is wrapped here (contexts, certificates, keys, stores,
/// credentials, sessions) is not changed any more once it is shared.
final class LibraryObject: @unchecked Sendable {
    private let pointer: OpaquePointer
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

    /// Lends the pointer to a call, for as long as the call takes.
    ///
    /// There is no other way to it: the optimiser lets go of an object behind its last use, and a pointer that was taken
    /// out of it is none.
    @inline(__always)
    func lend<Result, Failure>(_ body: (OpaquePointer) throws(Failure) -> Result) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(pointer)
    }

    /// As `lend`, for two at once.
    @inline(__always)
    func lend<Result, Failure>(
        with other: LibraryObject,
        _ body: (OpaquePointer, OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime((self, other)) {} }
        return try body(pointer, other.pointer)
    }

    /// As `lend`, for all of a list.
    @inline(__always)
    static func lend<Result, Failure>(
        _ objects: [LibraryObject],
        _ body: ([OpaquePointer]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(objects) {} }
        return try body(objects.map(\.pointer))
    }

    /// A certificate that is parsed out of its DER; nil if it is none, or bytes follow it.
    static func certificate(der: [UInt8]) -> LibraryObject? {
        guard let buffer = buffer(der) else { return nil }
        return LibraryObject(taking: buffer.lend { X509_parse_from_buffer($0) }) { X509_free($0) }
    }

    /// Of a certificate: its DER.
    var certificateInDER: [UInt8]? { lend { certificate in Self.bytes { i2d_X509(certificate, $0) } } }

    /// Of a certificate: its subject's public key info in DER.
    var publicKeyInDER: [UInt8]? {
        lend { certificate in Self.bytes { i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), $0) } }
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
