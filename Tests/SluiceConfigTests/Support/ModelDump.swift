internal import NIOCore
internal import SluiceConfig
internal import SluiceCore

/// Writes a model in few lines, values that are the default left out.
struct ModelDump {
    private var lines: [String] = []

    static func text(_ model: GatewayModel) -> String {
        var dump = ModelDump()
        dump.write(model)
        return dump.lines.joined(separator: "\n") + "\n"
    }

    private mutating func write(_ model: GatewayModel) {
        var top: [String] = []
        if let workers = model.workers { top.append("workers=\(workers)") }
        if model.drainTimeout != GatewayModel().drainTimeout { top.append("drain=\(show(model.drainTimeout))") }
        if !top.isEmpty { lines.append(top.joined(separator: " ")) }
        for listener in model.listeners { write(listener) }
        for upstream in model.upstreams { write(upstream) }
        for consumer in model.consumers { write(consumer) }
        for filter in model.filters { lines.append("filter \(show(filter))") }
        for route in model.routes { write(route) }
    }

    private mutating func write(_ listener: ListenerModel) {
        let plain = ListenerModel(name: listener.name, place: listener.place, address: listener.address)
        let address =
            switch listener.address {
            case .ip(let host, let port): "\(host) port \(port)"
            case .unix(let path): "unix \(path)"
            }
        lines.append("listener \(listener.name) \(address)" + changes(listener, plain))
    }

    private mutating func write(_ upstream: UpstreamModel) {
        var plain = UpstreamModel(name: upstream.name, place: upstream.place)
        plain.endpoints = upstream.endpoints
        lines.append("upstream \(upstream.name)" + changes(upstream, plain))
        for endpoint in upstream.endpoints {
            let weight = endpoint.weight == 1 ? "" : " weight \(endpoint.weight)"
            lines.append("  endpoint \(show(endpoint.address))\(weight)")
        }
    }

    /// Of the keys only how many they are; certificates are no secrets.
    private mutating func write(_ consumer: ConsumerModel) {
        let groups = consumer.groups.isEmpty ? "" : " groups=\(show(consumer.groups))"
        let keys = consumer.keys.isEmpty ? "" : " keys=\(consumer.keys.count)"
        let certificates = consumer.certificates.isEmpty ? "" : " certificates=\(show(consumer.certificates))"
        lines.append("consumer \(consumer.name)\(groups)\(keys)\(certificates)")
    }

    private mutating func write(_ route: RouteModel) {
        var plain = RouteModel(name: route.name, place: route.place, action: route.action)
        plain.match = route.match
        plain.filters = route.filters
        lines.append("route \(route.name)" + changes(route, plain))
        let match = changes(route.match, MatchModel())
        if !match.isEmpty { lines.append("  match\(match)") }
        lines.append("  \(show(route.action))")
        for filter in route.filters { lines.append("  filter \(show(filter))") }
    }

    // MARK: Values

    /// ` name=value` for each member that differs from the default.
    private func changes(_ value: Any, _ plain: Any) -> String {
        var text = ""
        for (own, other) in zip(Mirror(reflecting: value).children, Mirror(reflecting: plain).children) {
            let (a, b) = (show(own.value), show(other.value))
            if a != b { text += " \(own.label ?? "?")=\(a)" }
        }
        return text
    }

    private func show(_ value: Any) -> String {
        switch value {
        case let amount as TimeAmount: return Units.showDuration(amount)
        case let place as SourcePlace: return "@\(place.line):\(place.column)"
        case let network as CIDR: return "\(network.base.description)/\(network.prefix - (network.base.isV4 ? 96 : 0))"
        case let address as IPAddress: return address.description
        case let set as Set<RetryModel.Condition>: return "[\(set.map(\.rawValue).sorted().joined(separator: ", "))]"
        case let text as String: return "'\(text)'"
        case let material as TLSMaterial: return material.path.map { "'\($0)'" } ?? "***"
        case let tls as ListenerTLSModel: return "(\(changes(tls, ListenerTLSModel(place: tls.place)).dropFirst()))"
        case let tls as UpstreamTLSModel: return "(\(changes(tls, UpstreamTLSModel(place: tls.place)).dropFirst()))"
        case let parameters as TLSParameters: return "(\(changes(parameters, TLSParameters()).dropFirst()))"
        case let peer as PeerVerificationModel: return "(\(changes(peer, PeerVerificationModel()).dropFirst()))"
        case let filter as FilterModel: return "\(filter.name) \(show(filter.configuration))"
        default: return members(value)
        }
    }

    private func members(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional: return mirror.children.first.map { show($0.value) } ?? "nil"
        case .collection, .set: return "[\(mirror.children.map { show($0.value) }.joined(separator: ", "))]"
        case .enum:
            guard let child = mirror.children.first else { return "\(value)" }
            return "\(child.label ?? "?")(\(payload(child.value)))"
        case .struct, .tuple: return "(\(payload(value)))"
        default: return "\(value)"
        }
    }

    private func payload(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        let isPlain =
            value is String || value is TimeAmount || value is CIDR || value is IPAddress || value is TLSMaterial
        guard !isPlain, mirror.displayStyle == .struct || mirror.displayStyle == .tuple else { return show(value) }
        return mirror.children
            .filter { $0.label != "place" && show($0.value) != "nil" && show($0.value) != "[]" }
            .map { child in
                let label = child.label.map { $0.hasPrefix(".") ? "" : $0 + ": " } ?? ""
                return label + show(child.value)
            }
            .joined(separator: ", ")
    }
}
