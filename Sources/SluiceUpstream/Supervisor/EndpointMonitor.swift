import NIOCore
import SluiceConfig

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
    private let key: EndpointKey
    private var model: HealthCheckModel
    private let report: Report
    private(set) var health = HealthState()
    private var next: Scheduled<Void>?
    private var isStopped = false

    /// `servesAlready`: requests went there before there was a check, and go on until one says otherwise.
    init(
        _ context: SupervisorContext,
        key: EndpointKey,
        model: HealthCheckModel,
        servesAlready: Bool,
        report: @escaping Report
    ) {
        self.context = context
        self.key = key
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
    func configure(_ model: HealthCheckModel) { self.model = model }

    private var thresholds: HealthThresholds {
        HealthThresholds(healthy: model.healthyThreshold, unhealthy: model.unhealthyThreshold)
    }

    private func check() {
        next = nil
        context.limiter.enter { [self] in
            guard !isStopped else { return context.limiter.leave() }
            let began = context.now
            let order = ProbeOrder(
                address: key.address,
                hostField: key.hostField,
                probe: model.probe,
                timeout: model.timeout
            )
            context.prober.probe(order, on: context.loop) { [self] result in
                context.limiter.leave()
                if !isStopped { finished(result, began: began) }
            }
        }
    }

    private func finished(_ result: ProbeResult, began: NIODeadline) {
        let earliest = context.now + .milliseconds(10)
        next = context.schedule(at: max(began + context.jittered(model.interval), earliest)) { [self] in check() }
        report(result, health.record(result, thresholds))
    }
}
