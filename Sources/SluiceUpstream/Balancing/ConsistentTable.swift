/// A table that maps a hash to an endpoint and keeps doing so while other endpoints come and go.
///
/// Built over every endpoint of weight above 0, whether usable or not; a lookup walks on from an owner that may not be
/// picked. So an endpoint that fails gives its keys to others spread evenly, all other keys stay where they are, and
/// its own come back when it does, with no table rebuilt. Endpoints are placed in the order of their hash keys: two
/// lists in different order, as DNS gives them, make the same table.
///
/// Tables are large. They are built off the loops and shared by copies of the arrays' storage.
struct ConsistentTable: Sendable {
    /// Where on the ring the owner of the same place sits, ascending; empty for maglev.
    private var points: [UInt64] = []
    /// Places in the list of endpoints.
    private(set) var owners: [UInt32] = []

    init() {}

    /// The first owner at or after the place of `hash` that `accepts` takes; nil when it takes none.
    ///
    /// Allocates: never. Walks far only where most endpoints may not be picked.
    @inline(__always)
    func owner(of hash: UInt64, where accepts: (Int) -> Bool) -> Int? {
        guard !owners.isEmpty else { return nil }
        let start = points.isEmpty ? Int(hash % UInt64(owners.count)) : firstPoint(atOrAfter: hash)
        for place in start..<owners.count where accepts(Int(owners[place])) { return Int(owners[place]) }
        for place in 0..<start where accepts(Int(owners[place])) { return Int(owners[place]) }
        return nil
    }

    private func firstPoint(atOrAfter hash: UInt64) -> Int {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Places of the endpoints that take part, by hash key.
    private static func members(_ endpoints: [BalancedEndpoint]) -> [Int] {
        endpoints.indices.filter { endpoints[$0].weight > 0 }.sorted { a, b in
            endpoints[a].hashKey.lexicographicallyPrecedes(endpoints[b].hashKey)
                || (endpoints[a].hashKey == endpoints[b].hashKey && a < b)
        }
    }
}

// MARK: - Ring

extension ConsistentTable {
    /// A larger ring costs more memory than it evens out.
    package static var largestRing: Int { 8 << 20 }

    /// A hash ring (Karger 1997): each endpoint owns points on a circle, in number proportional to its weight.
    ///
    /// The points per unit of weight are a power of two, the smallest that fills `minimumSize`. Other than a ring of
    /// fixed size it seldom changes when an endpoint comes or goes, so that of N equal ones only 1/N of the keys move.
    static func ring(_ endpoints: [BalancedEndpoint], minimumSize: Int) -> ConsistentTable {
        let members = members(endpoints)
        let total = members.reduce(UInt64(0)) { $0 + UInt64(endpoints[$1].weight) }
        let size = Double(min(max(minimumSize, 1), largestRing))
        var unit = 1.0
        while unit * Double(total) < size, total > 0 { unit *= 2 }
        while unit / 2 * Double(total) >= size { unit /= 2 }
        var points: [(hash: UInt64, owner: UInt32)] = []
        for index in members {
            let endpoint = endpoints[index]
            let count = max(1, Int((Double(endpoint.weight) * unit).rounded()))
            points.reserveCapacity(points.count + count)
            for number in 0..<count {
                points.append((XXHash64.hash(endpoint.hashKey + Array("_\(number)".utf8)), UInt32(index)))
            }
        }
        // Two points on one spot: the smaller hash key wins, wherever it stands in the list.
        var order = [Int](repeating: 0, count: endpoints.count)
        for (place, index) in members.enumerated() { order[index] = place }
        points.sort { ($0.hash, order[Int($0.owner)]) < ($1.hash, order[Int($1.owner)]) }
        var table = ConsistentTable()
        table.points = points.map(\.hash)
        table.owners = points.map(\.owner)
        return table
    }
}

// MARK: - Maglev

extension ConsistentTable {
    /// 5,000,011, the largest table that Envoy takes.
    package static var largestMaglev: Int { 5_000_011 }

    /// A maglev table (Eisenbud et al., NSDI 2016, section 3.4): endpoints take turns at claiming the next free place
    /// of their own permutation of the table.
    ///
    /// The size is raised to the next prime when it is none, since only then is every permutation complete, and at
    /// least to the number of endpoints. An endpoint of less weight than the heaviest sits out part of its turns.
    static func maglev(_ endpoints: [BalancedEndpoint], tableSize: Int) -> ConsistentTable {
        let members = members(endpoints)
        guard let heaviest = members.map({ endpoints[$0].weight }).max() else { return ConsistentTable() }
        let size = UInt64(nextPrime(atLeast: max(min(tableSize, largestMaglev), members.count, 2)))
        var turns = members.map { MaglevTurn(endpoints[$0], index: $0, size: size) }
        let vacant = UInt32.max
        var owners = [UInt32](repeating: vacant, count: Int(size))
        var claimed = 0
        while claimed < owners.count {
            for i in turns.indices where claimed < owners.count {
                turns[i].credit += UInt64(turns[i].weight)
                guard turns[i].credit >= UInt64(heaviest) else { continue }
                turns[i].credit -= UInt64(heaviest)
                while owners[Int(turns[i].place)] != vacant { turns[i].advance(size) }
                owners[Int(turns[i].place)] = turns[i].owner
                claimed += 1
            }
        }
        var table = ConsistentTable()
        table.owners = owners
        return table
    }

    private struct MaglevTurn {
        let owner: UInt32
        let weight: UInt32
        /// Kept from turns that were not enough for a place.
        var credit: UInt64 = 0
        var place: UInt64
        let skip: UInt64

        init(_ endpoint: BalancedEndpoint, index: Int, size: UInt64) {
            owner = UInt32(index)
            weight = endpoint.weight
            place = XXHash64.hash(endpoint.hashKey) % size
            skip = XXHash64.hash(endpoint.hashKey, seed: 1) % (size - 1) + 1
        }

        mutating func advance(_ size: UInt64) {
            place += skip
            if place >= size { place -= size }
        }
    }

    /// Whether a table size keeps maglev's promise. By trial division: at most some thousand steps for legal sizes.
    static func isPrime(_ number: Int) -> Bool {
        guard number > 3 else { return number > 1 }
        guard number % 2 != 0 else { return false }
        var divisor = 3
        while divisor <= number / divisor {
            if number % divisor == 0 { return false }
            divisor += 2
        }
        return true
    }

    private static func nextPrime(atLeast number: Int) -> Int {
        var candidate = number
        while !isPrime(candidate) { candidate += 1 }
        return candidate
    }
}
