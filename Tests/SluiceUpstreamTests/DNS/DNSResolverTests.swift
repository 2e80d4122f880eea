import Glibc
import NIOConcurrencyHelpers
import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// Over real sockets, against a server of our own.
@Suite struct DNSResolverTests {
    /// Answers by name and type: what the zone of these tests holds.
    private static let zone: DNSServer.Answers = { question, isTCP in
        let wire = DNSWire(question)
        switch (question.name, DNSRecordType(rawValue: question.type)) {
        case ("both.test", .a): return wire.address("both.test", "192.0.2.1", ttl: 30).bytes
        case ("both.test", .aaaa): return wire.address("both.test", "2001:db8::1", ttl: 20).bytes
        case ("v4.test", .a), ("short.one.test", .a): return wire.address(question.name, "192.0.2.4", ttl: 7).bytes
        case ("v4.test", _), ("short.one.test", _): return wire.bytes
        case ("alias.test", .a):
            return wire.alias("alias.test", "v4.test", ttl: 3).address("v4.test", "192.0.2.4").bytes
        case ("_http._tcp.shop.test", .srv):
            return wire.service(question.name, "n1.test", port: 8081, priority: 1, weight: 3)
                .service(question.name, "both.test", port: 8082).address("n1.test", "192.0.2.11", in: .additional).bytes
        case ("large.test", .a):
            var cut = wire
            cut.isCut = true
            return isTCP ? wire.address("large.test", "192.0.2.99").bytes : cut.bytes
        case ("servfail.test", _): return DNSWire(question, code: 2).bytes
        case ("refused.test", _): return DNSWire(question, code: 5).bytes
        case ("formerr.test", _): return DNSWire(question, code: 1).bytes
        case ("silent.test", _): return nil
        case ("half.test", .aaaa): return DNSWire(question, code: 2).bytes
        case ("half.test", .a): return wire.address("half.test", "192.0.2.5").bytes
        case ("short-address.test", _): return wire.record("short-address.test", question.type, ttl: 1, [1, 2]).bytes
        case ("cut.test", _): return Array(wire.address("cut.test", "192.0.2.1").bytes.dropLast(7))
        case ("stub.test", _): return Array(wire.bytes[..<7])
        default: return DNSWire(question, code: 3).bytes
        }
    }

    /// A server with the given answers, and how to reach it.
    private func withServer(
        _ answers: @escaping DNSServer.Answers = zone,
        _ body: (DNSServer, DNSResolver.Configuration) async throws -> Void
    ) async throws {
        let server = try await DNSServer.start(answers)
        try await body(server, server.configuration)
        try await server.stop()
    }

    private func withResolver(_ body: (DNSResolver, DNSServer) async throws -> Void) async throws {
        try await withServer { server, configuration in
            try await body(try DNSResolver(configuration), server)
        }
    }

    /// Addresses and TTLs, or the error.
    private func texts(_ result: Result<DNSAnswer, DNSError>) -> [String] {
        switch result {
        case .success(let answer):
            answer.records.map { "\($0.address.description) \($0.ttl.nanoseconds / 1_000_000_000)" }
        case .failure(let error): [error.rawValue]
        }
    }

    private func gaps(_ result: Result<DNSAnswer, DNSError>) -> [DNSGap]? { (try? result.get())?.gaps }

    @Test("A and AAAA with their TTLs")
    func aAndAAAAWithTheirTTLs() async throws {
        try await withResolver { resolver, _ in
            let result = await resolver.resolveHost("both.test")
            #expect(texts(result) == ["192.0.2.1 30", "2001:db8::1 20"])
            #expect(gaps(result) == [])
            #expect(texts(await resolver.resolveHost("both.test", family: .v4)) == ["192.0.2.1 30"])
            #expect(texts(await resolver.resolveHost("BOTH.test.", family: .v6)) == ["2001:db8::1 20"])
        }
    }

    @Test("a family without records is no gap")
    func aFamilyWithoutRecordsIsNoGap() async throws {
        try await withResolver { resolver, _ in
            #expect(gaps(await resolver.resolveHost("v4.test")) == [])
            #expect(await resolver.resolveHost("v4.test", family: .v6) == .failure(.notFound))
        }
    }

    @Test("aliases")
    func aliases() async throws {
        try await withResolver { resolver, _ in
            #expect(texts(await resolver.resolveHost("alias.test", family: .v4)) == ["192.0.2.4 3"])
        }
    }

    @Test("services, with addresses that came along and others asked for")
    func servicesWithAddressesThatCameAlongAndOthersAskedFor() async throws {
        try await withResolver { resolver, server in
            let answer = try await resolver.resolveService("_http._tcp.shop.test").get()
            #expect(
                answer.records.map { "\($0.address.description) \($0.port ?? 0) \($0.priority) \($0.weight)" } == [
                    "192.0.2.1 8082 0 1", "2001:db8::1 8082 0 1", "192.0.2.11 8081 1 3",
                ]
            )
            #expect(!server.questions.contains { $0.name == "n1.test" })
            #expect(await resolver.resolveService("_none._tcp.shop.test") == .failure(.notFound))
        }
    }

    @Test("a reply that UDP cuts short is fetched over TCP")
    func aReplyThatUDPCutsShortIsFetchedOverTCP() async throws {
        try await withResolver { resolver, server in
            #expect(texts(await resolver.resolveHost("large.test", family: .v4)) == ["192.0.2.99 60"])
            #expect(server.questions.count { $0.name == "large.test" } == 2)
        }
    }

    @Test(
        "failures have their kinds",
        arguments: [
            ("missing.test", [.notFound]),
            // Some versions of c-ares do not keep why the last server was given up.
            ("servfail.test", [.serverFailure, .unreachable]), ("refused.test", [.refused, .unreachable]),
            ("formerr.test", [.serverFailure]), ("short-address.test", [.malformed]), ("no such name", [.badName]),
            ("cut.test", [.malformed, .unreachable]),
        ] as [(String, [DNSError])]
    )
    func failuresHaveTheirKinds(name: String, expected: [DNSError]) async throws {
        try await withResolver { resolver, _ in
            guard case .failure(let error) = await resolver.resolveHost(name, family: .v4) else {
                Issue.record("\(name) was resolved")
                return
            }
            #expect(expected.contains(error), "\(error)")
        }
    }

    /// c-ares before 1.22 ignores what is too short for a header, later versions give the server up at once.
    @Test("silence ends with the time allowed", arguments: ["silent.test", "stub.test"])
    func silenceEndsWithTheTimeAllowed(name: String) async throws {
        try await withServer { _, configuration in
            var configuration = configuration
            configuration.timeout = .milliseconds(50)
            let result = await (try DNSResolver(configuration)).resolveHost(name, family: .v4)
            #expect(["timeout", "unreachable", "malformed"].contains(texts(result).first))
        }
    }

    @Test("one family answered and the other failed is a gap")
    func oneFamilyAnsweredAndTheOtherFailedIsAGap() async throws {
        try await withResolver { resolver, _ in
            let result = await resolver.resolveHost("half.test")
            #expect(texts(result) == ["192.0.2.5 60"])
            #expect(gaps(result)?.map(\.isV4) == [false] && gaps(result)?.map(\.target) == ["half.test"])
        }
    }

    @Test("nobody at the server's address")
    func nobodyAtTheServerSAddress() async throws {
        let server = try await DNSServer.start { _, _ in nil }
        try await server.stop()
        let resolver = try DNSResolver(server.configuration)
        // One question only: of several at once c-ares notices the refusal for the last, and the others time out.
        guard case .failure(let error) = await resolver.resolveHost("both.test", family: .v4) else {
            Issue.record("resolved by nobody")
            return
        }
        #expect(error == .unreachable || error == .timeout)
        resolver.shutdown()
    }

    @Test("a dead server is passed over for the next one")
    func aDeadServerIsPassedOverForTheNextOne() async throws {
        let dead = try await DNSServer.start { _, _ in nil }
        try await dead.stop()
        try await withServer { _, configuration in
            var configuration = configuration
            configuration.servers.insert("127.0.0.1:\(dead.port)", at: 0)
            let resolver = try DNSResolver(configuration)
            #expect(texts(await resolver.resolveHost("v4.test", family: .v4)) == ["192.0.2.4 7"])
        }
    }

    @Test(
        "servers that are none are refused",
        arguments: [["nonsense"], ["127.0.0.1:x"], ["127.0.0.1:1", "::::"], [","]]
    )
    func serversThatAreNoneAreRefused(servers: [String]) {
        var configuration = DNSResolver.Configuration()
        configuration.servers = servers
        #expect(throws: DNSError.badName) { try DNSResolver(configuration) }
    }

    @Test("the search list")
    func theSearchList() async throws {
        try await withServer { server, configuration in
            var configuration = configuration
            configuration.searchDomains = ["nowhere.test", "one.test"]
            let resolver = try DNSResolver(configuration)
            #expect(texts(await resolver.resolveHost("short", family: .v4)) == ["192.0.2.4 7"])
            #expect(server.questions.map(\.name) == ["short.nowhere.test", "short.one.test"])
        }
    }

    @Test("the hosts file goes first, and is read again when it changes")
    func theHostsFileGoesFirstAndIsReadAgainWhenItChanges() async throws {
        try await TemporaryFile.with("192.0.2.200 both.test\n") { file in
            try await withServer { server, configuration in
                var configuration = configuration
                configuration.hostsFile = file.path
                let resolver = try DNSResolver(configuration)
                #expect(texts(await resolver.resolveHost("both.test")) == ["192.0.2.200 0"])
                #expect(server.questions.isEmpty)
                try file.write("192.0.2.201 both.test # moved\n")
                #expect(texts(await resolver.resolveHost("both.test")) == ["192.0.2.201 0"])
                try file.remove()
                #expect(texts(await resolver.resolveHost("both.test")).count == 2)
            }
        }
    }

    @Test("the system's search list, read again when its file changes")
    func systemSearchList() async throws {
        try await TemporaryFile.with("search nowhere.test\noptions ndots:2\n") { file in
            try await withServer { server, configuration in
                var configuration = configuration
                configuration.searchDomains = nil
                configuration.systemFile = file.path
                let resolver = try DNSResolver(configuration)
                #expect(texts(await resolver.resolveHost("short", family: .v4)) == ["not_found"])
                #expect(texts(await resolver.resolveHost("v4.test", family: .v4)) == ["192.0.2.4 7"])
                #expect(
                    server.questions.map(\.name) == [
                        "short.nowhere.test", "short", "v4.test.nowhere.test", "v4.test",
                    ]
                )
                try file.write("search one.test\n# moved to another domain\n")
                #expect(texts(await resolver.resolveHost("short", family: .v4)) == ["192.0.2.4 7"])
            }
        }
    }

    @Test("localhost without asking anybody")
    func localhostWithoutAskingAnybody() async throws {
        try await withResolver { resolver, server in
            #expect(texts(await resolver.resolveHost("localhost")) == ["127.0.0.1 0", "::1 0"])
            #expect(server.questions.isEmpty)
        }
    }

    @Test("garbage of every kind ends in an error or an answer")
    func garbageOfEveryKindEndsInAnErrorOrAnAnswer() async throws {
        let random = NIOLockedValueBox(RandomSource(seed: 21))
        let answers: DNSServer.Answers = { question, _ in
            var bytes = DNSWire(question).alias(question.name, "x.test").address("x.test", "192.0.2.1")
                .service(question.name, "y.test", port: 1).address("y.test", "192.0.2.2", in: .additional).bytes
            random.withLockedValue { random in
                for _ in 0...random.below(3) {
                    // Id and question stay, so that the reply gets past c-ares.
                    let start = UInt64(random.below(4) == 0 ? 4 : 12 + question.bytes.count)
                    let place = start + random.below(UInt64(bytes.count) - start)
                    bytes[Int(place)] = UInt8(truncatingIfNeeded: random.next())
                }
                if random.below(4) == 0 { bytes.removeLast(Int(random.below(UInt64(bytes.count)))) }
            }
            return bytes
        }
        try await withServer(answers) { _, configuration in
            var configuration = configuration
            configuration.timeout = .milliseconds(100)
            let resolver = try DNSResolver(configuration)
            let outcomes = await withTaskGroup(of: String.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let result =
                            number % 2 == 0
                            ? await resolver.resolveHost("g\(number).test", family: .v4)
                            : await resolver.resolveService("g\(number).test", family: .v4)
                        return switch result {
                        case .success: "answer"
                        case .failure(let error): error.rawValue
                        }
                    }
                }
                return await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes.values.reduce(0, +) == 300)
            #expect(outcomes["answer"] ?? 0 > 0 && outcomes["malformed"] ?? 0 > 0, "\(outcomes)")
        }
    }

    @Test("more lookups than may run at once all get their turn")
    func moreLookupsThanMayRunAtOnceAllGetTheirTurn() async throws {
        try await withServer { _, configuration in
            var configuration = configuration
            configuration.concurrency = 2
            let resolver = try DNSResolver(configuration)
            let found = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask { (try? await resolver.resolveHost("both.test").get())?.records.count == 2 }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(found == 100)
        }
    }

    @Test("a shutdown ends what is under way and refuses what comes later")
    func aShutdownEndsWhatIsUnderWayAndRefusesWhatComesLater() async throws {
        let asked = NIOLockedValueBox<CheckedContinuation<Void, Never>?>(nil)
        let answers: DNSServer.Answers = { _, _ in
            asked.withLockedValue { waiting in
                waiting?.resume()
                waiting = nil
            }
            return nil
        }
        try await withServer(answers) { _, configuration in
            var configuration = configuration
            configuration.timeout = .seconds(60)
            let resolver = try DNSResolver(configuration)
            async let slow = resolver.resolveHost("silent.test", family: .v4)
            await withCheckedContinuation { waiting in
                asked.withLockedValue { $0 = waiting }
                resolver.resolveHost("wake.test", family: .v4) { _ in }
            }
            resolver.shutdown()
            #expect(await slow == .failure(.cancelled))
            #expect(await resolver.resolveHost("both.test") == .failure(.cancelled))
            resolver.shutdown()
        }
    }

    @Test("a request and the end that reach the thread together both count")
    func aRequestAndTheEndThatReachTheThreadTogetherBothCount() async throws {
        let mailbox = try DNSMailbox()
        mailbox.post(DNSRequest(name: "a.test", isService: false, family: .any) { _ in })
        mailbox.close()
        let (requests, isOpen) = mailbox.take()
        #expect(requests.map(\.name) == ["a.test"] && !isOpen)
        let silence: DNSServer.Answers = { _, _ in nil }
        try await withServer(silence) { _, configuration in
            var configuration = configuration
            configuration.timeout = .seconds(60)
            for _ in 0..<50 {
                let resolver = try DNSResolver(configuration)
                async let slow = resolver.resolveHost("silent.test")
                resolver.shutdown()
                #expect(await slow == .failure(.cancelled))
            }
        }
    }

    @Test("the last reference ends it too")
    func theLastReferenceEndsItToo() async throws {
        let server = try await DNSServer.start { _, _ in nil }
        var configuration = server.configuration
        configuration.timeout = .seconds(60)
        var resolver: DNSResolver? = try DNSResolver(configuration)
        let result = await withCheckedContinuation { waiting in
            resolver?.resolveHost("silent.test") { waiting.resume(returning: $0) }
            resolver = nil
        }
        #expect(result == .failure(.cancelled))
        try await server.stop()
    }

    @Test("a lack of descriptors is told from servers that cannot be reached")
    func withoutDescriptors() async {
        await #expect(processExitsWith: .success) {
            let lines = LineLog()
            var configuration = DNSResolver.Configuration()
            configuration.servers = ["127.0.0.1:9"]
            configuration.searchDomains = []
            configuration.shortage = ResourceShortage(log: lines.write)
            let resolver = try DNSResolver(configuration)
            Descriptors.take()
            for _ in 0..<2 {
                guard await resolver.resolveHost("v4.test.") == .failure(.noResources) else { exit(1) }
            }
            let told = "cannot look up names: Too many open files (EMFILE)"
            guard lines.text.count == 1, lines.text[0].hasPrefix(told) else { exit(2) }
            do throws(DNSError) {
                _ = try DNSResolver(configuration)
                exit(3)
            } catch {
                // A row of its own, since it is another resolver.
                exit(error == .noResources && lines.text.count == 2 ? 0 : 4)
            }
        }
    }
}
