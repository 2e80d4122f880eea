import CNIOBoringSSL

@testable import SluiceTLS

extension TestPair {
    /// Makes the client offer a session that belongs to another host.
    func resume(as host: String, of context: TLSClientContext) {
        let session = context.sessions.take(for: .init(host: Array(host.utf8), endpoint: 0))!
        session.lend { _ = SSL_set_session(client.ssl, $0) }
    }
}
