import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// Plays the server to a lookup.
private struct Script {
    /// What has been asked and not yet answered.
    var open: [DNSQuestion] = []
    var result: Result<DNSAnswer, DNSError>?

    mutating func take(_ step: DNSLookupStep) {
        switch step {
        case .ask(let questions): open += questions
        case .done(let result):
            #expect(self.result == nil)
            self.result = result
        }
    }

    var addresses: [String]? { (try? result?.get())?.records.map(\.address.description) }
    var error: DNSError? { if case .failure(let error) = result { error } else { nil } }
    var gaps: [DNSGap]? { (try? result?.get())?.gaps }
}

private func reply(_ name: String, _ type: DNSRecordType, _ fill: (DNSWire) -> DNSWire) -> DNSReply {
    Result { () throws(DNSError) in
        try DNSMessage(parsing: fill(DNSWire(DNSWire.Question(name: name, type: type))).bytes)
    }
}

private func v4(_ name: String, _ text: String = "192.0.2.1", ttl: UInt32 = 60) -> DNSReply {
    reply(name, .a) { $0.address(name, text, ttl: ttl) }
}

private func v6(_ name: String, _ text: String = "2001:db8::1", ttl: UInt32 = 60) -> DNSReply {
    reply(name, .aaaa) { $0.address(name, text, ttl: ttl) }
}

@Suite struct HostLookupTests {
    private static let search = DNSSearchList(dots: 1, domains: ["one.test", "two.test"])

    private func run(
        _ name: String,
        family: DNSModel.Family = .any,
        hosts: String = "",
        answers: (DNSQuestion) -> DNSReply?
    ) -> (script: Script, asked: [DNSQuestion]) {
        var lookup = HostLookup(
            name,
            family: family,
            search: Self.search,
            hosts: HostsFile(parsing: Array(hosts.utf8))
        )
        var script = Script()
        var asked: [DNSQuestion] = []
        script.take(lookup.start())
        while !script.open.isEmpty {
            let question = script.open.removeFirst()
            asked.append(question)
            if let reply = answers(question) { script.take(lookup.received(reply, to: question)) }
        }
        return (script, asked)
    }

    @Test("both families are asked at once and joined")
    func bothFamiliesAreAskedAtOnceAndJoined() {
        let (script, asked) = run("a.test.") { $0.type == .a ? v4("a.test") : v6("a.test") }
        #expect(asked.map(\.type) == [.a, .aaaa])
        #expect(script.addresses == ["192.0.2.1", "2001:db8::1"])
        #expect(script.gaps == [])
    }

    @Test("only the wanted family is asked", arguments: [(DNSModel.Family.v4, ["192.0.2.1"]), (.v6, ["2001:db8::1"])])
    func onlyTheWantedFamilyIsAsked(family: DNSModel.Family, addresses: [String]) {
        let (script, asked) = run("a.test.", family: family) { $0.type == .a ? v4("a.test") : v6("a.test") }
        #expect(asked.count == 1)
        #expect(script.addresses == addresses)
    }

    @Test(
        "a literal address is its own answer, whatever the family",
        arguments: ["192.0.2.7", "2001:db8::7", "[2001:db8::7]"]
    )
    func aLiteralAddressIsItsOwnAnswerWhateverTheFamily(text: String) {
        for family in DNSModel.Family.allCases {
            let (script, asked) = run(text, family: family) { _ in nil }
            #expect(asked.isEmpty && script.addresses == IPAddress(text).map { [$0.description] })
        }
    }

    @Test("the hosts file goes first")
    func theHostsFileGoesFirst() {
        let (script, asked) = run("orders", hosts: "192.0.2.9 orders") { _ in nil }
        #expect(asked.isEmpty && script.addresses == ["192.0.2.9"])
        let (other, askedMore) = run("orders.", family: .v6, hosts: "192.0.2.9 orders") { _ in v6("orders") }
        #expect(askedMore.count == 1 && other.addresses == ["2001:db8::1"])
    }

    @Test("localhost is never asked for")
    func localhostIsNeverAskedFor() {
        let (script, asked) = run("localhost", family: .v6, hosts: "127.0.0.1 localhost") { _ in nil }
        #expect(asked.isEmpty && script.error == .notFound)
    }

    @Test("what is no name is refused without asking", arguments: ["", ".", "a b", "a..b"])
    func whatIsNoNameIsRefusedWithoutAsking(name: String) {
        let (script, asked) = run(name) { _ in nil }
        #expect(asked.isEmpty && script.error == .badName)
    }

    @Test("the search list is tried in order until one exists")
    func theSearchListIsTriedInOrderUntilOneExists() {
        let (script, asked) = run("orders") {
            $0.name == "orders.two.test" ? v4("orders.two.test") : .failure(.notFound)
        }
        #expect(asked.map(\.name) == ["orders.one.test", "orders.one.test", "orders.two.test", "orders.two.test"])
        #expect(script.addresses == ["192.0.2.1"])
        #expect((try? script.result?.get())?.records.first?.target == "orders")
    }

    @Test("one that has no address of either family is passed over, and at the end nothing is found")
    func oneThatHasNoAddressOfEitherFamilyIsPassedOverAndAtTheEnd() {
        let (script, asked) = run("orders") { question in
            question.type == .a
                ? .failure(.notFound) : reply(question.name, .aaaa) { $0.alias(question.name, "x.test") }
        }
        #expect(asked.count == 6 && script.error == .notFound)
    }

    @Test("a failure does not lead further down the list", arguments: DNSError.allCases.filter { $0 != .notFound })
    func aFailureDoesNotLeadFurtherDownTheList(error: DNSError) {
        let (script, asked) = run("orders") { $0.type == .a ? .failure(error) : .failure(.notFound) }
        #expect(asked.map(\.name) == ["orders.one.test", "orders.one.test"])
        #expect(script.error == error)
    }

    @Test("one family found and the other failed is an answer with a gap")
    func oneFamilyFoundAndTheOtherFailedIsAnAnswerWithAGap() {
        let (script, _) = run("a.test.") { $0.type == .a ? .failure(.timeout) : v6("a.test") }
        #expect(script.addresses == ["2001:db8::1"])
        #expect(script.gaps == [DNSGap(target: "a.test", isV4: true, error: .timeout)])
        let (none, _) = run("a.test.") { $0.type == .a ? .failure(.notFound) : v6("a.test") }
        #expect(none.gaps == [])
    }

    @Test("an answer that cannot be read is a failure")
    func anAnswerThatCannotBeReadIsAFailure() {
        let (script, _) = run("a.test.", family: .v4) { _ in reply("a.test", .a) { $0.record("a.test", 1, ttl: 1, [1]) }
        }
        #expect(script.error == .malformed)
    }

    @Test("replies that nobody waits for change nothing")
    func repliesThatNobodyWaitsForChangeNothing() {
        var lookup = HostLookup("orders", family: .any, search: Self.search, hosts: HostsFile())
        var script = Script()
        let a = DNSQuestion(name: "orders.one.test", type: .a)
        // Before the start, for another name, of another type, twice.
        script.take(lookup.received(v4("orders.one.test"), to: a))
        script.take(lookup.start())
        script.take(lookup.received(v4("orders"), to: DNSQuestion(name: "orders", type: .a)))
        script.take(lookup.received(v4("orders.one.test"), to: DNSQuestion(name: "orders.one.test", type: .srv)))
        script.take(lookup.received(.failure(.notFound), to: a))
        script.take(lookup.received(v4("orders.one.test"), to: a))
        #expect(script.result == nil && script.open.count == 2)
        script.take(lookup.received(v6("orders.one.test"), to: DNSQuestion(name: "orders.one.test", type: .aaaa)))
        #expect(script.addresses == ["2001:db8::1"])
        script.take(lookup.received(v6("orders.one.test"), to: DNSQuestion(name: "orders.one.test", type: .aaaa)))
        #expect(script.open.count == 2)
    }

    @Test("more addresses than anybody wants are cut")
    func moreAddressesThanAnybodyWantsAreCut() {
        let many = reply("a.test", .a) { wire in
            (0..<5000).reduce(wire) { wire, number in
                wire.record("a.test", 1, ttl: 1, [10, 0, UInt8(number / 256), UInt8(number % 256)])
            }
        }
        let (script, _) = run("a.test.", family: .v4) { _ in many }
        #expect(script.addresses?.count == DNSAnswer.largestCount)
    }
}

@Suite struct ServiceLookupTests {
    private static let name = "_http._tcp.shop.test"

    private func run(
        hosts: String = "",
        family: DNSModel.Family = .any,
        services: DNSReply,
        answers: (DNSQuestion) -> DNSReply = { _ in .failure(.notFound) }
    ) -> (script: Script, asked: [DNSQuestion]) {
        let search = DNSSearchList(dots: 9, domains: ["one.test"])
        var lookup = ServiceLookup(
            Self.name + ".",
            family: family,
            search: search,
            hosts: HostsFile(parsing: Array(hosts.utf8))
        )
        var script = Script()
        var asked: [DNSQuestion] = []
        script.take(lookup.start())
        while !script.open.isEmpty {
            let question = script.open.removeFirst()
            if question.type != .srv { asked.append(question) }
            script.take(lookup.received(question.type == .srv ? services : answers(question), to: question))
        }
        return (script, asked.sorted { ($0.name, $0.type.rawValue) < ($1.name, $1.type.rawValue) })
    }

    private func services(_ fill: (DNSWire) -> DNSWire) -> DNSReply { reply(Self.name, .srv, fill) }

    @Test("addresses that came along are used without asking")
    func addressesThatCameAlongAreUsedWithoutAsking() throws {
        let (script, asked) = run(
            services: services {
                $0.service(Self.name, "n1.test", port: 8080, priority: 2, weight: 5, ttl: 30)
                    .service(Self.name, "n2.test", port: 8081, priority: 1, weight: 0, ttl: 30)
                    .address("n1.test", "192.0.2.1", ttl: 10, in: .additional)
                    .address("n2.test", "2001:db8::2", ttl: 60, in: .additional)
            }
        )
        let answer = try #require(try script.result?.get())
        #expect(asked.isEmpty)
        #expect(
            answer.records.map { "\($0.target) \($0.address.description) \($0.port ?? 0) \($0.priority) \($0.weight)" }
                == [
                    "n2.test 2001:db8::2 8081 1 0", "n1.test 192.0.2.1 8080 2 5",
                ]
        )
        #expect(answer.records.map(\.ttl) == [.seconds(30), .seconds(10)])
    }

    @Test("the others are asked for, each once, without the search list")
    func theOthersAreAskedForEachOnceWithoutTheSearchList() {
        let (script, asked) = run(
            services: services {
                $0.service(Self.name, "n1.test", port: 1).service(Self.name, "n1.test", port: 2)
                    .service(Self.name, "n2.test", port: 3).address("n2.test", "192.0.2.2", in: .additional)
            },
            answers: { $0.type == .a ? v4("n1.test") : .failure(.notFound) }
        )
        #expect(asked == [DNSQuestion(name: "n1.test", type: .a), DNSQuestion(name: "n1.test", type: .aaaa)])
        #expect(script.addresses == ["192.0.2.1", "192.0.2.1", "192.0.2.2"])
    }

    @Test("the hosts file beats what came along")
    func theHostsFileBeatsWhatCameAlong() {
        let (script, asked) = run(
            hosts: "192.0.2.77 n1.test",
            services: services {
                $0.service(Self.name, "n1.test", port: 1).address("n1.test", "192.0.2.1", in: .additional)
            }
        )
        #expect(asked.isEmpty && script.addresses == ["192.0.2.77"])
    }

    @Test("addresses of a family that is not wanted do not count")
    func addressesOfAFamilyThatIsNotWantedDoNotCount() {
        let (script, asked) = run(
            family: .v6,
            services: services {
                $0.service(Self.name, "n1.test", port: 1).address("n1.test", "192.0.2.1", in: .additional)
            },
            answers: { _ in v6("n1.test") }
        )
        #expect(asked.map(\.type) == [.aaaa] && script.addresses == ["2001:db8::1"])
    }

    @Test("a target that does not exist is left out, one whose server fails leaves a gap")
    func aTargetThatDoesNotExistIsLeftOutOneWhoseServerFails() {
        let (script, _) = run(
            services: services {
                $0.service(Self.name, "gone.test", port: 1).service(Self.name, "slow.test", port: 2)
                    .service(Self.name, "half.test", port: 3).service(Self.name, "n1.test", port: 4)
            },
            answers: {
                switch ($0.name, $0.type) {
                case ("slow.test", _), ("half.test", .aaaa): .failure(.timeout)
                case ("half.test", _): v4("half.test")
                case ("n1.test", .a): v4("n1.test")
                default: .failure(.notFound)
                }
            }
        )
        #expect(script.addresses == ["192.0.2.1", "192.0.2.1"])
        #expect(
            script.gaps == [
                DNSGap(target: "slow.test", port: 2, isV4: true, error: .timeout),
                DNSGap(target: "slow.test", port: 2, isV4: false, error: .timeout),
                DNSGap(target: "half.test", port: 3, isV4: false, error: .timeout),
            ]
        )
    }

    @Test("when no target has an address the first failure is told, or that nothing was found")
    func whenNoTargetHasAnAddressTheFirstFailureIsToldOrThat() {
        let both = services { $0.service(Self.name, "n1.test", port: 1).service(Self.name, "n2.test", port: 2) }
        #expect(
            run(services: both) { $0.name == "n1.test" ? .failure(.refused) : .failure(.timeout) }.script.error
                == .refused
        )
        #expect(run(services: both).script.error == .notFound)
    }

    @Test("a target \".\" and a port 0 are no endpoints")
    func aTargetAndAPort0AreNoEndpoints() {
        #expect(run(services: services { $0.service(Self.name, "", port: 0) }).script.error == .notFound)
        let (script, asked) = run(services: services { $0.service(Self.name, "n1.test", port: 0) })
        #expect(asked.isEmpty && script.error == .notFound)
    }

    @Test("a target that is no host name is not asked for")
    func aTargetThatIsNoHostNameIsNotAskedFor() {
        let odd = services {
            $0.record(Self.name, 33, ttl: 1, [0, 0, 0, 0, 0, 80, 3, 97, 46, 98, 0])
        }
        let (script, asked) = run(services: odd)
        #expect(asked.isEmpty && script.error == .notFound)
    }

    @Test("failures of the first question are told", arguments: DNSError.allCases)
    func failuresOfTheFirstQuestionAreTold(error: DNSError) {
        #expect(run(services: .failure(error)).script.error == error)
    }

    @Test("an answer without service records is nothing found, a broken one malformed")
    func anAnswerWithoutServiceRecordsIsNothingFoundABrokenOne() {
        #expect(run(services: services { $0.address(Self.name, "192.0.2.1") }).script.error == .notFound)
        #expect(run(services: services { $0.record(Self.name, 33, ttl: 1, [0]) }).script.error == .malformed)
    }

    @Test("short names go through the search list")
    func shortNamesGoThroughTheSearchList() {
        var lookup = ServiceLookup(
            "_http._tcp.shop",
            family: .v4,
            search: DNSSearchList(dots: 5, domains: ["one.test"]),
            hosts: HostsFile()
        )
        var script = Script()
        script.take(lookup.start())
        #expect(script.open == [DNSQuestion(name: "_http._tcp.shop.one.test", type: .srv)])
        script.take(lookup.received(.failure(.notFound), to: script.open.removeFirst()))
        #expect(script.open == [DNSQuestion(name: "_http._tcp.shop", type: .srv)])
        var refused = ServiceLookup("a b", family: .v4, search: DNSSearchList(dots: 1, domains: []), hosts: HostsFile())
        script.take(refused.start())
        #expect(script.error == .badName)
    }

    @Test("replies that nobody waits for change nothing")
    func repliesThatNobodyWaitsForChangeNothing2() {
        var lookup = ServiceLookup(
            Self.name + ".",
            family: .v4,
            search: DNSSearchList(dots: 1, domains: []),
            hosts: HostsFile()
        )
        let service = DNSQuestion(name: Self.name, type: .srv)
        let address = DNSQuestion(name: "n1.test", type: .a)
        let good = services { $0.service(Self.name, "n1.test", port: 1) }
        var script = Script()
        script.take(lookup.start())
        script.take(lookup.received(v4("n1.test"), to: address))
        script.take(lookup.received(good, to: DNSQuestion(name: "other.test", type: .srv)))
        #expect(script.open == [service])
        script.take(lookup.received(good, to: service))
        script.take(lookup.received(good, to: service))
        #expect(script.open == [service, address])
        script.take(lookup.received(v4("n1.test"), to: address))
        script.take(lookup.received(v4("n1.test"), to: address))
        #expect(script.addresses == ["192.0.2.1"])
    }

    @Test("more records than anybody wants are cut, the best are kept")
    func moreRecordsThanAnybodyWantsAreCutTheBestAreKept() {
        let many = services { wire in
            (0..<400).reduce(wire) { $0.service(Self.name, "n\($1).test", port: 1, priority: UInt16(400 - $1)) }
        }
        let (script, asked) = run(family: .v4, services: many) { v4($0.name) }
        #expect(asked.count == ServiceLookup.largestServiceCount)
        #expect(script.addresses?.count == ServiceLookup.largestServiceCount)
        #expect((try? script.result?.get())?.records.first?.target == "n399.test")
    }
}
