/// Warnings about TLS and the protocols on top of it, as far as the configuration says it without its certificates.
extension Validation {
    func lintTLS() {
        for listener in model.listeners { lintTLS(of: listener) }
        for upstream in model.upstreams { lintTLS(of: upstream) }
        lintClientCertificates()
    }

    /// Filters that go by what no client is asked for, each once.
    private func lintClientCertificates() {
        let asking = Set(model.listeners.lazy.filter { $0.tls?.clientCertificate != nil }.map(\.name))
        if asking.isEmpty { for filter in model.filters { reportUnasked(filter) } }
        for route in model.routes where !broken.contains(route.place) {
            let names = route.match.listeners
            guard names.isEmpty ? asking.isEmpty : asking.isDisjoint(with: names) else { continue }
            for filter in route.filters { reportUnasked(filter) }
        }
    }

    private func reportUnasked(_ filter: FilterModel) {
        guard filter.configuration.needs.clientCertificates else { return }
        context.report(
            .certificateNotAsked,
            .warning,
            at: SourceSpan(place: filter.place, length: filter.name.unicodeScalars.count),
            "'\(filter.name)' goes by the certificates of clients, but no listener asks for them",
            help: "add 'client_ca' to the 'tls' of the listener"
        )
    }

    private func lintTLS(of listener: ListenerModel) {
        guard let tls = listener.tls else { return }
        let name = Printable.short(listener.name)
        let span = SourceSpan(place: listener.place, length: listener.name.unicodeScalars.count)
        if !listener.protocols.contains(.http1) {
            context.report(
                .http1Refused,
                .info,
                at: span,
                "listener '\(name)' speaks HTTP/2 only, so clients that do not, such as many probes, are refused in the handshake",
                help: "add 'http1' to 'protocols' where that is not meant"
            )
        }
        if let file = tls.keyLog {
            context.report(
                .keysLogged,
                .warning,
                at: span,
                "listener '\(name)' writes the secrets of its TLS sessions to '\(Printable.short(file))': whoever reads that can read all that was sent",
                help: "take 'key_log' out when you are done"
            )
        }
    }

    private func lintTLS(of upstream: UpstreamModel) {
        let name = Printable.short(upstream.name)
        if let tls = upstream.tls, !tls.verify, tls.verification.pins.isEmpty {
            context.report(
                .unverifiedUpstream,
                .warning,
                at: SourceSpan(place: tls.place, length: "false".count),
                "upstream '\(name)' does not verify certificates, so anybody on the way can read and change everything",
                help: "give the authority in 'ca', or the key in 'pins'"
            )
        }
        if upstream.tls == nil, case .auto = upstream.version {
            context.report(
                .autoWithoutTLS,
                .warning,
                at: SourceSpan(place: upstream.place, length: upstream.name.unicodeScalars.count),
                "upstream '\(name)' has 'protocol: auto' without TLS, which means HTTP/1.1: only a handshake can tell",
                help: "write 'protocol: http2' if its servers speak that in cleartext"
            )
        }
    }
}
