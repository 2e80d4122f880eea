import NIOCore
import SluiceConfig
import SluiceCore

/// A name that has to be resolved, and how: two upstreams that mean the same share the lookups.
struct NameKey: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case host(String, port: Int)
        case service(String)
    }

    let kind: Kind
    private let family: DNSModel.Family
    private let minTTL: TimeAmount
    private let maxTTL: TimeAmount
    let servers: [String]

    /// nil for an address that needs no lookup.
    init?(_ address: EndpointAddress, _ dns: DNSModel) {
        switch address {
        case .ip, .unix: return nil
        case .name(let name, let port): kind = .host(name, port: port)
        case .service(let name): kind = .service(name)
        }
        family = dns.family
        minTTL = dns.minTTL
        maxTTL = dns.maxTTL
        servers = dns.servers
    }

    var dns: DNSModel {
        var model = DNSModel()
        model.family = family
        model.minTTL = minTTL
        model.maxTTL = maxTTL
        model.servers = servers
        return model
    }

    var name: String {
        switch kind {
        case .host(let name, _), .service(let name): name
        }
    }

    /// The port of a host's endpoints; a service's records say it.
    var port: Int? {
        if case .host(_, let port) = kind { port } else { nil }
    }
}

/// An endpoint as configuration and DNS describe it at the moment.
struct EndpointDraft {
    let key: EndpointKey
    /// What sticky choices place it by.
    let hashKey: [UInt8]
    var weight: UInt32
    var priority: UInt16

    /// All endpoints of an upstream in the order of the configuration; what is named twice is one, its weights added.
    static func all(
        of model: UpstreamModel,
        resolved: (NameKey) -> [DNSEndpoint]
    ) -> [EndpointDraft] {
        var drafts: [EndpointDraft] = []
        var places: [EndpointKey: Int] = [:]
        for endpoint in model.endpoints {
            for draft in all(of: endpoint, model.dns, resolved) {
                if let place = places[draft.key] {
                    drafts[place].weight = UInt32(clamping: UInt64(drafts[place].weight) + UInt64(draft.weight))
                    drafts[place].priority = min(drafts[place].priority, draft.priority)
                } else {
                    places[draft.key] = drafts.count
                    drafts.append(draft)
                }
            }
        }
        return drafts
    }

    private static func all(
        of endpoint: EndpointModel,
        _ dns: DNSModel,
        _ resolved: (NameKey) -> [DNSEndpoint]
    ) -> [EndpointDraft] {
        switch endpoint.address {
        case .ip(let ip, let port):
            let literal = ip.isV4 ? ip.description : "[\(ip.description)]"
            return draft(ip, port: port, host: literal, weight: endpoint.weight, priority: 0).map { [$0] } ?? []
        case .unix(let path):
            guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return [] }
            let key = EndpointKey(address: address, hostField: Array("localhost".utf8))
            return [EndpointDraft(key: key, hashKey: Array("unix:\(path)".utf8), weight: endpoint.weight, priority: 0)]
        case .name, .service:
            guard let name = NameKey(endpoint.address, dns) else { return [] }
            return resolved(name).compactMap { found in
                draft(
                    found.address,
                    port: found.port,
                    host: host(name),
                    // Two factors of 32 bits fit into 64.
                    weight: UInt32(clamping: UInt64(found.weight) * UInt64(endpoint.weight)),
                    priority: found.priority
                )
            }
        }
    }

    private static func draft(
        _ ip: IPAddress,
        port: Int,
        host: String,
        weight: UInt32,
        priority: UInt16
    ) -> EndpointDraft? {
        guard let address = try? SocketAddress(ipAddress: ip.description, port: port) else { return nil }
        let field = port == 80 ? host : "\(host):\(port)"
        let place = ip.isV4 ? "\(ip.description):\(port)" : "[\(ip.description)]:\(port)"
        return EndpointDraft(
            key: EndpointKey(address: address, hostField: Array(field.utf8)),
            hashKey: Array(place.utf8),
            weight: weight,
            priority: priority
        )
    }

    /// What stands in the Host field: of `_http._tcp.orders.internal` the name of the service's domain, since a host
    /// name has no underscore.
    private static func host(_ name: NameKey) -> String {
        guard case .service(let service) = name.kind else { return name.name }
        let labels = service.split(separator: ".").drop { $0.hasPrefix("_") }
        return labels.isEmpty ? service : labels.joined(separator: ".")
    }
}
