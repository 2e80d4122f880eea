import SluiceConfig
import SluiceCore
import SluiceTLS

/// Finds the caller whose certificate the client showed, and tells the upstream who that is. Isolation: one loop.
/// Allocates: for a certificate that it has not seen lately the texts to look it up by, and nothing else.
final class MTLSAuthFilter: Filter {
    private static let family = MetricFamily(
        "sluice_mtls_auth_total",
        .counter,
        help: "Requests that were asked for a client certificate, by what came of it.",
        labels: ["result"]
    )

    private let groups: [[UInt8]]
    private let isRequired, allowsUnknown: Bool
    private let callerHeaders: CallerHeadersWriter
    private let known, unknown, missing, forbidden: Counter
    private var callers: CertificateCallers

    init(_ configuration: MTLSAuthConfiguration, _ resources: FilterResources) {
        groups = configuration.groups.map { Array($0.utf8) }
        isRequired = configuration.isRequired
        if case .allow = configuration.unknown { allowsUnknown = true } else { allowsUnknown = false }
        callerHeaders = CallerHeadersWriter(configuration.callerHeaders)
        callers = CertificateCallers(resources.consumers)
        func counter(_ result: String) -> Counter { resources.metrics.counter(Self.family, [result]) }
        known = counter("known")
        unknown = counter("unknown")
        missing = counter("missing")
        forbidden = counter("forbidden")
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // Whatever becomes of the request, nobody but the gateway says who the caller is.
        callerHeaders.remove(from: &exchange.request.fields)
        guard let peer = exchange.clientCertificate else {
            missing.increment()
            guard !isRequired else { return refuse(.credentialMissing) }
            return pass(exchange)
        }
        guard let consumer = callers.caller(of: peer.certificate) else {
            unknown.increment()
            guard allowsUnknown else { return .respond(LocalReply(.consumerForbidden)) }
            return pass(exchange)
        }
        // Who is turned away is known all the same: the log says whom.
        exchange.consumer = consumer
        guard groups.isEmpty || consumer.belongs(toAnyOf: groups) else {
            forbidden.increment()
            return .respond(LocalReply(.consumerForbidden))
        }
        known.increment()
        callerHeaders.write(consumer, to: &exchange.request.fields)
        return .next
    }

    /// Somebody that an earlier filter knows is told of all the same.
    private func pass(_ exchange: ExchangeContext) -> HeadVerdict {
        if let consumer = exchange.consumer { callerHeaders.write(consumer, to: &exchange.request.fields) }
        return .next
    }

    /// RFC 9110, section 15.5.2: a 401 says how to do better. No scheme is registered for certificates.
    private func refuse(_ error: GatewayError) -> HeadVerdict {
        var reply = LocalReply(error)
        reply.fields = [(name: Array("WWW-Authenticate".utf8), value: Array("Certificate".utf8))]
        return .respond(reply)
    }
}

/// Whose certificates are whose, with those that were looked up lately. Isolation: one loop.
struct CertificateCallers {
    /// Beyond it everything is forgotten and looked up again.
    private static let limit = 4096

    private let consumers: Consumers
    /// By the SHA-256 of the certificate; nil: nobody's.
    private var recent: [[UInt8]: Consumer?] = [:]

    init(_ consumers: Consumers) { self.consumers = consumers }

    mutating func caller(of certificate: TLSCertificate) -> Consumer? {
        if let found = recent[certificate.fingerprint] { return found }
        let found = lookUp(certificate)
        if recent.count >= Self.limit { recent.removeAll(keepingCapacity: true) }
        recent[certificate.fingerprint] = .some(found)
        return found
    }

    /// The most particular first: its key, then its names in their order, then its subject.
    private func lookUp(_ certificate: TLSCertificate) -> Consumer? {
        if let found = consumers.withCertificate(.pin(Self.text(certificate.publicKeyPin))) { return found }
        for uri in certificate.uris {
            if let found = consumers.withCertificate(.uri(Self.text(uri))) { return found }
        }
        for name in certificate.dnsNames {
            if let found = consumers.withCertificate(.dns(Self.text(name).lowercased())) { return found }
        }
        for address in certificate.emails {
            if let found = consumers.withCertificate(.email(Self.folded(Self.text(address)))) { return found }
        }
        return consumers.withCertificate(.subject(Self.text(certificate.subject)))
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The part behind `@` in lower case, as the configuration keeps it.
    private static func folded(_ address: String) -> String {
        guard let at = address.lastIndex(of: "@") else { return address }
        return address[..<at] + address[at...].lowercased()
    }
}
