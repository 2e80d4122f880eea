import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import Testing

@testable import SluiceControl

@Suite struct SampleRequestTests {
    @Test(
        "a text that the expression matches",
        arguments: [
            "/a", "/a.*", "/item/[0-9]+", "/[^/]+/x", "(?:/a|/b)(/.*)?", "/(?P<id>\\d{3})-(?P<x>[a-f]{2,4})", "^/x$",
            "/[[:alpha:]]+", "/\\w+\\.(json|xml)", "/a{0,2}b", "(?i)/ABC", "/(a(b(c)?)+)*", "/[a-z&&]", "/[]x]", "/é+",
            "/.{3}", "/a?b??c+?", "\\Q/a.b\\E|/z", "/\\x41", "/[^a-z0-9]", "(/x)", "/\\p{Greek}|/q",
        ]
    )
    func regex(_ pattern: String) throws {
        let text = try #require(RegexSample.text(for: pattern), "\(pattern)")
        let expression = try RegularExpression(pattern)
        let matches = Array(text.utf8).withUnsafeBytes { expression.matches($0) }
        #expect(matches, "\(pattern): \(text)")
    }

    @Test(
        "or none, without looking for ever",
        arguments: ["[^\\x00-\\x{10FFFF}]", "a\\bb", "(((((a{1000}){1000}", "(", "\\p{Han}"]
    )
    func none(_ pattern: String) {
        #expect(RegexSample.text(for: pattern) == nil)
    }

    /// The first request of a route meets it, whatever its conditions are.
    @Test(
        arguments: [
            (PathMatch.any, [:], [:]), (.exact("/a b"), ["x": .exact("1")], [:]),
            (.prefix("/café"), [:], ["q": .exact("a&b=c d")]),
            (.template("/a/{b}/{c...}"), ["x": .regex("[0-9]{2}")], ["é": .prefix("ü")]),
            (
                .regex("/x/[a-z]+"), ["x": .present(true), "y": .present(false)],
                ["p": .suffix("%"), "q": .contains("+")]
            ),
        ] as [(PathMatch, [String: ValueMatch], [String: ValueMatch])]
    )
    func meets(path: PathMatch, headers: [String: ValueMatch], query: [String: ValueMatch]) throws {
        var route = RouteModel.respond("it", path) { _ in }
        route.match.headers = headers.map { FieldMatch(name: $0.key, value: $0.value) }
        route.match.query = query.map { FieldMatch(name: $0.key, value: $0.value) }
        route.match.hosts = ["*.example.com", "x.test"]
        route.match.methods = ["PURGE", "GET"]
        route.match.source = ["2001:db8::/32"].compactMap { CIDR($0) }
        let model = GatewayModel.routing(route)
        let samples = SampleRequests(route.match, listener: 0, at: model.listeners[0].address).all
        let side = try DiffSide(model)
        let first = try #require(samples.first)
        #expect(side.decide(first, at: 0).answer == .route(0), "\(first)")
        #expect(samples.dropFirst().contains { side.decide($0, at: 0).answer != .route(0) })
        #expect(Set(samples).count >= 10 && samples.count <= 60)
    }

    @Test("commands that a shell reads as they are meant")
    func curl() {
        var request = SampleRequest(listener: 0, method: "POST", host: "a.test", path: "/it's")
        request.query = ["a=b"]
        request.headers = [
            .init(name: "x", value: "$(date)"), .init(name: "empty", value: ""),
            .init(name: "authorization", value: "abc"),
        ]
        request.source = IPAddress("192.0.2.9")
        #expect(
            request.curl(to: .ip(host: "0.0.0.0", port: 81))
                == "curl -i -X POST 'http://127.0.0.1:81/it'\\''s?a=b' -H 'host: a.test' -H 'x: $(date)' -H 'empty;'"
                + " -H 'authorization: ***'   # from 192.0.2.9"
        )
        let plain = SampleRequest(listener: 0, method: "HEAD", host: "localhost", path: "/")
        #expect(plain.curl(to: .unix(path: "/run/a b")) == "curl -i -I --unix-socket '/run/a b' http://localhost/")
        let six = SampleRequest(listener: 0, host: "[::1]", path: "/")
        #expect(six.curl(to: .ip(host: "::", port: 80)) == "curl -i 'http://[::1]/'")
    }
}
