import NIOCore
import NIOPosix
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Synchronization
import Testing

/// Tokens over real connections, with an issuer that is slow, wrong or gone.
@Suite("Tokens over the wire") struct JWTTests {
    /// Keys and tokens of other implementations; the tokens are good at the time at which a `ManualClock` begins.
    private static let fixtures: JSONObject = {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let bytes = (try? ConfigFiles.read(path + "/Tests/Fixtures/jwt/tokens.json")) ?? []
        return (try? JSONParser.parse(bytes).object) ?? JSONObject([])
    }()

    private func token(_ algorithm: String) throws -> String {
        let tokens = Self.fixtures["tokens"]?.items ?? []
        let found = tokens.first { $0.object?["alg"]?.text == Array(algorithm.utf8) }
        return String(decoding: try #require(found?.object?["token"]?.text), as: UTF8.self)
    }

    /// A JWK Set of those keys.
    private func keys(_ names: String...) throws -> String {
        let all = (Self.fixtures["jwks"]?.object?["keys"]?.items ?? []).compactMap(\.object)
        let wanted = all.filter { key in names.contains { key["kid"]?.text == Array($0.utf8) } }
        let texts = wanted.map { key in
            key.members.map { member in
                let value = String(decoding: member.value.text ?? [], as: UTF8.self)
                return "\"\(String(decoding: member.name, as: UTF8.self))\":\"\(value)\""
            }.joined(separator: ",")
        }
        try #require(texts.count == names.count)
        return "{\"keys\":[\(texts.map { "{\($0)}" }.joined(separator: ","))]}"
    }

    private func model(
        _ origin: ListenAddress,
        jwks: String = "url: http://127.0.0.1/keys",
        audiences: String = "[orders]",
        _ more: String = ""
    ) throws -> GatewayModel {
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            routes: [{name: all, respond: {status: 200}}]
            filters:
              - jwt: {issuer: "https://issuer.example", audiences: \(audiences), jwks: {\(jwks)}, claim_headers: {x-user: sub}\(more)}

            """
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "case.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in [] }
        )
        let filters = try #require(loaded.model, "\(loaded.diagnostics)").filters
        return .forwarding(to: origin) { $0.filters = filters }
    }

    private func get(_ token: String, _ lines: String...) -> String {
        Wire.message("GET / HTTP/1.1", ["Host: a", "Authorization: Bearer \(token)"] + lines)
    }

    // MARK: - The issuer

    @Test("requests on all loops wait for an issuer that is slow, and go on when the keys are there")
    func slowIssuer() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let issuer = FakeIssuer()
        defer { issuer.stop() }
        let token = try token("RS256")
        let services = TestGateway.Services(background: issuer)
        try TestGateway.run(try model(origin.address), loops: 2, clock: ManualClock(), services: services) { gateway in
            let clients = try (0..<8).map { try gateway.connect(name: "client \($0)") }
            for client in clients { try client.send(get(token)) }
            let strangers = try gateway.connect(name: "stranger")
            try strangers.send(get("e30.e30.e30"))
            try gateway.settle()
            #expect(origin.requestCount == 0)
            #expect(issuer.total == 1)
            try issuer.answer(try keys("rsa", "p256"))
            for client in clients { #expect(try client.readResponse().status == 200) }
            #expect(try strangers.readResponse().status == 401)
            // Nobody waits any more.
            try clients[0].send(get(token))
            #expect(try clients[0].readResponse().status == 200)
            #expect(issuer.total == 1)
        }
    }

    @Test("a client that leaves while its request waits is forgotten, and harms nobody who comes after")
    func leavingWhileWaiting() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let issuer = FakeIssuer()
        defer { issuer.stop() }
        let services = TestGateway.Services(background: issuer)
        let token = try token("RS256")
        try TestGateway.run(try model(origin.address), clock: ManualClock(), services: services) { gateway in
            for number in 0..<5 {
                let gone = try gateway.connect(name: "gone \(number)")
                try gone.send(get(token))
                try gateway.settle()
                gone.reset()
            }
            try gateway.wait(for: "the clients to be gone") { gateway.connectionCount == 0 }
            // The exchanges that waited serve others by now.
            let anonymous = try gateway.connect(name: "anonymous")
            try anonymous.send(Wire.get())
            #expect(try anonymous.readResponse().status == 401)
            let other = try gateway.connect(name: "other")
            try other.send(get(token))
            try gateway.settle()
            try issuer.answer(try keys("rsa"))
            #expect(try other.readResponse().status == 200)
            try gateway.settle()
            #expect(origin.requestCount == 1)
            #expect(try anonymous.isSilent)
        }
    }

    @Test("without an issuer a gateway without keys refuses everybody, and says to come back")
    func noIssuer() throws {
        let origin = try ScriptedOrigin()
        let issuer = FakeIssuer()
        defer { issuer.stop() }
        let services = TestGateway.Services(background: issuer)
        try TestGateway.run(try model(origin.address), clock: ManualClock(), services: services) { gateway in
            let client = try gateway.connect()
            try client.send(get(try token("RS256")))
            try gateway.settle()
            try issuer.fail()
            let refused = try client.readResponse()
            #expect(refused.status == 503 && refused["Retry-After"] == "5")
            #expect(refused.text.contains("keys_unavailable"))
            // Now at once.
            #expect(try gateway.answer(to: get(try token("RS256"))).status == 503)
            #expect(issuer.total == 1)
            #expect(origin.isSilent)
        }
    }

    @Test("an issuer that is gone or talks nonsense costs nobody anything whose key is known")
    func goneIssuer() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let issuer = FakeIssuer()
        defer { issuer.stop() }
        let services = TestGateway.Services(background: issuer)
        let token = try token("RS256")
        try TestGateway.run(try model(origin.address), clock: ManualClock(), services: services) { gateway in
            try issuer.answer(try keys("rsa"))
            let client = try gateway.connect()
            for wrong in ["", "{}", "<html></html>", "{\"keys\":[]}", String(repeating: "[", count: 100_000)] {
                try client.send(get(token))
                #expect(try client.readResponse().status == 200)
                // An unknown key has it asked again; what comes then is of no use.
                try client.send(get(try self.token("ES256")))
                try gateway.settle()
                if wrong.isEmpty { try issuer.fail() } else { try issuer.answer(wrong) }
                #expect(try client.readResponse().status == 401)
                try gateway.advance(by: .seconds(31))
            }
            #expect(issuer.total == 6)
        }
    }

    @Test("tokens with keys that nobody knows, by the hundred, have the issuer asked once")
    func unknownKeys() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let issuer = FakeIssuer()
        defer { issuer.stop() }
        let services = TestGateway.Services(background: issuer)
        let parts = try token("ES256").split(separator: ".")
        try TestGateway.run(try model(origin.address), loops: 2, clock: ManualClock(), services: services) { gateway in
            try issuer.answer(try keys("rsa"))
            let clients = try (0..<20).map { try gateway.connect(name: "client \($0)") }
            for round in 0..<10 {
                for (number, client) in clients.enumerated() {
                    let header = Base64.encode("{\"alg\":\"ES256\",\"kid\":\"\(round)-\(number)\"}".utf8, as: .url)
                    try client.send(get("\(String(decoding: header, as: UTF8.self)).\(parts[1]).\(parts[2])"))
                }
                if round == 0 {
                    try gateway.wait(for: "the fetch") { issuer.pendingCount == 1 }
                    try gateway.settle()
                    try issuer.answer(try keys("rsa"))
                }
                for client in clients { #expect(try client.readResponse().status == 401) }
            }
            #expect(issuer.total == 2)
            #expect(origin.requestCount == 0)
        }
    }

    // MARK: - Requests

    @Test("the upstream hears of the caller from the token alone, and does not see the token")
    func spoofing() throws {
        let origin = try ScriptedOrigin()
        let more = ", required: false, from: [{header: authorization}, {query: t}, {cookie: c}]"
        let model = try model(origin.address, jwks: "inline: '\(try keys("rsa"))'", more)
        let token = try token("RS256")
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let lies = ["X-User: root", "x-user: root"]
            func seen(_ target: String, _ lines: [String]) throws -> HTTPMessage {
                try gateway.exchange(Wire.message("GET \(target) HTTP/1.1", ["Host: a"] + lines + lies), with: origin)
                    .request
            }
            for request in [
                try seen("/p?a=1", ["Authorization: Bearer \(token)"]), try seen("/p?a=1&t=\(token)", []),
                try seen("/p?a=1", ["Cookie: c=\(token)"]),
                try seen("/p?a=1", ["Connection: x-user", "Cookie: c=\(token)"]),
            ] {
                #expect(request.startLine == "GET /p?a=1 HTTP/1.1")
                #expect(request.all("x-user") == ["alice"])
                #expect(!request.rawHead.contains(token.suffix(40)))
            }
            #expect(try seen("/", []).all("x-user") == [])
        }
    }

    @Test("requests behind each other on one connection have their own callers")
    func pipelining() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin.address, jwks: "inline: '\(try keys("rsa", "p256"))'", ", required: false")
        let token = try token("RS256")
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(get(token) + Wire.get("/", "X-User: root") + get(token + "x") + get(token))
            let upstream = try origin.accept()
            for expected in [["alice"], [], ["alice"]] {
                #expect(try upstream.readRequest().all("x-user") == expected)
                try upstream.send(Wire.ok())
            }
            #expect(try (0..<4).map { _ in try client.readResponse().status } == [200, 200, 401, 200])
        }
    }

    @Test("a token that is too long is refused, and the connection goes on if the head was read")
    func longTokens() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin.address, jwks: "inline: '\(try keys("rsa"))'")
        let token = try token("RS256")
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(get(String(repeating: "a", count: 20_000)))
            let refused = try client.readResponse()
            #expect(refused.status == 401 && refused.text.contains("token_malformed"))
            #expect(refused["WWW-Authenticate"]?.contains("the token is too long") == true)
            try client.send(get(token))
            try origin.accept().send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            // A megabyte is refused by the connection, before any filter.
            let other = try gateway.connect()
            try? other.send(get(String(repeating: "a", count: 1 << 20)))
            #expect(try other.readResponse().status == 431)
        }
    }

    @Test("after a reload with another audience or without the key, a token that passed does not pass")
    func reloads() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let good = try model(origin.address, jwks: "inline: '\(try keys("rsa"))'")
        let token = try token("RS256")
        try TestGateway.run(good, clock: ManualClock()) { gateway in
            func status() throws -> Int { try gateway.answer(to: get(token)).status }
            for _ in 0..<3 { #expect(try status() == 200) }
            try gateway.reload(try model(origin.address, jwks: "inline: '\(try keys("rsa"))'", audiences: "[billing]"))
            #expect(try status() == 401)
            try gateway.reload(try model(origin.address, jwks: "inline: '\(try keys("p256"))'"))
            #expect(try status() == 401)
            try gateway.reload(good)
            #expect(try status() == 200)
            // And time goes on for tokens that are known.
            try gateway.advance(by: .seconds(3629))
            #expect(try status() == 200)
            try gateway.advance(by: .seconds(1))
            #expect(try status() == 401)
        }
    }
}

/// An issuer that answers when the test says so; its timers never fire by themselves.
private final class FakeIssuer: BackgroundServices {
    private struct State {
        var pending: [@Sendable (Result<FetchAnswer, FetchError>) -> Void] = []
        var total = 0
    }

    let metrics = MetricShard()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let state = Mutex(State())

    var loop: any EventLoop { group.any() }
    var total: Int { state.withLock { $0.total } }
    var pendingCount: Int { state.withLock { $0.pending.count } }

    func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        state.withLock {
            $0.pending.append(completion)
            $0.total += 1
        }
    }

    func log(_ line: String) {}

    private func end(_ result: Result<FetchAnswer, FetchError>) throws {
        let completion = state.withLock { $0.pending.popLast() }
        let end = try #require(completion, "nothing is being fetched")
        try loop.submit { end(result) }.wait()
    }

    func answer(_ body: String) throws { try end(.success(FetchAnswer(status: 200, body: Array(body.utf8)))) }
    func fail() throws { try end(.failure(FetchError("gone"))) }

    func stop() { try? group.syncShutdownGracefully() }
}
