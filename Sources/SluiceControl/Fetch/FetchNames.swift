import NIOCore
import SluiceCore
import SluiceUpstream

/// From the host of a URL to addresses, in the order in which they are tried.
///
/// The resolver, and with it its thread, is made for the first name. Isolation: the fetcher's loop.
final class FetchNames {
    /// Of a name with many addresses only the first are tried.
    private static let most = 4

    private let loop: any EventLoop
    private let configuration: DNSResolver.Configuration
    private var resolver: DNSResolver?

    init(loop: any EventLoop, _ configuration: DNSResolver.Configuration) {
        self.loop = loop
        self.configuration = configuration
    }

    /// `done` is called once, on the loop, for a literal address within the call.
    func resolve(_ host: String, port: Int, done: @escaping @Sendable (Result<[SocketAddress], DNSError>) -> Void) {
        if let address = IPAddress(host) { return done(Self.addresses([address], port)) }
        do throws(DNSError) {
            try known().resolveHost(host) { [loop] answer in
                loop.execute {
                    done(answer.flatMap { Self.addresses(Self.mixed($0.records.map(\.address)), port) })
                }
            }
        } catch {
            done(.failure(error))
        }
    }

    func stop() {
        resolver?.shutdown()
        resolver = nil
    }

    private func known() throws(DNSError) -> DNSResolver {
        if let resolver { return resolver }
        let made = try DNSResolver(configuration)
        resolver = made
        return made
    }

    /// Both families among the first, so that one that leads nowhere costs one try.
    private static func mixed(_ all: [IPAddress]) -> [IPAddress] {
        guard let first = all.first else { return [] }
        let other = all.first { $0.isV4 != first.isV4 }
        return [first] + (other.map { [$0] } ?? []) + all.dropFirst().filter { $0 != other }
    }

    private static func addresses(_ all: [IPAddress], _ port: Int) -> Result<[SocketAddress], DNSError> {
        let usable = all.prefix(most).compactMap { try? SocketAddress(ipAddress: $0.description, port: port) }
        return usable.isEmpty ? .failure(.notFound) : .success(usable)
    }
}
