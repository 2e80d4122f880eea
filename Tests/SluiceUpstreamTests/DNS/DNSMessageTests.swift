import SluiceCore
import Testing

@testable import SluiceUpstream

@Suite struct DNSMessageTests {
    private static let question = DNSWire.Question(name: "a.test", type: .a)

    private func addresses(_ wire: DNSWire, _ type: DNSRecordType = .a) throws -> [String] {
        try DNSMessage(parsing: wire.bytes).addresses(of: "a.test", type).map { "\($0.address.description) \($0.ttl)" }
    }

    @Test("addresses with their TTLs")
    func addressesWithTheirTTLs() throws {
        let wire = DNSWire(Self.question).address("a.test", "192.0.2.1", ttl: 30).address("A.TEST", "192.0.2.2", ttl: 0)
            .address("a.test", "2001:db8::1", ttl: 5)
        #expect(try addresses(wire) == ["192.0.2.1 30", "192.0.2.2 0"])
        #expect(try addresses(wire, .aaaa) == ["2001:db8::1 5"])
    }

    @Test("records of other names, types and classes are left out")
    func recordsOfOtherNamesTypesAndClassesAreLeftOut() throws {
        let wire = DNSWire(Self.question).address("b.test", "192.0.2.9").record("a.test", 16, ttl: 9, [1, 65])
            .record("a.test", 1, ttl: 9, [192, 0, 2, 8], class: 3).address("a.test", "192.0.2.7", in: .additional)
            .record("a.test", 1, ttl: 9, [192, 0, 2, 6], in: .authority)
        #expect(try addresses(wire) == [])
    }

    @Test("aliases are followed in any order, the shortest TTL counts")
    func aliasesAreFollowedInAnyOrderTheShortestTTLCounts() throws {
        let wire = DNSWire(Self.question).address("c.test", "192.0.2.1", ttl: 300).alias("b.test", "C.test", ttl: 20)
            .alias("a.test", "b.test", ttl: 40)
        #expect(try addresses(wire) == ["192.0.2.1 20"])
    }

    @Test("a ring of aliases is refused")
    func aRingOfAliasesIsRefused() {
        let wire = DNSWire(Self.question).alias("a.test", "b.test").alias("b.test", "a.test")
        #expect(throws: DNSError.malformed) { try addresses(wire) }
    }

    @Test("a negative TTL counts as 0")
    func aNegativeTTLCountsAs0() throws {
        #expect(
            try addresses(DNSWire(Self.question).address("a.test", "192.0.2.1", ttl: 0x8000_0001)) == ["192.0.2.1 0"]
        )
    }

    @Test("an IPv4-mapped IPv6 address is an IPv4 one")
    func anIPv4MappedIPv6AddressIsAnIPv4One() throws {
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 192, 0, 2, 1]
        #expect(try addresses(DNSWire(Self.question).record("a.test", 28, ttl: 1, mapped), .aaaa) == ["192.0.2.1 1"])
    }

    @Test(
        "an address of a wrong length is refused",
        arguments: [(1, 3), (1, 5), (1, 0), (28, 4), (28, 15), (28, 17)] as [(UInt16, Int)]
    )
    func anAddressOfAWrongLengthIsRefused(type: UInt16, count: Int) {
        let wire = DNSWire(Self.question).record("a.test", type, ttl: 1, [UInt8](repeating: 1, count: count))
        #expect(throws: DNSError.malformed) { try addresses(wire, type == 1 ? .a : .aaaa) }
    }

    @Test("services with what came along")
    func servicesWithWhatCameAlong() throws {
        let wire = DNSWire(DNSWire.Question(name: "_h._tcp.test", type: .srv))
            .service("_h._tcp.test", "n1.test", port: 8080, priority: 1, weight: 5, ttl: 9)
            .service("_h._tcp.test", "", port: 0)
            .address("N1.test", "192.0.2.1", ttl: 3, in: .additional)
            .address("n1.test", "2001:db8::1", ttl: 4, in: .additional)
        let message = try DNSMessage(parsing: wire.bytes)
        let services = try message.services(of: "_h._tcp.test")
        #expect(
            services == [
                DNSMessage.Service(priority: 1, weight: 5, port: 8080, target: "n1.test", ttl: 9),
                DNSMessage.Service(priority: 0, weight: 1, port: 0, target: "", ttl: 60),
            ]
        )
        #expect(try message.additionalAddresses(of: "n1.test", .a).map(\.ttl) == [3])
        #expect(try message.additionalAddresses(of: "n1.test", .aaaa).map(\.ttl) == [4])
    }

    @Test("a service record cut short is refused", arguments: [0, 5, 6] as [Int])
    func aServiceRecordCutShortIsRefused(count: Int) {
        let data = Array([0, 1, 0, 2, 0, 3, 1, 97, 0][..<count]) as [UInt8]
        let wire = DNSWire(Self.question).record("a.test", 33, ttl: 1, data)
        #expect(throws: DNSError.malformed) { try DNSMessage(parsing: wire.bytes).services(of: "a.test") }
    }

    @Test("a service record with bytes behind the target is refused")
    func aServiceRecordWithBytesBehindTheTargetIsRefused() {
        let wire = DNSWire(Self.question).record("a.test", 33, ttl: 1, [0, 1, 0, 2, 0, 3, 1, 97, 0, 7])
        #expect(throws: DNSError.malformed) { try DNSMessage(parsing: wire.bytes).services(of: "a.test") }
    }

    // MARK: - Names

    /// A message whose one answer has the given bytes as its owner.
    private func message(owner: [UInt8]) -> [UInt8] {
        var bytes = DNSWire(Self.question).bytes
        bytes[7] = 1
        return bytes + owner + [0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]
    }

    @Test("a pointer leads back to the question")
    func aPointerLeadsBackToTheQuestion() throws {
        #expect(try DNSMessage(parsing: message(owner: [0xC0, 12])).answers.map(\.name) == ["a.test"])
        #expect(try DNSMessage(parsing: message(owner: [1, 98, 0xC0, 14])).answers.map(\.name) == ["b.test"])
        #expect(try DNSMessage(parsing: message(owner: [0])).answers.map(\.name) == [""])
    }

    @Test("odd bytes in a label cannot pass for a dot or for another name")
    func oddBytesInALabelCannotPassForADotOrForAnotherName() throws {
        let owner: [UInt8] = [3, 97, 46, 98, 3, 92, 0, 255, 0]
        #expect(try DNSMessage(parsing: message(owner: owner)).answers.map(\.name) == ["a\\046b.\\092\\000\\255"])
    }

    @Test(
        "names that loop, run ahead, overrun or use reserved bits are refused",
        arguments: [
            [0xC0, 20],  // at itself
            [0xC0, 40],  // ahead
            [1, 97, 0xC0, 20],  // at its own start
            [0xFF, 0xFF], [0xC0], [63, 97], [64, 97, 0], [128, 97, 0], [],
        ] as [[UInt8]]
    )
    func namesThatLoopRunAheadOverrunOrUseReservedBitsAreRefused(owner: [UInt8]) {
        // The question ends at 24; where the owner stands does not matter to these but for the first three.
        let start = DNSWire(Self.question).bytes.count
        let owner = owner.count > 1 && owner[owner.count - 1] == 20 ? owner.dropLast() + [UInt8(start)] : owner
        #expect(throws: DNSError.malformed) {
            let bytes = message(owner: owner)
            // Cut behind the owner where it is too short to be followed by anything.
            _ = try DNSMessage(parsing: owner.count < 2 ? Array(bytes[..<(start + owner.count)]) : bytes)
        }
    }

    @Test("a name of more than 255 bytes is refused, in one piece or by pointers")
    func aNameOfMoreThan255BytesIsRefusedInOnePieceOrByPointers() {
        let label = [UInt8(63)] + [UInt8](repeating: 97, count: 63)
        #expect(throws: DNSError.malformed) {
            try DNSMessage(parsing: message(owner: label + label + label + label + [0]))
        }
        let start = UInt16(DNSWire(Self.question).bytes.count)
        var bytes = message(owner: label + label + [0])
        bytes[7] = 2
        bytes += label + label + DNSWire.number(0xC000 | start) + [0, 1, 0, 1, 0, 0, 0, 9, 0, 0]
        #expect(throws: DNSError.malformed) { try DNSMessage(parsing: bytes) }
    }

    @Test("long chains of pointers are refused")
    func longChainsOfPointersAreRefused() {
        var bytes = DNSWire(Self.question).bytes
        bytes[7] = 1
        // Data of the first record: pointers, each to the one before.
        let start = bytes.count + 11
        var data = DNSWire.number(UInt16(0xC000 | 12))
        for i in 1..<100 { data += DNSWire.number(UInt16(0xC000 | (start + 2 * (i - 1)))) }
        bytes += [0, 0, 99, 0, 1, 0, 0, 0, 0] + DNSWire.number(UInt16(data.count)) + data
        #expect(throws: Never.self) { try DNSMessage(parsing: bytes) }
        bytes[7] = 2
        let short = bytes + DNSWire.number(UInt16(0xC000 | (start + 2 * 60))) + [0, 1, 0, 1, 0, 0, 0, 9, 0, 0]
        let long = bytes + DNSWire.number(UInt16(0xC000 | (start + 2 * 98))) + [0, 1, 0, 1, 0, 0, 0, 9, 0, 0]
        #expect(throws: Never.self) { try DNSMessage(parsing: short) }
        #expect(throws: DNSError.malformed) { try DNSMessage(parsing: long) }
    }

    // MARK: - Garbage

    private static let whole = DNSWire(DNSWire.Question(name: "_h._tcp.test", type: .srv))
        .alias("_h._tcp.test", "x.test").service("x.test", "n1.test", port: 1).service("x.test", "n2.test", port: 2)
        .address("x.test", "192.0.2.1").address("x.test", "2001:db8::1").record(
            "x.test",
            6,
            ttl: 1,
            [0],
            in: .authority
        )
        .address("n1.test", "192.0.2.1", in: .additional).address("n2.test", "2001:db8::2", in: .additional).bytes

    /// Reads everything there is to read.
    private func readAll(_ bytes: [UInt8]) throws {
        let message = try DNSMessage(parsing: bytes)
        _ = try message.services(of: "_h._tcp.test")
        for type in [DNSRecordType.a, .aaaa] {
            _ = try message.addresses(of: "x.test", type)
            _ = try message.additionalAddresses(of: "n1.test", type)
        }
    }

    @Test("a message cut anywhere is refused")
    func aMessageCutAnywhereIsRefused() throws {
        try readAll(Self.whole)
        for count in 0..<Self.whole.count {
            #expect(throws: DNSError.malformed) { try DNSMessage(parsing: Array(Self.whole[..<count])) }
        }
    }

    @Test("no mutation does more than fail", arguments: 0..<8)
    func noMutationDoesMoreThanFail(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var failures = 0
        for _ in 0..<2000 {
            var bytes = Self.whole
            for _ in 0...random.below(4) {
                bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes.removeLast(Int(random.below(8)) == 0 ? Int(random.below(UInt64(bytes.count))) : 0)
            do { try readAll(bytes) } catch { failures += error as? DNSError == .malformed ? 1 : 10_000 }
        }
        #expect((1..<2000).contains(failures))
    }

    @Test("noise does no more than fail")
    func noiseDoesNoMoreThanFail() {
        var random = RandomSource(seed: 11)
        for _ in 0..<2000 {
            var bytes = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Small counts get the reader past the header.
            for i in bytes.indices.dropFirst(4).prefix(8) { bytes[i] = i % 2 == 0 ? 0 : bytes[i] % 4 }
            do { try readAll(bytes) } catch { #expect(error as? DNSError == .malformed) }
        }
    }
}

@Suite struct DNSNameTests {
    @Test(
        "names",
        arguments: [
            ("Orders.Internal", "orders.internal"), ("orders.internal.", "orders.internal"), ("a", "a"),
            ("_http._tcp.x-1.test", "_http._tcp.x-1.test"), ("", nil), (".", nil), ("a..b", nil), (".a", nil),
            ("a..", nil),
            ("a b", nil), ("a\\b", nil), ("a/b", nil), ("m\u{FC}ller.test", nil), ("a\0b", nil), ("[::1]", nil),
            (String(repeating: "a", count: 63), String(repeating: "a", count: 63)),
            (String(repeating: "a", count: 64), nil), (String(repeating: "a.", count: 127) + "a", nil),
            (String(repeating: "a.", count: 126) + "a", String(repeating: "a.", count: 126) + "a"),
        ] as [(String, String?)]
    )
    func names(name: String, normalized: String?) {
        #expect(DNSName.normalized(name) == normalized)
    }

    @Test(
        "the search list",
        arguments: [
            ("orders", 1, ["orders.ns.svc", "orders.svc", "orders"]),
            ("orders.shop", 1, ["orders.shop", "orders.shop.ns.svc", "orders.shop.svc"]),
            ("orders.shop", 5, ["orders.shop.ns.svc", "orders.shop.svc", "orders.shop"]),
            ("Orders.Shop.", 5, ["orders.shop"]),
            ("orders", 0, ["orders", "orders.ns.svc", "orders.svc"]),
            ("or ders", 1, []),
        ] as [(String, Int, [String])]
    )
    func theSearchList(name: String, dots: Int, candidates: [String]) {
        #expect(DNSSearchList(dots: dots, domains: ["ns.svc", "svc."]).candidates(for: name) == candidates)
    }

    @Test("a domain that makes the name too long is left out")
    func aDomainThatMakesTheNameTooLongIsLeftOut() {
        let list = DNSSearchList(dots: 9, domains: [String(repeating: "a.", count: 126) + "a"])
        #expect(list.candidates(for: "orders") == ["orders"])
    }
}

@Suite struct HostsFileTests {
    private func addresses(_ text: String, _ name: String) -> [String] {
        HostsFile(parsing: Array(text.utf8)).addresses(of: name).map(\.description)
    }

    @Test("every name of a line, every line of a name, comments left out")
    func everyNameOfALineEveryLineOfANameCommentsLeftOut() {
        let text = """
            # 192.0.2.99 orders
            192.0.2.1\torders Orders.Shop  # not: hidden
            2001:db8::1   orders\r
            192.0.2.1 orders
            192.0.2.2 o_2\n
            """
        #expect(addresses(text, "orders") == ["192.0.2.1", "2001:db8::1"])
        #expect(addresses(text, "orders.shop") == ["192.0.2.1"])
        #expect(addresses(text, "o_2") == ["192.0.2.2"])
        for name in ["not:", "hidden", "#"] { #expect(addresses(text, name) == []) }
    }

    @Test("lines that make no sense are left out")
    func linesThatMakeNoSenseAreLeftOut() {
        let text = "orders\n192.0.2 orders\n::g orders\n192.0.2.1\n192.0.2.5 bad\u{FF}name or/ders ok\n\u{0}\n"
        #expect(addresses(text, "orders") == [])
        #expect(addresses(text, "ok") == ["192.0.2.5"])
    }

    @Test("localhost is the loopback even without a line, but a line wins")
    func localhostIsTheLoopbackEvenWithoutALineButALineWins() {
        #expect(addresses("", "localhost") == ["127.0.0.1", "::1"])
        #expect(addresses("", "app.localhost") == ["127.0.0.1", "::1"])
        #expect(addresses("127.0.0.7 localhost", "localhost") == ["127.0.0.7"])
        #expect(addresses("", "localhost.test") == [])
    }
}
