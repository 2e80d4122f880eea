import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

@Suite struct ConfigurationSourceTests {
    private func load(
        _ text: String,
        listen: ListenAddress? = nil,
        admin: ListenAddress? = nil
    ) throws -> ConfigurationSource.Loaded {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(text, to: path)
        return ConfigurationSource([path], listen: listen, admin: admin).load()
    }

    private static let rest = "routes: [{name: all, match: {prefix: /}, respond: {body: ok}}]\n"

    @Test("an address on the command line replaces the listener's, or makes one")
    func override() throws {
        let address = ListenAddress.ip(host: "127.0.0.1", port: 81)
        let one = "version: 1\nlisteners: [{name: public, address: \"0.0.0.0:80\"}]\n" + Self.rest
        #expect(try load(one, listen: nil).model?.listeners.map(\.address) == [.ip(host: "0.0.0.0", port: 80)])
        #expect(try load(one, listen: address).model?.listeners.map(\.address) == [address])
        #expect(try load(one, listen: address).model?.listeners.map(\.name) == ["public"])
        let none = try load("version: 1\n" + Self.rest, listen: address)
        #expect(none.model?.listeners.map(\.address) == [address])
    }

    @Test("an address on the command line for several listeners is an error")
    func overrideOfSeveral() throws {
        let two = """
            version: 1
            listeners: [{name: a, address: "0.0.0.0:80"}, {name: b, address: "0.0.0.0:81"}]

            """
        let loaded = try load(two + Self.rest, listen: .ip(host: "127.0.0.1", port: 82))
        #expect(loaded.model == nil)
        #expect(loaded.errorCount == 1)
        #expect(loaded.report.contains("--listen needs a configuration with one listener, this one has 2"))
    }

    private static let local = ListenAddress.ip(host: "127.0.0.1", port: 99)
    private static let remote = ListenAddress.ip(host: "10.0.0.5", port: 99)
    private static let token = "0123456789abcdef"
    private static let listener = "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:80\"}]\n"

    @Test(
        "an address on the command line replaces that of the admin API, whose token and names stay, or brings it about"
    )
    func overrideOfAdmin() throws {
        #expect(try load(Self.listener + Self.rest).model?.admin == nil)
        let fresh = try load(Self.listener + Self.rest, admin: Self.local).model?.admin
        #expect(fresh?.address == Self.local)
        #expect(fresh?.token == nil)
        let file = "admin: {address: \"127.0.0.1:1\", token: \(Self.token), hosts: [a.internal]}\n"
        for address in [Self.local, Self.remote, .unix(path: "/run/admin")] {
            let admin = try load(Self.listener + file + Self.rest, admin: address).model?.admin
            #expect(admin?.address == address)
            #expect(admin?.token != nil)
            #expect(admin?.hosts == ["a.internal"])
        }
    }

    @Test(
        "an admin API without a token stays on this machine",
        arguments: [
            ("", false), ("admin: {address: \"127.0.0.1:1\"}\n", false),
            ("admin: {address: \"127.0.0.1:1\", token: \(token)}\n", true),
        ]
    )
    func remoteAdmin(_ file: String, _ isAllowed: Bool) throws {
        let loaded = try load(Self.listener + file + Self.rest, admin: Self.remote)
        #expect((loaded.model != nil) == isAllowed)
        #expect((loaded.problem == nil) == isAllowed)
        #expect(loaded.report.contains("--admin 10.0.0.5:99: others than this machine") == !isAllowed)
        let local = try load(Self.listener + file + Self.rest, admin: .unix(path: "/run/admin"))
        #expect(local.model?.admin?.address == .unix(path: "/run/admin"))
    }

    @Test("a listener and the admin API cannot both be at one address, whoever named it")
    func sharedAddress() throws {
        let taken = ListenAddress.ip(host: "127.0.0.1", port: 80)
        let file = Self.listener + "admin: {address: \"127.0.0.1:99\"}\n" + Self.rest
        for loaded in [
            try load(file, admin: taken), try load(file, listen: Self.local),
            try load(file, listen: Self.local, admin: Self.local),
        ] {
            #expect(loaded.model == nil)
            #expect(loaded.errorCount == 1)
        }
        #expect(try load(file, admin: taken).problem?.contains("both have the address 127.0.0.1:80") == true)
        #expect(try load(file, listen: Self.local, admin: taken).model != nil)
        let anyPort = ListenAddress.ip(host: "127.0.0.1", port: 0)
        #expect(try load(file, listen: anyPort, admin: anyPort).model != nil)
    }

    // MARK: - Certificates

    private static let secure = """
        version: 1
        listeners: [{name: main, address: "127.0.0.1:0", tls: {certificates: [{cert: api.pem, key: api.key}]}}]

        """ + rest

    @Test(
        "a certificate that cannot be used is an error of the configuration, whose file is watched until it is mended"
    )
    func certificates() throws {
        let kit = try TLSKit()
        try kit.write("site.yaml", Self.secure)
        let source = ConfigurationSource([kit.folder.path("site.yaml")])
        let good = source.load()
        #expect(good.model != nil && good.report.isEmpty, "\(good.report)")
        #expect(good.paths.count == 2, "the files of certificates are watched by others")
        try kit.replace("api.key", TLSFixtures.renewedKey)
        let bad = source.load()
        #expect(bad.model == nil && bad.errorCount == 1)
        #expect(bad.report.contains("site.yaml:2:") && bad.report.contains("error[SL028]"))
        #expect(bad.findings.contains("SL028"))
        #expect(Set(bad.paths).isSuperset(of: [kit.folder.path("api.pem"), kit.folder.path("api.key")]))
        #expect(source.fingerprint(like: bad) == bad.fingerprint)
        try kit.replace("api.key", TLSFixtures.apiKey)
        #expect(source.fingerprint(like: bad) != bad.fingerprint)
        #expect(source.load().model != nil)
    }
}
