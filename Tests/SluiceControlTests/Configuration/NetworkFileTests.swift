import NIOCore
import SluiceConfig
import SluiceTesting
import Testing

@testable import SluiceControl

/// A list of networks in a file of its own is watched like the configuration. Real files, and a clock of the test's.
@Suite struct NetworkFileTests {
    private static let text = """
        version: 1
        listeners: [{name: main, address: "127.0.0.1:0"}]
        filters: [ip_access: {deny_file: strangers.txt}]
        routes: [{name: all, match: {prefix: /}, respond: {body: x}}]

        """

    @Test("a changed list reloads, a broken one is refused with file and line, a mended one is taken over")
    func reloads() throws {
        let folder = try TemporaryFolder()
        let list = folder.path("strangers.txt")
        try TextFile.write(Self.text, to: folder.path("a.yaml"))
        try TextFile.write("198.51.100.0/24\n", to: list)
        let clock = ManualClock()
        let lines = Lines()
        let source = ConfigurationSource([folder.path("a.yaml")])
        let running = source.load()
        #expect(running.model != nil && running.paths.contains(list))
        let watch = ConfigurationWatch(source, running: running, clock: clock.monotonic, log: lines.write) { _ in }
        func look() -> [ConfigurationWatch.Outcome] {
            (0..<4).compactMap { _ in
                clock.advance(by: .milliseconds(250))
                return watch.look()
            }
        }
        #expect(look() == [])
        try TextFile.write("198.51.100.0/24\n203.0.113.0/24\n", to: list)
        #expect(look() == [.reloaded])
        try TextFile.write("198.51.100.0/24\n203.0.113.0/240\n", to: list)
        #expect(look() == [.rejected])
        #expect(lines.all.contains { $0.contains("strangers.txt:2:1: error[SL027]: not a network: '203.0.113.0/240'") })
        try TextFile.write("# nobody\n", to: list)
        #expect(look() == [.reloaded])
    }

    @Test("a list of 100,000 networks is read, and a longer file than a secret may be")
    func large() throws {
        let folder = try TemporaryFolder()
        try TextFile.write(Self.text, to: folder.path("a.yaml"))
        let networks = (0..<100_000).map { "10.\($0 >> 16 & 255).\($0 >> 8 & 255).\($0 & 255)/32   # number \($0)\n" }
        try TextFile.write(networks.joined(), to: folder.path("strangers.txt"))
        let loaded = ConfigurationSource([folder.path("a.yaml")]).load()
        #expect(loaded.model != nil && loaded.report.isEmpty, "\(loaded.report)")
    }
}
