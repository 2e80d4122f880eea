import Glibc
import NIOCore
import SluiceConfig
import SluiceControl
import SluiceProxy
import SluiceTesting
import Synchronization
import Testing

@Suite struct TakeoverTests {
    private static func model(_ version: String, _ folder: TemporaryFolder, port: Int = 0) -> GatewayModel {
        var model = GatewayModel.routing(.respond("all", .any) { $0.body = version })
        model.listeners[0].address = .ip(host: "127.0.0.1", port: port)
        var unix = ListenerModel.loopback("unix")
        unix.address = .unix(path: folder.path("gateway"))
        model.listeners.append(unix)
        return model
    }

    /// Runs the old gateway and its offer.
    private func offering(
        _ folder: TemporaryFolder,
        lines: Lines = Lines(),
        _ body: (Gateway, _ isHandedOver: () -> Bool) throws -> Void
    ) throws {
        let count = Counter()
        try GatewayKit.run(Self.model("old", folder)) { old in
            let server = try TakeoverServer.start(at: folder.path("takeover"), old, log: lines.write) { count.add() }
            defer { server.stop() }
            try body(old) { count.value == 1 }
        }
    }

    private final class Counter: Sendable {
        private let number = Mutex(0)
        var value: Int { number.withLock { $0 } }
        func add() { number.withLock { $0 += 1 } }
    }

    @Test("a takeover under load refuses nobody: every connection is answered by the old process or the new one")
    func underLoad() throws {
        let folder = try TemporaryFolder()
        try offering(folder) { old, isHandedOver in
            let address = try old.address()
            let load = Load(6, .fresh, to: address)
            let stays = try old.connect()
            #expect(try stays.get().text == "old")
            try GatewayKit.eventually("there is load") { load.answered > 100 }

            let client = try #require(try TakeoverClient.ask(at: folder.path("takeover")))
            #expect(Set(client.sockets.map(\.address)) == [address, .unix(path: folder.path("gateway"))])
            try GatewayKit.run(Self.model("new", folder), inherited: client.sockets) { new in
                #expect(try new.address() == address)
                #expect(try client.confirm(used: new.listeners.map(\.address)) == nil)
                try GatewayKit.eventually("the old one knows") { isHandedOver() }
                #expect(old.listeners.isEmpty)
                for _ in 0..<10 { #expect(try new.get().text == "new") }
                #expect(try new.get(listener: "unix").text == "new")
                #expect(try stays.get().text == "old")
                let before = load.answered
                try GatewayKit.eventually("clients go on") { load.answered > before + 100 }
                #expect(old.drain(timeout: .seconds(60)) == 0)
                try stays.expectEnd()
                let outcome = try load.stop()
                #expect(outcome.lost == [])
                let accepted = old.statistics.connectionsAccepted + new.statistics.connectionsAccepted
                #expect(accepted == outcome.connections + 12)
                #expect(try new.get(listener: "unix").text == "new")
            }
        }
    }

    @Test("when the new process gives up, the old one goes on, reloads and offers its sockets again")
    func givingUp() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        try offering(folder, lines: lines) { old, isHandedOver in
            do {
                let client = try #require(try TakeoverClient.ask(at: folder.path("takeover")))
                #expect(throws: StartError.self) { try old.reload(Self.model("other", folder)) }
                for socket in client.sockets { socket.closeKeepingFile() }
            }
            try GatewayKit.eventually("the old one knows") { !lines.all.isEmpty }
            #expect(lines.all == ["takeover: the other process gave up; this process goes on"])
            try old.reload(Self.model("newer", folder))
            #expect(try old.get().text == "newer")
            let again = try #require(try TakeoverClient.ask(at: folder.path("takeover")))
            #expect(again.sockets.count == 2)
            #expect(isHandedOver() == false)
            for socket in again.sockets { socket.closeKeepingFile() }
        }
    }

    @Test("whoever does not speak the language is turned away, and the next one served")
    func nonsense() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        try offering(folder, lines: lines) { old, _ in
            for greeting in ["GET / HTTP/1.1\r\n\r\n", String(repeating: "x", count: 1000)] {
                let peer = try RawPeer(connectingTo: .unix(path: folder.path("takeover")))
                try peer.send(greeting)
                try peer.expectGone()
            }
            #expect(lines.all.count == 2)
            let client = try #require(try TakeoverClient.ask(at: folder.path("takeover")))
            for socket in client.sockets { socket.closeKeepingFile() }
            #expect(try old.get().text == "old")
        }
    }

    @Test("where nobody listens there is nothing to take over, also when a dead process left its file")
    func nobody() throws {
        let folder = try TemporaryFolder()
        #expect(try TakeoverClient.ask(at: folder.path("nothing")) == nil)
        let dead = try UnixSocket.listen(replacing: folder.path("dead"))
        close(dead)
        #expect(access(folder.path("dead"), F_OK) == 0)
        #expect(try TakeoverClient.ask(at: folder.path("dead")) == nil)
    }

    @Test("the socket of the offer belongs to its user alone, and goes with the server unless it is another's by then")
    func file() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("takeover")
        try offering(folder) { old, _ in
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            let other = try TakeoverServer.start(at: path, old, log: { _ in }, handedOver: {})
            let third = try TakeoverServer.start(at: path, old, log: { _ in }, handedOver: {})
            other.stop()
            #expect(access(path, F_OK) == 0)
            third.stop()
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test("a Unix socket that the new process does not use goes with the old one")
    func unusedFile() throws {
        let folder = try TemporaryFolder()
        try offering(folder) { old, isHandedOver in
            let client = try #require(try TakeoverClient.ask(at: folder.path("takeover")))
            var model = Self.model("new", folder)
            model.listeners.removeLast()
            try GatewayKit.run(model, inherited: client.sockets) { new in
                #expect(try client.confirm(used: new.listeners.map(\.address)) == nil)
                try GatewayKit.eventually("the old one knows") { isHandedOver() }
                #expect(access(folder.path("gateway"), F_OK) != 0)
                #expect(try new.get().text == "new")
            }
        }
    }
}
