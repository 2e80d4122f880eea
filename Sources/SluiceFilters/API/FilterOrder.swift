package import SluiceConfig

/// Which filters of a chain run, and in which order.
package enum FilterOrder {
    /// The filters of every route that a route leaves standing: one of the same name of its own takes the place of the
    /// general one, but for filters that may repeat.
    package static func kept(_ global: [FilterModel], beside own: [FilterModel]) -> [FilterModel] {
        guard !own.isEmpty else { return global }
        let names = Set(own.map(\.name))
        return global.filter { type(of: $0.configuration).mayRepeat || !names.contains($0.name) }
    }

    /// The order of the configuration, but for one thing: `cors` moves in front of the first filter that asks who the
    /// caller is. A browser's preflight carries no credentials (Fetch standard, section 3.2.2), so behind
    /// authentication no preflight would ever pass.
    package static func effective<Item>(_ items: [Item], role: (Item) -> FilterRole) -> [Item] {
        func isCORS(_ item: Item) -> Bool { if case .cors = role(item) { true } else { false } }
        let first = items.firstIndex { if case .authentication = role($0) { true } else { false } }
        guard let first, items[first...].contains(where: isCORS) else { return items }
        return items[..<first] + items[first...].filter(isCORS) + items[first...].filter { !isCORS($0) }
    }
}
