import SluiceCore
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "Text forms in, the usual text form out",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("2001:db8::1", "2001:db8::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("[::1]", "::1"), ("::", "::"),
            ("fe80::", "fe80::"), ("::ffff:192.0.2.1", "192.0.2.1"), ("[::ffff:c000:201]", "192.0.2.1"),
        ]
    )
    func roundTrip(text: String, expected: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == expected)
        #expect(IPAddress(address.description) == address)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", " ", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4", "0x1.2.3.4",
            "1.2.3.4:80",
            "1.2.3.4/8", "2001:db8", "2001:db8::1::2", "12345::", "[::1", "::1]", "[]", "[::1]:80", "fe80::1%lo",
            "[1.2.3.4]", "[[::1]]",
        ]
    )
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("A NUL does not hide what stands behind it")
    func embeddedNUL() {
        #expect(IPAddress("1.2.3.4\0") == nil)
        #expect(IPAddress("1.2.3.4\0evil") == nil)
        #expect(IPAddress("::1\0") == nil)
        #expect(CIDR("10.0.0.0\0/8") == nil)
    }

    @Test("Bits are in network order")
    func bits() throws {
        let v6 = try #require(IPAddress("102:304:506:708:90a:b0c:d0e:f10"))
        #expect(v6.high == 0x0102_0304_0506_0708)
        #expect(v6.low == 0x090A_0B0C_0D0E_0F10)
        #expect(IPAddress("1.2.3.4") == IPAddress(v4: 0x0102_0304))
    }

    @Test("An IPv4-mapped address is the IPv4 address; its compatible form is not")
    func mapped() {
        #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
        #expect(IPAddress("::ffff:10.0.0.1")?.isV4 == true)
        #expect(IPAddress("::10.0.0.1") != IPAddress("10.0.0.1"))
        #expect(IPAddress("::10.0.0.1")?.isV4 == false)
    }

    @Test(
        "Loopback",
        arguments: [
            ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true), ("::ffff:127.0.0.1", true),
            ("128.0.0.1", false),
            ("126.255.255.255", false), ("::", false), ("::2", false), ("1::1", false), ("0.0.0.1", false),
        ]
    )
    func loopback(text: String, expected: Bool) {
        #expect(IPAddress(text)?.isLoopback == expected)
    }
}

@Suite("Networks")
struct CIDRTests {
    @Test(
        "What a network holds and what lies just outside",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("192.0.2.128/25", "192.0.2.128", true), ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.0", false), ("192.0.2.1/32", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false), ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:ffff::", true), ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true), ("2001:db8::/64", "2001:db8:0:1::", false),
            ("2001:db8::/65", "2001:db8::7fff:0:0:0", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
            ("2001:db8::/63", "2001:db8:0:1::", true), ("2001:db8::/127", "2001:db8::1", true),
            ("2001:db8::/127", "2001:db8::2", false), ("::1", "::1", true), ("::1/128", "::2", false),
            ("::/0", "2001:db8::1", true),
            ("8000::/1", "ffff::", true), ("8000::/1", "7fff::", false),
        ]
    )
    func contains(network: String, address: String, expected: Bool) throws {
        let network = try #require(CIDR(network))
        #expect(network.contains(try #require(IPAddress(address))) == expected)
    }

    @Test("Host bits in the written form do not matter")
    func hostBits() throws {
        let network = try #require(CIDR("10.1.2.3/8"))
        #expect(network.contains(try #require(IPAddress("10.9.9.9"))))
    }

    @Test("An IPv4-mapped peer is inside the IPv4 network")
    func mappedPeer() throws {
        let network = try #require(CIDR("10.0.0.0/8"))
        #expect(network.contains(try #require(IPAddress("::ffff:10.1.1.1"))))
    }

    @Test("Every prefix length cuts at its own bit", arguments: 1...128)
    func everyLength(prefix: Int) throws {
        /// The address with one bit set, counted from the lowest.
        func address(bit: Int) -> IPAddress {
            bit >= 64 ? IPAddress(high: 1 << UInt64(bit - 64), low: 0) : IPAddress(high: 0, low: 1 << UInt64(bit))
        }
        let network = try #require(CIDR("::/\(prefix)"))
        #expect(!network.contains(address(bit: 128 - prefix)))
        if prefix < 128 { #expect(network.contains(address(bit: 127 - prefix))) }
    }

    @Test(
        "What is no network is refused",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8",
            "10.0.0.0/8 ",
            "10.0.0.0/0x8", "10.0.0.0/99999999999999999999", "2001:db8::/129", "10/8", "localhost/8",
            "10.0.0.0/\u{0668}",
        ]
    )
    func refused(text: String) {
        #expect(CIDR(text) == nil)
    }
}
