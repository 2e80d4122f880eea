internal import SluiceCore

/// Warnings about requests that come back.
extension Validation {
    /// Routes whose upstream is a listener of this gateway where they match again: a request goes round until it is refused.
    ///
    /// Only what the file says literally is looked at, and only routes that leave path and host as they match them: one that
    /// rewrites may well mean to lead to another route.
    func lintLoops() {
        guard !model.listeners.isEmpty else { return }
        for route in model.routes where !broken.contains(route.place) {
            guard case .forward(let forward) = route.action, forward.rewrite == nil else { continue }
            for target in forward.targets where target.weight > 0 {
                guard let position = upstreams[target.upstream] else { continue }
                let upstream = model.upstreams[position]
                guard route.keepsMatching(host: forward.host ?? upstream.host),
                    let listener = listener(behind: upstream, of: route)
                else { continue }
                report(route, target, upstream, listener)
            }
        }
    }

    private func listener(behind upstream: UpstreamModel, of route: RouteModel) -> ListenerModel? {
        model.listeners.first { listener in
            (route.match.listeners.isEmpty || route.match.listeners.contains(listener.name))
                && (listener.tls == nil) == (upstream.tls == nil)
                && upstream.endpoints.contains { listener.address.takes($0.address) }
        }
    }

    private func report(
        _ route: RouteModel,
        _ target: TargetModel,
        _ upstream: UpstreamModel,
        _ listener: ListenerModel
    ) {
        context.report(
            .routeToItself,
            .warning,
            at: SourceSpan(place: target.place, length: target.upstream.unicodeScalars.count),
            "route '\(Printable.short(route.name))' sends requests to upstream '\(Printable.short(upstream.name))', which is listener '\(Printable.short(listener.name))' of this gateway, where it takes them again",
            notes: [
                Diagnostic.Note(
                    text: "the listener",
                    span: SourceSpan(place: listener.place, length: listener.name.unicodeScalars.count)
                )
            ],
            help: "name the servers behind the gateway, or the 'listeners' that the route is for"
        )
    }
}

extension RouteModel {
    /// Whether the host that goes upstream does not lead away from the route: it has none, or the client's is kept.
    fileprivate func keepsMatching(host: HostPolicy) -> Bool {
        if match.hosts.isEmpty { return true }
        return switch host {
        case .preserve: true
        case .name(let name): match.hosts.contains(name)
        case .upstream: false
        }
    }
}

extension ListenAddress {
    /// Whether connections to an endpoint come here, as far as the two texts say.
    fileprivate func takes(_ endpoint: EndpointAddress) -> Bool {
        switch (self, endpoint) {
        case (.unix(let path), .unix(let other)): return path == other
        case (.ip(let host, let port), .ip(let other, let otherPort)):
            guard port == otherPort, port != 0, let ip = IPAddress(host) else { return false }
            return ip == other || other.isLoopback && (host == "0.0.0.0" && other.isV4 || host == "::")
        case (.ip(let host, let port), .name("localhost", let otherPort)):
            return port == otherPort && port != 0
                && (host == "0.0.0.0" || host == "::" || IPAddress(host)?.isLoopback == true)
        default: return false
        }
    }
}
