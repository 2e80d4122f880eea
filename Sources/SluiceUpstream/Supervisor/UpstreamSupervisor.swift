import NIOCore
import SluiceConfig
import SluiceCore

/// The control side of one upstream: who its endpoints are, which of them may be used, and what the loops know of it.
///
/// Keeps an endpoint's identity, health and ejection for as long as the endpoint is named by configuration or DNS,
/// over reloads too. Everything that changes what the loops should do is published at most once per turn of the loop.
///
/// Isolation: the control loop.
final class UpstreamSupervisor {
    /// What is known of one endpoint.
    private struct Member {
        let state: EndpointState
        var draft: EndpointDraft
        var monitor: EndpointMonitor?
    }

    private(set) var model: UpstreamModel
    let state: UpstreamState
    private let context: SupervisorContext
    private let resolved: (NameKey) -> [DNSEndpoint]
    private let publish: (PublishedEndpoints) -> Void
    private var members: [EndpointKey: Member] = [:]
    private var keysByID: [Int: EndpointKey] = [:]
    private var order: [EndpointKey] = []
    private var ejector: OutlierEjector?
    private var comeback: Scheduled<Void>?
    private var isDirty = false
    private var isStopped = false
    /// What the loops should know now.
    private(set) var published: PublishedEndpoints

    /// `resolved` says what a name stands for at the moment. `publish` takes every later change; `published` holds the
    /// first list when this returns.
    init(
        _ context: SupervisorContext,
        _ model: UpstreamModel,
        state: UpstreamState,
        resolved: @escaping (NameKey) -> [DNSEndpoint],
        publish: @escaping (PublishedEndpoints) -> Void
    ) {
        self.context = context
        self.model = model
        self.state = state
        self.resolved = resolved
        self.publish = publish
        ejector = model.outlier.map { OutlierEjector($0) }
        published = PublishedEndpoints(
            states: [],
            plan: BalancerPlan(model.balancing, panicThreshold: model.panicThreshold)
        )
        updateMembers(changed: true)
        published = makePublished(samePlan: true)
    }

    // MARK: - Changes

    /// Takes over a configuration; `published` is up to date when this returns, and nothing is published.
    ///
    /// - Returns: whether that is another list than before.
    func configure(_ new: UpstreamModel) -> Bool {
        let old = model
        model = new
        switch (new.outlier, ejector) {
        case (let outlier?, .some): ejector?.configure(outlier)
        case (let outlier?, nil): ejector = OutlierEjector(outlier)
        case (nil, _): ejector = nil
        }
        updateMembers(changed: true)
        let samePlan = BalancingModel.areAlike(old.balancing, new.balancing) && old.panicThreshold == new.panicThreshold
        if samePlan, makeEndpoints() == published.plan.endpoints { return false }
        published = makePublished(samePlan: samePlan)
        return true
    }

    /// A name may stand for other endpoints now.
    func namesChanged() { updateMembers(changed: false) }

    func stop() {
        isStopped = true
        comeback?.cancel()
        for member in members.values { member.monitor?.stop() }
    }

    private func updateMembers(changed modelChanged: Bool) {
        let drafts = EndpointDraft.all(of: model, resolved: resolved)
        var next: [EndpointKey: Member] = [:]
        for draft in drafts {
            var member =
                members.removeValue(forKey: draft.key)
                ?? Member(state: EndpointState(id: context.nextID(), key: draft.key), draft: draft)
            member.draft = draft
            updateMonitor(of: &member, wasKnown: keysByID[member.state.id] != nil)
            next[draft.key] = member
        }
        for gone in members.values { gone.monitor?.stop() }
        members = next
        order = drafts.map(\.key)
        keysByID = Dictionary(next.map { ($1.state.id, $0) }) { first, _ in first }
        ejector?.setEndpoints(keysByID.keys, at: context.now)
        scheduleComeback()
        if !modelChanged { markDirty() }
        for key in order { startMonitor(key) }
    }

    // MARK: - Health

    private var unstarted: Set<Int> = []

    private func updateMonitor(of member: inout Member, wasKnown: Bool) {
        guard let check = model.healthCheck else {
            member.monitor?.stop()
            member.monitor = nil
            return
        }
        if let monitor = member.monitor { return monitor.configure(check, of: model) }
        let id = member.state.id
        member.monitor = EndpointMonitor(
            context,
            endpoint: member.state,
            of: model,
            model: check,
            servesAlready: wasKnown
        ) { [weak self] result, change in self?.checked(id, result, change) }
        unstarted.insert(id)
    }

    /// Starts a new monitor once the lists are complete, since its first answer may come at once.
    private func startMonitor(_ key: EndpointKey) {
        guard let member = members[key], unstarted.remove(member.state.id) != nil else { return }
        member.monitor?.start()
    }

    private func checked(_ id: Int, _ result: ProbeResult, _ change: HealthState.Change?) {
        guard let key = keysByID[id], let member = members[key] else { return }
        switch change {
        case .becameHealthy: context.log("upstream \(state.name): \(describe(member)) is healthy")
        case .becameUnhealthy:
            context.log("upstream \(state.name): \(describe(member)) is unhealthy (\(Self.say(result)))")
        case nil: break
        }
        if change != nil { markDirty() }
        // An endpoint that answers as it should is taken back before its time.
        if result == .success, member.monitor?.health.isUsable == true, ejector?.restore(id, at: context.now) == true {
            member.state.outliers.reset()
            context.log("upstream \(state.name): \(describe(member)) is back after a passed health check")
            markDirty()
        }
    }

    private static func say(_ result: ProbeResult) -> String {
        switch result {
        case .success: "ok"
        case .failure: "unexpected answer"
        case .timeout: "no answer"
        case .notMade: "not made"
        }
    }

    // MARK: - Outliers

    /// Loops have seen an endpoint fail too often.
    func reported(_ id: Int, _ cause: OutlierCause) {
        guard !isStopped, let key = keysByID[id], let member = members[key] else { return }
        guard ejector?.report(id, at: context.now) == true else { return }
        context.log("upstream \(state.name): \(describe(member)) is left out for a while (\(cause.rawValue))")
        markDirty()
        scheduleComeback()
    }

    private func scheduleComeback() {
        comeback?.cancel()
        comeback = nil
        guard !isStopped, let deadline = ejector?.nextDeadline else { return }
        comeback = context.schedule(at: deadline) { [weak self] in self?.takeBack() }
    }

    private func takeBack() {
        for id in ejector?.advance(to: context.now) ?? [] {
            guard let key = keysByID[id], let member = members[key] else { continue }
            member.state.outliers.reset()
            context.log("upstream \(state.name): \(describe(member)) is back")
            markDirty()
        }
        scheduleComeback()
    }

    // MARK: - Publishing

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        context.loop.assumeIsolated().execute { [self] in
            isDirty = false
            guard !isStopped else { return }
            guard makeEndpoints() != published.plan.endpoints else { return }
            published = makePublished(samePlan: true)
            publish(published)
        }
    }

    /// The endpoints as balancers see them, in their order.
    private func makeEndpoints() -> [BalancedEndpoint] {
        order.compactMap { key in
            members[key].map { member in
                let isHealthy = member.monitor?.health.isUsable ?? true
                let isEjected = ejector?.isEjected(member.state.id) ?? false
                return BalancedEndpoint(
                    id: member.state.id,
                    hashKey: member.draft.hashKey,
                    weight: member.draft.weight,
                    isUsable: isHealthy && !isEjected,
                    priority: member.draft.priority
                )
            }
        }
    }

    /// - Parameter samePlan: the way of balancing is the one of `published`, so large tables need not be built again.
    /// - Returns: what the loops should know now.
    private func makePublished(samePlan: Bool) -> PublishedEndpoints {
        let endpoints = makeEndpoints()
        let plan =
            samePlan
            ? published.plan.updated(endpoints: endpoints)
            : BalancerPlan(model.balancing, panicThreshold: model.panicThreshold, endpoints: endpoints)
        return PublishedEndpoints(states: order.compactMap { members[$0]?.state }, plan: plan)
    }

    /// What is known now.
    func report() -> UpstreamReport {
        let endpoints = order.compactMap { key in
            members[key].map { member in
                EndpointReport(
                    address: describe(member),
                    weight: member.draft.weight,
                    priority: member.draft.priority,
                    health: member.monitor.map { $0.health.status },
                    isEjected: ejector?.isEjected(member.state.id) ?? false,
                    connections: member.state.connections
                )
            }
        }
        return UpstreamReport(name: state.name, model: model, state: state, endpoints: endpoints)
    }

    private func describe(_ member: Member) -> String { String(decoding: member.draft.hashKey, as: UTF8.self) }
}

extension BalancingModel {
    /// Whether both make the same plan; what a choice is hashed by is no part of a plan.
    fileprivate static func areAlike(_ a: BalancingModel, _ b: BalancingModel) -> Bool {
        switch (a, b) {
        case (.roundRobin, .roundRobin), (.random, .random): true
        case (.leastRequest(let a), .leastRequest(let b)): a == b
        case (.ringHash(let a, _), .ringHash(let b, _)): a == b
        case (.maglev(let a, _), .maglev(let b, _)): a == b
        default: false
        }
    }
}
