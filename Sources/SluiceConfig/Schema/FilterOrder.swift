/// Which filters of a chain run, and in which order.
package enum FilterOrder {
    /// The filters of every route that a route leaves standing: one of the same name of its own takes the place of the
    /// general one, but for filters that may repeat.
    package static func kept(_ global: [FilterModel], beside own: [FilterModel]) -> [FilterModel] {
        kept(global, beside: own) { $0 }
    }

    /// The same for what stands for a filter.
    package static func kept<Item>(_ global: [Item], beside own: [FilterModel], model: (Item) -> FilterModel) -> [Item]
    {
        guard !own.isEmpty else { return global }
        let names = Set(own.map(\.name))
        return global.filter { item in
            let filter = model(item)
            return type(of: filter.configuration).mayRepeat || !names.contains(filter.name)
        }
    }

    /// The order of the configuration, but for two things.
    ///
    /// `cors` moves in front of the first filter that asks who the caller is. A browser's preflight carries no
    /// credentials (Fetch standard, section 3.2.2), so behind authentication no preflight would ever pass.
    ///
    /// What translates goes first, so that the answer of any other filter is translated too.
    package static func effective<Item>(_ items: [Item], role: (Item) -> FilterRole) -> [Item] {
        func translates(_ item: Item) -> Bool {
            switch role(item) {
            case .translation, .transcoding: true
            case .authentication, .cors, .rateLimit, .other: false
            }
        }
        let ordered = corsFirst(items, role: role)
        guard let last = ordered.lastIndex(where: translates), last > 0 else { return ordered }
        return ordered.filter(translates) + ordered.filter { !translates($0) }
    }

    private static func corsFirst<Item>(_ items: [Item], role: (Item) -> FilterRole) -> [Item] {
        func isCORS(_ item: Item) -> Bool { if case .cors = role(item) { true } else { false } }
        let first = items.firstIndex { if case .authentication = role($0) { true } else { false } }
        guard let first, items[first...].contains(where: isCORS) else { return items }
        return items[..<first] + items[first...].filter(isCORS) + items[first...].filter { !isCORS($0) }
    }
}
