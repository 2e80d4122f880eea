import NIOCore
import SluiceConfig
import SluiceCore
import SluiceUpstream
import Testing

/// Which connections end at a listener of the gateway itself.
@Suite struct OwnAddressesTests {
    private func address(_ host: String, _ port: Int = 80) throws -> SocketAddress {
        try SocketAddress(ipAddress: host, port: port)
    }

    @Test(arguments: [
        // Listener, where a connection goes, where it comes from.
        ("10.0.0.1", "10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.1", "10.0.0.9", true),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2", false), ("127.0.0.1", "127.0.0.2", "127.0.0.1", false),
        ("0.0.0.0", "127.0.0.2", "127.0.0.1", true), ("0.0.0.0", "10.0.0.1", "10.0.0.1", true),
        ("0.0.0.0", "10.0.0.1", "10.0.0.2", false), ("0.0.0.0", "::1", "::1", false), ("::", "::1", "::1", true),
        ("::", "127.0.0.1", "127.0.0.1", true), ("::", "2001:db8::1", "2001:db8::2", false),
        ("::1", "::1", "::1", true), ("::1", "127.0.0.1", "127.0.0.1", false),
    ])
    func addresses(listener: String, remote: String, local: String, isOwn: Bool) throws {
        let own = OwnAddresses()
        own.replace(with: [.ip(host: listener, port: 80)])
        #expect(own.contains(try address(remote), local: IPAddress(local)) == isOwn)
        #expect(!own.contains(try address(remote, 81), local: IPAddress(local)))
        own.replace(with: [])
        #expect(!own.contains(try address(remote), local: IPAddress(local)))
    }

    @Test("Unix sockets by their path, and without this end only what is certain")
    func others() throws {
        let own = OwnAddresses()
        own.replace(with: [.unix(path: "/run/a.sock"), .ip(host: "0.0.0.0", port: 80)])
        #expect(own.contains(try SocketAddress(unixDomainSocketPath: "/run/a.sock"), local: nil))
        #expect(!own.contains(try SocketAddress(unixDomainSocketPath: "/run/b.sock"), local: nil))
        #expect(own.contains(try address("127.0.0.1"), local: nil))
        #expect(!own.contains(try address("10.0.0.1"), local: nil))
    }
}
