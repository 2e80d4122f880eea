package import NIOCore
package import SluiceConfig
package import SluiceCore
import Synchronization

/// Where the gateway itself listens: connections to an upstream that lead there come back into it.
///
/// Asked once for each connection that is opened, so it costs requests nothing. Isolation: any thread.
package final class OwnAddresses: Sendable {
    private struct Address {
        let host: IPAddress
        let port: Int

        /// Any address of this machine, of IPv4 only or of both kinds.
        var isWildcard: Bool { host.isV4 ? host.low & 0xFFFF_FFFF == 0 : host.high == 0 && host.low == 0 }

        func takes(_ remote: IPAddress, isHere: Bool) -> Bool {
            isWildcard ? isHere && (remote.isV4 || !host.isV4) : remote == host
        }
    }

    private struct State {
        var ips: [Address] = []
        var paths: [String] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Takes the addresses of all listeners that are open, in place of those that were known.
    package func replace(with addresses: [ListenAddress]) {
        var next = State()
        for address in addresses {
            switch address {
            case .unix(let path): next.paths.append(path)
            case .ip(let host, let port):
                guard let ip = IPAddress(host) else { continue }
                next.ips.append(Address(host: ip, port: port))
            }
        }
        state.withLock { $0 = next }
    }

    /// Whether a connection has one of them at its other end.
    ///
    /// - Parameters:
    ///   - remote: the address that was connected to.
    ///   - local: this end. Connections of a machine to itself have the same address at both ends, which is how a listener on
    ///     the wildcard is recognised by whatever address.
    package func contains(_ remote: SocketAddress, local: IPAddress?) -> Bool {
        if case .unixDomainSocket = remote {
            guard let path = remote.pathname else { return false }
            return state.withLock { $0.paths.contains(path) }
        }
        guard let port = remote.port, let host = remote.ipAddress.flatMap({ IPAddress($0) }) else { return false }
        let isHere = host.isLoopback || local == host
        return state.withLock { state in
            state.ips.contains { $0.port == port && $0.takes(host, isHere: isHere) }
        }
    }
}
