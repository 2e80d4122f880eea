import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// Limits and callers through a whole gateway.
@Suite("Limits over loops") struct RateLimitTests {
    private func model(_ origin: ListenAddress, _ filters: String, consumers: String = "") throws -> GatewayModel {
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            \(consumers)
            routes: [{name: all, respond: {status: 200}}]
            filters:
            \(filters)
            """
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "case.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in [] }
        )
        let read = try #require(loaded.model, "\(loaded.diagnostics)")
        return .forwarding(to: origin) {
            $0.filters = read.filters
            $0.consumers = read.consumers
        }
    }

    @Test("64 connections over four loops get exactly the limit together, and a reload changes nothing about it")
    func exact() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let model = try model(origin.address, "  - rate_limit: {by: ip, rate: 100/day, burst: 100}")
        try TestGateway.run(model, loops: 4) { gateway in
            let clients = try (0..<64).map { try gateway.connect(name: "client \($0)") }
            var statuses: [Int: Int] = [:]
            for round in 0..<3 {
                for client in clients { try client.send(Wire.get("/\(round)")) }
                for client in clients { statuses[try client.readResponse().status, default: 0] += 1 }
                if round == 0 { try gateway.reload(model) }
            }
            #expect(statuses == [200: 100, 429: 92])
            #expect(origin.requestCount == 100)
            try gateway.wait(for: "the counts") { gateway.count(of: .rateLimited) == 92 }
        }
    }

    @Test("a greedy caller uses up its own limit and nobody else's")
    func greedy() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let model = try model(
            origin.address,
            "  - key_auth\n  - rate_limit: {by: consumer, rate: 60/day, burst: 5}",
            consumers: "consumers: [{name: greedy, keys: [greedy-key]}, {name: polite, keys: [polite-key]}]"
        )
        try TestGateway.run(model, loops: 2) { gateway in
            let greedy = try (0..<8).map { _ in try gateway.connect() }
            for _ in 0..<10 {
                for client in greedy { try client.send(Wire.get("/", "X-Api-Key: greedy-key")) }
                for client in greedy { _ = try client.readResponse() }
            }
            try gateway.wait(for: "the counts") { gateway.count(of: .rateLimited) == 75 }
            let polite = try gateway.connect()
            for left in (0..<5).reversed() {
                try polite.send(Wire.get("/", "X-Api-Key: polite-key"))
                let response = try polite.readResponse()
                #expect(response.status == 200 && response["RateLimit-Remaining"] == "\(left)")
            }
            try polite.send(Wire.get("/", "X-Api-Key: polite-key"))
            let refused = try polite.readResponse()
            #expect(refused.status == 429 && refused["Retry-After"] != nil && refused.text.contains("rate_limited"))
        }
    }

    @Test("a preflight passes without a key, and errors carry the headers that scripts need")
    func preflight() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let model = try model(
            origin.address,
            "  - key_auth\n  - cors: {origins: [\"https://app.example\"]}",
            consumers: "consumers: [{name: a, keys: [a-key]}]"
        )
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message(
                    "OPTIONS / HTTP/1.1",
                    ["Host: a", "Origin: https://app.example", "Access-Control-Request-Method: PUT"]
                )
            )
            let preflight = try client.readResponse()
            #expect(preflight.status == 204 && preflight["Access-Control-Allow-Origin"] == "https://app.example")
            try client.send(Wire.get("/", "Origin: https://app.example"))
            let refused = try client.readResponse()
            #expect(refused.status == 401 && refused["Access-Control-Allow-Origin"] == "https://app.example")
            // Without the header that makes it one, it is an OPTIONS request like others.
            try client.send(Wire.message("OPTIONS / HTTP/1.1", ["Host: a", "Origin: https://app.example"]))
            #expect(try client.readResponse().status == 401)
            #expect(origin.requestCount == 0)
        }
    }
}
