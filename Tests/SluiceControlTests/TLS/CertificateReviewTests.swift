import SluiceConfig
import SluiceTLS
import Testing

@testable import SluiceControl

/// What `sluice check` says about certificates, keys and lists; also for the codes that `Tests/Golden` cannot show.
@Suite struct CertificateReviewTests {
    private func findings(
        _ tls: String,
        routes: String = "",
        prepare: (TLSKit) throws -> Void = { _ in }
    ) throws -> [String] {
        let kit = try TLSKit()
        try prepare(kit)
        return try kit.findings(TLSKit.text(listeners: TLSKit.listener(tls), routes: routes))
    }

    private func upstream(_ tls: String, prepare: (TLSKit) throws -> Void = { _ in }) throws -> [String] {
        let kit = try TLSKit()
        try prepare(kit)
        let upstreams = "  a: {url: \"https://a.example.com\", tls: {\(tls)}}"
        let route = "  - {name: r, match: {path: /a}, upstream: a, timeout: 5s}"
        let listener = "  - {name: plain, address: \":8080\"}"
        return try kit.findings(TLSKit.text(listeners: listener, upstreams: upstreams, routes: route))
    }

    @Test func aGoodCertificateIsNotTalkedAbout() throws {
        #expect(try findings("certificates: [{cert: api.pem, key: api.key}], client_ca: ca.pem") == [])
    }

    @Test func keyInTheFileOfTheCertificate() throws {
        let found = try findings("certificates: [{cert: both.pem}]") {
            try $0.write("both.pem", TLSFixtures.apiKey + TLSFixtures.api)
        }
        #expect(found == [])
    }

    // MARK: Errors

    @Test func filesThatAreNotThere() throws {
        let found = try findings(
            "certificates: [{cert: gone.pem, key: gone.key}, {cert: api.pem, key: gone.key, ocsp: gone.der}], client_ca: gone.ca"
        )
        #expect(
            found == [
                "gone.pem error SL028 'gone.pem' cannot be opened: No such file or directory",
                "gone.key error SL028 'gone.key' cannot be opened: No such file or directory",
                "gone.key error SL028 'gone.key' cannot be opened: No such file or directory",
                "gone.der error SL028 'gone.der' cannot be opened: No such file or directory",
                "gone.ca error SL028 'gone.ca' cannot be opened: No such file or directory",
            ]
        )
    }

    @Test(
        arguments: [
            ("certificates: [{cert: api.pem, key: renewed.key}]", "renewed.key error SL028"),
            ("certificates: [{cert: ca.key, key: api.key}]", "ca.key error SL028"),
            ("certificates: [{cert: api.pem, key: api.pem}]", "api.pem error SL028"),
            ("certificates: [{cert: api.pem, key: locked.key}]", "locked.key error SL028"),
            ("certificates: [{cert: api.pem, key: locked.key, passphrase: wrong}]", "locked.key error SL028"),
            ("certificates: [{cert: api.pem, key: api.key, ocsp: api.pem}]", "api.pem error SL028"),
            ("certificates: [{cert: api.pem, key: api.key}], client_ca: api.key", "api.key error SL028"),
            (
                "certificates: [{cert: api.pem, key: api.key}], client_certificate: {ca: ca.pem, crl: ca.pem}",
                "ca.pem error SL028"
            ),
            ("certificates: [{cert: api.pem, key: api.key}], tickets: {keys: [api.key]}", "api.key error SL028"),
            ("certificates: [{cert: api.pem, key: api.key}], ocsp_policy: require", "api.pem error SL028"),
        ] as [(String, String)]
    )
    func whatCannotBeUsedIsSaidWhereItStands(_ tls: String, _ start: String) throws {
        let found = try findings(tls) {
            try $0.write("renewed.key", TLSFixtures.renewedKey)
            try $0.write("locked.key", TLSFixtures.apiLockedKey)
            try $0.write("ca.key", "no PEM at all\n")
        }
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(start) == true, "\(found)")
    }

    @Test func theRightPassphraseOpensAKey() throws {
        let found = try findings("certificates: [{cert: api.pem, key: locked.key, passphrase: open sesame}]") {
            try $0.write("locked.key", TLSFixtures.apiLockedKey)
        }
        #expect(found == [])
    }

    @Test func noMessageHoldsAPassphraseOrAKey() throws {
        let kit = try TLSKit()
        try kit.write("locked.key", TLSFixtures.apiLockedKey)
        let text = TLSKit.text(
            listeners: TLSKit.listener("certificates: [{cert: api.pem, key: locked.key, passphrase: open the door}]")
        )
        let report = try kit.load(text).reviewed(clock: { TLSFixtures.now }).report(.text)
        #expect(report.contains("[SL028]"))
        #expect(!report.contains("open the door"))
    }

    @Test func aCheckWithErrorsHasNoModel() throws {
        let kit = try TLSKit()
        let check = try kit.load(TLSKit.text(listeners: TLSKit.listener("certificates: [{cert: gone.pem}]")))
        #expect(check.isValid)
        let reviewed = check.reviewed(clock: { TLSFixtures.now })
        #expect(!reviewed.isValid)
        #expect(reviewed.exitCode == 1)
    }

    @Test func upstreams() throws {
        #expect(try upstream("ca: ca.pem") == [])
        #expect(
            try upstream("ca: gone.pem") == [
                "gone.pem error SL028 'gone.pem' cannot be opened: No such file or directory"
            ]
        )
        let pair = try upstream("ca: ca.pem, cert: client.pem, key: api.key") {
            try $0.write("client.pem", TLSFixtures.client)
        }
        #expect(pair.map { $0.hasPrefix("api.key error SL028 ") } == [true], "\(pair)")
    }

    // MARK: Warnings

    @Test func certificatesThatRunOut() throws {
        let found = try findings(
            "certificates: [{cert: api.pem, key: api.key}, {cert: soon.pem, key: soon.key}, {cert: old.pem, key: old.key}]"
        ) {
            try $0.write("soon.pem", TLSFixtures.wildcard)
            try $0.write("soon.key", TLSFixtures.wildcardKey)
            try $0.write("old.pem", TLSFixtures.expired)
            try $0.write("old.key", TLSFixtures.expiredKey)
        }
        #expect(
            found == [
                "soon.pem warning SL120 the certificate runs out on 2027-02-01",
                "old.pem warning SL120 the certificate ran out on 2026-12-01",
            ]
        )
    }

    @Test func revocationListsThatRunOut() throws {
        let found = try findings(
            "certificates: [{cert: api.pem, key: api.key}], client_certificate: {ca: ca.pem, crl: ca.crl}"
        ) { try $0.write("ca.crl", TLSFixtures.revocations) }
        #expect(found == ["ca.crl warning SL120 a revocation list runs out on 2027-02-01"])
        let up = try upstream("ca: ca.pem, crl: ca.crl") { try $0.write("ca.crl", TLSFixtures.revocations) }
        #expect(up == ["ca.crl warning SL120 a revocation list runs out on 2027-02-01"])
    }

    @Test func certificatesThatNobodyIsShown() throws {
        func add(_ kit: TLSKit) throws {
            try kit.write("second.pem", TLSFixtures.renewed)
            try kit.write("second.key", TLSFixtures.renewedKey)
            try kit.write("rsa.pem", TLSFixtures.apiRSA)
            try kit.write("rsa.key", TLSFixtures.apiRSAKey)
            try kit.write("client.pem", TLSFixtures.client)
            try kit.write("client.key", TLSFixtures.clientKey)
        }
        let first = "{cert: api.pem, key: api.key}"
        #expect(
            try findings("certificates: [\(first), {cert: second.pem, key: second.key}]", prepare: add) == [
                "second.pem warning SL121 the certificate is never shown: another one stands before it for 'api.example.com' and 1 more"
            ]
        )
        #expect(try findings("certificates: [\(first), {cert: rsa.pem, key: rsa.key}]", prepare: add) == [])
        let other = "{cert: second.pem, key: second.key, hosts: [other.example.com]}"
        #expect(try findings("certificates: [\(first), \(other)]", prepare: add) == [])
        #expect(
            try findings("certificates: [\(first), {cert: client.pem, key: client.key}]", prepare: add) == [
                "client.pem warning SL121 the certificate has no name that clients could ask for"
            ]
        )
        #expect(try findings("certificates: [{cert: client.pem, key: client.key}]", prepare: add) == [])
    }

    // MARK: Hosts of routes

    @Test(arguments: [
        ("api.example.com", true), ("www.example.com", true), ("a.example.org", true), ("a.b.example.org", false),
        ("example.org", false), ("other.example.com", false), ("\"*.elsewhere.net\"", true),
    ])
    func hostsOfRoutesNeedACertificate(_ host: String, _ isCovered: Bool) throws {
        let route = "  - {name: r, match: {hosts: [\(host)], path: /a}, respond: {}}"
        let found = try findings(
            "certificates: [{cert: api.pem, key: api.key}, {cert: w.pem, key: w.key, hosts: [\"*.example.org\"]}]",
            routes: route
        ) {
            try $0.write("w.pem", TLSFixtures.renewed)
            try $0.write("w.key", TLSFixtures.renewedKey)
        }
        #expect(found.map { $0.contains(" warning SL123 ") } == (isCovered ? [] : [true]), "\(found)")
    }

    @Test func hostsAreOnlyMissedWhereNobodyElseCouldServeThem() throws {
        let kit = try TLSKit()
        let route = "  - {name: r, match: {hosts: [other.example.com], path: /a}, respond: {}}"
        func found(_ listeners: [String]) throws -> Int {
            try kit.findings(TLSKit.text(listeners: listeners.joined(separator: "\n"), routes: route)).count
        }
        #expect(try found([TLSKit.api]) == 1)
        #expect(try found([TLSKit.api, "  - {name: plain, address: \":8080\"}"]) == 0)
        #expect(try found([TLSKit.api, "  - {name: plain, address: \":8080\", http_redirect: https}"]) == 1)
        let behind = TLSKit.listener(
            "certificates: [{cert: api.pem, key: api.key}]",
            more: ", trusted_proxies: [10.0.0.0/8]"
        )
        #expect(try found([behind]) == 0)
    }
}
