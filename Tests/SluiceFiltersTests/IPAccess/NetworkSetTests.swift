import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("Sets of networks") struct NetworkSetTests {
    private func set(_ networks: String...) throws -> NetworkSet {
        NetworkSet(try networks.map { try #require(CIDR($0), "\($0)") })
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text), "\(text)") }

    @Test(
        "first and last address are in, their neighbours are not",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.6", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.2.127", "192.0.3.0"),
            ("0.0.0.0/1", "0.0.0.0", "127.255.255.255", "128.0.0.0", "::"),
            ("255.255.255.255/32", "255.255.255.255", "255.255.255.255", "255.255.255.254", "0.0.0.0"),
            ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"),
            ("2001:db8::5/127", "2001:db8::4", "2001:db8::5", "2001:db8::3", "2001:db8::6"),
            ("ffff::/16", "ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fffe::", "::"),
        ]
    )
    func borders(network: String, first: String, last: String, before: String, after: String) throws {
        let set = try set(network)
        for (text, isIn) in [(first, true), (last, true), (before, false), (after, false)] {
            let address = try address(text)
            #expect(set.contains(address) == isIn, "\(text)")
        }
    }

    @Test(
        "all of IPv4 is no IPv6 and the other way round; a mapped address is IPv4, one in another IPv6 form is not",
        arguments: [
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false), ("0.0.0.0/0", "::ffff:203.0.113.9", true),
            ("::/0", "::ffff:203.0.113.9", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true), ("203.0.113.0/24", "::203.0.113.9", false),
            ("203.0.113.0/24", "64:ff9b::203.0.113.9", false), ("::/64", "::203.0.113.9", true),
        ]
    )
    func families(network: String, client: String, isIn: Bool) throws {
        let set = try set(network)
        let address = try address(client)
        #expect(set.contains(address) == isIn)
    }

    @Test("what overlaps or touches becomes one range, up to the last address")
    func merging() throws {
        #expect(try set("10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "10.0.0.0/8").rangeCount == 1)
        #expect(try set("10.0.0.0/32", "10.0.0.2/32").rangeCount == 2)
        #expect(try set("255.255.255.254/32", "255.255.255.255/32", "128.0.0.0/1").rangeCount == 1)
        #expect(try set("::/1", "8000::/1", "::/0").rangeCount == 1)
        #expect(try set().rangeCount == 0)
        for address in [IPAddress(v4: 0), IPAddress(high: 0, low: 0)] {
            let empty = try set()
            #expect(!empty.contains(address))
        }
    }

    @Test("says the same as looking at each network in turn")
    func againstAModel() {
        var random = RandomSource(seed: 20_261)
        for round in 0..<40 {
            // Close together, so that they overlap, touch and nest.
            let networks = (0..<(round * 3)).compactMap { _ in
                random.next() & 1 == 0
                    ? CIDR("10.\(random.below(4)).\(random.below(256)).\(random.below(256))/\(12 + random.below(21))")
                    : CIDR("2001:db8::\(String(random.below(65_536), radix: 16))/\(100 + random.below(29))")
            }
            let set = NetworkSet(networks)
            for _ in 0..<200 {
                let address =
                    random.next() & 1 == 0
                    ? IPAddress(v4: 0x0A00_0000 | UInt32(random.below(1 << 19)))
                    : IPAddress(high: 0x2001_0DB8_0000_0000, low: random.below(1 << 17))
                let isIn = networks.contains { $0.contains(address) }
                #expect(set.contains(address) == isIn, "\(address.description) in \(round)")
            }
        }
    }

    @Test("takes 100,000 networks and tells them from their neighbours")
    func large() {
        // Every second /24 above 10.0.0.0: nothing can be merged.
        let networks = (0..<100_000 as Range<UInt32>).compactMap { number in
            CIDR(IPAddress(v4: 0x0A00_0000 + number * 512).description + "/24")
        }
        let set = NetworkSet(networks.reversed())
        #expect(set.rangeCount == 100_000 && set.networkCount == 100_000)
        for number in stride(from: 0 as UInt32, to: 100_000, by: 997) {
            let base = 0x0A00_0000 + number * 512
            #expect(set.contains(IPAddress(v4: base)) && set.contains(IPAddress(v4: base + 255)))
            #expect(!set.contains(IPAddress(v4: base + 256)) && !set.contains(IPAddress(v4: base + 511)))
        }
        #expect(!set.contains(IPAddress(v4: 0x09FF_FFFF)))
    }

    @Test("two sets that differ say so in their descriptions")
    func description() throws {
        let same = [try set("10.0.0.0/8"), try set("10.0.0.0/8")]
        #expect(same[0].description == same[1].description)
        let others = try ["11.0.0.0/8", "10.0.0.0/9", "2001:db8::/64", "2001:db8:0:1::/64"].map {
            try set($0).description
        }
        #expect(Set(others + [same[0].description]).count == 5)
    }
}

@Suite("Files of networks") struct NetworkListTests {
    private func list(_ text: String) -> NetworkList { NetworkList(Array(text.utf8)) }

    @Test("reads what is published: comments, empty lines, Windows line ends, a mark of the encoding")
    func reads() {
        let list = list(
            "\u{FEFF}# office\r\n10.0.0.0/8\r\n\r\n  192.0.2.7 # door\n1.10.16.0/20 ; SBL256894\n;\n2001:db8::/32"
        )
        #expect(list.networks == ["10.0.0.0/8", "192.0.2.7", "1.10.16.0/20", "2001:db8::/32"].compactMap { CIDR($0) })
        #expect(list.problems.isEmpty)
    }

    @Test(
        "an empty file holds nothing, and nothing wrong",
        arguments: ["", "\n\n", "# none today\n", "\u{FEFF}", "\r\n \t\r\n"]
    )
    func empty(text: String) {
        #expect(list(text).networks.isEmpty && list(text).problemCount == 0)
    }

    @Test("says where a line is wrong")
    func problems() {
        let list = list(
            "10.0.0.0/8\n\t10.0.0.0/33\n10.0.0.1 10.0.0.2\nlocalhost\n10.0.0.0/8\u{0}\n300.1.1.1\n::ffff:10.0.0.0/104\n"
        )
        #expect(
            list.problems == [
                NetworkList.Problem(line: 2, column: 2, text: "10.0.0.0/33"),
                NetworkList.Problem(line: 3, column: 1, text: "10.0.0.1 10.0.0.2"),
                NetworkList.Problem(line: 4, column: 1, text: "localhost"),
                NetworkList.Problem(line: 5, column: 1, text: "10.0.0.0/8\u{0}"),
                NetworkList.Problem(line: 6, column: 1, text: "300.1.1.1"),
                NetworkList.Problem(line: 7, column: 1, text: "::ffff:10.0.0.0/104"),
            ]
        )
        #expect(list.networks.count == 1)
    }

    @Test("a file that is no list at all makes a short report")
    func nonsense() {
        let list = NetworkList((0..<200_000).map { $0 % 7 == 0 ? 0x0A : UInt8(truncatingIfNeeded: 0x80 + $0 % 100) })
        #expect(list.problems.count == NetworkList.problemLimit && list.problemCount > 20_000)
        let line = self.list(String(repeating: "1", count: 1_000_000))
        #expect(line.problems.count == 1 && line.problems[0].text.utf8.count <= 64)
    }
}
