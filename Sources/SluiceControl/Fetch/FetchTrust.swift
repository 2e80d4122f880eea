import NIOSSL

/// The TLS settings of all fetches, made when the first needs them: reading the system's certificates takes a while.
///
/// Isolation: the fetcher's loop.
final class FetchTrust {
    private let roots: [NIOSSLCertificate]?
    private var context: NIOSSLContext?

    init(_ roots: [NIOSSLCertificate]?) { self.roots = roots }

    /// A handler for one connection.
    ///
    /// - Parameter name: whom the certificate has to name; nil: the address that was connected to.
    func handler(forServer name: String?) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: try sharedContext(), serverHostname: name)
    }

    private func sharedContext() throws -> NIOSSLContext {
        if let context { return context }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .fullVerification
        configuration.trustRoots = roots.map { .certificates($0) } ?? .default
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        let made = try NIOSSLContext(configuration: configuration)
        context = made
        return made
    }
}
