import SluiceConfig
import Testing

@testable import SluiceUpstream

/// Callers that wait for a connection take turns.
@Suite struct TurnTests {
    private func send(_ tenant: UInt64, _ kit: PoolKit) -> PoolClient {
        let client = kit.client()
        client.start(hash: nil, tried: []) { $0.tenant = tenant }
        return client
    }

    @Test("a caller with several requests gets its turns while others come back again and again")
    func nobodyStarves() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        var singles = (1...3 as ClosedRange<UInt64>).map { ($0, send($0, kit)) }
        let several = (0..<3).map { _ in send(9, kit) }
        for _ in 0..<12 {
            try #require(kit.servers.connections.last).answer()
            for (index, single) in singles.enumerated() where !single.1.ends.isEmpty {
                singles[index].1 = send(single.0, kit)
            }
        }
        #expect(several.allSatisfy { !$0.endpoints.isEmpty })
    }

    @Test("with equal callers everybody gets as much, however many requests each has waiting")
    func equalShares() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        let widths: [UInt64: Int] = [1: 1, 2: 1, 3: 4, 4: 16]
        var waiting: [(tenant: UInt64, client: PoolClient)] = widths.sorted { $0.key < $1.key }.flatMap {
            tenant,
            width in
            (0..<width).map { _ in (tenant, send(tenant, kit)) }
        }
        var served: [UInt64: Int] = [:]
        for _ in 0..<400 {
            try #require(kit.servers.connections.last).answer()
            for (index, one) in waiting.enumerated() where !one.client.ends.isEmpty {
                served[one.tenant, default: 0] += 1
                waiting[index].client = send(one.tenant, kit)
            }
        }
        #expect(served.values.allSatisfy { (90...110).contains($0) }, "\(served)")
    }

    @Test("callers that are new each time do not push those that wait out of the way")
    func newcomers() throws {
        let kit = try PoolKit { $0.limits.connections = 1 }
        let patient = (0..<3).map { _ in send(7, kit) }
        var next: UInt64 = 1000
        var services = 0
        while !patient.allSatisfy({ !$0.endpoints.isEmpty }), services < 5000 {
            // Two strangers for each that is served, up to what may wait.
            for _ in 0..<2 where kit.counts[1] < 800 {
                _ = send(next, kit)
                next += 1
            }
            try #require(kit.servers.connections.last).answer()
            services += 1
        }
        #expect(services < 4000)
    }
}
