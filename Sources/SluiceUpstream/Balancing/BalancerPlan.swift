package import SluiceConfig

/// The rule to pick by, without the parts of the model that only matter while building.
///
/// Trivial on purpose: the model's lists of hash keys are shared by all loops, and a copy per pick would count
/// references on them.
enum BalancingRule: Sendable {
    case roundRobin
    case leastRequest(choices: Int)
    case random
    case table

    init(_ model: BalancingModel) {
        switch model {
        case .roundRobin: self = .roundRobin
        case .leastRequest(let choices): self = .leastRequest(choices: choices)
        case .random: self = .random
        case .ringHash, .maglev: self = .table
        }
    }
}

/// What a balancer needs to know of a list of endpoints, computed once for all loops.
///
/// An immutable value: the control side builds it (a maglev table takes milliseconds) and every loop installs a copy
/// that shares its arrays' storage.
package struct BalancerPlan: Sendable {
    /// The list that `Balancer.pick` gives places in.
    package let endpoints: [BalancedEndpoint]
    /// Too few endpoints are usable, so all are used.
    package var isPanicking: Bool { selection.isPanicking }

    let rule: BalancingRule
    let selection: EndpointSelection
    /// The ids and weights of `endpoints`, and which are candidates: what a pick reads, densely packed.
    let ids: [Int]
    let weights: [UInt32]
    let isCandidate: [Bool]
    let sampler: WeightedSampler
    let table: ConsistentTable
    private let model: BalancingModel
    private let panicThreshold: Double

    /// `panicThreshold` is 0 ... 1: below this share of usable endpoints all are used, 0 turns that off.
    package init(_ model: BalancingModel, panicThreshold: Double, endpoints: [BalancedEndpoint] = []) {
        self.init(model, panicThreshold: panicThreshold, endpoints: endpoints, previous: nil)
    }

    /// The plan for a changed list, which keeps the large tables when only health or priority changed.
    package func updated(endpoints: [BalancedEndpoint]) -> BalancerPlan {
        BalancerPlan(model, panicThreshold: panicThreshold, endpoints: endpoints, previous: self)
    }

    private init(
        _ model: BalancingModel,
        panicThreshold: Double,
        endpoints: [BalancedEndpoint],
        previous: BalancerPlan?
    ) {
        self.model = model
        self.rule = BalancingRule(model)
        self.panicThreshold = panicThreshold
        self.endpoints = endpoints
        self.ids = endpoints.map(\.id)
        self.weights = endpoints.map(\.weight)
        let selection = EndpointSelection(endpoints, panicThreshold: panicThreshold)
        self.selection = selection
        var isCandidate = [Bool](repeating: false, count: endpoints.count)
        for index in selection.candidates { isCandidate[index] = true }
        self.isCandidate = isCandidate
        if case .roundRobin = model {
            sampler = WeightedSampler()
        } else {
            sampler = WeightedSampler(selection.candidates) { endpoints[$0].weight }
        }
        if let previous, Self.placesAlike(previous.endpoints, endpoints) {
            table = previous.table
        } else {
            table = Self.table(model, endpoints)
        }
    }

    private static func table(_ model: BalancingModel, _ endpoints: [BalancedEndpoint]) -> ConsistentTable {
        switch model {
        case .roundRobin, .leastRequest, .random: ConsistentTable()
        case .ringHash(let minimumSize, _): .ring(endpoints, minimumSize: minimumSize)
        case .maglev(let tableSize, _): .maglev(endpoints, tableSize: tableSize)
        }
    }

    /// Whether two lists give the same table.
    private static func placesAlike(_ a: [BalancedEndpoint], _ b: [BalancedEndpoint]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.weight == $1.weight && $0.hashKey == $1.hashKey }
    }
}
