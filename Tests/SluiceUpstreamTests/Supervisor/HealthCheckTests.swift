import NIOCore
import SluiceConfig
import Testing

@testable import SluiceUpstream

@Suite struct HealthCheckTests {
    private func model(_ addresses: [String] = ["10.0.0.1"], _ check: HealthCheckModel? = Make.check()) -> UpstreamModel
    {
        var model = Make.upstream("app")
        model.endpoints = addresses.map { EndpointModel(address: Make.ip($0), place: .builtIn) }
        model.healthCheck = check
        return model
    }

    @Test("an endpoint is used when its first check has passed")
    func firstCheck() {
        let kit = SupervisorKit()
        #expect(kit.apply(model()).map(\.endpoints.text) == [["10.0.0.1:8080 !"]])
        #expect(kit.prober.open.count == 1)
        kit.prober.answer(.success)
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.1:8080"])
        #expect(kit.log.text == ["upstream app: 10.0.0.1:8080 is healthy"])
    }

    @Test("thresholds count, and only what changes something is published")
    func thresholds() {
        let kit = SupervisorKit()
        kit.prober.automatic = { _ in .success }
        let entries = kit.apply(model(["10.0.0.1"], Make.check(healthy: 2, unhealthy: 3)))
        #expect(entries.map(\.endpoints.text) == [["10.0.0.1:8080"]])
        kit.prober.automatic = { _ in .timeout }
        kit.advance(.seconds(23))
        #expect(kit.prober.begins.count == 3)
        #expect(kit.publicationCount == 0)
        kit.advance(.seconds(11))
        #expect(kit.last()?.text == ["10.0.0.1:8080 !"])
        kit.prober.automatic = { _ in .success }
        kit.advance(.seconds(11))
        #expect(kit.publicationCount == 1)
        kit.advance(.seconds(11))
        #expect(kit.last()?.text == ["10.0.0.1:8080"])
        #expect(
            kit.log.text.dropFirst() == [
                "upstream app: 10.0.0.1:8080 is unhealthy (no answer)", "upstream app: 10.0.0.1:8080 is healthy",
            ]
        )
    }

    @Test("checks keep their rhythm, with a jitter of a tenth, and do not pile up behind a slow answer")
    func rhythm() {
        let kit = SupervisorKit()
        kit.apply(model())
        kit.advance(.seconds(35))
        #expect(kit.prober.begins.count == 1)
        kit.prober.answer(.success)
        kit.advance(.milliseconds(20))
        #expect(kit.prober.begins.count == 2)
        kit.prober.automatic = { _ in .success }
        kit.prober.answer(.success)
        kit.advance(.seconds(1000))
        let begins = kit.prober.begins.dropFirst()
        let pauses = zip(begins.dropFirst(), begins).map { ($0 - $1).nanoseconds }
        #expect(pauses.allSatisfy { (9_000_000_000...11_000_000_000).contains($0) })
        #expect(Set(pauses).count > 50)
    }

    @Test("no more checks are under way at once than allowed; the others follow as soon as there is room")
    func limit() {
        let kit = SupervisorKit(probes: 4)
        kit.apply(model((1...10).map { "10.0.0.\($0)" }))
        var answered = 0
        while !kit.prober.open.isEmpty {
            kit.prober.answer(.success)
            kit.settle()
            answered += 1
        }
        #expect(answered == 10)
        #expect(kit.prober.largestOpenCount == 4)
        #expect(kit.last()?.text.contains { $0.hasSuffix("!") } == false)
    }

    @Test("an endpoint that left while its check waited or was under way gives its place back")
    func placesComeBack() {
        let kit = SupervisorKit(probes: 1)
        kit.apply(model(["10.0.0.1", "10.0.0.2"]))
        kit.apply(model(["10.0.0.3"]))
        #expect(kit.prober.begins.count == 1)
        kit.prober.answer(.timeout)
        #expect(kit.prober.open.map(\.order.hostField) == [Array("10.0.0.3:8080".utf8)])
        kit.prober.answer(.success)
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.3:8080"])
    }

    @Test("a reload keeps what is known of an endpoint, and its rhythm")
    func reloadKeepsHealth() {
        let kit = SupervisorKit()
        kit.prober.automatic = { $0.hostField == Array("10.0.0.2:8080".utf8) ? .failure : .success }
        let first = kit.apply(model(["10.0.0.1", "10.0.0.2"]))
        #expect(first.map(\.endpoints.text) == [["10.0.0.1:8080", "10.0.0.2:8080 !"]])
        let checks = kit.prober.begins.count
        let entries = kit.apply(model(["10.0.0.2", "10.0.0.1"], Make.check(interval: .seconds(20))))
        #expect(entries.map(\.endpoints.text) == [["10.0.0.2:8080 !", "10.0.0.1:8080"]])
        #expect(kit.prober.begins.count == checks)
    }

    @Test("a check that is new for an endpoint in service does not take it out; one that goes makes all usable")
    func checkComesAndGoes() {
        let kit = SupervisorKit()
        kit.apply(model(["10.0.0.1"], nil))
        #expect(
            kit.apply(model(["10.0.0.1", "10.0.0.2"])).map(\.endpoints.text) == [["10.0.0.1:8080", "10.0.0.2:8080 !"]]
        )
        #expect(
            kit.apply(model(["10.0.0.1", "10.0.0.2"], nil)).map(\.endpoints.text) == [
                ["10.0.0.1:8080", "10.0.0.2:8080"]
            ]
        )
        kit.prober.answer(.failure)
        kit.prober.answer(.failure)
        kit.advance(.minutes(1))
        #expect(kit.prober.begins.count == 2)
        #expect(kit.publicationCount == 0)
    }
}
