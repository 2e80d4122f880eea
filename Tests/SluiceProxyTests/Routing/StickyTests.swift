import NIOCore
import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

/// Requests that belong together go to the same endpoint.
@Suite struct StickyTests {
    private func run(
        _ balancing: BalancingModel,
        routeHash: [HashKey] = [],
        connections: Int? = nil,
        _ body: (TestGateway) throws -> Void
    ) throws {
        let origins = try (0..<4).map { number in
            try RespondingOrigin { _, peer in
                try peer.send(Wire.ok("\(number)"))
                return true
            }
        }
        defer { for origin in origins { origin.stop() } }
        var model = GatewayModel.routing(.forward("r", to: "origin"))
        model.upstreams = [.upstream("origin", origins.map(\.address))]
        model.upstreams[0].balancing = balancing
        model.routes[0].forwarding.hash = routeHash
        if let connections { model.upstreams[0].limits.connections = connections }
        try TestGateway.run(model, body)
    }

    static let tables: [@Sendable ([HashKey]) -> BalancingModel] = [
        { .ringHash(minimumSize: 1024, hash: $0) }, { .maglev(tableSize: 65_537, hash: $0) },
    ]

    @Test(arguments: [0, 1])
    func sameKeyGoesToTheSameEndpointAndDifferentOnesSpread(table: Int) throws {
        try run(Self.tables[table]([.header("x-user")])) { gateway in
            var chosen: [String] = []
            for user in 0..<32 {
                let first = try gateway.answer(to: Wire.get("/", "X-User: \(user)")).text
                for _ in 0..<2 { #expect(try gateway.answer(to: Wire.get("/", "X-User: \(user)")).text == first) }
                chosen.append(first)
            }
            #expect(Set(chosen).count > 1)
        }
    }

    @Test func clientWithoutTheCookieGetsOneThatBringsItBack() throws {
        try run(.maglev(tableSize: 65_537, hash: [.cookie(name: "sticky", ttl: .hours(1), path: "/app")])) { gateway in
            for _ in 0..<8 {
                let first = try gateway.answer(to: Wire.get())
                let cookie = try #require(first["Set-Cookie"])
                #expect(cookie.hasPrefix("sticky=") && cookie.contains("; Max-Age=3600; Path=/app; HttpOnly"))
                let pair = String(cookie.prefix { $0 != ";" })
                for _ in 0..<3 {
                    let next = try gateway.answer(to: Wire.get("/", "Cookie: other=1; \(pair)"))
                    #expect(next.text == first.text && next["Set-Cookie"] == nil)
                }
            }
        }
    }

    @Test func sessionCookieHasNoAge() throws {
        try run(.maglev(tableSize: 65_537, hash: [.cookie(name: "s", ttl: .zero, path: nil)])) { gateway in
            let cookie = try #require(try gateway.answer(to: Wire.get())["Set-Cookie"])
            #expect(!cookie.contains("Max-Age") && cookie.contains("; Path=/;"))
        }
    }

    @Test func cookieWithoutATimeIsOnlyRead() throws {
        try run(.maglev(tableSize: 65_537, hash: [.cookie(name: "s", ttl: nil, path: nil)])) { gateway in
            #expect(try gateway.answer(to: Wire.get())["Set-Cookie"] == nil)
            let first = try gateway.answer(to: Wire.get("/", "Cookie: s=abc")).text
            for _ in 0..<4 { #expect(try gateway.answer(to: Wire.get("/", "Cookie: s=abc")).text == first) }
        }
    }

    /// Many more clients than connections: those that wait must not take whatever comes back.
    @Test(arguments: [0, 1])
    func sameKeyGoesToTheSameEndpointAlsoWhenRequestsHaveToWait(table: Int) throws {
        try run(Self.tables[table]([.header("x-user")]), connections: 3) { gateway in
            let address = try gateway.address()
            let users = (0..<24).map { user in
                Background {
                    let client = try RawPeer(connectingTo: address)
                    return try (0..<12).map { _ in
                        try client.send(Wire.get("/", "X-User: \(user)"))
                        return try client.readResponse().text
                    }
                }
            }
            let answers = try users.map { try $0.value() }
            #expect(answers.allSatisfy { Set($0).count == 1 })
            #expect(Set(answers.map(\.first)).count > 1)
        }
    }

    @Test func keysOfTheRouteWinOverThoseOfTheUpstream() throws {
        try run(.maglev(tableSize: 65_537, hash: [.header("x-user")]), routeHash: [.path]) { gateway in
            let first = try gateway.answer(to: Wire.get("/same", "X-User: 0")).text
            for user in 1..<16 { #expect(try gateway.answer(to: Wire.get("/same", "X-User: \(user)")).text == first) }
            _ = try gateway.answer(to: Wire.get("/other"))
        }
    }
}
