package import SluiceConfig
package import SluiceCore

/// Resolves names; a protocol so that tests can do without DNS.
package protocol NameResolver: AnyObject {
    /// The addresses of a host. `done` is called exactly once, on any thread.
    func resolveHost(_ name: String, _ dns: DNSModel, done: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void)
    /// The endpoints of a service. `done` is called exactly once, on any thread.
    func resolveService(
        _ name: String,
        _ dns: DNSModel,
        done: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    )
    /// These servers are the only ones still asked.
    func keep(servers: Set<[String]>)
}

/// One `DNSResolver` per list of servers, made when first needed: a gateway without names has none.
///
/// Isolation: the control loop.
package final class ResolverPool: NameResolver {
    private var resolvers: [[String]: DNSResolver] = [:]
    private let shortage: ResourceShortage?

    /// - Parameter shortage: is told when the gateway itself is what has run out of something.
    package init(shortage: ResourceShortage? = nil) { self.shortage = shortage }

    package func resolveHost(
        _ name: String,
        _ dns: DNSModel,
        done: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) {
        do throws(DNSError) {
            try resolver(dns.servers).resolveHost(name, family: dns.family, completion: done)
        } catch {
            done(.failure(error))
        }
    }

    package func resolveService(
        _ name: String,
        _ dns: DNSModel,
        done: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) {
        do throws(DNSError) {
            try resolver(dns.servers).resolveService(name, family: dns.family, completion: done)
        } catch {
            done(.failure(error))
        }
    }

    package func keep(servers: Set<[String]>) {
        for (key, resolver) in resolvers where !servers.contains(key) {
            resolver.shutdown()
            resolvers[key] = nil
        }
    }

    private func resolver(_ servers: [String]) throws(DNSError) -> DNSResolver {
        if let known = resolvers[servers] { return known }
        var configuration = DNSResolver.Configuration()
        configuration.servers = servers
        configuration.shortage = shortage
        let resolver = try DNSResolver(configuration)
        resolvers[servers] = resolver
        return resolver
    }
}
