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

    private func serial(_ slot: TLSSlot<TLSServerContext>?) -> String {
        slot?.current.certificates.first.map { String(decoding: $0.serial, as: UTF8.self) } ?? "none"
    }

    private static let before = "02"
    private static let renewed = "03"

    @Test func aConfigurationGivesEachListenerAndUpstreamASlot() throws {
        let kit = try TLSKit()
        let change = try kit.run(Self.api)
        #expect(serial(change.server("public")) == Self.before)
        #expect(change.server("other") == nil)
        let next = try kit.run(Self.upstream)
        #expect(next.server("public") == nil)
        #expect(next.client("a") != nil)
    }

    @Test func nothingChangesBeforeTheCommit() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        let change = try kit.store.prepare(try kit.model(Self.api))
        #expect(serial(slot) == Self.before)
        kit.store.commit(change)
        #expect(serial(slot) == Self.renewed)
        #expect(change.server("public") === slot, "who holds a slot learns of it")
    }

    @Test func aConfigurationThatCannotBeUsedChangesNothing() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        try kit.replace("api.key", TLSFixtures.renewedKey)
        let model = try kit.model(Self.api)
        let error = #expect(throws: StartError.self) { try kit.store.prepare(model) }
        #expect(error?.message.contains("site.yaml:3:") == true, "\(error?.message ?? "")")
        #expect(serial(slot) == Self.before)
    }

    // MARK: Files that change

    @Test func newFilesAreTakenOver() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        let before = slot?.current
        kit.wait()
        #expect(slot?.current === before, "nothing has changed")
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        kit.store.look()
        #expect(slot?.current === before, "not before they have held still")
        kit.wait()
        #expect(serial(slot) == Self.renewed)
        #expect(kit.told == ["TLS: listener 'public' has taken over new files"])
    }

    @Test func aCertificateWithoutItsKeyWaitsForIt() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        kit.wait()
        try kit.replace("api.pem", TLSFixtures.renewed)
        kit.wait()
        #expect(serial(slot) == Self.before)
        #expect(kit.told.count == 1)
        #expect(kit.told.first?.hasPrefix("TLS: what was read before stays: site.yaml:3:") == true, "\(kit.told)")
        #expect(kit.store.facts.now.isFailing)
        kit.wait()
        #expect(kit.told.count == 1, "said once")
        try kit.replace("api.key", TLSFixtures.renewedKey)
        kit.wait()
        #expect(serial(slot) == Self.renewed)
        #expect(!kit.store.facts.now.isFailing)
        #expect(kit.told.last == "TLS: listener 'public' has taken over new files")
    }

    @Test func filesThatGoAwayChangeNothing() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        kit.wait()
        try kit.remove("api.pem")
        kit.wait()
        #expect(serial(slot) == Self.before)
        #expect(kit.store.facts.now.isFailing)
        try kit.write("api.pem", TLSFixtures.api)
        kit.wait()
        #expect(!kit.store.facts.now.isFailing, "as before")
        #expect(serial(slot) == Self.before)
    }

    @Test func theSameBytesAnewAreNoChange() throws {
        let kit = try TLSKit()
        let slot = try kit.run(Self.api).server("public")
        let before = slot?.current
        kit.wait()
        try kit.replace("api.pem", TLSFixtures.api)
        kit.wait()
        #expect(slot?.current === before)
        #expect(kit.told == [])
    }

    @Test func whatChangesBetweenReadingAndTheFirstLookIsSeen() throws {
        let kit = try TLSKit()
        let change = try kit.store.prepare(try kit.model(Self.api))
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        kit.store.commit(change)
        kit.wait()
        #expect(serial(change.server("public")) == Self.renewed)
    }

    @Test func oneListenerWithBadFilesKeepsNoOtherBack() throws {
        let kit = try TLSKit()
        try kit.write("other.pem", TLSFixtures.wildcard)
        try kit.write("other.key", TLSFixtures.wildcardKey)
        let other = "  - {name: other, address: \":8444\", tls: {certificates: [{cert: other.pem, key: other.key}]}}"
        let change = try kit.run(TLSKit.text(listeners: TLSKit.api + "\n" + other))
        kit.wait()
        let untouched = change.server("other")?.current
        try kit.replace("other.key", TLSFixtures.apiKey)
        try kit.replace("api.pem", TLSFixtures.renewed)
        try kit.replace("api.key", TLSFixtures.renewedKey)
        kit.wait()
        #expect(serial(change.server("public")) == Self.renewed)
        #expect(change.server("other")?.current === untouched)
    }

    @Test func authoritiesAreTakenOverForListenersAndUpstreams() throws {
        for text in [Self.mutual, Self.upstream] {
            let kit = try TLSKit()
            let change = try kit.run(text)
            kit.wait()
            let server = change.server("public")?.current
            let client = change.client("a")?.current
            try kit.replace("ca.pem", TLSFixtures.authority + TLSFixtures.wildcard)
            kit.wait()
            #expect(kit.told.count == 1)
            #expect(change.server("public")?.current !== server || change.client("a")?.current !== client)
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
        #expect(!kit.store.look())
    }

    // MARK: What stays over reloads

    @Test func contextsOfTheSameSettingsAndBytesStay() throws {
        let kit = try TLSKit()
        let first = try kit.run(Self.upstream)
        let context = first.client("a")?.current
        let second = try kit.run(Self.upstream)
        #expect(second.client("a")?.current === context, "with the sessions that it keeps")
        let other = Self.upstream.replacing("ca: ca.pem", with: "ca: ca.pem, server_name: b.example.com")
        let third = try kit.run(other)
        #expect(third.client("a")?.current !== context)
        #expect(third.client("a") === first.client("a"))
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
