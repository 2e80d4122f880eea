import SluiceConfig
import Testing

@testable import SluiceControl

/// What the admin API and `diff` show of a configuration with TLS.
@Suite struct TLSViewTests {
    private func listener(_ passphrase: String, key: String = "api.key") throws -> ListenerModel {
        let tls = "certificates: [{cert: api.pem, key: \"\(key)\", passphrase: \(passphrase)}], client_ca: ca.pem"
        return try #require(try TLSKit().model(TLSKit.text(listeners: TLSKit.listener(tls))).listeners.first)
    }

    @Test func filesAreShownAndSecretsAreNot() throws {
        var json = JSONWriter()
        let pem = "-----BEGIN PRIVATE KEY----- xyz"
        let listener = try listener("hush", key: pem)
        json.object { ModelJSON.write(members: listener, to: &$0) }
        #expect(json.text.contains("/api.pem\""))
        #expect(json.text.contains("/ca.pem\""))
        #expect(!json.text.contains("hush") && !json.text.contains("xyz"))
    }

    @Test func differencesTellNoSecret() throws {
        let changes = ModelDifference.changes(try listener("hush"), try listener("quiet", key: "other.key"))
        #expect(changes.count == 1, "\(changes)")
        #expect(changes.first?.hasPrefix("tls: ") == true)
        #expect(changes.allSatisfy { !$0.contains("hush") && !$0.contains("quiet") })
    }
}
