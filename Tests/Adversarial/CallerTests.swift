import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// Clients that claim to be somebody, guess keys, or make up keys to get past a limit.
@Suite("Callers who are not who they say") struct CallerTests {
    private func model(
        _ origin: ListenAddress,
        _ filters: [String],
        change: (inout GatewayModel) -> Void = { _ in }
    ) throws -> GatewayModel {
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            consumers:
              - {name: alice, groups: [gold], keys: [alice-key]}
              - {name: bob, keys: [bob-key]}
            routes: [{name: all, respond: {status: 200}}]
            filters:
            \(filters.map { "  - \($0)\n" }.joined())
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
            change(&$0)
        }
    }

    /// What upstream sees of who the caller is, in lower case.
    private func identity(_ request: HTTPMessage) -> [String] {
        request.fields.map { "\($0.name.lowercased()): \($0.value)" }.filter {
            $0.hasPrefix("x-c") || $0.hasPrefix("x_c")
        }
    }

    @Test(
        "the upstream hears of the caller from the gateway alone",
        arguments: [
            ["X-Consumer-Name: root"], ["x-consumer-name: root", "X-CONSUMER-GROUPS: admin"],
            ["X_Consumer_Name: root", "X-Consumer_Groups: admin"],
            // What a client nominates belongs to its connection; that must not take the gateway's own away.
            ["Connection: x-consumer-name, x-consumer-groups"],
            ["Connection: close, X-Consumer-Name", "X-Consumer-Name: root"],
        ]
    )
    func spoofing(claims: [String]) throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin.address, ["key_auth: {required: false}"]) { $0.listeners[0].underscores = .allow }
        try TestGateway.run(model) { gateway in
            let known = try gateway.exchange(
                Wire.message("GET / HTTP/1.1", ["Host: a", "X-Api-Key: alice-key"] + claims),
                with: origin
            )
            #expect(identity(known.request) == ["x-consumer-name: alice", "x-consumer-groups: gold"])
            let unknown = try gateway.exchange(Wire.message("GET / HTTP/1.1", ["Host: a"] + claims), with: origin)
            #expect(identity(unknown.request) == [])
        }
    }

    @Test("no key reaches the upstream, from wherever it came")
    func keysStay() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin.address, ["key_auth: {in: [header, query, cookie], name: key}"])
        try TestGateway.run(model) { gateway in
            let seen = try gateway.exchange(
                Wire.message(
                    "GET /p?a=1&key=bob-key&b=2 HTTP/1.1",
                    ["Host: a", "Key: alice-key", "Cookie: key=bob-key; c=3"]
                ),
                with: origin
            ).request
            #expect(seen.startLine == "GET /p?a=1&b=2 HTTP/1.1")
            #expect(seen["Cookie"] == "c=3" && seen["Key"] == nil)
            #expect(!seen.fields.contains { $0.value.contains("-key") })
        }
    }

    @Test("guesses run into the limit ahead of the filter, and are never forwarded")
    func guessing() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin.address, ["rate_limit: {by: ip, rate: 10/day, burst: 10}", "key_auth"])
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            var statuses: [Int] = []
            for guess in 0..<30 {
                try client.send(Wire.get("/", "X-Api-Key: guess-\(guess)"))
                statuses.append(try client.readResponse().status)
            }
            #expect(statuses == Array(repeating: 401, count: 10) + Array(repeating: 429, count: 20))
            #expect(origin.isSilent)
        }
    }

    @Test("keys made up by the thousand neither reset a limit nor make one go away")
    func madeUpKeys() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let filters = ["rate_limit: {by: header.x-tenant, rate: 5/day, burst: 5, max_keys: 64}"]
        try TestGateway.run(try model(origin.address, filters), loops: 2) { gateway in
            let client = try gateway.connect()
            func statuses(_ tenant: String, _ count: Int) throws -> [Int] {
                try (0..<count).map { _ in
                    try client.send(Wire.get("/", "X-Tenant: \(tenant)"))
                    return try client.readResponse().status
                }
            }
            #expect(try statuses("victim", 7) == [200, 200, 200, 200, 200, 429, 429])
            var passed = 0
            for number in 0..<400 { passed += try statuses("made-up-\(number)", 1).count { $0 == 200 } }
            // 64 places, one of them the victim's, and eight sets whose further keys share five requests.
            #expect(passed <= 63 + 8 * 5)
            #expect(try statuses("victim", 2) == [429, 429])
        }
    }

    @Test("a refused request with a body does not become the next request")
    func refusedBody() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(try model(origin.address, ["rate_limit: {by: ip, rate: 1/day, burst: 1}"])) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            #expect(try client.readResponse().status == 200)
            let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
            try client.send(
                Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: \(hidden.utf8.count)"]) + hidden
            )
            let refused = try client.readResponse()
            #expect(refused.status == 429 && refused["Retry-After"] != nil)
            try gateway.settle()
            #expect(origin.requestCount == 1)
            #expect(gateway.count(of: .rateLimited) == 1)
        }
    }
}
