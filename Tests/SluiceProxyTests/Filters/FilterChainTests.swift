import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Synchronization
import Testing

/// The order of hooks, and what their verdicts lead to.
@Suite struct FilterChainTests {
    /// What happened, in order. Hooks run on a loop, the test on its thread.
    final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        var all: [String] { entries.withLock { $0 } }
        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
    }

    private func logging(
        _ name: String,
        _ log: Log,
        verdict: @escaping @Sendable (ExchangeContext) -> HeadVerdict = { _ in .next }
    ) -> FilterModel {
        ProbeFilter.model {
            $0.onRequest = { exchange in
                log.add("\(name) request")
                return verdict(exchange)
            }
            $0.onResponse = { log.add("\(name) response \($0.response.status)") }
        }
    }

    @Test func requestHooksRunInOrderAndResponseHooksInReverse() throws {
        let log = Log()
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.filters = [logging("a", log), logging("b", log)]
            $0.routes[0].filters = [logging("c", log)]
        }
        try TestGateway.run(model) { gateway in
            _ = try gateway.exchange(Wire.get(), with: origin)
            #expect(
                log.all == [
                    "a request", "b request", "c request", "c response 200", "b response 200", "a response 200",
                ]
            )
        }
    }

    @Test func localReplyPassesTheFiltersThatWereEntered() throws {
        let log = Log()
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.filters = [
                logging("a", log), logging("b", log) { _ in .respond(LocalReply(status: 401)) }, logging("c", log),
            ]
        }
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get())
            #expect(response.status == 401 && origin.isSilent)
            #expect(log.all == ["a request", "b request", "b response 401", "a response 401"])
        }
    }

    @Test func requestWithoutARouteRunsTheGlobalFilters() throws {
        let log = Log()
        var model = GatewayModel.routing(.respond("r", .exact("/there")) { $0.body = "x" })
        model.filters = [logging("a", log)]
        try TestGateway.run(model) { gateway in
            #expect(try gateway.answer(to: Wire.get("/elsewhere")).status == 404)
            _ = try gateway.answer(to: Wire.get("/there"))
            #expect(log.all == ["a request", "a response 404", "a request", "a response 200"])
        }
    }

    @Test func failureOfTheUpstreamPassesTheResponseSide() throws {
        let log = Log()
        let closed = try ClosedPort()
        let model = GatewayModel.forwarding(to: closed.address) { $0.filters = [logging("a", log)] }
        try TestGateway.run(model) { gateway in
            #expect(try gateway.answer(to: Wire.get()).status == 503)
            _ = try gateway.answer(to: Wire.get())
            #expect(log.all == ["a request", "a response 503", "a request", "a response 503"])
        }
    }

    @Test func hooksRunOncePerRequestWhateverTheAttempts() throws {
        let log = Log()
        let origin = try ScriptedOrigin()
        var model = RetryTests.model(origin.address, on: .serverError)
        model.filters = [logging("a", log)]
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            for status in [503, 200] {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.status(status))
            }
            _ = try client.readResponse()
            #expect(log.all == ["a request", "a response 200"])
        }
    }

    @Test func editsOfBothHeadsAreSent() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.filters = [
                ProbeFilter.model {
                    $0.onRequest = { exchange in
                        exchange.request.fields.remove(lowercased: Array("x-secret".utf8))
                        exchange.request.fields.append(name: "X-Added".utf8, value: "up".utf8)
                        return .next
                    }
                    $0.onResponse = { exchange in
                        exchange.response.fields.remove(lowercased: Array("server".utf8))
                        exchange.response.fields.append(name: "X-Added".utf8, value: "down".utf8)
                    }
                }
            ]
        }
        try TestGateway.run(model) { gateway in
            let seen = try gateway.exchange(
                Wire.get("/", "X-Secret: 1", "X-Kept: 2"),
                with: origin,
                answer: Wire.ok("ok", "Server: x", "X-Kept: 3")
            )
            #expect(seen.request["X-Secret"] == nil && seen.request["X-Kept"] == "2" && seen.request["X-Added"] == "up")
            #expect(
                seen.response["Server"] == nil && seen.response["X-Kept"] == "3" && seen.response["X-Added"] == "down"
            )
        }
    }

    @Test func failureCarriesTheIDThatAFilterGave() throws {
        var model = GatewayModel.routing()
        model.filters = [
            ProbeFilter.model {
                $0.onRequest = { exchange in
                    exchange.requestID = Array("my-own-id".utf8)
                    return .next
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let first = try gateway.answer(to: Wire.get())
            #expect(first["X-Request-Id"] == "my-own-id" && first.text.contains("\"request_id\":\"my-own-id\""))
        }
    }

    @Test func slotsAreEmptyForEachRequest() throws {
        final class Note {}
        let found = Mutex(0)
        var model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        model.filters = [
            ProbeFilter.model {
                $0.onRequest = { exchange in
                    if exchange.slots.first.map({ $0 != nil }) == true { found.withLock { $0 += 1 } }
                    if !exchange.slots.isEmpty { exchange.slots[0] = Note() }
                    return .next
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.send(Wire.get())
                _ = try client.readResponse()
            }
            #expect(found.withLock { $0 } == 0)
        }
    }
}
