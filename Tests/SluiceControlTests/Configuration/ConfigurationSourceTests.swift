import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

@Suite struct ConfigurationSourceTests {
    private func load(_ text: String, listen: ListenAddress?) throws -> ConfigurationSource.Loaded {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(text, to: path)
        return ConfigurationSource([path], listen: listen).load()
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
}
