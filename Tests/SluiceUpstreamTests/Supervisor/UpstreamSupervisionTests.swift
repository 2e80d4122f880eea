import NIOCore
import SluiceConfig
import Testing

@testable import SluiceUpstream

@Suite struct UpstreamSupervisionTests {
    private let kit = SupervisorKit()

    /// Prepares and says whether it is ready at once.
    private final class Ready { var count = 0 }

    private func prepare(_ models: UpstreamModel..., patience: TimeAmount = .seconds(5)) -> Ready {
        let ready = Ready()
        kit.supervision.prepare(models, patience: patience) { ready.count += 1 }
        kit.settle()
        return ready
    }

    // MARK: - The first list

    @Test("addresses are there at once, and nothing is asked")
    func addressesAtOnce() {
        let model = Make.upstream("app", Make.ip("10.0.0.1"), .unix(path: "/run/app.sock"))
        #expect(prepare(model).count == 1)
        #expect(kit.apply(model).map(\.endpoints.text) == [["10.0.0.1:8080", "unix:/run/app.sock"]])
        #expect(kit.resolver.questions.isEmpty)
    }

    @Test("names are waited for, each once however many upstreams use it")
    func namesAreWaitedFor() {
        let one = Make.upstream("one", .name("a.test", port: 80), .name("b.test", port: 80))
        let two = Make.upstream("two", .name("a.test", port: 80))
        let ready = prepare(one, two)
        #expect(kit.resolver.questions.sorted() == ["a.test", "b.test"])
        kit.resolver.answer("a.test", with: "10.0.0.1", "10.0.0.2")
        kit.settle()
        #expect(ready.count == 0)
        kit.resolver.answer("b.test", with: "10.0.0.3")
        kit.settle()
        #expect(ready.count == 1)
        let entries = kit.apply(one, two)
        #expect(
            entries.map(\.endpoints.text) == [
                ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"], ["10.0.0.1:80", "10.0.0.2:80"],
            ]
        )
        kit.advance(.seconds(6))
        #expect(ready.count == 1)
    }

    @Test("a name that fails is an answer too: the upstream starts with none and gets them later")
    func failedName() {
        let model = Make.upstream("app", .name("a.test", port: 80))
        let ready = prepare(model)
        kit.resolver.answer("a.test", .failure(.notFound))
        kit.settle()
        #expect(ready.count == 1)
        #expect(kit.apply(model).map(\.endpoints.text) == [[]])
        #expect(kit.log.text == ["dns: a.test cannot be resolved (not_found), no address is known"])
        kit.advance(.seconds(1))
        kit.resolver.answer("a.test", with: "10.0.0.1")
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.1:80"])
        #expect(kit.log.text.last == "dns: a.test is resolved again")
    }

    @Test("patience with slow names ends, and their late answers are used")
    func patienceEnds() {
        let model = Make.upstream("app", .name("a.test", port: 80))
        let ready = prepare(model, patience: .seconds(5))
        kit.advance(.seconds(4))
        #expect(ready.count == 0)
        kit.advance(.seconds(1))
        #expect(ready.count == 1)
        #expect(kit.log.text == ["dns: going on without 1 of the names, which take too long"])
        kit.apply(model)
        kit.resolver.answer("a.test", with: "10.0.0.1")
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.1:80"])
        #expect(ready.count == 1)
    }

    // MARK: - Changes of names

    @Test("a changed answer is published; endpoints that stay keep their identity, and the same answer says nothing")
    func changedAnswer() throws {
        let model = Make.upstream("app", .name("a.test", port: 80))
        _ = prepare(model)
        kit.resolver.answer("a.test", with: "10.0.0.1", "10.0.0.2", ttl: .seconds(10))
        kit.settle()
        let first = try #require(kit.apply(model).first).endpoints
        kit.advance(.seconds(10))
        kit.resolver.answer("a.test", with: "10.0.0.2", "10.0.0.1", ttl: .seconds(10))
        kit.settle()
        #expect(kit.publicationCount == 0)
        kit.advance(.seconds(10))
        kit.resolver.answer("a.test", with: "10.0.0.2", "10.0.0.3", ttl: .seconds(10))
        kit.settle()
        let second = try #require(kit.last())
        #expect(second.text == ["10.0.0.2:80", "10.0.0.3:80"])
        #expect(second.states[0] === first.states[1])
        #expect(!first.ids.contains(second.ids[1]))
    }

    @Test("when lookups fail, the last good answer stays")
    func lastGoodAnswer() {
        let model = Make.upstream("app", .name("a.test", port: 80))
        _ = prepare(model)
        kit.resolver.answer("a.test", with: "10.0.0.1", ttl: .seconds(10))
        kit.settle()
        kit.apply(model)
        kit.advance(.seconds(10))
        kit.resolver.answer("a.test", .failure(.timeout))
        kit.settle()
        #expect(kit.publicationCount == 0)
        #expect(kit.log.text == ["dns: a.test cannot be resolved (timeout), the last addresses are kept"])
    }

    // MARK: - Reloads

    @Test("a reload keeps limits and endpoints of what stays, and forgets what goes")
    func reloadKeeps() {
        let first = kit.apply(Make.upstream("app", Make.ip("10.0.0.1"), Make.ip("10.0.0.2")), Make.upstream("old"))
        let second = kit.apply(Make.upstream("app", Make.ip("10.0.0.3"), Make.ip("10.0.0.2")), Make.upstream("new"))
        #expect(second.map(\.model.name) == ["app", "new"])
        #expect(second[0].state === first[0].state)
        #expect(second[0].endpoints.states[1] === first[0].endpoints.states[1])
        #expect(second[0].endpoints.text == ["10.0.0.3:8080", "10.0.0.2:8080"])
        let third = kit.apply(Make.upstream("old"))
        #expect(third[0].state !== first[1].state)
    }

    @Test("a new name of an upstream that serves is looked up before the old one is given up")
    func noGapWhileANameIsLookedUp() {
        let old = Make.upstream("app", .name("a.test", port: 80))
        _ = prepare(old)
        kit.resolver.answer("a.test", with: "10.0.0.1")
        kit.settle()
        kit.apply(old)
        let new = Make.upstream("app", .name("b.test", port: 80))
        let ready = prepare(new)
        #expect(ready.count == 0)
        #expect(kit.publicationCount == 0)
        kit.resolver.answer("b.test", with: "10.0.0.2")
        kit.settle()
        #expect(ready.count == 1)
        #expect(kit.apply(new).map(\.endpoints.text) == [["10.0.0.2:80"]])
    }

    @Test("a name that nobody uses any more is not asked for again, and its servers are let go")
    func unusedNames() {
        var model = Make.upstream("app", .name("a.test", port: 80))
        model.dns.servers = ["127.0.0.1:5353"]
        _ = prepare(model)
        kit.resolver.answer("a.test", with: "10.0.0.1", ttl: .seconds(10))
        kit.settle()
        kit.apply(model)
        #expect(kit.resolver.servers == [["127.0.0.1:5353"]])
        kit.apply(Make.upstream("app", Make.ip("10.0.0.1")))
        #expect(kit.resolver.servers.isEmpty)
        kit.advance(.minutes(10))
        #expect(kit.resolver.questions == ["a.test"])
    }

    @Test("after the end nothing is asked, checked or published")
    func stopped() {
        var model = Make.upstream("app", .name("a.test", port: 80))
        model.healthCheck = Make.check()
        _ = prepare(model)
        kit.resolver.answer("a.test", with: "10.0.0.1", ttl: .seconds(10))
        kit.settle()
        kit.apply(model)
        let checks = kit.prober.begins.count
        #expect(checks == 1)
        kit.supervision.stop()
        kit.prober.answer(.success)
        kit.advance(.minutes(10))
        #expect(kit.prober.begins.count == checks)
        #expect(kit.resolver.questions == ["a.test"])
        #expect(kit.publicationCount == 0)
    }
}
