import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import Testing

/// Keys on their way from an issuer to a whole gateway.
@Suite struct JWTKeysTests {
    private static let fixtures: JSONObject = {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let bytes = (try? ConfigFiles.read(path + "/Tests/Fixtures/jwt/tokens.json")) ?? []
        return (try? JSONParser.parse(bytes).object) ?? JSONObject([])
    }()

    /// Good until the year 2100.
    private static let token = String(decoding: fixtures["example"]?.text ?? [], as: UTF8.self)

    /// The set that its key is in.
    private static let keys: String = {
        let all = (fixtures["jwks"]?.object?["keys"]?.items ?? []).compactMap(\.object)
        let key = all.first { $0["kid"]?.text == Array("p256".utf8) } ?? JSONObject([])
        func text(_ name: String) -> String { String(decoding: key[name]?.text ?? [], as: UTF8.self) }
        return """
            {"keys":[{"kid":"test-key","kty":"EC","crv":"P-256","x":"\(text("x"))","y":"\(text("y"))"}]}
            """
    }()

    private func model(_ issuer: ListenAddress, timeout: String = "5s") throws -> GatewayModel {
        guard case .ip(_, let port) = issuer else { throw TestFailure("the issuer has no port") }
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            routes: [{name: all, respond: {status: 200, body: "${jwt.sub}"}}]
            filters:
              - jwt:
                  issuer: https://auth.example.com
                  audiences: [api.example.com]
                  jwks: {url: "http://127.0.0.1:\(port)/keys?a=b", timeout: \(timeout)}

            """
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "case.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in [] }
        )
        return try #require(loaded.model, "\(loaded.diagnostics)")
    }

    private func ask(_ gateway: Gateway) throws -> RawPeer {
        let client = try gateway.connect()
        try client.send(Wire.get("/", "Authorization: Bearer \(Self.token)"))
        return client
    }

    @Test func keysAreFetchedOnceForAllLoops() throws {
        let issuer = try ScriptedOrigin("issuer")
        try GatewayKit.run(try model(issuer.address)) { gateway in
            let asked = try issuer.accept()
            let request = try asked.readRequest()
            #expect(request.startLine == "GET /keys?a=b HTTP/1.1")
            #expect(request["Accept"] == "application/jwk-set+json, application/json")
            // These wait, on both loops.
            let clients = try (0..<4).map { _ in try ask(gateway) }
            try asked.send(Wire.ok(Self.keys, "Content-Type: application/jwk-set+json"))
            for client in clients {
                let response = try client.readResponse()
                #expect(response.status == 200 && response.text == "alice")
            }
            #expect(try ask(gateway).readResponse().status == 200)
            #expect(issuer.isSilent)
        }
    }

    static let wrong: [(answer: String, reason: String)] = [
        (Wire.status(302, "Location: http://127.0.0.1/"), "the answer was 302"),
        (Wire.status(404), "the answer was 404"),
        (Wire.ok("<html></html>"), "is not JSON (byte 0)"), (Wire.ok("{\"keys\":[]}"), "holds no key that is of use"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{", "larger than 1048576 bytes"),
        ("nonsense\r\n\r\n", "no HTTP answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "cut off"),
    ]

    @Test(arguments: wrong)
    func anIssuerThatIsWrongIsReportedAndNobodyPasses(_ wrong: (answer: String, reason: String)) throws {
        let issuer = try ScriptedOrigin("issuer")
        let lines = Lines()
        try GatewayKit.run(try model(issuer.address), lines: lines) { gateway in
            let client = try ask(gateway)
            let asked = try issuer.accept()
            _ = try asked.readRequest()
            try asked.send(wrong.answer)
            asked.endOutput()
            #expect(try client.readResponse().status == 503)
            let line = try #require(lines.all.first { $0.contains("/keys ") }, "\(lines.all)")
            #expect(line.contains(wrong.reason), "\(line)")
            // A query may hold a secret.
            #expect(!line.contains("a=b"))
        }
    }

    @Test func anIssuerThatNeverAnswersCostsNoMoreThanTheTimeout() throws {
        let issuer = try ScriptedOrigin("issuer")
        try GatewayKit.run(try model(issuer.address, timeout: "100ms")) { gateway in
            let client = try ask(gateway)
            let asked = try issuer.accept()
            #expect(try client.readResponse().status == 503)
            try asked.expectGone()
        }
    }

    @Test func anIssuerThatIsNotThereIsNoticedAtOnce() throws {
        let port = try ClosedPort()
        try GatewayKit.run(try model(port.address)) { gateway in
            let response = try ask(gateway).readResponse()
            #expect(response.status == 503)
        }
    }
}
