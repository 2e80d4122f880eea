import NIOCore
import SluiceConfig
import SluiceCore

/// Answers preflights and marks responses. Isolation: one loop. Allocates: the answer to a preflight, and the copy of an
/// origin.
final class CORSFilter: Filter {
    private static let origin = FieldKey("origin")
    private static let askedMethod = FieldKey("access-control-request-method")
    private static let askedHeaders = FieldKey("access-control-request-headers")
    private static let askedNetwork = FieldKey("access-control-request-private-network")
    private static let vary = FieldKey("vary")
    /// What only the gateway says about responses.
    private static let own = [
        "access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers",
        "access-control-allow-methods", "access-control-allow-headers", "access-control-max-age",
        "access-control-allow-private-network",
    ].map { FieldKey($0) }
    private static let family = MetricFamily(
        "sluice_cors_requests_total",
        .counter,
        help: "Requests of other origins, by whether the policy knows them.",
        labels: ["kind", "result"]
    )

    private let configuration: CORSConfiguration
    private let origins: OriginMatcher
    private let slot: Int
    private let methods: [UInt8]
    private let headers: [UInt8]?
    private let exposed: [UInt8]
    private let maxAge: [UInt8]?
    private let preflights, allowed, refused: Counter

    init(_ configuration: CORSConfiguration, _ resources: FilterResources) {
        self.configuration = configuration
        origins = OriginMatcher(configuration.origins)
        slot = resources.slot
        methods = Array(configuration.methods.joined(separator: ", ").utf8)
        headers = configuration.headers.map { Array($0.joined(separator: ", ").utf8) }
        exposed = Array(configuration.exposed.joined(separator: ", ").utf8)
        maxAge = configuration.maxAge.map { Array(String($0.nanoseconds / 1_000_000_000).utf8) }
        preflights = resources.metrics.counter(Self.family, ["preflight", "allowed"])
        allowed = resources.metrics.counter(Self.family, ["request", "allowed"])
        refused = resources.metrics.counter(Self.family, ["any", "refused"])
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        let fields = exchange.request.fields
        guard let index = fields.firstIndex(of: Self.origin) else { return .next }
        let range = fields.entries[index].valueRange
        // One origin, or none that could be trusted.
        let isOnly = fields.firstIndex(of: Self.origin, from: index + 1) == nil
        let isKnown = isOnly && fields.withBytes(range) { origins.allows($0) }
        let isPreflight = isPreflight(exchange)
        guard isKnown else {
            refused.increment()
            if configuration.enforces { return .respond(LocalReply(.originForbidden)) }
            // A preflight that is refused is still answered: without the headers, the browser goes no further.
            return isPreflight && !configuration.passesPreflights ? .respond(LocalReply(status: 204)) : .next
        }
        exchange.slots[slot] = Mark(
            origin: usesStar ? [] : fields.withBytes(range) { Array($0) },
            isPreflight: isPreflight
        )
        guard isPreflight else {
            allowed.increment()
            return .next
        }
        preflights.increment()
        return configuration.passesPreflights ? .next : .respond(LocalReply(status: 204))
    }

    private func isPreflight(_ exchange: ExchangeContext) -> Bool {
        guard case .options = exchange.request.method else { return false }
        return exchange.request.fields.firstIndex(of: Self.askedMethod) != nil
    }

    /// The same answer for everybody.
    private var usesStar: Bool { origins.allowsAll && !configuration.credentials }

    func onResponse(_ exchange: ExchangeContext) {
        for key in Self.own { exchange.response.fields.remove(key) }
        if !usesStar { addVary("Origin", to: &exchange.response.fields) }
        guard let mark = exchange.slots[slot] as? Mark else { return }
        exchange.slots[slot] = nil
        append("Access-Control-Allow-Origin", usesStar ? [UInt8(ascii: "*")] : mark.origin, exchange)
        if configuration.credentials { append("Access-Control-Allow-Credentials", Array("true".utf8), exchange) }
        if mark.isPreflight { return answerPreflight(exchange) }
        if !exposed.isEmpty { append("Access-Control-Expose-Headers", exposed, exchange) }
    }

    private func answerPreflight(_ exchange: ExchangeContext) {
        let fields = exchange.request.fields
        append("Access-Control-Allow-Methods", methods, exchange)
        if let headers {
            if !headers.isEmpty { append("Access-Control-Allow-Headers", headers, exchange) }
        } else if let index = fields.firstIndex(of: Self.askedHeaders) {
            let asked = fields.withBytes(fields.entries[index].valueRange) { Array($0) }
            if asked.allSatisfy({ ASCII.isToken($0) || $0 == 0x2C || $0 == 0x20 }) {
                append("Access-Control-Allow-Headers", asked, exchange)
            }
            addVary("Access-Control-Request-Headers", to: &exchange.response.fields)
        }
        if let maxAge { append("Access-Control-Max-Age", maxAge, exchange) }
        if let index = fields.firstIndex(of: Self.askedNetwork) {
            let isAsked = fields.withBytes(fields.entries[index].valueRange) { ASCII.equalsFolded($0, "true") }
            if isAsked, configuration.privateNetwork {
                append("Access-Control-Allow-Private-Network", Array("true".utf8), exchange)
            }
            addVary("Access-Control-Request-Private-Network", to: &exchange.response.fields)
        }
    }

    private func append(_ name: StaticString, _ value: [UInt8], _ exchange: ExchangeContext) {
        exchange.response.fields.append(
            name: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            value: value
        )
    }

    /// Caches must keep answers for different origins apart (RFC 9110, section 12.5.5). Once is enough, and `*` says it
    /// all.
    private func addVary(_ name: String, to fields: inout HeaderTable) {
        var from = 0
        while let index = fields.firstIndex(of: Self.vary, from: from) {
            from = index + 1
            let isThere = fields.withBytes(fields.entries[index].valueRange) { value in
                value.split(separator: UInt8(ascii: ",")).contains { part in
                    let part = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: part))
                    return part.elementsEqual([UInt8(ascii: "*")])
                        || (part.count == name.utf8.count
                            && zip(part, name.utf8).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) })
                }
            }
            if isThere { return }
        }
        fields.append(name: "Vary".utf8, value: name.utf8)
    }

    /// A request of an origin that the policy knows.
    private final class Mark {
        let origin: [UInt8]
        let isPreflight: Bool

        init(origin: [UInt8], isPreflight: Bool) {
            self.origin = origin
            self.isPreflight = isPreflight
        }
    }
}
