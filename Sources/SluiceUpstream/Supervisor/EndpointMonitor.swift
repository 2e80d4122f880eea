import NIOCore
import SluiceConfig
import SluiceHTTP

/// Checks one endpoint again and again, one check at a time.
///
/// The first check is made at once. The next begins an interval (give or take 10 %) after the last one began, so a slow
/// answer does not stretch the rhythm, and never before the last one has ended.
///
/// Isolation: the control loop.
final class EndpointMonitor {
    /// Called with every result and what it changed.
    typealias Report = (ProbeResult, HealthState.Change?) -> Void

    private let context: SupervisorContext
    private let endpoint: EndpointState
    private var upstream: UpstreamModel
    private var model: HealthCheckModel
    private let report: Report
    private(set) var health = HealthState()
    private var next: Scheduled<Void>?
    private var isStopped = false

    /// `model` is the upstream's check. `servesAlready`: requests went there before there was a check, and go on until one says otherwise.
    init(
        _ context: SupervisorContext,
        endpoint: EndpointState,
        of upstream: UpstreamModel,
        model: HealthCheckModel,
        servesAlready: Bool,
        report: @escaping Report
    ) {
        self.context = context
        self.endpoint = endpoint
        self.upstream = upstream
        self.model = model
        self.report = report
        if servesAlready { _ = health.record(.success, thresholds) }
    }

    func start() { check() }

    func stop() {
        isStopped = true
        next?.cancel()
        next = nil
    }

    /// Other settings for the checks to come.
    func configure(_ model: HealthCheckModel, of upstream: UpstreamModel) {
        self.model = model
        self.upstream = upstream
    }

    private var thresholds: HealthThresholds {
        HealthThresholds(healthy: model.healthyThreshold, unhealthy: model.unhealthyThreshold)
    }

    private func check() {
        next = nil
        context.limiter.enter { [self] in
            guard !isStopped else { return context.limiter.leave() }
            let began = context.now
            let done = { [self] (result: ProbeResult) in
                context.limiter.leave()
                if !isStopped { finished(result, began: began) }
            }
            if let order { context.prober.probe(order, done: done) } else { done(.notMade) }
        }
    }

    /// nil: what would secure its connection is not there.
    private var order: ProbeOrder? {
        let key = endpoint.key
        var order = ProbeOrder(
            address: key.address,
            hostField: key.hostField,
            probe: model.probe,
            timeout: model.timeout
        )
        order.transport.proxyProtocol = upstream.proxyProtocol
        if case .http2 = upstream.version { order.transport.isHTTP2 = true }
        guard let tls = upstream.tls else { return order }
        guard let context = context.security(upstream.name) else { return nil }
        var host = key.hostField
        if let name = tls.serverName {
            host = Array(name.utf8)
        } else if case .name(let name) = upstream.host {
            host = Array(name.utf8)
        }
        order.transport.security = ProbeTransport.Security(
            context: context,
            host: Authority.withoutPort(host),
            endpoint: UInt64(truncatingIfNeeded: endpoint.id)
        )
        return order
    }

    private func finished(_ result: ProbeResult, began: NIODeadline) {
        let earliest = context.now + .milliseconds(10)
        next = context.schedule(at: max(began + context.jittered(model.interval), earliest)) { [self] in check() }
        report(result, health.record(result, thresholds))
    }
}
