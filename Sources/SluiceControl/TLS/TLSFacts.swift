import SluiceConfig
import SluiceCore
import SluiceTLS
import Synchronization

/// What the metrics show of certificates. Isolation: any thread.
final class TLSFacts: Sendable {
    /// When a certificate runs out, seconds since 1970.
    struct Expiry: Equatable, Sendable {
        /// Of the listener or upstream.
        let name: String
        /// The first name in it, or its subject.
        let host: String
        let notAfter: Int64
    }

    struct Values: Equatable, Sendable {
        var listeners: [Expiry] = []
        /// What upstreams are shown.
        var upstreams: [Expiry] = []
        /// Whether files hold something else than what is used, since that cannot be.
        var isFailing = false
    }

    private let values = Mutex(Values())

    var now: Values { values.withLock { $0 } }

    func follow(_ assembly: TLSAssembly, isFailing: Bool) {
        var next = Values()
        next.isFailing = isFailing
        for (name, part) in assembly.listeners.sorted(by: { $0.key < $1.key }) {
            var byHost: [String: Int64] = [:]
            for (certificate, model) in zip(part.context.certificates, part.model.tls.certificates) {
                let host = model.names(of: certificate).first ?? certificate.subjectText
                // Several for one host, such as one of ECDSA and one of RSA: the first to end counts.
                byHost[host] = min(byHost[host] ?? .max, certificate.notAfter)
            }
            for (host, end) in byHost.sorted(by: { $0.key < $1.key }) {
                next.listeners.append(Expiry(name: name, host: host, notAfter: end))
            }
        }
        for (name, part) in assembly.upstreams.sorted(by: { $0.key < $1.key }) {
            guard let certificate = part.context.certificate else { continue }
            let host = certificate.serverNames.first ?? certificate.subjectText
            next.upstreams.append(Expiry(name: name, host: host, notAfter: certificate.notAfter))
        }
        values.withLock { $0 = next }
    }

    // MARK: - Metrics

    private static let listeners = MetricFamily(
        "sluice_tls_certificate_expiry_seconds",
        .gauge,
        help: "When a certificate of a listener runs out, in seconds since 1970.",
        labels: ["listener", "host"]
    )
    private static let upstreams = MetricFamily(
        "sluice_tls_client_certificate_expiry_seconds",
        .gauge,
        help: "When the certificate that an upstream is shown runs out, in seconds since 1970.",
        labels: ["upstream", "host"]
    )
    private static let failing = MetricFamily(
        "sluice_tls_files_failing",
        .gauge,
        help: "1 when files of certificates hold something that cannot be used, so that what was read before stays."
    )

    /// Shows them at every scrape.
    func register(in registry: MetricsRegistry) {
        registry.provide { [self] samples in
            let now = now
            for one in now.listeners { samples.add(Self.listeners, [one.name, one.host], Int(one.notAfter)) }
            for one in now.upstreams { samples.add(Self.upstreams, [one.name, one.host], Int(one.notAfter)) }
            samples.add(Self.failing, [], now.isFailing ? 1 : 0)
        }
    }
}

extension TLSCertificate {
    /// For people, where it has no name.
    fileprivate var subjectText: String { String(decoding: subject, as: UTF8.self) }
}
