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

    private static let local = ListenAddress.ip(host: "127.0.0.1", port: 9901)
    private static let remote = ListenAddress.ip(host: "10.0.0.5", port: 9901)
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
        #expect(loaded.report.contains("--admin 10.0.0.5:9901: others than this machine") == !isAllowed)
        let local = try load(Self.listener + file + Self.rest, admin: .unix(path: "/run/admin"))
        #expect(local.model?.admin?.address == .unix(path: "/run/admin"))
    }

    @Test("a listener and the admin API cannot both be at one address, whoever named it")
    func sharedAddress() throws {
        let taken = ListenAddress.ip(host: "127.0.0.1", port: 80)
        let file = Self.listener + "admin: {address: \"127.0.0.1:9901\"}\n" + Self.rest
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
}
