import Glibc
import NIOCore
import SluiceConfig
import SluiceTesting
import Testing

@testable import SluiceControl

/// Real files, and a clock that the test moves.
@Suite struct ConfigurationWatchTests {
    private final class Kit {
        let folder: TemporaryFolder
        let clock = ManualClock()
        let lines = Lines()
        var taken: [GatewayModel] = []
        var refusal: StartError?
        private(set) var watch: ConfigurationWatch?

        init() throws { folder = try TemporaryFolder() }

        func start(_ arguments: [String]) {
            let source = ConfigurationSource(arguments)
            watch = ConfigurationWatch(
                source,
                running: source.load(),
                clock: clock.monotonic,
                log: lines.write,
                takeOver: { [unowned self] model in
                    if let refusal { throw refusal }
                    taken.append(model)
                }
            )
            look()
        }

        /// Looks often enough for any change to be seen and to have held still.
        @discardableResult
        func look() -> [ConfigurationWatch.Outcome] {
            (0..<4).compactMap { _ in
                clock.advance(by: .milliseconds(250))
                return watch?.look()
            }
        }

        /// What the routes of the last configuration taken over answer.
        var body: String? {
            guard let route = taken.last?.routes.first, case .respond(let model) = route.action else { return nil }
            return model.body
        }

        func write(_ name: String, _ text: String) throws { try TextFile.write(text, to: folder.path(name)) }
    }

    private static func text(_ body: String) -> String {
        """
        version: 1
        listeners: [{name: main, address: "127.0.0.1:0"}]
        routes: [{name: all, match: {prefix: /}, respond: {body: "\(body)"}}]

        """
    }

    @Test("a changed file is taken over, once")
    func changedFile() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        #expect(kit.look() == [])
        try kit.write("a.yaml", Self.text("two"))
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "two")
        #expect(kit.look() == [])
        #expect(kit.lines.all == ["reloaded: 1 route, 0 upstreams (0 ms)"])
    }

    @Test("a file that is written again with the same bytes changes nothing")
    func sameBytes() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        try kit.write("b.yaml", Self.text("one"))
        #expect(rename(kit.folder.path("b.yaml"), kit.folder.path("a.yaml")) == 0)
        #expect(kit.look() == [.unchanged])
        #expect(kit.taken.isEmpty)
    }

    @Test("a file that is renamed into place is seen")
    func renamedIntoPlace() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        try kit.write("next", Self.text("two"))
        #expect(rename(kit.folder.path("next"), kit.folder.path("a.yaml")) == 0)
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "two")
    }

    @Test("a link that leads to another file now is seen, as Kubernetes updates mounted files")
    func swappedLink() throws {
        let kit = try Kit()
        try kit.write("v1", Self.text("one"))
        try kit.write("v2", Self.text("two"))
        #expect(symlink("v1", kit.folder.path("..data")) == 0)
        #expect(symlink("..data", kit.folder.path("a.yaml")) == 0)
        kit.start([kit.folder.path("a.yaml")])
        #expect(symlink("v2", kit.folder.path("..tmp")) == 0)
        #expect(rename(kit.folder.path("..tmp"), kit.folder.path("..data")) == 0)
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "two")
    }

    @Test("files that a folder gains and loses are seen")
    func folder() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("")])
        try kit.write("b.yaml", "filters: [request_id]\n")
        #expect(kit.look() == [.reloaded])
        #expect(kit.taken.last?.filters.count == 1)
        try kit.write("b.yaml", "filters: []\n")
        #expect(kit.look() == [.reloaded])
        unlink(kit.folder.path("b.yaml"))
        #expect(kit.look() == [.reloaded])
        #expect(kit.taken.last?.filters.count == 0)
    }

    @Test("a file that the configuration refers to is watched as well")
    func referredFile() throws {
        let kit = try Kit()
        try kit.write("secret", "one")
        try kit.write("a.yaml", Self.text("${file:secret}"))
        kit.start([kit.folder.path("a.yaml")])
        #expect(kit.look() == [])
        try kit.write("secret", "two")
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "two")
    }

    @Test("a bad file changes nothing and says why, once; the next good one is taken over")
    func badFile() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        try kit.write("a.yaml", Self.text("two") + "rutes: []\n")
        #expect(kit.look() == [.rejected])
        #expect(kit.taken.isEmpty)
        #expect(kit.lines.all.count == 2)
        #expect(kit.lines.all.first?.contains("a.yaml:4:1: error[SL012]") == true)
        #expect(kit.lines.all.last == "not reloaded: 1 error, the running configuration stays")
        #expect(kit.look() == [])
        unlink(kit.folder.path("a.yaml"))
        #expect(kit.look() == [.rejected])
        try kit.write("a.yaml", Self.text("three"))
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "three")
    }

    @Test("what the gateway refuses is said, and touching the file tries again")
    func refused() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        kit.refusal = StartError("no such luck")
        try kit.write("a.yaml", Self.text("two"))
        #expect(kit.look() == [.rejected])
        #expect(kit.lines.all == ["not reloaded: no such luck, the running configuration stays"])
        kit.refusal = nil
        #expect(kit.look() == [])
        try kit.write("b.yaml", Self.text("two"))
        #expect(rename(kit.folder.path("b.yaml"), kit.folder.path("a.yaml")) == 0)
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "two")
    }

    @Test("a file that keeps changing is read when it holds still")
    func keepsChanging() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        for step in 0..<10 {
            try kit.write("a.yaml", Self.text(String(repeating: "x", count: step + 1)))
            kit.clock.advance(by: .milliseconds(100))
            #expect(kit.watch?.look() == nil)
        }
        #expect(kit.look() == [.reloaded])
        #expect(kit.body == "xxxxxxxxxx")
    }

    @Test("a change between reading and the first look is not lost")
    func changeBeforeTheFirstLook() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        let path = kit.folder.path("a.yaml")
        let source = ConfigurationSource([path])
        let loaded = source.load()
        try kit.write("a.yaml", Self.text("two"))
        var taken: [GatewayModel] = []
        let watch = ConfigurationWatch(source, running: loaded, clock: kit.clock.monotonic, log: kit.lines.write) {
            taken.append($0)
        }
        for _ in 0..<4 {
            watch.look()
            kit.clock.advance(by: .milliseconds(250))
        }
        #expect(taken.count == 1)
    }

    @Test("a forced reload takes over what is there, changed or not")
    func forced() throws {
        let kit = try Kit()
        try kit.write("a.yaml", Self.text("one"))
        kit.start([kit.folder.path("a.yaml")])
        #expect(kit.watch?.reload() == .reloaded)
        try kit.write("a.yaml", Self.text("two"))
        #expect(kit.watch?.reload() == .reloaded)
        #expect(kit.body == "two")
        #expect(kit.look() == [])
    }
}
