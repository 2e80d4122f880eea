import Glibc
import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

@testable import SluiceControl

@Suite struct InheritedSocketsTests {
    @Test(
        "descriptors are meant for the process that LISTEN_PID names",
        arguments: [
            (["LISTEN_PID": "42", "LISTEN_FDS": "3"], 3), (["LISTEN_PID": "43", "LISTEN_FDS": "3"], 0),
            (["LISTEN_FDS": "3"], 0), (["LISTEN_PID": "42"], 0), (["LISTEN_PID": "42", "LISTEN_FDS": "-1"], 0),
            (["LISTEN_PID": "42", "LISTEN_FDS": "99999999"], 1024), (["LISTEN_PID": "42", "LISTEN_FDS": "x"], 0),
        ]
    )
    func count(environment: [String: String], expected: Int) {
        #expect(InheritedSockets.count(process: 42) { environment[$0] } == expected)
    }

    @Test("the address of a listening socket is read from it", arguments: ["127.0.0.1", "::1", "0.0.0.0", "::"])
    func addresses(host: String) throws {
        let socket = try ListeningSocket(binding: .ip(host: host, port: 0))
        defer { socket.close() }
        #expect(ListeningSocket.inherited(socket.descriptor)?.address == socket.address)
    }

    @Test("so is the path of a Unix socket")
    func path() throws {
        let folder = try TemporaryFolder()
        let socket = try ListeningSocket(binding: .unix(path: folder.path("a socket")))
        defer { socket.close() }
        #expect(ListeningSocket.inherited(socket.descriptor)?.address == .unix(path: folder.path("a socket")))
    }

    @Test("what is no listening stream socket is left alone")
    func others() throws {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let datagrams = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        let unbound = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        for descriptor in ends + [datagrams, unbound] {
            #expect(ListeningSocket.inherited(descriptor) == nil)
            #expect(fcntl(descriptor, F_GETFD) >= 0)
            close(descriptor)
        }
        #expect(ListeningSocket.inherited(-1) == nil)
    }

    @Test("sockets are matched to listeners by address: the IPv6 wildcard serves the IPv4 one, port 0 means any")
    func matching() throws {
        let model = GatewayModel.routing(.respond("all", .any) { $0.body = "ok" })
        let wildcard = try ListeningSocket(binding: .ip(host: "::", port: 0))
        let other = try ListeningSocket(binding: .ip(host: "127.0.0.1", port: 0))
        guard case .ip(_, let port) = wildcard.address else { throw TestFailure("no port") }
        var both = model
        both.listeners[0].address = .ip(host: "0.0.0.0", port: port)
        both.listeners.append(.loopback("any"))
        try GatewayKit.run(both, inherited: [wildcard, other]) { gateway in
            #expect(gateway.listeners.map(\.address) == [wildcard.address, other.address])
            let client = try RawPeer(connectingTo: .ip(host: "127.0.0.1", port: port))
            #expect(try client.get().text == "ok")
            #expect(try gateway.get(listener: "any").text == "ok")
        }
    }

    @Test("inherited sockets that no listener wants are closed")
    func unwanted() throws {
        let model = GatewayModel.routing(.respond("all", .any) { $0.body = "ok" })
        let unwanted = try ListeningSocket(binding: .ip(host: "::1", port: 0))
        try GatewayKit.run(model, inherited: [unwanted]) { _ in
            #expect(throws: TestFailure.self) { try RawPeer(connectingTo: unwanted.address) }
        }
    }
}
