import NIOCore
import SluiceConfig
import Testing

@testable import SluiceUpstream

@Suite struct OutlierEjectionTests {
    private func model(_ outlier: OutlierModel? = Self.rules(), check: HealthCheckModel? = nil) -> UpstreamModel {
        var model = Make.upstream("app", Make.ip("10.0.0.1"), Make.ip("10.0.0.2"))
        model.outlier = outlier
        model.healthCheck = check
        return model
    }

    private static func rules() -> OutlierModel {
        var model = OutlierModel()
        model.consecutive5xx = 5
        model.baseEjection = .seconds(30)
        return model
    }

    /// Counts a failure at the first endpoint the way the loops do.
    private func fail(_ entry: UpstreamSupervision.Entry, _ count: Int, _ model: OutlierModel = Self.rules()) {
        let endpoint = entry.endpoints.states[0]
        for _ in 0..<count {
            if let cause = endpoint.outliers.record(.status(500), model) { entry.state.report(cause, at: endpoint.id) }
        }
    }

    @Test("five failures in a row take an endpoint out, and it comes back after its time with a clean record")
    func outAndBack() throws {
        let kit = SupervisorKit()
        let entry = try #require(kit.apply(model()).first)
        fail(entry, 4)
        kit.settle()
        #expect(kit.publicationCount == 0)
        fail(entry, 1)
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.1:8080 !", "10.0.0.2:8080"])
        fail(entry, 4)
        kit.advance(.seconds(29))
        #expect(kit.publicationCount == 1)
        kit.advance(.seconds(1))
        #expect(kit.last()?.text == ["10.0.0.1:8080", "10.0.0.2:8080"])
        fail(entry, 4)
        kit.settle()
        #expect(kit.publicationCount == 2)
        #expect(
            kit.log.text == [
                "upstream app: 10.0.0.1:8080 is left out for a while (consecutive_5xx)",
                "upstream app: 10.0.0.1:8080 is back",
            ]
        )
    }

    @Test("a reload keeps an ejection, also one that changes the rules; without rules all are back")
    func reloadKeepsEjection() throws {
        let kit = SupervisorKit()
        let entry = try #require(kit.apply(model()).first)
        fail(entry, 5)
        kit.settle()
        var longer = Self.rules()
        longer.baseEjection = .seconds(300)
        #expect(kit.apply(model(longer)).map(\.endpoints.text) == [["10.0.0.1:8080 !", "10.0.0.2:8080"]])
        kit.advance(.seconds(30))
        #expect(kit.last()?.text == ["10.0.0.1:8080", "10.0.0.2:8080"])
        fail(entry, 5, longer)
        kit.advance(.seconds(290))
        #expect(kit.last()?.text == ["10.0.0.1:8080 !", "10.0.0.2:8080"])
        #expect(kit.apply(model(nil)).map(\.endpoints.text) == [["10.0.0.1:8080", "10.0.0.2:8080"]])
    }

    @Test("a passed health check brings an endpoint back early")
    func healthCheckBringsBack() throws {
        let kit = SupervisorKit()
        kit.prober.automatic = { _ in .success }
        let entry = try #require(kit.apply(model(check: Make.check(interval: .seconds(5)))).first)
        fail(entry, 5)
        kit.settle()
        #expect(kit.last()?.text == ["10.0.0.1:8080 !", "10.0.0.2:8080"])
        kit.advance(.seconds(6))
        #expect(kit.last()?.text == ["10.0.0.1:8080", "10.0.0.2:8080"])
        #expect(kit.log.text.last == "upstream app: 10.0.0.1:8080 is back after a passed health check")
    }

    @Test("reports of an endpoint or upstream that has left change nothing")
    func lateReports() throws {
        let kit = SupervisorKit()
        let entry = try #require(kit.apply(model()).first)
        kit.apply(Make.upstream("app", Make.ip("10.0.0.2"), Make.ip("10.0.0.3")))
        fail(entry, 5)
        kit.settle()
        kit.apply(Make.upstream("other"))
        fail(entry, 5)
        kit.settle()
        #expect(kit.publicationCount == 0)
        #expect(kit.log.text.isEmpty)
    }
}
