import SluiceCore
import SluiceHTTP

/// Answers preflights and marks responses. Isolation: one loop.
///
/// What was decided about the origin is kept with the request until its response, since a filter in between may take
/// the field away. Allocates: for a preflight, and for an origin that is no exact one of the configuration.
final class CORSFilter: Filter {
    private static let askedMethod = FieldKey("access-control-request-method")
    private static let askedHeaders = FieldKey("access-control-request-headers")
    private static let askedNetwork = FieldKey("access-control-request-private-network")
    private static let family = MetricFamily(
        "sluice_cors_requests_total",
        .counter,
        help: "Requests of other origins, by whether the policy knows them.",
        labels: ["kind", "result"]
    )
    /// Longer lists of headers are not repeated; a browser's are far shorter.
    private static let longestList = 4096

    private let origins: OriginMatcher
    private let lines: CORSLines
    /// Everybody gets the same answer, so that caches need not tell origins apart.
    private let isSameForAll: Bool
    private let continuesPreflights: Bool
    private let allowsPrivateNetwork: Bool
    private let enforces: Bool
    private let slot: Int
    private let exactRequests: [Note]
    private let exactPreflights: [Note]
    private let sameRequest: Note
    private let samePreflight: Note
    private let strangePreflight = Note(.preflight)
    private let preflights, allowed, refused: Counter

    init(_ configuration: CORSConfiguration, _ resources: FilterResources) {
        origins = OriginMatcher(configuration.origins)
        isSameForAll = origins.allowsAll && !configuration.credentials
        lines = CORSLines(configuration, isSameForAll: isSameForAll)
        continuesPreflights = configuration.continuesPreflights
        allowsPrivateNetwork = configuration.privateNetwork
        enforces = configuration.enforces
        slot = resources.slot
        func note(_ kind: Note.Kind, _ origin: [UInt8]) -> Note {
            Note(kind, line: FieldLine(name: "Access-Control-Allow-Origin".utf8, value: origin))
        }
        let preflight: Note.Kind = continuesPreflights ? .continued : .preflight
        exactRequests = origins.exact.map { note(.request, $0) }
        exactPreflights = origins.exact.map { note(preflight, $0) }
        sameRequest = Note(.request, line: lines.star)
        samePreflight = Note(preflight, line: lines.star)
        preflights = resources.metrics.counter(Self.family, ["preflight", "allowed"])
        allowed = resources.metrics.counter(Self.family, ["request", "allowed"])
        refused = resources.metrics.counter(Self.family, ["any", "refused"])
    }

    // MARK: - Requests

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        guard let index = exchange.request.fields.find(.origin) else { return .next }
        let isPreflight = isPreflight(exchange)
        guard let note = note(&exchange.request.fields, index, isPreflight: isPreflight) else {
            return strange(exchange, index, isPreflight: isPreflight)
        }
        remember(note, exchange)
        guard isPreflight else {
            allowed.increment()
            return .next
        }
        preflights.increment()
        return continuesPreflights ? .next : .respond(LocalReply(status: 204))
    }

    /// Fetch standard, "CORS-preflight fetch": OPTIONS with the origin and the method that is meant.
    private func isPreflight(_ exchange: ExchangeContext) -> Bool {
        guard case .options = exchange.request.method else { return false }
        return exchange.request.fields.firstIndex(of: Self.askedMethod) != nil
    }

    /// What to say to an origin that the policy knows; nil for others. Of two Origin fields none can be trusted.
    ///
    /// Changes nothing: `inout` so that the head is borrowed and not copied.
    private func note(_ fields: inout HeaderTable, _ index: Int, isPreflight: Bool) -> Note? {
        if isSameForAll { return isPreflight ? samePreflight : sameRequest }
        guard fields.find(.origin, from: index + 1) == nil else { return nil }
        let range = fields.entries[index].valueRange
        switch fields.withBytes(range, { origins.match($0) }) {
        case .none: return nil
        case .exact(let place): return isPreflight ? exactPreflights[place] : exactRequests[place]
        // Sent back as it came: browsers compare it with theirs byte by byte.
        case .other: return Note(!isPreflight ? .request : continuesPreflights ? .continued : .preflight, origin: range)
        }
    }

    /// A preflight of a stranger is answered, too: without the fields, the browser goes no further.
    private func strange(_ exchange: ExchangeContext, _ index: Int, isPreflight: Bool) -> HeadVerdict {
        // Browsers name the origin in a site's own POST requests as well, which are no matter of CORS.
        if !isPreflight, isOwn(exchange, index) { return .next }
        refused.increment()
        if enforces { return .respond(LocalReply(.originForbidden)) }
        guard isPreflight, !continuesPreflights else { return .next }
        remember(strangePreflight, exchange)
        return .respond(LocalReply(status: 204))
    }

    /// Whether the origin is the very host that was asked. Its scheme is not compared: TLS may end in front of the
    /// gateway.
    private func isOwn(_ exchange: ExchangeContext, _ index: Int) -> Bool {
        let fields = exchange.request.fields
        guard fields.firstIndex(of: .origin, from: index + 1) == nil else { return false }
        return fields.withBytes(fields.entries[index].valueRange) { origin in
            guard let parts = OriginParts(origin) else { return false }
            let usual = OriginParts.usualPort(ofScheme: UnsafeRawBufferPointer(rebasing: origin[..<parts.schemeCount]))
            return fields.withBytes(exchange.request.authority) { authority in
                let host = UnsafeRawBufferPointer(rebasing: origin[parts.host])
                guard authority.count >= host.count,
                    ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: authority.prefix(host.count)), host)
                else { return false }
                let rest = authority.dropFirst(host.count)
                guard let port = parts.port ?? usual else { return rest.isEmpty }
                return rest.isEmpty ? port == usual : rest.elementsEqual(":\(port)".utf8)
            }
        }
    }

    private func remember(_ note: Note, _ exchange: ExchangeContext) {
        if exchange.slots.indices.contains(slot) { exchange.slots[slot] = note }
    }

    // MARK: - Responses

    func onResponse(_ exchange: ExchangeContext) {
        let note = exchange.slots.indices.contains(slot) ? exchange.slots[slot] as? Note : nil
        switch note?.kind {
        case .preflight: return answerPreflight(exchange, note)
        case .continued: exchange.response.fields.removeCORS(.origins)
        case .request, nil: exchange.response.fields.removeCORS(.all)
        }
        guard !isSameForAll else {
            // Also to requests without an origin: a cache may serve their answers to others (Fetch standard, "CORS
            // protocol and HTTP caches").
            exchange.response.fields.append(lines.star)
            if let exposed = lines.exposed { exchange.response.fields.append(exposed) }
            return
        }
        exchange.response.fields.addVaryOrigin()
        guard let note else { return }
        appendOrigin(note, exchange)
        if let exposed = lines.exposed, case .request = note.kind { exchange.response.fields.append(exposed) }
    }

    private func appendOrigin(_ note: Note, _ exchange: ExchangeContext) {
        if let line = note.line {
            exchange.response.fields.append(line)
        } else {
            exchange.request.fields.withBytes(note.origin) { origin in
                exchange.response.fields.append(name: "Access-Control-Allow-Origin".utf8, value: origin)
            }
        }
        if let credentials = lines.credentials { exchange.response.fields.append(credentials) }
    }

    /// The answer is the gateway's own. A method or header that is not allowed needs no word of its own: the browser
    /// compares the lists with what it wants to send, and tells its developer tools what is missing.
    private func answerPreflight(_ exchange: ExchangeContext, _ note: Note?) {
        exchange.response.fields.append(lines.preflightVary)
        guard let note, note !== strangePreflight else { return }
        appendOrigin(note, exchange)
        if let methods = lines.methods {
            exchange.response.fields.append(methods)
        } else {
            repeatList(Self.askedMethod, as: "Access-Control-Allow-Methods", exchange)
        }
        if let headers = lines.headers {
            exchange.response.fields.append(headers)
        } else if !lines.allowsNoHeaders {
            repeatList(Self.askedHeaders, as: "Access-Control-Allow-Headers", exchange)
        }
        if let maxAge = lines.maxAge { exchange.response.fields.append(maxAge) }
        if allowsPrivateNetwork, asksForPrivateNetwork(exchange) {
            exchange.response.fields.append(lines.privateNetwork)
        }
    }

    private func asksForPrivateNetwork(_ exchange: ExchangeContext) -> Bool {
        guard let index = exchange.request.fields.firstIndex(of: Self.askedNetwork) else { return false }
        return exchange.request.fields.withBytes(exchange.request.fields.entries[index].valueRange) {
            ASCII.equalsFolded($0, "true")
        }
    }

    /// Allows what is asked for. A star would not do: with credentials browsers take it literally, and it never covers
    /// `Authorization`.
    private func repeatList(_ key: FieldKey, as name: String, _ exchange: ExchangeContext) {
        guard let index = exchange.request.fields.firstIndex(of: key) else { return }
        exchange.request.fields.withBytes(exchange.request.fields.entries[index].valueRange) { list in
            guard list.count <= Self.longestList, Self.isListOfNames(list) else { return }
            exchange.response.fields.append(name: name.utf8, value: list)
        }
    }

    private static func isListOfNames(_ list: UnsafeRawBufferPointer) -> Bool {
        var isList = !list.isEmpty
        FieldList.forEach(list) { item in
            if item.isEmpty || !item.allSatisfy(ASCII.isToken) { isList = false }
        }
        return isList
    }

    /// What was decided about a request.
    private final class Note {
        enum Kind { case request, preflight, continued }

        let kind: Kind
        /// The line with the origin, where it was ready.
        let line: FieldLine?
        /// Where the origin lies in the request otherwise.
        let origin: ByteRange

        init(_ kind: Kind, line: FieldLine? = nil, origin: ByteRange = .empty) {
            self.kind = kind
            self.line = line
            self.origin = origin
        }
    }
}
