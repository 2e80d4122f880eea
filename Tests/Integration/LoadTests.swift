import Atomics
import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Many clients at once, with what may happen meanwhile: reloads, drain, upstreams that come and go.
@Suite struct LoadTests {
    /// Clients that each send requests one after the other on one connection, until `count` or until told to end.
    private func clients(
        _ number: Int,
        _ address: ListenAddress,
        requests: Int,
        mayEndBetween: Bool = false
    ) -> [Background<Int>] {
        (0..<number).map { client in
            Background {
                let peer = try RawPeer(connectingTo: address, name: "client \(client)")
                for i in 0..<requests {
                    let target = "/\(client)/\(i)"
                    try peer.send(i % 3 == 0 ? Wire.post(target, body: "some body") : Wire.get(target))
                    // A connection that was idle for the gateway may end just as the next request is sent.
                    if mayEndBetween, try peer.endsBeforeTheNextByte() { return i }
                    let response = try peer.readResponse()
                    guard response.status == 200, response.text == target else {
                        throw TestFailure("client \(client), request \(i): \(response.startLine) \(response.text)")
                    }
                    if response["Connection"] == "close" {
                        try peer.expectEnd()
                        return i + 1
                    }
                }
                return requests
            }
        }
    }

    @Test func manyClientsOnTwoLoopsGetTheirOwnAnswers() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address), loops: 2) { gateway in
            for run in clients(24, try gateway.address(), requests: 100) { #expect(try run.value() == 100) }
            #expect(gateway.accepts().accepted == 24)
            #expect(origin.requestCount == 2400 && origin.acceptedCount <= 24)
            try gateway.wait(for: "the end") { gateway.current(.requests) == 0 }
        }
    }

    @Test func reloadsUnderLoadLoseNothingAndCloseNoConnection() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address), loops: 2) { gateway in
            let runs = clients(12, try gateway.address(), requests: 200)
            for i in 0..<40 {
                var next = gateway.model
                next.routes = [.forward("generation \(i)", .prefix("/"), to: "origin")]
                if i % 2 == 0 { next.filters = [ProbeFilter.model { _ in }] } else { next.filters = [] }
                next.upstreams[0].timeouts.idle = .seconds(50 + Int64(i))
                try gateway.reload(next)
            }
            for run in runs { #expect(try run.value() == 200) }
            #expect(gateway.accepts().accepted == 12)
            #expect(origin.requestCount == 2400 && origin.acceptedCount <= 12)
        }
    }

    @Test func endpointsThatComeAndGoUnderLoadLoseNothing() throws {
        let origins = [try RespondingOrigin(), try RespondingOrigin(), try RespondingOrigin()]
        defer { for origin in origins { origin.stop() } }
        try TestGateway.run(.forwarding(to: origins[0].address), loops: 2) { gateway in
            let runs = clients(12, try gateway.address(), requests: 200)
            for i in 0..<30 {
                var next = gateway.model
                let chosen = origins.indices.filter { $0 != i % 3 }.map { origins[$0].address }
                next.upstreams[0].endpoints = UpstreamModel.upstream("x", chosen).endpoints
                try gateway.reload(next)
            }
            for run in runs { #expect(try run.value() == 200) }
            #expect(origins.map(\.requestCount).reduce(0, +) == 2400)
        }
    }

    /// What the worker itself promises; the second of grace for idle connections is the control plane's.
    @Test func drainUnderLoadLosesNothing() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address), loops: 2) { gateway in
            let runs = clients(12, try gateway.address(), requests: 100_000, mayEndBetween: true)
            try gateway.wait(for: "the load") { gateway.total(\.requests) > 200 }
            let drained = ManagedAtomic<Int>(0)
            try gateway.onLoops { worker in
                worker.drain { drained.wrappingIncrement(ordering: .relaxed) }
            }
            // Everything that was begun was answered, and nothing was forwarded whose answer nobody got.
            let answered = try runs.map { try $0.value() }
            try gateway.wait(for: "the drain") { drained.load(ordering: .relaxed) == 2 }
            #expect(answered.reduce(0, +) == gateway.total(\.requests))
            #expect(origin.requestCount == gateway.total(\.requests))
        }
    }

    @Test func pipelinedLoadIsAnsweredInOrder() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address), loops: 2) { gateway in
            let address = try gateway.address()
            let runs = (0..<8).map { client in
                Background {
                    let peer = try RawPeer(connectingTo: address, name: "client \(client)")
                    for batch in 0..<10 {
                        try peer.send((0..<10).map { Wire.get("/\(client)/\(batch)/\($0)") }.joined())
                        for i in 0..<10 {
                            let text = try peer.readResponse().text
                            guard text == "/\(client)/\(batch)/\(i)" else {
                                throw TestFailure("\(text) at \(batch), \(i)")
                            }
                        }
                    }
                }
            }
            for run in runs { try run.value() }
        }
    }
}
