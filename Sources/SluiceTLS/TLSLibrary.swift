import CNIOBoringSSL

/// The TLS library as it was built.
package enum TLSLibrary {
    /// The version of its interface, BORINGSSL_API_VERSION.
    package static var version: Int { Int(BORINGSSL_API_VERSION) }
}
