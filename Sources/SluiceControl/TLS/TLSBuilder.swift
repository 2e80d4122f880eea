import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTLS

/// Makes contexts of settings and of what their files hold now.
///
/// Isolation: one thread that may block.
struct TLSBuilder {
    let files: TLSFiles
    let stores: TrustStores
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64

    // MARK: - Listeners

    /// - Parameters:
    ///   - listener: one with TLS.
    ///   - tickets: the keys that its sessions have been sealed with so far; nil: none yet.
    ///   - keyLog: where `key_log` goes, if there is one.
    /// - Returns: the context, and what it seals sessions with.
    func server(
        _ listener: ListenerModel,
        _ tls: ListenerTLSModel,
        tickets: TLSTicketKeys?,
        keyLog: (@Sendable ([UInt8]) -> Void)?
    ) throws(TLSFindings) -> (context: TLSServerContext, tickets: TLSTicketKeys?) {
        try files.read(tls.materials)
        var settings = TLSServerSettings(certificates: try certificates(tls))
        settings.take(tls.parameters)
        settings.refusesUnknownNames = tls.strictNames
        settings.protocols = listener.offeredProtocols
        settings.clientAuthentication = try clients(tls)
        settings.ticketKeys = try ticketKeys(tls, tickets)
        settings.sessionLifetime = UInt32(clamping: tls.sessionLifetime.nanoseconds / 1_000_000_000)
        settings.staplingPolicy = tls.staplingPolicy.policy
        settings.keyLog = keyLog
        settings.clock = clock
        do {
            return (try TLSServerContext(settings), settings.ticketKeys)
        } catch {
            throw TLSFindings(all: [.error(error.message, at: tls.span(of: error.item))])
        }
    }

    private func certificates(_ tls: ListenerTLSModel) throws(TLSFindings) -> [TLSCertificateSource] {
        var sources: [TLSCertificateSource] = []
        for model in tls.certificates {
            var source = try self.source(model.certificate)
            if let ocsp = model.ocsp { source.ocspResponse = try files.bytes(of: ocsp) }
            if !model.hosts.isEmpty { source.serverNames = model.hosts.map { Array($0.utf8) } }
            sources.append(source)
        }
        return sources
    }

    private func source(_ model: CertificateModel) throws(TLSFindings) -> TLSCertificateSource {
        TLSCertificateSource(
            chain: try files.bytes(of: model.certificate),
            key: try files.bytes(of: model.key),
            passphrase: model.passphrase.map { Array($0.text.utf8) }
        )
    }

    private func clients(_ tls: ListenerTLSModel) throws(TLSFindings) -> TLSClientAuthentication {
        guard let model = tls.clientCertificate else { return TLSClientAuthentication() }
        let trust = try stores.store(for: model.verification, files, systemAt: SourceSpan(place: tls.place))
        var clients = TLSClientAuthentication(mode: .require, trust: trust, rules: TLSPeerRules(model.verification))
        if case .optional = model.mode { clients.mode = .optional }
        clients.maximumDepth = model.verification.depth
        return clients
    }

    private func ticketKeys(_ tls: ListenerTLSModel, _ known: TLSTicketKeys?) throws(TLSFindings) -> TLSTicketKeys? {
        switch tls.tickets {
        case .off: return nil
        case .on: return known ?? TLSTicketKeys(clock: clock)
        case .keys(let materials):
            var keys: [[UInt8]] = []
            for material in materials { keys.append(try files.bytes(of: material)) }
            do {
                return try TLSTicketKeys(keys)
            } catch {
                let span = materials.first?.span ?? SourceSpan(place: tls.place)
                throw TLSFindings(all: [.error(error.message, at: span, help: "openssl rand 80 > FILE")])
            }
        }
    }

    // MARK: - Upstreams

    func client(_ upstream: UpstreamModel, _ tls: UpstreamTLSModel) throws(TLSFindings) -> TLSClientContext {
        try files.read(tls.materials)
        let place = SourceSpan(place: tls.place)
        let trust: TLSTrustStore? =
            tls.verify ? try stores.store(for: tls.verification, files, systemAt: place) : nil
        var settings = TLSClientSettings(trust: trust)
        settings.verification = tls.verify ? .full : .none
        settings.rules = TLSPeerRules(tls.verification)
        settings.maximumDepth = tls.verification.depth
        settings.certificate = try tls.certificate.map { model throws(TLSFindings) in try source(model) }
        settings.take(tls.parameters)
        settings.protocols = upstream.version.offeredProtocols
        settings.clock = clock
        do {
            return try TLSClientContext(settings)
        } catch {
            throw TLSFindings(all: [.error(error.message, at: tls.span(of: error.item))])
        }
    }
}

extension StaplingPolicy {
    fileprivate var policy: TLSServerSettings.StaplingPolicy {
        switch self {
        case .lenient: .lenient
        case .strict: .strict
        case .require: .mustStaple
        }
    }
}

// MARK: - Where it stands in the files

extension ListenerTLSModel {
    /// Where the setting stands that the library speaks of.
    func span(of item: TLSSettingsError.Item) -> SourceSpan {
        func certificate(_ index: Int) -> ListenerCertificateModel? {
            certificates.indices.contains(index) ? certificates[index] : nil
        }
        let found: SourceSpan? =
            switch item {
            case .certificate(let index), .serverName(let index): certificate(index)?.certificate.certificate.span
            case .key(let index): certificate(index)?.certificate.key.span
            case .ocspResponse(let index):
                certificate(index).map { $0.ocsp?.span ?? $0.certificate.certificate.span }
            case .trust, .peerRules, .clientAuthentication: clientCertificate?.verification.authorities?.span
            case .revocationList: clientCertificate?.verification.revocations?.span
            case .ticketKeys: if case .keys(let materials) = tickets { materials.first?.span } else { nil }
            case .versions, .ciphers, .curves, .protocols, .library: nil
            }
        return found ?? SourceSpan(place: place)
    }
}

extension UpstreamTLSModel {
    /// Where the setting stands that the library speaks of.
    func span(of item: TLSSettingsError.Item) -> SourceSpan {
        let found: SourceSpan? =
            switch item {
            case .certificate: certificate?.certificate.span
            case .key: certificate?.key.span
            case .trust, .peerRules: verification.authorities?.span
            case .revocationList: verification.revocations?.span
            case .serverName, .ocspResponse, .ticketKeys, .versions, .ciphers, .curves, .protocols,
                .clientAuthentication, .library:
                nil
            }
        return found ?? SourceSpan(place: place)
    }
}
