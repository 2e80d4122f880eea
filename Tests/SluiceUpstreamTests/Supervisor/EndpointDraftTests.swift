import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

@Suite struct EndpointDraftTests {
    private func drafts(_ model: UpstreamModel, _ resolved: [DNSEndpoint] = []) -> [EndpointDraft] {
        EndpointDraft.all(of: model) { _ in resolved }
    }

    private func host(_ address: EndpointAddress, _ resolved: DNSEndpoint...) -> [String] {
        drafts(Make.upstream("app", address), resolved).map { String(decoding: $0.key.hostField, as: UTF8.self) }
    }

    @Test(
        "the Host field is name or address, with a port that is not 80, IPv6 in brackets, localhost for a Unix socket"
    )
    func hostFields() throws {
        let found = DNSEndpoint(address: try #require(IPAddress("10.0.0.1")), port: 8080)
        let plain = DNSEndpoint(address: try #require(IPAddress("10.0.0.1")), port: 80)
        #expect(host(Make.ip("10.0.0.1", 8080)) == ["10.0.0.1:8080"])
        #expect(host(Make.ip("10.0.0.1", 80)) == ["10.0.0.1"])
        #expect(host(Make.ip("2001:db8::1", 8080)) == ["[2001:db8::1]:8080"])
        #expect(host(Make.ip("2001:db8::1", 80)) == ["[2001:db8::1]"])
        #expect(host(.name("app.test", port: 8080), found) == ["app.test:8080"])
        #expect(host(.name("app.test", port: 80), plain) == ["app.test"])
        #expect(host(.service("_http._tcp.app.test"), found) == ["app.test:8080"])
        #expect(host(.unix(path: "/run/app.sock")) == ["localhost"])
    }

    @Test("an endpoint that is named twice is one with both weights, and no sum overflows")
    func duplicates() {
        var model = Make.upstream("app", Make.ip("10.0.0.1"), Make.ip("10.0.0.2"), Make.ip("10.0.0.1"))
        model.endpoints[0].weight = 2
        model.endpoints[2].weight = 3
        #expect(drafts(model).map(\.weight) == [5, 1])
        model.endpoints[2].weight = .max
        #expect(drafts(model).map(\.weight) == [.max, 1])
    }

    @Test(
        "weights of configuration and DNS are multiplied, 0 stays 0, and no product overflows",
        arguments: [
            (UInt32(3), UInt32(20), UInt32(60)), (0, 20, 0), (.max, .max, .max),
        ]
    )
    func weights(configured: UInt32, resolved: UInt32, expected: UInt32) throws {
        var model = Make.upstream("app", .service("_http._tcp.app.test"))
        model.endpoints[0].weight = configured
        let address = try #require(IPAddress("10.0.0.1"))
        let found = DNSEndpoint(address: address, port: 80, priority: 4, weight: resolved)
        #expect(drafts(model, [found]).map(\.weight) == [expected])
        #expect(drafts(model, [found]).map(\.priority) == [4])
    }

    @Test("the same address under two names is two endpoints, since each wants its own Host")
    func twoNames() throws {
        let found = DNSEndpoint(address: try #require(IPAddress("10.0.0.1")), port: 80)
        let model = Make.upstream("app", .name("a.test", port: 80), .name("b.test", port: 80))
        #expect(Set(drafts(model, [found]).map(\.key)).count == 2)
    }
}
