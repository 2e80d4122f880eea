import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import SluiceUpstream
import Synchronization
import Testing

@testable import SluiceProxy

/// Filters that say `.wait` and go on later, or never.
@Suite struct WaitingFilterTests {
    /// Tickets of requests that wait, handed from the loop to the test, which resumes them on the loop.
    final class Desk: Sendable {
        private let tickets = Mutex<[Handover<FilterTicket>]>([])

        var count: Int { tickets.withLock { $0.count } }

        func take(_ exchange: ExchangeContext) {
            let ticket = Handover(FilterTicket(exchange))
            tickets.withLock { $0.append(ticket) }
        }

        /// Resumes the ticket that came as number `index`. Only on the loop.
        func resume(_ index: Int, _ verdict: HeadVerdict) -> Bool {
            let ticket = tickets.withLock { $0[index] }
            return ticket.value.resume(verdict)
        }
    }

    private func model(_ desk: Desk, _ origin: ScriptedOrigin) -> GatewayModel {
        .forwarding(to: origin.address) {
            $0.filters = [
                ProbeFilter.model {
                    $0.onRequest = { exchange in
                        desk.take(exchange)
                        return .wait
                    }
                }
            ]
        }
    }

    private func resume(_ desk: Desk, _ index: Int, _ gateway: TestGateway, with status: UInt16? = nil) throws -> Bool {
        try gateway.onLoops { _ in
            desk.resume(index, status.map { .respond(LocalReply(status: $0)) } ?? .next)
        }[0]
    }

    @Test func requestGoesOnWhenResumedWithTheBodyThatCameMeanwhile() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body"))
            try gateway.wait(for: "the filter") { desk.count == 1 }
            #expect(origin.isSilent)
            #expect(try resume(desk, 0, gateway))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().text == "body")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func requestIsAnsweredWhenResumedWithAReply() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body") + Wire.get("/next"))
            try gateway.wait(for: "the filter") { desk.count == 1 }
            #expect(try resume(desk, 0, gateway, with: 403))
            #expect(try client.readResponse().status == 403)
            try gateway.wait(for: "the next") { desk.count == 2 }
            #expect(try resume(desk, 1, gateway, with: 401))
            #expect(try client.readResponse().status == 401)
            #expect(origin.isSilent)
        }
    }

    @Test func ticketCountsOnce() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            try gateway.wait(for: "the filter") { desk.count == 1 }
            #expect(try resume(desk, 0, gateway))
            #expect(try !resume(desk, 0, gateway, with: 500))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            #expect(try !resume(desk, 0, gateway, with: 500))
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func ticketOfAClientThatHasGoneDoesNothing() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let gone = try gateway.connect(name: "gone")
            try gone.send(Wire.get("/gone"))
            try gateway.wait(for: "the filter") { desk.count == 1 }
            gone.reset()
            try gateway.wait(for: "the client to be gone") { gateway.connectionCount == 0 }
            // The same exchange object now serves somebody else, who also waits.
            let other = try gateway.connect(name: "other")
            try other.send(Wire.get("/other"))
            try gateway.wait(for: "the filter") { desk.count == 2 }
            #expect(try !resume(desk, 0, gateway, with: 500))
            try gateway.settle()
            #expect(try other.isSilent)
            #expect(try resume(desk, 1, gateway))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/other")
            try upstream.send(Wire.ok())
            #expect(try other.readResponse().status == 200)
        }
    }

    @Test func filterThatNeverDecidesIsGivenUp() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            try gateway.advance(by: .seconds(9))
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(2))
            let response = try client.readResponse()
            #expect(response.status == 503 && response.text.contains("filter_timeout"))
            #expect(try !resume(desk, 0, gateway))
            #expect(origin.isSilent)
        }
    }

    @Test func clientThatEndsItsDirectionWhileAFilterWaitsGetsItsAnswer() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body"))
            client.endOutput()
            try gateway.wait(for: "the filter") { desk.count == 1 }
            try gateway.settle()
            #expect(try resume(desk, 0, gateway))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().text == "body")
            try upstream.send(Wire.ok("answer"))
            #expect(String(decoding: try client.readToEnd(), as: UTF8.self).hasSuffix("answer"))
        }
    }

    /// One that sent enough requests, each of which waits, left no place for anybody.
    @Test func callerThatHoldsManyPlacesLeavesSomeToOthers() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        var model = model(desk, origin)
        model.listeners[0].trustedProxies = [try #require(CIDR("127.0.0.0/8"))]
        try TestGateway.run(model) { gateway in
            _ = try gateway.onLoops { $0.waiting = WaitingPlaces(limit: 4) }
            func send(from address: String, waiting count: Int) throws -> RawPeer {
                let client = try gateway.connect()
                try client.send(Wire.get("/", "X-Forwarded-For: \(address)"))
                try gateway.wait(for: "the filter") { desk.count == count }
                return client
            }
            let greedy = [try send(from: "10.0.0.1", waiting: 1), try send(from: "10.0.0.1", waiting: 2)]
            let refused = try send(from: "10.0.0.1", waiting: 3)
            let response = try refused.readResponse()
            #expect(response.status == 503 && response.text.contains("tenant_share_exceeded"))
            // The ticket of one that was refused is void.
            #expect(try !resume(desk, 2, gateway))
            let polite = [try send(from: "10.0.0.2", waiting: 4), try send(from: "10.0.0.3", waiting: 5)]
            let late = try send(from: "10.0.0.4", waiting: 6)
            #expect(try late.readResponse().text.contains("too_many_waiting"))
            for index in [0, 1, 3, 4] { #expect(try resume(desk, index, gateway, with: 204)) }
            for client in greedy + polite { #expect(try client.readResponse().status == 204) }
            #expect(try gateway.onLoops { $0.waiting.taken } == [0])
        }
    }

    @Test func reloadWhileAFilterWaitsLeavesTheRequestItsConfiguration() throws {
        let desk = Desk()
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(desk, origin)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            try gateway.wait(for: "the filter") { desk.count == 1 }
            var other = gateway.model
            other.filters = []
            other.routes = [.respond("new", .any) { $0.body = "new" }]
            try gateway.reload(other)
            #expect(try resume(desk, 0, gateway))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("old"))
            #expect(try client.readResponse().text == "old")
            try client.send(Wire.get())
            #expect(try client.readResponse().text == "new")
        }
    }
}
