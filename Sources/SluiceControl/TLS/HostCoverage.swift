import SluiceConfig
import SluiceTLS

/// Finds hosts of routes for which no listener has a certificate.
struct HostCoverage {
    /// Of each listener with TLS, by its name.
    private let names: [String: Set<String>]
    private let model: GatewayModel

    init(_ model: GatewayModel, names: [String: Set<String>]) {
        self.model = model
        self.names = names
    }

    /// One warning for each host, and for each set of listeners that it is meant for.
    var findings: [TLSFinding] {
        guard model.listeners.contains(where: { $0.tls != nil }) else { return [] }
        var found: [TLSFinding] = []
        var seen: Set<Wanted> = []
        for route in model.routes {
            for host in route.match.hosts where !host.hasPrefix("*.") && !host.hasPrefix("[") {
                let wanted = Wanted(host: host, listeners: route.match.listeners)
                guard seen.insert(wanted).inserted, !isCovered(wanted) else { continue }
                found.append(
                    .warning(
                        .hostWithoutCertificate,
                        "no certificate covers '\(Printable.short(host))', a host of route '\(Printable.short(route.name))', so clients will refuse the connection",
                        at: SourceSpan(place: route.place),
                        help: "add a certificate for it to the listener's 'tls'"
                    )
                )
            }
        }
        return found
    }

    private struct Wanted: Hashable {
        let host: String
        let listeners: [String]
    }

    /// Where one of the listeners speaks cleartext, or has somebody in front who knows better, nothing is missed.
    private func isCovered(_ wanted: Wanted) -> Bool {
        let eligible = model.listeners.filter { listener in
            listener.httpsRedirect == nil && (wanted.listeners.isEmpty || wanted.listeners.contains(listener.name))
        }
        return eligible.isEmpty
            || eligible.contains { listener in
                guard listener.tls != nil, listener.trustedProxies.isEmpty else { return true }
                return names[listener.name].map { Self.covers(wanted.host, $0) } ?? true
            }
    }

    private static func covers(_ host: String, _ names: Set<String>) -> Bool {
        if names.contains(host) { return true }
        guard let dot = host.firstIndex(of: ".") else { return false }
        return names.contains("*" + host[dot...])
    }
}
