import SluiceConfig
import SluiceCore
import SluiceTLS

/// What is wrong or odd about the certificates, keys and lists that a configuration names: the part of its check that
/// reads them.
enum TLSReview {
    /// - Parameters:
    ///   - model: one without errors.
    ///   - clock: seconds since 1970.
    static func findings(_ model: GatewayModel, clock: @escaping @Sendable () -> Int64) -> [TLSFinding] {
        var assembler = TLSAssembler(isReview: true, clock: clock)
        assembler.assemble(model)
        let made = assembler.made
        var findings = assembler.errors
        for listener in model.listeners { findings += made.listeners[listener.name]?.warnings ?? [] }
        for upstream in model.upstreams { findings += made.upstreams[upstream.name]?.warnings ?? [] }
        let names = made.listeners.mapValues { part in
            Set(zip(part.context.certificates, part.model.tls.certificates).flatMap { $1.names(of: $0) })
        }
        return findings + HostCoverage(model, names: names).findings
    }
}

extension ConfigurationCheck {
    /// The same with what its certificates have to be told about.
    func reviewed(clock: @escaping @Sendable () -> Int64 = SystemClock.secondsSince1970) -> ConfigurationCheck {
        guard let model else { return self }
        var diagnostics = diagnostics
        for finding in TLSReview.findings(model, clock: clock) { diagnostics.add(finding.diagnostic) }
        return ConfigurationCheck(diagnostics: diagnostics, model: diagnostics.hasErrors ? nil : model)
    }
}

extension GatewayModel {
    /// Every file that `TLSReview` reads, but for the authorities of the system.
    var tlsPaths: [String] {
        let materials = listeners.flatMap { $0.tls?.materials ?? [] } + upstreams.flatMap { $0.tls?.materials ?? [] }
        return Set(materials.compactMap(\.path)).sorted()
    }
}
