import SluiceConfig

/// Whether requests pass the same filters on both sides. Settings are compared but not told: they may hold secrets.
struct FilterComparison {
    /// What is different in the filters that every request passes.
    let globalChanges: [String]
    private let old, new: [Item]

    /// - Parameters:
    ///   - old: the filters of every route on one side.
    ///   - new: those on the other.
    init(_ old: [FilterModel], _ new: [FilterModel]) {
        self.old = old.map { Item($0, isShared: true) }
        self.new = new.map { Item($0, isShared: true) }
        globalChanges = Self.changes(self.old, self.new)
    }

    /// What is different between two routes, given their own filters, that `globalChanges` does not tell.
    func changes(_ first: [FilterModel], _ second: [FilterModel]) -> [String] {
        if first.isEmpty, second.isEmpty { return [] }
        let (before, after) = (Chain(old, first), Chain(new, second))
        // The same ones may be written for all routes on one side and in this one on the other.
        if before.effective == after.effective { return [] }
        return before.replaced == after.replaced
            ? Self.changes(before.own, after.own) : Self.changes(before.effective, after.effective)
    }

    /// One filter with all that counts of it.
    private struct Item: Equatable {
        let model: FilterModel
        let settings: String
        /// Of one that may repeat, such as a limit: whether it counts for all routes together.
        let isShared: Bool

        init(_ model: FilterModel, isShared: Bool) {
            self.model = model
            settings = ModelDifference.text(model.configuration)
            self.isShared = isShared && type(of: model.configuration).mayRepeat
        }

        static func == (a: Item, b: Item) -> Bool {
            a.model.name == b.model.name && a.settings == b.settings && a.isShared == b.isShared
        }
    }

    /// What really runs: a route's own filter may take the place of one for all routes.
    private struct Chain {
        let own, effective: [Item]
        let replaced: Set<String>

        init(_ global: [Item], _ models: [FilterModel]) {
            own = models.map { Item($0, isShared: false) }
            let kept = FilterOrder.kept(global, beside: models, model: \.model)
            replaced = Set(global.map(\.model.name)).subtracting(kept.map(\.model.name))
            effective = FilterComparison.ordered(kept + own)
        }
    }

    private static func ordered(_ items: [Item]) -> [Item] {
        FilterOrder.effective(items) { type(of: $0.model.configuration).role }
    }

    private static func changes(_ old: [Item], _ new: [Item]) -> [String] {
        let (before, after) = (ordered(old), ordered(new))
        guard before.map(\.model.name) == after.map(\.model.name) else {
            func names(_ items: [Item]) -> String {
                items.isEmpty ? "none" : items.map(\.model.name).joined(separator: ", ")
            }
            return ["filters: \(names(before)) -> \(names(after))"]
        }
        return zip(before, after).compactMap { a, b in
            a.settings == b.settings ? nil : "filter \(a.model.name): other settings"
        }
    }
}
