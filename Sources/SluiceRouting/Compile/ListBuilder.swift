/// Turns chains of routes into lists, and divides long ones by the values that their routes want.
struct ListBuilder {
    /// A list up to this length is tried as it is.
    static let shortList = 16
    /// A field must be wanted by this many routes of a list to divide it.
    static let leastShare = 8
    /// How often a list is divided again; bounds the work of one look-up.
    static let maxDepth = 8

    /// What a route wants exactly: a field, and where in the arena the value lies.
    struct Wanted {
        var field: UInt32
        var start: UInt32
        var count: UInt32
    }

    /// The exact conditions of a route.
    let wanted: (UInt32) -> [Wanted]
    private(set) var lists: ContiguousArray<RouteList> = []
    private(set) var splits: ContiguousArray<ListSplit> = []
    private(set) var candidates: ContiguousArray<UInt32> = []

    init(wanted: @escaping (UInt32) -> [Wanted]) {
        self.wanted = wanted
    }

    /// Makes a list of routes in ascending order and gives its number; `used` are the fields that divided it before.
    mutating func make(
        _ routes: [UInt32],
        _ keys: inout KeyIndexBuilder,
        _ arena: inout ContiguousArray<UInt8>,
        used: Set<UInt32> = []
    ) -> UInt32 {
        guard routes.count > Self.shortList, used.count < Self.maxDepth, let field = bestField(routes, used) else {
            return plain(routes)
        }
        return divide(routes, by: field, &keys, &arena, used: used.union([field]))
    }

    private mutating func divide(
        _ routes: [UInt32],
        by field: UInt32,
        _ keys: inout KeyIndexBuilder,
        _ arena: inout ContiguousArray<UInt8>,
        used: Set<UInt32>
    ) -> UInt32 {
        let split = UInt32(truncatingIfNeeded: splits.count)
        splits.append(ListSplit(field: field, rest: none))
        var rest: [UInt32] = []
        var groups: [[UInt8]: [UInt32]] = [:]
        for route in routes {
            if let want = wanted(route).first(where: { $0.field == field }) {
                let value = Array(arena[Int(want.start)..<Int(want.start + want.count)])
                groups[value, default: []].append(route)
            } else {
                rest.append(route)
            }
        }
        // In the order of the first route, so that a table is built the same way each time.
        for (value, group) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
            let list = make(group, &keys, &arena, used: used)
            _ = value.withUnsafeBytes { keys.value(of: $0, in: KeySpace.value(of: split), arena: &arena) { list } }
        }
        splits[Int(split)].rest = make(rest, &keys, &arena, used: used)
        lists.append(RouteList(start: 0, count: 0, split: split, least: routes[0]))
        return UInt32(truncatingIfNeeded: lists.count - 1)
    }

    private mutating func plain(_ routes: [UInt32]) -> UInt32 {
        lists.append(
            RouteList(
                start: UInt32(truncatingIfNeeded: candidates.count),
                count: UInt32(truncatingIfNeeded: routes.count),
                split: none,
                least: routes.first ?? none
            )
        )
        candidates.append(contentsOf: routes)
        return UInt32(truncatingIfNeeded: lists.count - 1)
    }

    /// The field that most routes want an exact value of, nil if too few want the same.
    private func bestField(_ routes: [UInt32], _ used: Set<UInt32>) -> UInt32? {
        var counts: [UInt32: Int] = [:]
        for route in routes {
            for want in wanted(route) where !used.contains(want.field) { counts[want.field, default: 0] += 1 }
        }
        // The smaller number decides a tie: the field that was named first.
        let best = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let best, best.value >= Self.leastShare else { return nil }
        return best.key
    }
}
