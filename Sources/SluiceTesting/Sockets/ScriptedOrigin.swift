import Glibc
package import NIOCore
package import SluiceConfig
import SluiceCore

/// A server whose behaviour is whatever the test does next: it accepts when asked to, and each accepted connection is
/// a `RawPeer` that the test reads from, answers on, stalls or cuts.
///
/// Isolation: one thread at a time.
package final class ScriptedOrigin {
    /// With the port that the system chose.
    package let address: ListenAddress
    package private(set) var acceptedCount = 0
    package var patience = TimeAmount.seconds(30)
    private let name: String
    private var descriptor: CInt

    /// - Parameters:
    ///   - name: what failures call it.
    ///   - address: port 0, or a Unix socket.
    ///   - backlog: connections that the kernel makes before anybody accepts them.
    package init(
        _ name: String = "origin",
        at address: ListenAddress = .ip(host: "127.0.0.1", port: 0),
        backlog: Int = 1024
    ) throws {
        self.name = name
        (descriptor, self.address) = try Sockets.bound(to: address, backlog: backlog)
    }

    deinit { close() }

    /// Takes the next connection, waiting for one.
    package func accept() throws -> RawPeer {
        guard Sockets.wait(descriptor, for: POLLIN, until: SystemClock.monotonic() + patience) != 0 else {
            throw TestFailure("\(name): waited too long for connection \(acceptedCount + 1)")
        }
        let accepted = Sockets.accept(descriptor)
        guard accepted >= 0 else { throw Sockets.failure("\(name): accept") }
        acceptedCount += 1
        if case .ip = address { Sockets.set(accepted, CInt(TCP_NODELAY), 1, level: CInt(IPPROTO_TCP)) }
        return RawPeer(accepted, name: "\(name) connection \(acceptedCount)")
    }

    /// Takes connections up to one on which something comes, which is where the next request is.
    ///
    /// A request that is given up may leave a connection behind that the next one is too early for.
    package func acceptBusy() throws -> RawPeer {
        var idle: [RawPeer] = []
        let end = SystemClock.monotonic() + patience
        while SystemClock.monotonic() < end {
            if Sockets.wait(descriptor, for: POLLIN, until: SystemClock.monotonic() + .milliseconds(1)) != 0 {
                idle.append(try accept())
            }
            if let busy = try idle.first(where: { !(try $0.peek().isEmpty) }) {
                quiet += idle.filter { $0 !== busy }
                return busy
            }
        }
        throw TestFailure("\(name): waited too long for a request on one of \(idle.count) connections")
    }

    /// Connections that `acceptBusy` passed over.
    private var quiet: [RawPeer] = []

    /// Nobody has connected whom `accept` has not returned yet. Only after `TestGateway.settle` does this say much.
    package var isSilent: Bool { Sockets.wait(descriptor, for: POLLIN, until: SystemClock.monotonic()) == 0 }

    /// Takes no more connections; those accepted stay.
    package func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
        if case .unix(let path) = address { unlink(path) }
    }
}

/// An address that refuses connections for as long as this lives: bound, so that nobody else gets it, but not listening.
package final class ClosedPort {
    package let address: ListenAddress
    private let descriptor: CInt

    package init() throws {
        (descriptor, address) = try Sockets.bound(to: .ip(host: "127.0.0.1", port: 0), backlog: nil)
    }

    deinit { Glibc.close(descriptor) }
}
