import SluiceConfig
import SluiceCore

@testable import SluiceUpstream

/// Short ways to make endpoints and count picks.
enum BalancerKit {
    static func endpoints(_ weights: [UInt32]) -> [BalancedEndpoint] {
        weights.enumerated().map { BalancedEndpoint(id: 100 + $0, hashKey: key($0), weight: $1) }
    }

    static func endpoints(count: Int) -> [BalancedEndpoint] {
        endpoints([UInt32](repeating: 1, count: count))
    }

    static func key(_ number: Int) -> [UInt8] { Array("10.0.\(number / 256).\(number % 256):9001".utf8) }

    static func balancer(
        _ model: BalancingModel,
        _ endpoints: [BalancedEndpoint],
        panicThreshold: Double = 0.5,
        seed: UInt64 = 7
    ) -> Balancer {
        Balancer(
            BalancerPlan(model, panicThreshold: panicThreshold, endpoints: endpoints),
            random: RandomSource(seed: seed)
        )
    }

    static let all: [BalancingModel] = [
        .roundRobin, .leastRequest(choices: 2), .random, .ringHash(minimumSize: 1024, hash: []),
        .maglev(tableSize: 65537, hash: []),
    ]

    static func tried(_ ids: Int...) -> TriedEndpoints {
        var tried = TriedEndpoints()
        for id in ids { tried.insert(id) }
        return tried
    }
}

extension Balancer {
    mutating func pick(hash: UInt64? = nil, excluding tried: TriedEndpoints = TriedEndpoints()) -> Int? {
        var idle: [Int32] = []
        return pick(hash: hash, excluding: tried, active: &idle)
    }

    /// How often each endpoint was picked; hashes are spread evenly.
    mutating func counts(_ picks: Int, excluding tried: TriedEndpoints = TriedEndpoints()) -> [Int] {
        var counts = [Int](repeating: 0, count: endpoints.count)
        for number in 0..<picks {
            let hash = XXHash64.hash(Array("key \(number)".utf8))
            if let index = pick(hash: hash, excluding: tried) { counts[index] += 1 }
        }
        return counts
    }
}
