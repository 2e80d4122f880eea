import Glibc
import NIOCore
import SluiceCore
import Testing

@testable import SluiceSockets

/// Connections that we make.
@Suite struct SocketConnectTests {
    /// What connecting came to, once it has.
    private func connect(
        _ address: SocketAddress,
        _ kit: SocketKit,
        _ socket: NotingSocket = NotingSocket(),
        timeout: TimeAmount = .seconds(20)
    ) -> (error: SocketError?, calls: Int) {
        var results: [SocketError?] = []
        socket.connect(to: address, on: kit.loop, timeout: timeout) { results.append($0) }
        #expect(results.isEmpty)
        kit.turn { !results.isEmpty }
        kit.settle()
        return (results.first ?? nil, results.count)
    }

    @Test("over TCP; what was written before goes first")
    func tcp() throws {
        let kit = try SocketKit()
        let listener = try Listener()
        let socket = NotingSocket()
        socket.then = { if $1 == "opened" { $0.send(ByteBuffer(string: "hello")) } }
        let result = connect(listener.address, kit, socket)
        #expect(result.error == nil && result.calls == 1 && socket.isConnected)
        let peer = Peer(listener.accept())
        #expect(peer.read() == Array("hello".utf8))
        peer.send("welcome")
        kit.turn { !socket.text.isEmpty }
        #expect(socket.text == "welcome")
    }

    @Test("over a Unix socket, and where there is none")
    func unix() throws {
        let kit = try SocketKit()
        let path = "/tmp/sluice-socket-test-\(getpid()).sock"
        let address = try SocketAddress(unixDomainSocketPath: path)
        #expect(connect(address, kit).error == .system(ENOENT))
        let server = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        #expect(address.withSockAddr { bind(server, $0, socklen_t($1)) } == 0)
        defer { unlink(path) }
        #expect(connect(address, kit).error == .system(ECONNREFUSED))
        #expect(listen(server, 1) == 0)
        #expect(connect(address, kit).error == nil)
        close(server)
    }

    @Test("refused: told once, and nothing else is told")
    func refused() throws {
        let kit = try SocketKit()
        let address: SocketAddress
        do { address = try Listener().address }
        let socket = NotingSocket()
        let result = connect(address, kit, socket)
        #expect(result.error == .system(ECONNREFUSED) && result.calls == 1)
        #expect(socket.notes == [] && !socket.isConnected && kit.loop.socketCount == 0)
    }

    @Test("a listener that takes no more does not answer in time")
    func timeout() throws {
        let kit = try SocketKit()
        let listener = try Listener(backlog: 0)
        // Its queue has room for one; the system drops what comes then.
        let first = NotingSocket()
        #expect(connect(listener.address, kit, first).error == nil)
        let late = NotingSocket()
        let result = connect(listener.address, kit, late, timeout: .milliseconds(20))
        #expect(result.error == .timeout && result.calls == 1 && late.notes == [])
        #expect(kit.loop.socketCount == 1)
    }

    @Test("closed by its owner meanwhile")
    func closed() throws {
        let kit = try SocketKit()
        let listener = try Listener()
        let socket = NotingSocket()
        var results: [SocketError?] = []
        socket.connect(to: listener.address, on: kit.loop, timeout: .seconds(20)) { results.append($0) }
        socket.closeNow()
        #expect(results.isEmpty)
        kit.settle()
        #expect(results == [.closed] && socket.notes == [])
    }

    @Test("without descriptors: told what is missing")
    func exhausted() async {
        await #expect(processExitsWith: .success) {
            let kit = try SocketKit()
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: 9)
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 3
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let socket = NotingSocket()
            var result: SocketError?
            socket.connect(to: address, on: kit.loop, timeout: .seconds(20)) { result = $0 }
            kit.settle()
            exit(result == .system(EMFILE) ? 0 : 1)
        }
    }
}
