/// One endpoint as a balancer sees it.
package struct BalancedEndpoint: Hashable, Sendable {
    /// Stays with the endpoint for as long as it is known, whatever its place in the list.
    package var id: Int
    /// What ring hash and maglev place it by, `10.0.0.1:9001` for example. Equal on all loops and all machines.
    package var hashKey: [UInt8]
    /// Share of the requests; 0: known but never picked.
    package var weight: UInt32
    /// Healthy and not ejected.
    package var isUsable: Bool
    /// Endpoints of a higher number serve only when those below cannot (SRV priority, RFC 2782).
    package var priority: UInt16

    package init(id: Int, hashKey: [UInt8], weight: UInt32 = 1, isUsable: Bool = true, priority: UInt16 = 0) {
        self.id = id
        self.hashKey = hashKey
        self.weight = weight
        self.isUsable = isUsable
        self.priority = priority
    }
}

/// The endpoints that the attempts of one exchange went to already, by id.
///
/// Ids, not places in the list: the list may change between two attempts. A value without a heap allocation; beyond
/// its capacity the oldest entry is forgotten, which at worst tries an endpoint again.
package struct TriedEndpoints: Sendable {
    package static var capacity: Int { 6 }

    private var ids = InlineArray<6, Int>(repeating: 0)
    private var total: UInt32 = 0

    package init() {}

    package var isEmpty: Bool { total == 0 }

    /// How many are remembered.
    package var count: Int { min(Int(total), Self.capacity) }

    package mutating func insert(_ id: Int) {
        guard !contains(id) else { return }
        ids[Int(total) % Self.capacity] = id
        // Past the capacity the counter only says where the next one goes; it may start over.
        total = total < .max ? total + 1 : UInt32(Self.capacity)
    }

    package func contains(_ id: Int) -> Bool {
        for i in 0..<count where ids[i] == id { return true }
        return false
    }
}
