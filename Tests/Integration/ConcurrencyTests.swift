import Atomics
import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// The limit of requests at once, over several loops and under load.
@Suite("Requests at once over loops") struct ConcurrencyTests {
    @Test("64 clients on four loops: exactly as many as the limit get through, however often")
    func exact() throws {
        let origin = try ScriptedOrigin()
        let filters = try FilterText.models("concurrency: {limit: 10}")
        let model = GatewayModel.forwarding(to: origin.address) { $0.filters = filters }
        try TestGateway.run(model, loops: 4) { gateway in
            let clients = try (0..<64).map { try gateway.connect(name: "client \($0)") }
            for round in 0..<3 {
                for client in clients { try client.send(Wire.get("/\(round)")) }
                // Ten reach the upstream, and the others are refused while these wait.
                let upstreams = try (0..<10).map { _ in try origin.accept() }
                for upstream in upstreams { _ = try upstream.readRequest() }
                try gateway.wait(for: "the refusals") { gateway.count(of: .concurrencyExceeded) == 54 * (round + 1) }
                #expect(origin.isSilent)
                for upstream in upstreams { try upstream.send(Wire.ok("ok", "Connection: close")) }
                var statuses: [Int: Int] = [:]
                for client in clients { statuses[try client.readResponse().status, default: 0] += 1 }
                #expect(statuses == [200: 10, 503: 54])
                try gateway.settle()
            }
        }
    }

    @Test("under load, with reloads and clients that leave, there are never more at once, and none is forgotten")
    func underLoad() throws {
        let inside = ManagedAtomic<Int>(0)
        let most = ManagedAtomic<Int>(0)
        let origin = try RespondingOrigin { request, peer in
            let count = inside.wrappingIncrementThenLoad(ordering: .sequentiallyConsistent)
            var seen = most.load(ordering: .relaxed)
            while count > seen {
                let result = most.weakCompareExchange(expected: seen, desired: count, ordering: .relaxed)
                if result.exchanged { break }
                seen = result.original
            }
            // Before the answer: with it, the next may begin.
            inside.wrappingDecrement(ordering: .sequentiallyConsistent)
            return try RespondingOrigin.echoTarget(request, peer)
        }
        defer { origin.stop() }
        let filters = try FilterText.models("concurrency: {limit: 3, by: ip}")
        let model = GatewayModel.forwarding(to: origin.address) { $0.filters = filters }
        try TestGateway.run(model, loops: 4) { gateway in
            let address = try gateway.address()
            for someLeave in [false, true] {
                let runs = (0..<16).map { client($0, address, someLeave: someLeave) }
                for _ in 0..<20 { try gateway.reload(model) }
                for run in runs { #expect(Set(try run.value()).isSubset(of: [200, 503])) }
                // What a client that has left had begun may still be going on at the origin.
                if !someLeave { #expect(most.load(ordering: .relaxed) <= 3 && origin.requestCount > 0) }
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            // All places are free again: three at once, of clients that have not sent all of their bodies.
            let clients = try (0..<4).map { try gateway.connect(name: "late \($0)") }
            let head = Wire.message("POST / HTTP/1.1", ["Host: a.test", "Content-Length: 2"])
            for client in clients.prefix(3) { try client.send(head + "a") }
            try gateway.settle()
            try clients[3].send(Wire.get())
            #expect(try clients[3].readResponse().status == 503)
            for client in clients.prefix(3) {
                try client.send("b")
                #expect(try client.readResponse().status == 200)
            }
        }
    }

    /// One that sends requests on a connection each.
    private func client(_ number: Int, _ address: ListenAddress, someLeave: Bool) -> Background<[Int]> {
        Background {
            var statuses: [Int] = []
            for i in 0..<40 {
                let peer = try RawPeer(connectingTo: address, name: "client \(number)")
                try peer.send(Wire.get("/\(i)"))
                if someLeave, (number + i) % 3 == 0 {
                    peer.reset()
                } else {
                    statuses.append(try peer.readResponse().status)
                }
            }
            return statuses
        }
    }
}
