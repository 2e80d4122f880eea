import NIOCore
import SluiceConfig
import SluiceTLS
import SluiceTesting

/// A client with TLS: a plain peer with a session on top. Isolation: one thread at a time.
final class TLSPeer {
    private let raw: RawPeer
    private let session: TLSSession
    private let host: String
    private var plain = ByteBuffer()

    /// Connects and shakes hands.
    ///
    /// - Parameters:
    ///   - host: the name that is asked for and must be proven.
    ///   - client: what it shows of itself, as PEM.
    init(
        _ address: ListenAddress,
        host: String = "api.example.com",
        client: (certificate: String, key: String)? = nil
    ) throws {
        var settings = TLSClientSettings(trust: try TLSTrustStore(bundle: Array(TLSFixtures.authority.utf8)))
        settings.clock = { TLSFixtures.now }
        settings.protocols = [Array("http/1.1".utf8)]
        if let client {
            settings.certificate = TLSCertificateSource(
                chain: Array(client.certificate.utf8),
                key: Array(client.key.utf8)
            )
        }
        raw = try RawPeer(connectingTo: address)
        guard let session = TLSSession(client: try TLSClientContext(settings), host: Array(host.utf8)) else {
            throw TestFailure("'\(host)' is no name to ask for")
        }
        self.session = session
        self.host = host
        var out = ByteBuffer()
        _ = session.start(into: &out)
        try send(&out)
        while case .handshaking = session.state { try receive() }
        guard case .open = session.state else { throw TestFailure("\(session.state)") }
    }

    /// Of the certificate that the server showed.
    var serial: String { session.peer.map { String(decoding: $0.certificate.serial, as: UTF8.self) } ?? "none" }

    /// One request; the whole text of its answer, which has a length.
    func get(_ target: String = "/") throws -> String {
        var out = ByteBuffer()
        let text = "GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        guard session.seal(ByteBuffer(string: text), into: &out) else { throw TestFailure("not open") }
        try send(&out)
        while true {
            let text = String(buffer: plain)
            if let head = text.firstRange(of: "\r\n\r\n"), let length = Self.length(text[..<head.lowerBound]),
                text[head.upperBound...].utf8.count >= length
            {
                plain.clear()
                return text
            }
            try receive()
        }
    }

    private static func length(_ head: Substring) -> Int? {
        let line = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        return line.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
    }

    private func send(_ out: inout ByteBuffer) throws {
        guard out.readableBytes > 0 else { return }
        try raw.send(Array(buffer: out))
        out.clear()
    }

    private func receive() throws {
        var bytes = ByteBuffer(bytes: try raw.readSome())
        guard bytes.readableBytes > 0 else { throw TestFailure("the connection ended: \(session.state)") }
        var out = ByteBuffer()
        _ = session.receive(&bytes, plain: &plain, out: &out)
        try send(&out)
    }
}
