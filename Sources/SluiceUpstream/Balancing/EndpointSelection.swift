/// Which endpoints of a list may be picked now: the usable ones of the best priority, or all of them in a panic.
///
/// Rules, from Envoy's:
/// - Weight 0 is never picked and does not count in any share.
/// - Priorities are tried from the lowest number up. The first level whose usable share reaches the panic threshold
///   serves alone.
/// - When no level reaches it, balancing over the few that are left would bury them: all endpoints of the first level
///   that has a usable one (or else of the first level) are picked from, usable or not. That is a panic.
/// - Threshold 0 turns the panic off: then the first level with any usable endpoint serves, and with none at all
///   nothing can be picked.
struct EndpointSelection: Sendable {
    /// Places in the list, ascending.
    private(set) var candidates: [Int] = []
    private(set) var isPanicking = false

    init() {}

    init(_ endpoints: [BalancedEndpoint], panicThreshold: Double) {
        let levels = Self.levels(endpoints)
        let usable = levels.first { $0.usable > 0 }
        if let level = levels.first(where: { $0.serves(panicThreshold) }) {
            candidates = endpoints.indices.filter { level.includes(endpoints[$0]) && endpoints[$0].isUsable }
        } else if panicThreshold > 0, let level = usable ?? levels.first {
            candidates = endpoints.indices.filter { level.includes(endpoints[$0]) }
            isPanicking = true
        }
    }

    /// The endpoints of one priority, counted.
    private struct Level {
        var priority: UInt16
        var total = 0
        var usable = 0

        func serves(_ threshold: Double) -> Bool {
            usable > 0 && Double(usable) >= threshold * Double(total)
        }

        func includes(_ endpoint: BalancedEndpoint) -> Bool {
            endpoint.weight > 0 && endpoint.priority == priority
        }
    }

    private static func levels(_ endpoints: [BalancedEndpoint]) -> [Level] {
        var byPriority: [UInt16: Level] = [:]
        for endpoint in endpoints where endpoint.weight > 0 {
            var level = byPriority[endpoint.priority] ?? Level(priority: endpoint.priority)
            level.total += 1
            level.usable += endpoint.isUsable ? 1 : 0
            byPriority[endpoint.priority] = level
        }
        return byPriority.values.sorted { $0.priority < $1.priority }
    }
}
