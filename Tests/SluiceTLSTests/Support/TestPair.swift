import NIOCore
import SluiceTLS

/// A client and a server that talk to each other in memory.
final class TestPair {
    let server: TLSSession
    let client: TLSSession
    /// At most this many bytes are handed over at once.
    let chunk: Int
    private(set) var toServer = ByteBuffer()
    private(set) var toClient = ByteBuffer()
    var atServer = ByteBuffer()
    var atClient = ByteBuffer()

    init(_ server: TLSServerContext, _ client: TLSClientContext, host: String = "api.test", chunk: Int = .max) {
        self.server = TLSSession(server: server)!
        self.client = TLSSession(client: client, host: Array(host.utf8))!
        self.chunk = chunk
    }

    /// Starts, and hands bytes over until there are none.
    @discardableResult
    func handshake() -> TestPair {
        _ = client.start(into: &toServer)
        pump()
        return self
    }

    func pump() {
        while toServer.readableBytes > 0 || toClient.readableBytes > 0 {
            hand(&toServer, to: server, plain: &atServer, out: &toClient)
            hand(&toClient, to: client, plain: &atClient, out: &toServer)
        }
    }

    private func hand(_ bytes: inout ByteBuffer, to session: TLSSession, plain: inout ByteBuffer, out: inout ByteBuffer)
    {
        while bytes.readableBytes > 0 {
            guard var part = bytes.readSlice(length: min(chunk, bytes.readableBytes)) else { return }
            _ = session.receive(&part, plain: &plain, out: &out)
        }
    }

    func send(fromClient bytes: [UInt8]) -> Bool { client.seal(ByteBuffer(bytes: bytes), into: &toServer) }
    func send(fromServer bytes: [UInt8]) -> Bool { server.seal(ByteBuffer(bytes: bytes), into: &toClient) }
    func closeClient() { client.close(into: &toServer) }
    func closeServer() { server.close(into: &toClient) }

    var serverFailure: TLSFailure? { server.state.failure }
    var clientFailure: TLSFailure? { client.state.failure }
    var isOpen: Bool { server.state == .open && client.state == .open }

    /// Lets the server say something, so that the client has its tickets.
    func greet() {
        _ = send(fromServer: Array("hello".utf8))
        pump()
    }
}

extension TLSState {
    var failure: TLSFailure? {
        guard case .failed(let failure) = self else { return nil }
        return failure
    }
}

extension TLSServerContext {
    /// With the clock of the tests.
    static func test(
        _ certificates: TestCertificate...,
        change: (inout TLSServerSettings) -> Void = { _ in }
    ) throws -> TLSServerContext {
        var settings = TLSServerSettings(certificates: certificates.map(\.source))
        settings.clock = { testNow }
        change(&settings)
        return try TLSServerContext(settings)
    }
}

extension TLSClientContext {
    /// Trusts the shared authority, with the clock of the tests.
    static func test(change: (inout TLSClientSettings) -> Void = { _ in }) throws -> TLSClientContext {
        var settings = TLSClientSettings(trust: try TestAuthority.shared.store)
        settings.clock = { testNow }
        change(&settings)
        return try TLSClientContext(settings)
    }
}

func text(_ buffer: ByteBuffer) -> String { String(buffer: buffer) }
