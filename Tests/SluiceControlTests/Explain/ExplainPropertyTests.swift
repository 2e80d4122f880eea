import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceHTTP
import SluiceProxy
import SluiceRouting
import SluiceTesting
import Testing

/// Random tables and requests over a small alphabet, so that conditions meet often.
private struct Generator {
    var random: RandomSource

    mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

    mutating func path() -> PathMatch {
        func segments(_ generator: inout Generator) -> String {
            (0..<generator.below(3)).map { _ in "/" + generator.pick(["a", "b", "ab"]) }.joined()
        }
        switch below(6) {
        case 0: return .any
        case 1: return .exact("/" + segments(&self).dropFirst())
        case 2, 3: return .prefix("/" + segments(&self).dropFirst())
        case 4: return .template("/{x}" + segments(&self))
        default: return .regex(segments(&self) + pick([".*", "/[ab]", "(/.*)?"]))
        }
    }

    mutating func field(_ names: [String]) -> FieldMatch {
        let values: [ValueMatch] = [.exact("1"), .prefix("1"), .present(true), .present(false), .regex("[12]+")]
        return FieldMatch(name: pick(names), value: pick(values))
    }

    mutating func route(_ index: Int) -> RouteModel {
        var model = RouteModel(
            name: "r\(index)",
            place: SourcePlace(file: "a.yaml", line: index + 1, column: 1),
            action: .respond(RespondModel())
        )
        model.match.path = path()
        if chance(40) { model.match.hosts = [pick(["a.com", "*.a.com", "b.a.com"])] }
        if chance(30) { model.match.methods = [pick(["GET", "POST", "PURGE"])] }
        if chance(25) { model.match.headers = [field(["x-a", "accept"])] }
        if chance(20) { model.match.query = [field(["q", "p"])] }
        if chance(10) { model.match.source = [pick(["10.0.0.0/8", "10.1.0.0/16"])].compactMap { CIDR($0) } }
        if chance(10) { model.match.listeners = [pick(["l0", "l1"])] }
        return model
    }

    mutating func model() -> GatewayModel {
        var model = GatewayModel()
        model.listeners = [.loopback("l0"), .loopback("l1")]
        model.routes = (0..<(1 + below(30))).map { route($0) }
        if chance(60) { NativeOrder.sort(&model.routes) }
        return model
    }

    mutating func request() -> ExplainRequest {
        let path = (0..<below(4)).map { _ in "/" + pick(["a", "b", "ab", ".", "..", "%61", "a%2Fb"]) }.joined()
        let query = chance(40) ? "?" + pick(["q=1", "p=2", "q=12&p", "%71=1"]) : ""
        let headers = (0..<below(3)).map { _ in
            (name: pick(["X-A", "accept", "connection", "x_a"]), value: pick(["1", "2", "x-a", "12"]))
        }
        return ExplainRequest(
            pick(["GET", "GET", "HEAD", "POST", "PURGE", "OPTIONS"]),
            "http://" + pick(["a.com", "b.a.com", "A.com:8080", "c.com"]) + (path.isEmpty ? "/" : path) + query,
            headers: headers,
            listener: pick(["l0", "l1", nil]),
            client: IPAddress(pick(["10.1.2.3", "10.2.3.4", "192.0.2.1"]))
        )
    }
}

@Suite("Explain names the route that the compiled table finds")
struct ExplainPropertyTests {
    @Test("random tables and requests", arguments: 1...60)
    func winners(seed: UInt64) throws {
        var generator = Generator(random: RandomSource(seed: seed))
        let model = generator.model()
        let shared = try SnapshotCompiler.compile(model)
        let explainer = Explainer(shared)
        for round in 0..<100 {
            let request = generator.request()
            let explanation = try explainer.explain(request)
            let expected = try winner(shared, request)
            #expect(explanation.route?.name == expected, "seed \(seed), round \(round): \(request)")
            let doubt = explanation.request.notes.contains { $0.contains("please report") }
            #expect(!doubt, "seed \(seed), round \(round): \(request)")
            for miss in explanation.nearMisses {
                #expect(!miss.reasons.isEmpty)
                #expect(miss.name != expected, "seed \(seed), round \(round): \(request)")
            }
        }
    }

    /// The table's own answer, by codec and normaliser alone; nil: refused or no route.
    private func winner(_ shared: SharedSnapshot, _ request: ExplainRequest) throws -> String? {
        let url = request.url.dropFirst("http://".count)
        let slash = try #require(url.firstIndex(of: "/"))
        var text = "\(request.method) \(url[slash...]) HTTP/1.1\r\nhost: \(url[..<slash])\r\n"
        for header in request.headers { text += "\(header.name): \(header.value)\r\n" }
        var head = RequestHead()
        var parser = RequestParser()
        let result = parser.parse(ByteBuffer(string: text + "\r\n"), into: &head, limits: RequestParser.Limits())
        guard case .complete = result else { return nil }
        switch PathNormalizer.normalize(head.path, of: &head.fields.bytes, rules: PathRules()) {
        case .refused: return nil
        case .rewritten(let range): head.path = range
        case .unchanged: break
        }
        if head.nominatesFields { HopByHop.removeNominated(from: &head.fields) }
        let index = request.listener == "l1" ? 1 : 0
        var scratch = MatchScratch()
        var captures = Captures()
        let context = RouteContext(listener: index, source: request.client)
        guard case .route(let route) = shared.table.match(head, context, scratch: &scratch, captures: &captures) else {
            return nil
        }
        return shared.model.routes[route].name
    }
}
