import SluiceConfig
import SluiceTLS
import Testing

@testable import SluiceControl

@Suite struct TLSStoreTests {
    private static let api = TLSKit.text(listeners: TLSKit.api)
    private static let mutual = TLSKit.text(
        listeners: TLSKit.listener("certificates: [{cert: api.pem, key: api.key}], client_ca: ca.pem")
    )
    private static let upstream = TLSKit.text(
        listeners: "  - {name: plain, address: \":8080\"}",
        upstreams: "  a: {url: \"https://a.example.com\", tls: {ca: ca.pem}}",
        routes: "  - {name: r, match: {path: /a}, upstream: a, timeout: 5s}"
    )

    private func serial(_ context: TLSServerContext?) -> String {
        context?.certificates.first.map { String(decoding: $0.serial, as: UTF8.self) } ?? "none"
    }

    private static let before = "02"
    private static let renewed = "03"

    @Test func aConfigurationGivesEachListenerAndUpstreamAContext() throws {
        let kit = try TLSKit()
        let change = try kit.run(Self.api)
        #expect(change.servers.mapValues { serial($0) } == ["public": Self.before])
        #expect(change.clients.isEmpty)
        let next = try kit.run(Self.upstream)
        #expect(next.servers.isEmpty)
        #expect(Array(next.clients.keys) == ["a"])
    }

    @Test func healthChecksSeeTheContextsOfTheRunningConfiguration() throws {
        let kit = try TLSKit()
        let change = try kit.store.prepare(try kit.model(Self.upstream))
        #expect(kit.store.upstreams["a"] == nil, "nothing changes before the commit")
        kit.store.commit(change)
        #expect(kit.store.upstreams["a"] === change.clients["a"])
        kit.wait()
        try kit.replace("ca.pem", TLSFixtures.authority + TLSFixtures.wildcard)
        let next = try #require(kit.wait().clients["a"])
        #expect(kit.store.upstreams["a"] === next)
        try kit.run(Self.api)
        #expect(kit.store.upstreams["a"] == nil)
    }

    @Test func aConfigurationThatCannotBeUsedChangesNothing() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        let before = kit.store.facts.now
        try kit.replace("api.key", TLSFixtures.renewedKey)
        let model = try kit.model(Self.api)
        let error = #expect(throws: StartError.self) { _ = try kit.store.prepare(model) }
        #expect(error?.message.contains("site.yaml:3:") == true, "\(error?.message ?? "")")
        #expect(kit.store.facts.now == before)
    }

    // MARK: Files that change

    @Test func newFilesAreTakenOver() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        #expect(kit.wait().isEmpty, "nothing has changed")
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        #expect(kit.store.look() == nil, "not before they have held still")
        #expect(serial(kit.wait().servers["public"]) == Self.renewed)
        #expect(kit.told == ["TLS: listener 'public' has taken over new files"])
        #expect(kit.wait().isEmpty)
    }

    @Test func aCertificateWithoutItsKeyWaitsForIt() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        kit.wait()
        try kit.replace("api.pem", TLSFixtures.renewed)
        #expect(kit.wait().isEmpty)
        #expect(kit.told.count == 1)
        #expect(kit.told.first?.hasPrefix("TLS: what was read before stays: site.yaml:3:") == true, "\(kit.told)")
        #expect(kit.store.facts.now.isFailing)
        #expect(kit.wait().isEmpty)
        #expect(kit.told.count == 1, "said once")
        try kit.replace("api.key", TLSFixtures.renewedKey)
        #expect(serial(kit.wait().servers["public"]) == Self.renewed)
        #expect(!kit.store.facts.now.isFailing)
        #expect(kit.told.last == "TLS: listener 'public' has taken over new files")
    }

    @Test func filesThatGoAwayChangeNothing() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        kit.wait()
        try kit.remove("api.pem")
        #expect(kit.wait().isEmpty)
        #expect(kit.store.facts.now.isFailing)
        #expect(kit.store.facts.now.listeners.count == 1)
        try kit.write("api.pem", TLSFixtures.api)
        #expect(kit.wait().isEmpty, "as before")
        #expect(!kit.store.facts.now.isFailing)
    }

    @Test func theSameBytesAnewAreNoChange() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        kit.wait()
        try kit.replace("api.pem", TLSFixtures.api)
        #expect(kit.wait().isEmpty)
        #expect(kit.told == [])
    }

    @Test func whatChangesBetweenReadingAndTheFirstLookIsSeen() throws {
        let kit = try TLSKit()
        let change = try kit.store.prepare(try kit.model(Self.api))
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        kit.store.commit(change)
        #expect(serial(kit.wait().servers["public"]) == Self.renewed)
    }

    @Test func oneListenerWithBadFilesKeepsNoOtherBack() throws {
        let kit = try TLSKit()
        try kit.write("other.pem", TLSFixtures.wildcard)
        try kit.write("other.key", TLSFixtures.wildcardKey)
        let other = "  - {name: other, address: \":8444\", tls: {certificates: [{cert: other.pem, key: other.key}]}}"
        try kit.run(TLSKit.text(listeners: TLSKit.api + "\n" + other))
        kit.wait()
        try kit.replace("other.key", TLSFixtures.apiKey)
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        #expect(kit.wait().servers.mapValues { serial($0) } == ["public": Self.renewed])
    }

    @Test func authoritiesAreTakenOverForListenersAndUpstreams() throws {
        for text in [Self.mutual, Self.upstream] {
            let kit = try TLSKit()
            try kit.run(text)
            kit.wait()
            try kit.replace("ca.pem", TLSFixtures.authority + TLSFixtures.wildcard)
            let update = kit.wait()
            #expect(update.servers.count + update.clients.count == 1)
            #expect(kit.told.count == 1)
        }
    }

    @Test func aFileOfTheOldConfigurationIsNotWatchedAnyMore() throws {
        let kit = try TLSKit()
        try kit.run(Self.mutual)
        try kit.run(Self.api)
        kit.wait()
        try kit.replace("ca.pem", "nothing")
        kit.wait()
        #expect(kit.told == [])
    }

    @Test func withoutTLSNothingIsLookedAt() throws {
        let kit = try TLSKit()
        try kit.run(TLSKit.text(listeners: "  - {name: plain, address: \":8080\"}"))
        #expect(kit.store.look() == nil)
    }

    // MARK: What stays over reloads

    @Test func contextsOfTheSameSettingsAndBytesStay() throws {
        let kit = try TLSKit()
        let first = try kit.run(Self.upstream).clients["a"]
        #expect(try kit.run(Self.upstream).clients["a"] === first, "with the sessions that it keeps")
        let other = Self.upstream.replacing("ca: ca.pem", with: "ca: ca.pem, server_name: b.example.com")
        #expect(try kit.run(other).clients["a"] !== first)
    }

    @Test func theKeysOfTicketsStay() throws {
        let kit = try TLSKit()
        try kit.run(Self.api)
        let keys = kit.store.ticketKeys(of: "public")
        #expect(keys != nil)
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        try kit.run(Self.mutual)
        #expect(kit.store.ticketKeys(of: "public") === keys)
        try kit.run(
            TLSKit.text(listeners: TLSKit.listener("certificates: [{cert: api.pem, key: api.key}], tickets: off"))
        )
        #expect(kit.store.ticketKeys(of: "public") == nil)
    }

    @Test func keysOfTicketsFromFilesChangeWithThem() throws {
        let kit = try TLSKit()
        try kit.write("one.key", String(repeating: "1", count: 80))
        let text = TLSKit.text(
            listeners: TLSKit.listener("certificates: [{cert: api.pem, key: api.key}], tickets: {keys: [one.key]}")
        )
        try kit.run(text)
        kit.wait()
        let keys = kit.store.ticketKeys(of: "public")
        try kit.replace("one.key", String(repeating: "2", count: 80))
        kit.wait()
        #expect(kit.store.ticketKeys(of: "public") !== keys)
        try kit.replace("one.key", "short")
        kit.wait()
        #expect(kit.store.facts.now.isFailing)
    }

    @Test func theKeyLogIsOpenedForItsOwnerAlone() throws {
        let kit = try TLSKit()
        let tls = "certificates: [{cert: api.pem, key: api.key}], key_log: keys.log"
        let text = TLSKit.text(listeners: TLSKit.listener(tls))
        _ = try kit.findings(text)
        #expect(kit.mode(of: "keys.log") == nil, "a check writes nothing")
        try kit.run(text)
        #expect(kit.mode(of: "keys.log") == 0o600)
    }

    // MARK: Facts

    @Test func expiriesByListenerAndHost() throws {
        let kit = try TLSKit()
        for (name, text) in [
            ("rsa.pem", TLSFixtures.apiRSA), ("rsa.key", TLSFixtures.apiRSAKey), ("w.pem", TLSFixtures.wildcard),
            ("w.key", TLSFixtures.wildcardKey), ("client.pem", TLSFixtures.client),
            ("client.key", TLSFixtures.clientKey),
        ] {
            try kit.write(name, text)
        }
        let certificates = "{cert: api.pem, key: api.key}, {cert: rsa.pem, key: rsa.key}, {cert: w.pem, key: w.key}"
        try kit.run(
            TLSKit.text(
                listeners: TLSKit.listener("certificates: [\(certificates)]"),
                upstreams:
                    "  a: {url: \"https://a.example.com\", tls: {ca: ca.pem, cert: client.pem, key: client.key}}",
                routes: "  - {name: r, match: {path: /a}, upstream: a, timeout: 5s}"
            )
        )
        let now = kit.store.facts.now
        #expect(
            now.listeners == [
                TLSFacts.Expiry(name: "public", host: "*.example.org", notAfter: 1_801_440_000),
                TLSFacts.Expiry(name: "public", host: "api.example.com", notAfter: 4_102_444_800),
            ]
        )
        #expect(now.upstreams == [TLSFacts.Expiry(name: "a", host: "CN=alice", notAfter: 4_102_444_800)])
    }
}
