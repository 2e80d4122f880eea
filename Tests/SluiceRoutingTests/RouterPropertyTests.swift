import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceRouting

/// Random routes and requests over a small alphabet, so that conditions meet often.
private struct Generator {
    var random: RandomSource

    init(seed: UInt64) {
        random = RandomSource(seed: seed)
    }

    mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

    mutating func some<T>(_ most: Int, _ make: (inout Generator) -> T) -> [T] {
        (0..<below(most + 1)).map { _ in make(&self) }
    }

    // MARK: - Routes

    mutating func segments(_ most: Int) -> String {
        (0..<below(most + 1)).map { _ in "/" + pick(["a", "b", "ab", "abc", "c1", ""]) }.joined()
    }

    mutating func template() -> String {
        var text = ""
        for index in 0..<(1 + below(4)) { text += "/" + (chance(50) ? "{v\(index)}" : pick(["a", "b", "ab"])) }
        return chance(30) ? text + "/{rest...}" : text
    }

    mutating func path() -> PathMatch {
        switch below(10) {
        case 0: return .any
        case 1, 2: return .exact(chance(5) ? "*" : "/" + segments(3).dropFirst())
        case 3, 4: return .prefix("/" + segments(3).dropFirst())
        case 5, 6, 7: return .template(template())
        default:
            let tail = pick([".*", "[ab]", "(/.*)?", "[0-9]+", "(?P<x>[^/]+)(/b)?", "a|/b", "", "(b|/a)*"])
            return .regex(segments(2) + tail)
        }
    }

    mutating func value() -> ValueMatch {
        switch below(8) {
        case 0, 1, 2: return .exact(pick(["1", "2", "1,2", ""]))
        case 3: return .prefix("1")
        case 4: return .suffix("2")
        case 5: return .contains(",")
        case 6: return .regex("[12]+")
        default: return .present(chance(50))
        }
    }

    mutating func route() -> RouteModel {
        var model = RouteModel(name: "r", place: .builtIn, action: .respond(RespondModel()))
        model.match.path = path()
        if chance(50) {
            model.match.hosts = some(2) { $0.pick(["a.com", "b.a.com", "*.a.com", "*.com", "c.b.a.com", "*"]) }
        }
        if chance(30) { model.match.methods = some(2) { $0.pick(["GET", "HEAD", "POST", "PURGE", "X"]) } }
        if chance(25) { model.match.headers = some(2) { $0.field(["x-a", "accept"]) } }
        if chance(20) { model.match.query = some(2) { $0.field(["q", "p"]) } }
        if chance(8) { model.match.sni = [pick(["a.com", "*.a.com"])] }
        if chance(8) { model.match.source = [pick(["10.0.0.0/8", "10.1.0.0/16", "::/0"])].compactMap { CIDR($0) } }
        if chance(8) { model.match.listeners = some(2) { $0.pick(["l0", "l1"]) } }
        return model
    }

    private mutating func field(_ names: [String]) -> FieldMatch { FieldMatch(name: pick(names), value: value()) }

    // MARK: - Requests

    mutating func head() -> RequestHead {
        let headers = some(3) { ($0.pick(["X-A", "x-a", "Accept", "Origin"]), $0.pick(["1", "2", "", "12"])) }
        let preflight =
            chance(10) ? [("Access-Control-Request-Method", pick(["GET", "POST", "PURGE"])), ("Origin", "o")] : []
        let query = some(3) { $0.pick(["q=1", "q=2", "p", "p=1%2C2", "q", "%71=1", "z=1", ""]) }.joined(separator: "&")
        return request(
            preflight.isEmpty ? pick(["GET", "GET", "GET", "HEAD", "POST", "PURGE", "OPTIONS", "Y"]) : "OPTIONS",
            chance(3) ? "*" : "/" + segments(4).dropFirst(),
            host: pick(["a.com", "b.a.com", "c.b.a.com", "x.com", "", "com"]),
            query: chance(50) ? query : nil,
            headers: headers + preflight
        )
    }

    mutating func context() -> RouteContext {
        RouteContext(
            listener: below(3),
            source: chance(70) ? IPAddress(pick(["10.1.2.3", "10.2.2.3", "::1", "192.0.2.1"])) : nil,
            sni: chance(50) ? Array(pick(["a.com", "b.a.com"]).utf8) : nil,
            matchesPreflights: chance(50)
        )
    }
}

@Suite("The compiled table answers like a scan of the list")
struct RouterPropertyTests {
    @Test("random routes in native and in any order", arguments: 1...60)
    func agreement(seed: UInt64) throws {
        var generator = Generator(seed: seed)
        var routes = (0..<(1 + generator.below(40))).map { _ in generator.route() }
        if seed.isMultiple(of: 2) { NativeOrder.sort(&routes) }
        let both = try BothMatchers(routes, listeners: ["l0", "l1", "l2"])
        var scratch = MatchScratch()
        for round in 0..<500 {
            let head = generator.head()
            let context = generator.context()
            let compiled = both.compiled(head, context, &scratch)
            let linear = both.linear.match(head, context)
            #expect(compiled.outcome == linear, "seed \(seed), round \(round): \(describe(head)) \(context)")
            guard case .route(let index) = linear else {
                #expect(compiled.captures == [])
                continue
            }
            let path = head.fields.string(head.path)
            let captures = both.linear.captures(of: routes[index].match.path, path: path)
            #expect(compiled.captures == captures?.map(\.value), "seed \(seed), round \(round): \(path)")
        }
    }

    /// Long lists of one path are divided by value: the answer must not change.
    @Test("many routes with one path and different fields", arguments: 1...8)
    func divided(seed: UInt64) throws {
        var generator = Generator(seed: 1000 + seed)
        let routes = (0..<300).map { _ in
            var model = generator.route()
            model.match.path = generator.pick([.exact("/a"), .exact("/a"), .prefix("/a"), .regex("/a.*")])
            model.match.hosts = []
            model.match.headers = generator.some(2) { g in
                FieldMatch(name: g.pick(["x-a", "accept"]), value: g.chance(80) ? .exact("\(g.below(20))") : g.value())
            }
            return model
        }
        let both = try BothMatchers(routes, listeners: ["l0", "l1", "l2"])
        var scratch = MatchScratch()
        for round in 0..<100 {
            let value = { (g: inout Generator) in "\(g.below(22))" }
            let headers = [("X-A", value(&generator)), ("Accept", value(&generator))].prefix(generator.below(3))
            let head = request(
                generator.pick(["GET", "POST", "PURGE"]),
                generator.pick(["/a", "/a/b"]),
                query: generator.pick(["q=1", "p=2", nil]),
                headers: Array(headers)
            )
            let context = generator.context()
            let compiled = both.compiled(head, context, &scratch).outcome
            #expect(compiled == both.linear.match(head, context), "seed \(seed), round \(round)")
        }
    }

    private func describe(_ head: RequestHead) -> String {
        let fields = head.fields.entries.map {
            head.fields.string($0.nameRange) + ": " + head.fields.string($0.valueRange)
        }
        let method = head.fields.string(head.methodRange)
        let query = head.query.map { "?" + head.fields.string($0) } ?? ""
        return "\(method) \(head.fields.string(head.host))\(head.fields.string(head.path))\(query) \(fields)"
    }
}
