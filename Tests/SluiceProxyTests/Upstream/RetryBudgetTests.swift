import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Retries cannot multiply the load on an upstream that fails.
@Suite struct RetryBudgetTests {
    /// All clients wait for their first answer at the same time; then everything fails. The fewer are under way, the
    /// fewer may be tried again.
    @Test(arguments: [(0.0, 3, 3...3), (0.2, 0, 3...4), (0.2, 3, 3...4), (1.0, 0, 10...10)])
    func retriesAtOneTimeAreBounded(share: Double, minimum: Int, allowed: ClosedRange<Int>) throws {
        let clients = 20
        let origin = try ScriptedOrigin()
        var model = RetryTests.model(origin.address, on: .serverError) { $0.attempts = 5 }
        model.upstreams[0].limits.retryBudget = share
        model.upstreams[0].limits.minRetries = minimum
        // Time stands still while they are decided: who waits for its turn is not under way, and counts again after.
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let peers = try (0..<clients).map { try gateway.connect(name: "client \($0)") }
            for peer in peers { try peer.send(Wire.get()) }
            let first = try (0..<clients).map { _ in try origin.accept() }
            for upstream in first { _ = try upstream.readRequest() }
            for upstream in first { try upstream.send(Wire.status(503, "Connection: close")) }
            try gateway.wait(for: "all to be decided") {
                gateway.total(\.retries) + gateway.count(of: .retryBudgetExhausted) == clients
            }
            // Whoever got a place is sent again and not answered yet; all others have their 503.
            let retries = gateway.total(\.retries)
            #expect(allowed.contains(retries))
            try gateway.advance(by: .seconds(2))
            let again = try (0..<retries).map { _ in try origin.accept() }
            try gateway.settle()
            #expect(origin.isSilent)
            let answered = try peers.filter { try !$0.peek().isEmpty }
            #expect(answered.count == clients - retries)
            for peer in answered { #expect(try peer.readResponse().status == 503) }
            for upstream in again {
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok())
            }
            for peer in peers where !answered.contains(where: { $0 === peer }) {
                #expect(try peer.readResponse().status == 200)
            }
        }
    }

    /// Half of those under way, each counted once: waiting for a connection makes no request two.
    @Test func requestsThatWaitCountOnce() throws {
        let (clients, connections) = (20, 5)
        let origin = try ScriptedOrigin()
        // Who gets a place waits for longer than the test takes.
        var model = RetryTests.model(origin.address, on: .serverError) { $0.maxRetryAfter = .hours(2) }
        model.upstreams[0].limits.retryBudget = 0.5
        model.upstreams[0].limits.minRetries = 0
        model.upstreams[0].limits.connections = connections
        try TestGateway.run(model) { gateway in
            let peers = try (0..<clients).map { try gateway.connect(name: "client \($0)") }
            for peer in peers { try peer.send(Wire.get()) }
            try gateway.wait(for: "all to be under way") {
                gateway.current(.requests) == connections && gateway.current(.pending) == clients - connections
            }
            for decided in 1...clients {
                // A retry closes its connection, so each request comes over another one.
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.status(503, "Connection: close", "Retry-After: 3600"))
                try gateway.wait(for: "the decision") {
                    gateway.total(\.retries) + gateway.count(of: .retryBudgetExhausted) == decided
                }
            }
            // The one that is decided is still under way: with k places taken half of 20 - k must be more than k.
            #expect(gateway.total(\.retries) == 7)
        }
    }

    @Test func upstreamThatAlwaysFailsSeesFewMoreAttemptsThanRequests() throws {
        let origin = try RespondingOrigin { _, peer in
            try peer.send(Wire.status(503))
            return true
        }
        defer { origin.stop() }
        var model = RetryTests.model(origin.address, on: .serverError) { $0.attempts = 4 }
        model.upstreams[0].limits.retryBudget = 0.2
        model.upstreams[0].limits.minRetries = 0
        try TestGateway.run(model, loops: 2) { gateway in
            let clients = 16
            let each = 20
            let address = try gateway.address()
            let runs = (0..<clients).map { _ in
                Background {
                    let client = try RawPeer(connectingTo: address)
                    for _ in 0..<each {
                        try client.send(Wire.get())
                        guard try client.readResponse().status == 503 else {
                            throw TestFailure("not the upstream's answer")
                        }
                    }
                }
            }
            for run in runs { try run.value() }
            let requests = clients * each
            #expect(gateway.total(\.requests) == requests)
            // At most 20 % of those under way at a time, each of up to four attempts: never near five times as many.
            #expect(origin.requestCount <= requests * 2, "\(origin.requestCount) attempts for \(requests) requests")
            #expect(origin.requestCount == gateway.total(\.attempts))
        }
    }
}
