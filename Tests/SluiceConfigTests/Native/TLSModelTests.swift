import SluiceConfig
import SluiceCore
import Testing

/// What `Tests/Golden` cannot show of TLS: what models answer, and secrets.
@Suite("TLS in the model") struct TLSModelTests {
    private func upstream(_ settings: String) throws -> UpstreamModel {
        let (model, diagnostics) = load(
            """
            version: 1
            listeners: [{name: plain, address: "127.0.0.1:8080"}]
            upstreams: {a: \(settings)}
            routes: [{name: all, upstream: a, timeout: 5s}]

            """
        )
        return try #require(model?.upstreams.first, "\(diagnostics.text)")
    }

    @Test("https without a port is 443, http 80")
    func ports() throws {
        #expect(try upstream("{url: \"https://a\"}").endpoints.map(\.address) == [.name("a", port: 443)])
        #expect(try upstream("{url: \"http://a\"}").endpoints.map(\.address) == [.name("a", port: 80)])
        let both = try upstream("{endpoints: [\"https://a/\", {address: \"https://b:1\", weight: 3}]}")
        #expect(both.endpoints.map(\.address) == [.name("a", port: 443), .name("b", port: 1)])
        #expect(both.endpoints.map(\.weight) == [1, 3])
    }

    @Test("a secret shows itself to nobody")
    func secret() {
        let secret = Secret("hush")
        #expect("\(secret)" == "***")
        #expect(String(reflecting: secret) == "***")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.text == "hush")
    }

    @Test("PEM in the configuration is no file, and no excerpt shows it")
    func inline() throws {
        let (model, diagnostics) = load(
            """
            version: 1
            listeners:
              - {name: a, address: ":1", tls: {certificates: [{cert: "-----BEGIN CERTIFICATE----- abc", key: "-----BEGIN PRIVATE KEY----- xyz"}], key_log: x}}
            routes: [{respond: {}}]

            """
        )
        let certificate = try #require(model?.listeners.first?.tls?.certificates.first?.certificate)
        #expect(certificate.key.path == nil)
        #expect(certificate.key.origin == .inline(Secret("-----BEGIN PRIVATE KEY----- xyz")))
        #expect(diagnostics.text.contains("[SL126]"))
        #expect(!diagnostics.text.contains("xyz"))
    }

    @Test("what a listener and an upstream read")
    func materials() throws {
        let (model, _) = load(
            """
            version: 1
            listeners:
              - name: a
                address: ":1"
                tls:
                  certificates: [{cert: a.pem, key: a.key, ocsp: a.ocsp}, {cert: both.pem}]
                  client_certificate: {ca: ca.pem, crl: ca.crl}
                  tickets: {keys: [t.key]}
            upstreams:
              a: {url: "https://a", tls: {ca: up.pem, crl: up.crl, cert: own.pem, key: own.key}}
              b: {url: "https://b", tls: {verify: false, cert: own.pem}}
            routes: [{name: r, split: [{upstream: a}, {upstream: b}], timeout: 5s}]

            """
        )
        let tls = try #require(model?.listeners.first?.tls)
        let paths = ["a.pem", "a.key", "a.ocsp", "both.pem", "both.pem", "ca.pem", "ca.crl", "t.key"]
        #expect(Set(tls.materials.compactMap(\.path)) == Set(paths))
        let upstreams = try #require(model?.upstreams)
        #expect(upstreams[0].tls?.materials.compactMap(\.path) == ["up.pem", "up.crl", "own.pem", "own.key"])
        #expect(Set(upstreams[1].tls?.materials.compactMap(\.path) ?? []) == ["own.pem"])
    }
}
