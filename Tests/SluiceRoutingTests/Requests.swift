import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceRouting

/// Makes a request head as the codec leaves it.
func request(
    _ method: String = "GET",
    _ path: String,
    host: String = "",
    query: String? = nil,
    headers: [(String, String)] = []
) -> RequestHead {
    var head = RequestHead()
    // Something in front, so that ranges that forget the start of the path are seen.
    _ = head.fields.store("GET /received HTTP/1.1\r\n".utf8)
    for (name, value) in headers { head.fields.append(name: Array(name.utf8), value: Array(value.utf8)) }
    head.method = Array(method.utf8).withUnsafeBytes { Method.intern($0) }
    head.methodRange = head.fields.store(method.utf8)
    head.host = head.fields.store(host.utf8)
    head.path = head.fields.store(path.utf8)
    head.query = query.map { head.fields.store($0.utf8) }
    return head
}

/// Makes a route that forwards.
func route(
    _ path: PathMatch = .any,
    hosts: [String] = [],
    methods: [String] = [],
    headers: [String: ValueMatch] = [:],
    query: [String: ValueMatch] = [:],
    sni: [String] = [],
    source: [String] = [],
    listeners: [String] = []
) -> RouteModel {
    var route = RouteModel(name: "r", place: .builtIn, action: .respond(RespondModel()))
    route.match.path = path
    route.match.hosts = hosts
    route.match.methods = methods
    route.match.headers = headers.sorted { $0.key < $1.key }.map { FieldMatch(name: $0.key, value: $0.value) }
    route.match.query = query.sorted { $0.key < $1.key }.map { FieldMatch(name: $0.key, value: $0.value) }
    route.match.sni = sni
    route.match.source = source.compactMap { CIDR($0) }
    route.match.listeners = listeners
    return route
}

/// Asks both matchers, expects that they agree, and gives their answer.
func match(
    _ routes: [RouteModel],
    _ head: RequestHead,
    _ context: RouteContext = RouteContext(),
    listeners: [String] = []
) throws -> LinearMatcher.Outcome {
    let both = try BothMatchers(routes, listeners: listeners)
    let outcome = both.compiled(head, context)
    #expect(outcome == both.linear.match(head, context))
    return outcome
}

/// The answer of both matchers, as comparable values.
struct BothMatchers {
    let table: RouteTable
    let linear: LinearMatcher

    init(_ routes: [RouteModel], listeners: [String] = []) throws {
        table = try RouteTable.compile(routes, listeners: listeners)
        linear = LinearMatcher(routes, listeners: listeners)
    }

    func compiled(
        _ head: RequestHead,
        _ context: RouteContext = RouteContext(),
        _ scratch: inout MatchScratch
    ) -> (outcome: LinearMatcher.Outcome, captures: [String]) {
        var captures = Captures()
        let match = table.match(head, context, scratch: &scratch, captures: &captures)
        let values = (0..<captures.count).map { head.fields.string(captures[$0] ?? .empty) }
        switch match {
        case .route(let index): return (.route(index), values)
        case .methodNotAllowed(let methods): return (.methodNotAllowed(Set(table.names(of: methods))), values)
        case .none: return (.none, values)
        }
    }

    func compiled(_ head: RequestHead, _ context: RouteContext = RouteContext()) -> LinearMatcher.Outcome {
        var scratch = MatchScratch()
        return compiled(head, context, &scratch).outcome
    }
}
