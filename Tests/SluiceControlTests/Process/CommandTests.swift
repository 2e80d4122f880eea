import Glibc
import SluiceConfig
import SluiceTesting
import Testing

/// The real binary, as it was built next to the tests.
@Suite(.enabled(if: Binary.isThere, "the sluice binary has not been built")) struct CommandTests {
    private static let config = """
        version: 1
        drain_timeout: 5s
        listeners: [{name: main, address: "127.0.0.1:0"}]
        routes: [{name: all, match: {prefix: /}, respond: {body: "one"}}]

        """

    /// Where the gateway said that it listens.
    private func address(_ binary: Binary) throws -> ListenAddress {
        let line = try binary.readLine { $0.hasPrefix("ready: ") }
        let text = line.dropFirst(7).prefix { $0 != " " && $0 != "," }
        guard let address = ListenAddress.parse(String(text)).address else { throw TestFailure("no address: \(line)") }
        return address
    }

    @Test("it runs, reloads on SIGHUP, keeps what runs when the file is bad, drains on SIGTERM and ends with 0")
    func life() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(Self.config, to: path)
        let binary = try Binary(["run", "-c", path, "--workers", "2"])
        let client = try RawPeer(connectingTo: try address(binary))
        #expect(!binary.lastTime.isEmpty)
        #expect(try client.get().text == "one")

        try TextFile.write(Self.config + "rutes: []\n", to: path)
        binary.signal(SIGHUP)
        #expect(
            try binary.readLine { $0.hasPrefix("not reloaded") }
                == "not reloaded: 1 error, the running configuration stays"
        )
        #expect(try client.get().text == "one")

        try TextFile.write(Self.config.replacing("one", with: "two"), to: path)
        binary.signal(SIGHUP)
        _ = try binary.readLine { $0.hasPrefix("reloaded: 1 route, 0 upstreams (") }
        #expect(try client.get().text == "two")

        binary.signal(SIGTERM)
        _ = try binary.readLine { $0.hasPrefix("draining: 1 connection") }
        try GatewayKit.eventually("answers say so") { try client.get()["Connection"] == "close" }
        #expect(try binary.readLine { $0.hasPrefix("stopped") }.hasSuffix(" 0 errors, 0 retries, 1 connection"))
        #expect(try binary.wait() == 0)
    }

    @Test("a second signal ends it at once, with the signal's number")
    func secondSignal() throws {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin()
        let path = folder.path("a.yaml")
        let text = Self.config.replacing("respond: {body: \"one\"}", with: "upstream: app, timeout: 60s")
        try TextFile.write(text + "upstreams: {app: {endpoints: [\"\(origin.address.text)\"]}}\n", to: path)
        let binary = try Binary(["run", "-c", path])
        let client = try RawPeer(connectingTo: try address(binary))
        try client.send(Wire.get())
        _ = try origin.accept().readRequest()
        binary.signal(SIGINT)
        _ = try binary.readLine { $0.hasPrefix("draining") }
        binary.signal(SIGTERM)
        #expect(try binary.wait() == 128 + SIGTERM)
    }

    @Test("a new process takes over from the old one, which drains and ends")
    func takeover() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(Self.config, to: path)
        let arguments = ["run", "-c", path, "--takeover", folder.path("takeover")]
        let old = try Binary(arguments)
        let address = try address(old)
        try GatewayKit.eventually("it offers its sockets") { access(folder.path("takeover"), F_OK) == 0 }
        let new = try Binary(arguments)
        #expect(try self.address(new) == address)
        #expect(try RawPeer(connectingTo: address).get().text == "one")
        #expect(try old.wait() == 0)
        new.signal(SIGTERM)
        #expect(try new.wait() == 0)
        #expect(access(folder.path("takeover"), F_OK) != 0)
    }

    @Test(
        "what cannot start says why in one line and ends with 1",
        arguments: [
            (["run", "-c", "/nonexistent.yaml"], "/nonexistent.yaml:1:1: error[SL001]"),
            (["echo", "--address", "nonsense"], "error: nonsense: "),
            (["run", "-c", "EMPTY", "--listen", "localhost"], "error: --listen localhost: "),
            (["run", "-c", "EMPTY", "--admin", "localhost"], "error: --admin localhost: "),
            (["run", "-c", "EMPTY", "--admin", "0.0.0.0:0"], "--admin 0.0.0.0:0: others than this machine may reach "),
        ]
    )
    func cannotStart(arguments: [String], message: String) throws {
        let folder = try TemporaryFolder()
        try TextFile.write(Self.config, to: folder.path("a.yaml"))
        let binary = try Binary(arguments.map { $0 == "EMPTY" ? folder.path("a.yaml") : $0 })
        _ = try binary.readLine { $0.hasPrefix(message) }
        #expect(try binary.wait() == 1)
    }

    @Test("nobody is told that it is ready when the takeover cannot be offered")
    func takeoverPathIsUnusable() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(Self.config, to: path)
        let binary = try Binary(["run", "-c", path, "--takeover", "/nonexistent/socket"])
        let line = try binary.readLine { $0.hasPrefix("ready") || $0.hasPrefix("error") }
        #expect(line.hasPrefix("error: takeover: "))
        #expect(try binary.wait() == 1)
    }

    @Test("out of descriptors: said once for each thing, clients are told whose fault it is, and it recovers")
    func outOfDescriptors() throws {
        let folder = try TemporaryFolder()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        let path = folder.path("a.yaml")
        let text =
            Self.config.replacing("respond: {body: \"one\"}", with: "upstream: app, timeout: 60s")
            + "upstreams: {app: {endpoints: [\"\(origin.address.text)\"]}}\n"
        try TextFile.write(text, to: path)
        let binary = try Binary(["run", "-c", path, "--workers", "1"], descriptors: 500)
        _ = try binary.readLine { $0.hasPrefix("warning: this process may have 500 descriptors, its listeners 100000") }
        let address = try address(binary)
        // Behind this reload the watch opens no file any more.
        try TextFile.write(text + "# another one\n", to: path)
        _ = try binary.readLine { $0.hasPrefix("reloaded: ") }
        try binary.leave(descriptors: 4)
        let clients = try (0..<8).map { _ in try RawPeer(connectingTo: address) }
        _ = try binary.readLine { $0.hasPrefix("cannot accept connections: Too many open files (EMFILE); see ") }
        for client in clients[..<2] {
            let answer = try client.get()
            #expect(answer.status == 503 && answer.text.contains("\"gateway_exhausted\""))
        }
        for client in clients { client.close() }
        try GatewayKit.eventually("there are descriptors again") {
            try RawPeer(connectingTo: address).get().status == 200
        }
        binary.signal(SIGINT)
        binary.signal(SIGTERM)
        let rest = try binary.readAll().split(separator: "\n").filter { $0.contains(" cannot ") }
        let told = "cannot connect to \(origin.address.text) of upstream 'app': Too many open files (EMFILE); see "
        #expect(rest.count == 1 && rest[0].contains(told), "\(rest)")
    }

    @Test("output that cannot be written is a failure", arguments: [["schema"], ["version"], ["check", "-c", "GOOD"]])
    func fullDisk(arguments: [String]) throws {
        let folder = try TemporaryFolder()
        try TextFile.write(Self.config, to: folder.path("a.yaml"))
        let words = arguments.map { $0 == "GOOD" ? folder.path("a.yaml") : $0 }
        let binary = try Binary(words, other: "/dev/full")
        _ = try binary.readLine { $0 == "error: cannot write the output: No space left on device" }
        #expect(try binary.wait() == 1)
    }

    @Test("files named without -c are told how", arguments: ["check", "run"])
    func strayFiles(command: String) throws {
        let binary = try Binary([command, "a.yaml", "b.yaml"])
        _ = try binary.readLine { $0 == "Error: Configuration files are named with -c: -c a.yaml b.yaml" }
        #expect(try binary.wait() == 64)
    }

    @Test("a configuration without a listener needs --listen, and uses it")
    func listen() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write("version: 1\nroutes: [{name: all, match: {prefix: /}, respond: {body: one}}]\n", to: path)
        let without = try Binary(["run", "-c", path])
        _ = try without.readLine { $0.hasPrefix("error: there is nothing to listen on") }
        #expect(try without.wait() == 1)
        let with = try Binary(["run", "-c", path, "--listen", "unix:\(folder.path("gateway"))"])
        #expect(try RawPeer(connectingTo: try address(with)).get().text == "one")
        with.signal(SIGTERM)
        #expect(try with.wait() == 0)
    }

    @Test("--admin brings the admin API about, and a reload keeps it there")
    func admin() throws {
        let folder = try TemporaryFolder()
        let (path, socket) = (folder.path("a.yaml"), folder.path("admin"))
        try TextFile.write(Self.config, to: path)
        let binary = try Binary(["run", "-c", path, "--admin", "unix:\(socket)"])
        let line = try binary.readLine { $0.hasPrefix("ready: ") }
        #expect(line.contains(", unix:\(socket) ("))
        func ask(_ line: String) throws -> HTTPMessage {
            let peer = try RawPeer(connectingTo: .unix(path: socket))
            try peer.send(Wire.message("\(line) HTTP/1.1", ["Host: localhost"]))
            return try peer.readResponse()
        }
        #expect(try ask("GET /ready").status == 200)
        // The file now has an address of its own, which does not count.
        try TextFile.write(Self.config + "admin: {address: \"127.0.0.1:0\"}\n", to: path)
        #expect(try ask("POST /reload").status == 200)
        #expect(try ask("GET /metrics").text.contains("sluice_config_generation 2"))
        #expect(try ask("POST /drain").status == 202)
        #expect(try binary.wait() == 0)
    }

    @Test("what reads, builds and writes metrics stands back for the rest, also for what a reload starts")
    func priorities() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.yaml")
        try TextFile.write(Self.config, to: path)
        let binary = try Binary(["run", "-c", path, "--workers", "2"])
        _ = try binary.readLine { $0.hasPrefix("ready: ") }
        let more = "admin: {address: \"127.0.0.1:0\"}\ntelemetry: {access_log: \(folder.path("access.log"))}\n"
        try TextFile.write(Self.config + more, to: path)
        binary.signal(SIGHUP)
        _ = try binary.readLine { $0.hasPrefix("reloaded: ") }
        let patient: Set = ["sluice", "sluice-builder", "sluice-admin"]
        // Two loops, that of the admin API, that of the control side, and the log's writer.
        let brisk: Set = ["sluice-loop-0", "sluice-loop-1", "sluice-loop-adm", "sluice-control", "sluice-log"]
        let schedIdle: Int32 = 5
        // A thread gives itself its name and its place, which may take it a moment. What is read and built may take its
        // time; metrics should come through where nothing is ever idle.
        try GatewayKit.eventually("all are there and where they belong") {
            let threads = try binary.threads
            return Set(threads.filter { $0.nice == 19 }.map(\.name)) == patient
                && Set(threads.filter { $0.policy == schedIdle }.map(\.name)) == patient.subtracting(["sluice-admin"])
                && brisk.isSubset(of: threads.map(\.name))
        }
        let others = try binary.threads.filter { !patient.contains($0.name) }
        for thread in others { #expect(thread.nice == 0, "\(thread.name)") }
        binary.signal(SIGTERM)
        #expect(try binary.wait() == 0)
    }

    @Test("an address that is taken names who holds it")
    func addressIsTaken() throws {
        let origin = try ScriptedOrigin()
        let binary = try Binary(["echo", "--address", origin.address.text])
        _ = try binary.readLine {
            $0.hasPrefix("error: cannot listen on \(origin.address.text)") && $0.contains("held by")
        }
        #expect(try binary.wait() == 1)
    }

    @Test("the echo server serves until a signal ends it")
    func echo() throws {
        let binary = try Binary(["echo", "--address", "127.0.0.1:0", "--name", "mirror"])
        #expect(try RawPeer(connectingTo: try address(binary)).get().text.hasPrefix("{\"server\": \"mirror\""))
        binary.signal(SIGTERM)
        #expect(try binary.wait() == 0)
    }

    @Test(
        "commands that print end with 0, a wrong command line with 64",
        arguments: [
            (["version"], 0, "sluice "), (["schema"], 0, "{\n  \"$schema\""),
            (["check", "-c", "GOOD"], 0, "ok: 1 listener"),
            (["check", "-c", "BAD"], 1, "BAD:5:1: error[SL012]"),
            (["check", "-c", "BAD", "--format", "json"], 1, "{\n  \"errors\": 1"),
            (["check"], 64, ""), (["nonsense"], 64, ""), (["run", "-c", "GOOD", "--workers", "0"], 64, ""),
        ] as [([String], Int32, String)]
    )
    func printing(arguments: [String], status: Int32, start: String) throws {
        let folder = try TemporaryFolder()
        let (good, bad) = (folder.path("good.yaml"), folder.path("bad.yaml"))
        try TextFile.write(Self.config, to: good)
        try TextFile.write(Self.config + "rutes: []\n", to: bad)
        let binary = try Binary(arguments.map { $0 == "GOOD" ? good : $0 == "BAD" ? bad : $0 }, reading: .output)
        #expect(try binary.readAll().hasPrefix(start.replacing("BAD", with: bad)))
        #expect(try binary.wait() == status)
    }
}
