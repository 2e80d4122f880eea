import Atomics
import Glibc
import NIOCore
package import SluiceConfig
import SluiceCore

/// A server that answers by itself, one thread per connection, for tests that put load on the gateway.
package final class RespondingOrigin: Sendable {
    /// Answers one request.
    ///
    /// - Returns: whether the connection goes on.
    package typealias Answer = @Sendable (HTTPMessage, RawPeer) throws -> Bool

    package let address: ListenAddress
    private let descriptor: CInt
    private let accepted = ManagedAtomic<Int>(0)
    private let answered = ManagedAtomic<Int>(0)
    private let isStopped = ManagedAtomic<Bool>(false)
    private let answer: Answer

    /// Connections so far.
    package var acceptedCount: Int { accepted.load(ordering: .acquiring) }
    /// Requests read so far.
    package var requestCount: Int { answered.load(ordering: .acquiring) }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - address: port 0, or a Unix socket.
    ///   - answer: by default 200 with the target as body.
    package init(
        at address: ListenAddress = .ip(host: "127.0.0.1", port: 0),
        _ answer: @escaping Answer = RespondingOrigin.echoTarget
    ) throws {
        (descriptor, self.address) = try Sockets.bound(to: address, backlog: 1024)
        self.answer = answer
        ControlThread.spawn(name: "test-origin") { [self] in acceptAll() }
    }

    package static let echoTarget: Answer = { request, peer in
        let body = request.target
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return true
    }

    /// Takes no more connections. Must be called, or its thread stays.
    package func stop() {
        isStopped.store(true, ordering: .releasing)
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    private func acceptAll() {
        defer { close(descriptor) }
        while !isStopped.load(ordering: .acquiring) {
            guard Sockets.wait(descriptor, for: POLLIN, until: SystemClock.monotonic() + .seconds(1)) != 0 else {
                continue
            }
            let socket = Sockets.accept(descriptor)
            guard socket >= 0 else { continue }
            let number = accepted.wrappingIncrementThenLoad(ordering: .acquiringAndReleasing)
            if case .ip = address { Sockets.set(socket, CInt(TCP_NODELAY), 1, level: CInt(IPPROTO_TCP)) }
            ControlThread.spawn(name: "test-origin-\(number)") { [self] in
                serve(RawPeer(socket, name: "origin connection \(number)"))
            }
        }
    }

    /// Until the other side ends the connection or the answer says so.
    private func serve(_ peer: RawPeer) {
        peer.patience = .seconds(30)
        while let request = try? peer.readRequest() {
            answered.wrappingIncrement(ordering: .acquiringAndReleasing)
            guard (try? answer(request, peer)) == true else { return }
        }
    }
}
