import SluiceConfig
import SluiceCore
import SluiceTLS

/// What is odd about certificates that can be used: their time, their names, who is never shown to anybody.
struct CertificateReview {
    /// From then on a certificate that runs out is worth a warning; public ones live for 47 to 90 days.
    static let notice: Int64 = 30 * 86_400

    /// Seconds since 1970.
    let now: Int64

    // MARK: - Listeners

    func findings(_ context: TLSServerContext, _ tls: ListenerTLSModel) -> [TLSFinding] {
        var findings: [TLSFinding] = []
        for (certificate, model) in zip(context.certificates, tls.certificates) {
            findings += time(certificate, "the certificate", at: model.certificate.certificate.span)
        }
        let first = context.certificates.map(\.notAfter).min() ?? .max
        if context.earliestNotAfter < first, let span = tls.certificates.first?.certificate.certificate.span {
            findings += end(context.earliestNotAfter, "a certificate in a chain of this listener", at: span)
        }
        findings += flaws(context.warnings) { tls.span(of: $0) }
        return findings + unused(context.certificates, tls.certificates)
    }

    /// Certificates that another one stands in front of for every client.
    private func unused(_ certificates: [TLSCertificate], _ models: [ListenerCertificateModel]) -> [TLSFinding] {
        var findings: [TLSFinding] = []
        var first: [Served: SourceSpan] = [:]
        for (index, (certificate, model)) in zip(certificates, models).enumerated() {
            let span = model.certificate.certificate.span
            let served = model.names(of: certificate).map { Served(name: $0, isRSA: certificate.isRSA) }
            let earlier = served.compactMap { first[$0] }
            for name in served where first[name] == nil { first[name] = span }
            // The first one serves those who ask for nothing.
            guard index > 0, earlier.count == served.count else { continue }
            let names = "'\(Printable.short(served.first?.name ?? ""))'"
            let what = served.isEmpty ? "has no name that clients could ask for" : "is never shown"
            let others = served.count > 1 ? " and \(served.count - 1) more" : ""
            let why = served.isEmpty ? "" : ": another one stands before it for \(names)\(others)"
            let message = "the certificate \(what)\(why)"
            var finding = TLSFinding.warning(.certificateUnused, message, at: span)
            finding.notes = earlier.first.map { [Diagnostic.Note(text: "the other one", span: $0)] } ?? []
            if served.isEmpty { finding.help = "say in 'hosts' whom it serves" }
            findings.append(finding)
        }
        return findings
    }

    private struct Served: Hashable {
        let name: String
        let isRSA: Bool
    }

    // MARK: - Upstreams

    func findings(_ context: TLSClientContext, _ tls: UpstreamTLSModel) -> [TLSFinding] {
        var findings: [TLSFinding] = []
        if let certificate = context.certificate, let span = tls.certificate?.certificate.span {
            findings += time(certificate, "the certificate", at: span)
        }
        return findings + flaws(context.warnings) { tls.span(of: $0) }
    }

    // MARK: - Authorities

    func findings(_ store: TLSTrustStore, _ peer: PeerVerificationModel) -> [TLSFinding] {
        guard let end = store.revocationListsValidUntil, let span = peer.revocations?.span else { return [] }
        return self.end(end, "a revocation list", at: span)
    }

    // MARK: - Time

    private func time(_ certificate: TLSCertificate, _ what: String, at span: SourceSpan) -> [TLSFinding] {
        guard certificate.notBefore <= now else {
            let message = "\(what) is not valid before \(Self.date(certificate.notBefore))"
            return [.warning(.certificateFlaw, message, at: span)]
        }
        return end(certificate.notAfter, what, at: span)
    }

    private func end(_ end: Int64, _ what: String, at span: SourceSpan) -> [TLSFinding] {
        if end < now { return [.warning(.certificateExpires, "\(what) ran out on \(Self.date(end))", at: span)] }
        guard end - now < Self.notice else { return [] }
        return [.warning(.certificateExpires, "\(what) runs out on \(Self.date(end))", at: span)]
    }

    private static func date(_ seconds: Int64) -> String {
        let (year, month, day) = CalendarDate.civil(fromDays: Int(max(0, seconds) / 86_400))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    /// What the library found odd, but for what was said here with a date.
    private func flaws(_ warnings: [TLSWarning], _ span: (TLSSettingsError.Item) -> SourceSpan) -> [TLSFinding] {
        let known = ["the certificate has expired", "the certificate is not valid yet"]
        return warnings.filter { !known.contains($0.message) }
            .map { .warning(.certificateFlaw, $0.message, at: span($0.item)) }
    }
}

extension TLSCertificate {
    fileprivate var isRSA: Bool { keyKind.hasPrefix("RSA") }

    /// The names that clients may ask for, as the library finds them: of a certificate without any subject alternative
    /// name, its common name.
    var serverNames: [String] {
        let hasNames = !(dnsNames.isEmpty && uris.isEmpty && emails.isEmpty && ipAddresses.isEmpty)
        let found = hasNames ? dnsNames : commonName.map { [$0] } ?? []
        return found.map { String(decoding: $0, as: UTF8.self).lowercased() }
    }
}

extension ListenerCertificateModel {
    /// The names that it serves.
    func names(of certificate: TLSCertificate) -> [String] { hosts.isEmpty ? certificate.serverNames : hosts }
}
