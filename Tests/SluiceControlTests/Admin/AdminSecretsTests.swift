import SluiceConfig
import SluiceControl
import SluiceFilters
import SluiceTesting
import Testing

/// `/config` shows what runs, and nothing that somebody could make use of.
@Suite struct AdminSecretsTests {
    private static let text = """
        version: 1
        listeners:
          - name: main
            address: "127.0.0.1:0"
          - name: secure
            address: "127.0.0.1:0"
            tls:
              certificates:
                - {cert: "${CERT}", key: "${KEY}"}
                - {cert: api.pem, key: locked.key, passphrase: "${PASSPHRASE}"}
        upstreams:
          origin: {endpoints: ["127.0.0.1:1"]}
        consumers:
          - {name: alice, keys: ["${ALICE}"]}
          - {name: bob, keys: [{sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}
        filters:
          - key_auth
          - rate_limit: {by: consumer, rate: 600/min}
          - headers: {request: {set: {x-internal: "hunter2-internal"}}}
        routes:
          - name: matched
            match: {prefix: /a, headers: {x-api-key: hunter2-match, x-plain: seen}}
            upstream: origin
            timeout: 1s
            filters:
              - jwt: {issuer: "https://a.test", audiences: [b], algorithms: [HS256], jwks: {inline: {keys: [{kty: oct, k: "${SECRET}"}]}}}
          - {name: all, match: {prefix: /}, respond: {status: 200, headers: {x-token: hunter2-answer}}}
        telemetry:
          tracing: {otlp: "http://127.0.0.1:1", headers: {x-team: "${RECEIVER}"}}
        admin: {address: "127.0.0.1:0", token: "${TOKEN}"}

        """

    @Test("keys, tokens, passphrases and values under telling names are hidden; names, paths and places are not")
    func hidden() throws {
        let environment = [
            "CERT": TLSFixtures.api, "KEY": TLSFixtures.apiKey, "PASSPHRASE": "open sesame",
            "ALICE": "hunter2-alice-key",
            "SECRET": "aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMi0", "RECEIVER": "hunter2-receiver",
            "TOKEN": AdminKit.token,
        ]
        let files = ["api.pem": TLSFixtures.api, "locked.key": TLSFixtures.apiLockedKey]
        let folder = try TemporaryFolder()
        for (name, text) in files { try TextFile.write(text, to: folder.path(name)) }
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: folder.path("site.yaml"), text: Self.text)],
            filters: BuiltInFilters.catalog,
            environment: { environment[$0] },
            readFile: { try ConfigFiles.read($0) }
        )
        let problems = loaded.diagnostics.sorted.map(\.message).joined(separator: "\n")
        let model = try #require(loaded.model, "\(problems)")
        try AdminKit.run(model) { gateway in
            let shown = try gateway.ask("GET", "/config", host: "x", "Authorization: Bearer \(AdminKit.token)").text
            let secrets =
                ["hunter2", "aHVudGVy", "sesame", "PRIVATE KEY", "9f86d081", AdminKit.token, "BEGIN CERTIFICATE"]
                // A line out of the middle of the key.
                + [String(TLSFixtures.apiKey.split(separator: "\n")[1])]
            for secret in secrets { #expect(!shown.contains(secret), "\(secret) is shown") }
            for name in ["locked.key", "api.pem", "alice", "bob", "x-api-key", "x-plain", "seen", "x-team", "key_auth"]
            {
                #expect(shown.contains(name), "\(name) is missing")
            }
            #expect(shown.contains("\"passphrase\": \"***\""))
        }
    }
}
