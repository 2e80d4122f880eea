import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceRouting
import SluiceTLS
import SluiceUpstream

/// From the head to a route: path, client, match, variables, sticky hash.
extension Exchange {
    /// Puts the path into the form that routes match and the upstream sees.
    func preparePath(_ listener: LoopListener) -> GatewayError? {
        if listener.dropsUnderscores { dropUnderscoredFields() }
        guard !request.isAsterisk, request.method != .connect else { return nil }
        if request.path.isEmpty { request.path = request.fields.store([UInt8(ascii: "/")]) }
        switch PathNormalizer.normalize(request.path, of: &request.fields.bytes, rules: listener.path) {
        case .unchanged: return nil
        case .rewritten(let range):
            request.path = range
            return nil
        case .refused(let reason):
            return reason == .encodedSlash ? .encodedSlash : .badTarget
        }
    }

    private func dropUnderscoredFields() {
        for i in request.fields.entries.indices {
            let range = request.fields.entries[i].nameRange
            if request.fields.withBytes(range, { $0.contains(0x5F) }) { request.fields.removeEntry(at: i) }
        }
    }

    func findClient(_ connection: DownstreamConnection) {
        client = connection.listener.trustsNobody ? connection.peer.address : connection.clientAddress(of: request)
    }

    /// Finds the route and its filters.
    func route(_ snapshot: LoopSnapshot, _ connection: DownstreamConnection) {
        match(snapshot, connection, asPreflight: snapshot.answersPreflights)
        // Without somebody to answer it, a preflight is an OPTIONS request like others.
        if snapshot.answersPreflights, case .options = request.method, filterChain?.answersPreflights != true {
            match(snapshot, connection, asPreflight: false)
        }
        if let count = filterChain?.slotCount, count > slots.count {
            slots.append(contentsOf: repeatElement(nil, count: count - slots.count))
        }
    }

    private func match(_ snapshot: LoopSnapshot, _ connection: DownstreamConnection, asPreflight: Bool) {
        let context = RouteContext(
            listener: connection.listener.index,
            source: client,
            sni: connection.tls?.serverName,
            matchesPreflights: asPreflight
        )
        let match = snapshot.view?.match(&request, context, scratch: &worker.matchScratch, captures: &captures)
        allowedMethods = nil
        switch match ?? .none {
        case .route(let index): routeIndex = index
        case .none: routeIndex = -1
        case .methodNotAllowed(let methods):
            routeIndex = -1
            allowedMethods = methods
        }
        filterChain = routeIndex >= 0 ? snapshot.routes[routeIndex].chain : snapshot.globalChain
    }

    /// Ticks without a byte after which the exchange is given up.
    var streamIdleTicks: UInt64 {
        let route = routeIndex >= 0 ? snapshot?.routes[routeIndex].streamIdleTicks : nil
        return route ?? source?.listener.streamIdleTicks ?? TimerNode.never
    }

    // MARK: - Sticky choices

    /// The combined hash of the keys that the request has; nil when it has none.
    func hash(_ keys: [StickyKey]) -> UInt64? {
        guard !keys.isEmpty else { return nil }
        var hash = StickyHash()
        for key in keys { combine(key, into: &hash) }
        return hash.value
    }

    private func combine(_ key: StickyKey, into hash: inout StickyHash) {
        switch key {
        case .source:
            guard let client else { return }
            withUnsafeBytes(of: (client.high, client.low)) { hash.combine($0) }
        case .path: request.fields.withBytes(request.path) { hash.combine($0) }
        case .header(let name):
            guard let i = request.fields.firstIndex(of: name) else { return }
            request.fields.withBytes(request.fields.entries[i].valueRange) { hash.combine($0) }
        case .query(let name):
            guard let value = QueryParameters.first(name, in: request) else { return }
            request.fields.withBytes(value) { hash.combine($0) }
        case .cookie(let cookie):
            if let value = Cookies.value(cookie.name, in: request) {
                request.fields.withBytes(value) { hash.combine($0) }
            } else if let attributes = cookie.attributes {
                makeCookie(cookie.name, attributes, &hash)
            }
        }
    }

    /// A client without the cookie gets one, so that its next requests meet the same endpoint.
    private func makeCookie(_ name: [UInt8], _ attributes: [UInt8], _ hash: inout StickyHash) {
        let value = Array(String(loop.random.next(), radix: 16).utf8)
        value.withUnsafeBytes { hash.combine($0) }
        stickyCookie = name + [UInt8(ascii: "=")] + value + attributes
    }

    // MARK: - Variables

    func resolve(_ variable: TemplateVariable, into out: inout ByteBuffer) {
        func write(_ range: ByteRange?) {
            guard let range else { return }
            request.fields.bytes.withUnsafeReadableBytes { out.writeRange(range, of: $0) }
        }
        switch variable {
        case .path(let name): write(capture(named: name))
        case .requestMethod: write(request.methodRange)
        case .requestPath: write(request.path)
        case .requestQuery: write(request.query)
        case .requestHost: write(request.host)
        case .requestTarget: write(request.target)
        case .requestScheme: out.writeStaticString(source?.peer.scheme ?? "http")
        case .requestID:
            if requestID.isEmpty { requestID = RequestID.make(&loop.random) }
            out.writeBytes(requestID)
        case .header(let name):
            write(
                request.fields.firstIndex(ofLowercased: Array(name.utf8)).map { request.fields.entries[$0].valueRange }
            )
        case .query(let name): write(QueryParameters.first(name, in: request))
        case .cookie(let name): write(Cookies.value(name, in: request))
        case .clientIP: if let client { out.writeString(client.description) }
        case .routeName: out.writeBytes(nameOfRoute)
        case .upstreamName: out.writeBytes(nameOfUpstream)
        case .consumerName: if let consumer { out.writeBytes(consumer.name) }
        case .claim(let name): if let text = claims?.text(ofClaim: name) { out.writeBytes(text) }
        case .responseStatus: out.writeString(String(response.status))
        case .tls(let fact): out.writeBytes(text(of: fact))
        }
    }

    private func capture(named name: String) -> ByteRange? {
        guard routeIndex >= 0, let names = snapshot?.routes[routeIndex].captureNames else { return nil }
        return names.firstIndex(of: name).flatMap { captures[$0] }
    }

    func random() -> UInt64 { loop.random.next() }
}
