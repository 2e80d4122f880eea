import NIOEmbedded
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

/// The token that page and example show is good for the example.
@Suite struct JWTExampleTests {
    @Test(arguments: ["docs/filters/jwt.md", "examples/jwt.yaml"])
    func theTokenPasses(_ name: String) throws {
        let page = try Repository.read(name)
        let line = try #require(page.split(separator: "\n").first { $0.contains("TOKEN=ey") })
        let token = String(line.drop { $0 != "e" })
        #expect(token == JWTFixtures.text(JWTFixtures.file["example"]))

        let check = ConfigurationCheck.run([Repository.path("examples/jwt.yaml")], filters: BuiltInFilters.catalog)
        let model = try #require(check.model, "\(check.report(.text))")
        let filters = model.routes.flatMap(\.filters).map(\.configuration)
        let configuration = try #require(filters.compactMap { $0 as? JWTConfiguration }.first)
        let loop = LoopContext(loop: EmbeddedEventLoop(), wallClock: { JWTFixtures.now })
        let resources = FilterResources(loop: loop, slot: 0, surroundings: FilterSurroundings(gateway: model))
        let filter = configuration.makeFilter(resources)
        let exchange = TestExchange(request: [("Authorization", "Bearer \(token)"), ("X-User", "admin")])
        #expect(filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines == ["x-user: alice"])
        #expect(exchange.consumer?.name == Array("alice".utf8))
    }
}
