import SluiceConfig
import SluiceCore
import SluiceFilters

/// An instance with what kind of policy it is.
struct PlacedFilter {
    let filter: any Filter
    let model: FilterModel
    var role: FilterRole { type(of: model.configuration).role }
}

/// Makes the filters of one list for one loop, each with a slot and an identity of its own.
struct FilterFactory {
    private let loop: LoopContext
    private let surroundings: FilterSurroundings
    private var nextSlot: Int

    /// - Parameter slots: those that are taken.
    init(_ loop: LoopContext, _ surroundings: FilterSurroundings, slots: Int = 0) {
        self.loop = loop
        self.surroundings = surroundings
        self.nextSlot = slots
    }

    /// - Throws: `SnapshotError` for a filter that this binary cannot run: a policy that is silently not there would be
    ///   worse than none at all.
    mutating func make(_ models: [FilterModel], scope: String) throws -> [PlacedFilter] {
        var counts: [String: Int] = [:]
        return try models.map { model in
            guard let configuration = model.configuration as? any RunnableFilterConfiguration else {
                throw SnapshotError.notRunnable(filter: model.name, model.place)
            }
            let count = counts[model.name, default: 0] + 1
            counts[model.name] = count
            let resources = FilterResources(
                loop: loop,
                slot: nextSlot,
                identity: "\(scope)/\(model.name)" + (count > 1 ? "#\(count)" : ""),
                surroundings: surroundings
            )
            nextSlot += 1
            return PlacedFilter(filter: configuration.makeFilter(resources), model: model)
        }
    }
}

extension FilterChain {
    /// A chain in the order that the roles ask for; see `FilterOrder`.
    ///
    /// - Parameter slotCount: how many slots their exchange must have, also for those that a route has replaced.
    convenience init(_ placed: [PlacedFilter], slotCount: Int) {
        let ordered = FilterOrder.effective(placed, role: \.role)
        self.init(
            ContiguousArray(ordered.map(\.filter)),
            slotCount: slotCount,
            answersPreflights: placed.contains { if case .cors = $0.role { true } else { false } }
        )
    }
}
