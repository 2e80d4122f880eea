/// Warnings about calls of gRPC.
extension Validation {
    /// Why the upstreams of a route must speak gRPC; nil: they need not.
    private func reasonForGRPC(_ route: RouteModel) -> String? {
        if let filter = route.filters.first(where: { $0.configuration.needs.grpcUpstream != .none }) {
            return "has '\(filter.name)'"
        }
        let shared = FilterOrder.kept(model.filters, beside: route.filters)
        // One for every route that lets requests pass untranslated may not be meant for this route at all.
        if let filter = shared.first(where: { $0.configuration.needs.grpcUpstream == .all }) {
            return "is behind '\(filter.name)' of all routes"
        }
        let isTranslated = (shared + route.filters).contains { $0.configuration.needs.translatesCalls }
        return route.match.isOfGRPC && !isTranslated ? "is for gRPC" : nil
    }

    /// A route of gRPC whose upstream cannot carry it.
    func lintGRPC() {
        for route in model.routes where !broken.contains(route.place) {
            guard case .forward(let forward) = route.action, let reason = reasonForGRPC(route) else { continue }
            for target in forward.targets {
                guard let position = upstreams[target.upstream] else { continue }
                let upstream = model.upstreams[position]
                guard !upstream.speaksHTTP2 else { continue }
                context.report(
                    .grpcOverHTTP1,
                    .warning,
                    at: SourceSpan(place: target.place, length: target.upstream.unicodeScalars.count),
                    "route '\(Printable.short(route.name))' \(reason), which needs HTTP/2, but upstream '\(Printable.short(upstream.name))' speaks HTTP/1.1",
                    help: "add 'protocol: http2' to the upstream"
                )
            }
        }
    }
}

extension MatchModel {
    /// Whether it takes calls of gRPC only.
    fileprivate var isOfGRPC: Bool { headers.contains(GRPCMatch.contentType) }
}

extension UpstreamModel {
    /// Whether it may speak HTTP/2 with its servers.
    fileprivate var speaksHTTP2: Bool {
        switch version {
        case .http1: false
        case .http2: true
        case .auto: tls != nil
        }
    }
}
