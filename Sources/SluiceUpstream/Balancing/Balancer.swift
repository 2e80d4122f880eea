package import SluiceCore

/// Chooses the endpoint of an attempt, by any of the five rules of the configuration.
///
/// One value per loop and upstream. What is costly to compute lies in the `BalancerPlan`; here is what moves with every
/// pick: the round-robin schedule and the random numbers.
///
/// Rules (Envoy's meaning where it has one):
/// - *round robin*: by weight, smooth, each loop from its own starting point.
/// - *least request*: `choices` endpoints drawn by weight, the one with the fewest requests under way per unit of
///   weight. Without load this gives shares in proportion to the weights, as Envoy's weight/(active+1) does; under
///   load it evens out requests per weight without Envoy's O(n) bookkeeping.
/// - *random*: by weight.
/// - *ring hash*, *maglev*: by the hash; a request without one goes to a random endpoint.
///
/// Isolation: one loop.
package struct Balancer: Sendable {
    package private(set) var plan: BalancerPlan
    private var schedule: RoundRobinSchedule
    private var random: RandomSource

    package init(_ plan: BalancerPlan, random: RandomSource) {
        self.plan = plan
        self.random = random
        self.schedule = RoundRobinSchedule()
        install(plan)
    }

    /// The list that `pick` gives places in.
    package var endpoints: [BalancedEndpoint] { plan.endpoints }

    /// Too few endpoints are usable, so all are used.
    package var isPanicking: Bool { plan.isPanicking }

    /// Takes over a plan that was built elsewhere; places in the list mean its endpoints from now on.
    package mutating func install(_ plan: BalancerPlan) {
        self.plan = plan
        if case .roundRobin = plan.rule {
            schedule = RoundRobinSchedule(plan.selection.candidates, of: plan.endpoints, random: &random)
        }
    }

    /// Builds and installs the plan for a changed list. With large hash tables rather build it off the loop.
    package mutating func update(endpoints: [BalancedEndpoint]) {
        install(plan.updated(endpoints: endpoints))
    }

    /// Chooses an endpoint.
    ///
    /// Allocates: never.
    ///
    /// - Parameters:
    ///   - hash: what ring hash and maglev go by; the others do not look at it.
    ///   - tried: ids of endpoints that failed this exchange already. They are avoided while there is another
    ///     candidate; when all were tried, one of them is tried again.
    ///   - active: requests under way on this loop, by place in `endpoints`; a missing entry counts as 0. Only least
    ///     request reads it. Passed `inout` so that the caller's array is not retained; it is not changed.
    /// - Returns: the place in `endpoints`, or nil when none may be used.
    package mutating func pick(
        hash: UInt64? = nil,
        excluding tried: TriedEndpoints = TriedEndpoints(),
        active: inout [Int32]
    ) -> Int? {
        let tried = hasUntried(tried) ? tried : TriedEndpoints()
        switch plan.rule {
        case .roundRobin:
            return schedule.next(excluding: tried)
        case .leastRequest(let choices):
            return leastLoaded(choices: choices, excluding: tried, active: &active)
        case .random:
            return sample(excluding: tried)
        case .table:
            // An endpoint of very little weight may own no place: then the walk can end without an answer.
            if let hash, let index = owner(of: hash, excluding: tried) { return index }
            return sample(excluding: tried)
        }
    }

    private func owner(of hash: UInt64, excluding tried: TriedEndpoints) -> Int? {
        plan.table.owner(of: hash) { plan.isCandidate[$0] && !tried.contains(plan.ids[$0]) }
    }

    /// Whether any candidate was not tried yet. Only retries get past the first line.
    private func hasUntried(_ tried: TriedEndpoints) -> Bool {
        if tried.isEmpty || plan.selection.candidates.count > tried.count { return true }
        for index in plan.selection.candidates where !tried.contains(plan.ids[index]) { return true }
        return false
    }

    // MARK: - Random choices

    /// One draw by weight that is not in `tried`.
    private mutating func sample(excluding tried: TriedEndpoints) -> Int? {
        guard let first = plan.sampler.sample(&random) else { return nil }
        if tried.isEmpty || !tried.contains(plan.ids[first]) { return first }
        for _ in 0..<8 {
            if let next = plan.sampler.sample(&random), !tried.contains(plan.ids[next]) { return next }
        }
        return anyUntried(tried) ?? first
    }

    /// The first candidate from a random place on that was not tried: for when draws keep hitting tried ones.
    private mutating func anyUntried(_ tried: TriedEndpoints) -> Int? {
        let count = plan.selection.candidates.count
        let start = Int(random.below(UInt64(count)))
        for step in 0..<count {
            let index = plan.selection.candidates[(start + step) % count]
            if !tried.contains(plan.ids[index]) { return index }
        }
        return nil
    }

    private mutating func leastLoaded(
        choices: Int,
        excluding tried: TriedEndpoints,
        active: inout [Int32]
    ) -> Int? {
        guard var best = sample(excluding: tried) else { return nil }
        for _ in 1..<max(min(choices, plan.selection.candidates.count), 2) {
            guard let other = sample(excluding: tried, otherThan: best) else { break }
            if isLessLoaded(other, than: best, &active) { best = other }
        }
        return best
    }

    /// A second draw that differs from the first. It gives up after a few equal ones: the first is then so heavy, or so
    /// alone, that it should win anyhow.
    private mutating func sample(excluding tried: TriedEndpoints, otherThan first: Int) -> Int? {
        guard plan.selection.candidates.count > 1 else { return nil }
        for _ in 0..<4 {
            if let next = sample(excluding: tried), next != first { return next }
        }
        return nil
    }

    /// Compares requests per unit of weight without dividing. A tie is not less: the first draw, made by weight, stays.
    private func isLessLoaded(_ a: Int, than b: Int, _ active: inout [Int32]) -> Bool {
        let loadA = a < active.count ? Int64(active[a]) : 0
        let loadB = b < active.count ? Int64(active[b]) : 0
        return loadA * Int64(plan.weights[b]) < loadB * Int64(plan.weights[a])
    }
}
