import NIOCore
import SluiceCore
import SluiceUpstream

/// Writes the spans of one exchange as protobuf: the exchange itself, and each try below it.
///
/// Names and attributes are those of OpenTelemetry's semantic conventions for HTTP (1.23 and later); queries are left
/// out, since they hold secrets. What the conventions have no name for begins with `sluice.`.
///
/// Isolation: one loop.
struct SpanEncoder {
    private let loop: LoopContext
    private var span = ProtobufWriter()
    private var part = ProtobufWriter()

    private typealias Field = OTLP.Field

    init(loop: LoopContext) { self.loop = loop }

    /// Appends fields `spans` with tags and lengths.
    ///
    /// - Returns: how many.
    mutating func write(_ spans: ExchangeSpans, of exchange: ExchangeContext, to out: inout ProtobufWriter) -> Int {
        writeServer(spans, exchange)
        out.write(Field.spans, message: span.bytes)
        for index in spans.attempts.indices {
            writeClient(spans, index, exchange)
            out.write(Field.spans, message: span.bytes)
        }
        return 1 + spans.attempts.count
    }

    // MARK: - What all spans have

    private mutating func begin(
        _ spans: ExchangeSpans,
        id: UInt64,
        parent: UInt64,
        kind: OTLP.Kind,
        from start: UInt64,
        to end: UInt64
    ) {
        span.bytes.clear()
        span.writeTag(Field.traceID, wireType: 2)
        span.writeVarint(16)
        span.bytes.writeInteger(spans.context.id.high)
        span.bytes.writeInteger(spans.context.id.low)
        writeID(Field.spanID, id)
        if !spans.state.isEmpty { span.write(Field.traceState, spans.state) }
        if parent != 0 { writeID(Field.parentSpanID, parent) }
        span.write(Field.kind, varint: kind.rawValue)
        span.write(Field.start, fixed64: wall(start))
        span.write(Field.end, fixed64: wall(max(start, end)))
        var flags = UInt32(TraceParent.flags(sampled: true, random: spans.context.isRandom))
        if parent != 0 { flags |= kind == .server ? OTLP.parentIsRemote : OTLP.parentIsLocal }
        span.write(Field.flags, fixed32: flags)
    }

    private mutating func writeID(_ field: UInt32, _ id: UInt64) {
        span.writeTag(field, wireType: 2)
        span.writeVarint(8)
        span.bytes.writeInteger(id)
    }

    private func wall(_ monotonic: UInt64) -> UInt64 {
        UInt64(clamping: loop.nanosecondsSince1970(at: monotonic))
    }

    private mutating func text(_ key: StaticString, _ value: [UInt8], limit: Int = 256) {
        guard !value.isEmpty else { return }
        span.attribute(Field.attributes, key, value.count > limit ? Array(value[..<limit]) : value)
    }

    private mutating func number(_ key: StaticString, _ value: UInt64) {
        span.attribute(Field.attributes, key, value)
    }

    private mutating func writeError() {
        part.bytes.clear()
        part.write(Field.statusCode, varint: OTLP.statusError)
        span.write(Field.status, message: part.bytes)
    }

    // MARK: - The exchange

    private mutating func writeServer(_ spans: ExchangeSpans, _ exchange: ExchangeContext) {
        let record = exchange.record
        begin(
            spans,
            id: spans.server,
            parent: spans.parent,
            kind: .server,
            from: record.began,
            to: record.ended
        )
        let method = method(exchange.request)
        span.write(Field.name, name(method, exchange.routeName))
        text("http.request.method", method)
        if method == Self.otherMethod {
            text("http.request.method_original", bytes(exchange.request.methodRange, exchange))
        }
        text("url.scheme", Array((exchange.isSecure ? "https" : "http").utf8))
        text("url.path", path(of: exchange), limit: 2048)
        text("http.route", exchange.routeName)
        writeHost(exchange.request)
        text("network.protocol.version", Array(version(of: exchange.request).utf8))
        if let client = exchange.client { text("client.address", Array(client.description.utf8)) }
        writeUserAgent(exchange.request.fields)
        if record.requestBytes > 0 { number("http.request.body.size", record.requestBytes) }
        if record.responseBytes > 0 { number("http.response.body.size", record.responseBytes) }
        text("sluice.upstream", exchange.upstreamName)
        text("sluice.consumer", exchange.consumer?.name ?? [])
        text("sluice.request_id", exchange.requestID)
        writeOutcome(status: spans.status, error: record.error, failsFrom: 500)
        if let link = spans.link { writeLink(link) }
    }

    /// Status, reason, and whether the span counts as failed.
    ///
    /// A client that left is no failure of what the span is about.
    private mutating func writeOutcome(status: UInt16, error: GatewayError?, failsFrom: UInt16) {
        if status > 0 { number("http.response.status_code", UInt64(status)) }
        if let error {
            text("error.type", Array(error.code.utf8))
        } else if status >= failsFrom {
            text("error.type", Array("\(status)".utf8))
        }
        var isFailed = status >= failsFrom
        if let error, status < 400, error.source != .downstream { isFailed = true }
        if isFailed { writeError() }
    }

    private mutating func writeLink(_ context: TraceContext) {
        part.bytes.clear()
        part.writeTag(Field.traceID, wireType: 2)
        part.writeVarint(16)
        part.bytes.writeInteger(context.id.high)
        part.bytes.writeInteger(context.id.low)
        part.writeTag(Field.spanID, wireType: 2)
        part.writeVarint(8)
        part.bytes.writeInteger(context.parent)
        let flags = TraceParent.flags(sampled: context.isSampled ?? false, random: context.isRandom)
        part.write(Field.linkFlags, fixed32: UInt32(flags) | OTLP.parentIsRemote)
        span.write(Field.links, message: part.bytes)
    }

    private static let otherMethod = Array("_OTHER".utf8)

    private func method(_ request: RequestHead) -> [UInt8] {
        if case .other = request.method { return Self.otherMethod }
        return request.fields.withBytes(request.methodRange) { Array($0) }
    }

    /// `GET orders`; a route without a name of its own has one that may begin with the method already.
    private func name(_ method: [UInt8], _ route: [UInt8]) -> [UInt8] {
        let word = method == Self.otherMethod ? Array("HTTP".utf8) : method
        if route.isEmpty { return word }
        let start = word + [UInt8(ascii: " ")]
        return route.starts(with: start) ? route : start + route
    }

    private func bytes(_ range: ByteRange, _ exchange: ExchangeContext) -> [UInt8] {
        exchange.request.fields.withBytes(range) { Array($0) }
    }

    /// As the client sent it: the path of the head may be a rewritten one by now.
    private func path(of exchange: ExchangeContext) -> [UInt8] {
        exchange.request.fields.withBytes(exchange.request.target) { target in
            var path = target[...]
            if target.first != UInt8(ascii: "/"), let scheme = Self.endOfScheme(target) {
                path = target[scheme...].drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            }
            return Array(path.prefix { $0 != UInt8(ascii: "?") })
        }
    }

    /// Where `://` of an absolute target ends.
    private static func endOfScheme(_ target: UnsafeRawBufferPointer) -> Int? {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")), target.count - colon >= 3 else { return nil }
        guard target[colon + 1] == UInt8(ascii: "/"), target[colon + 2] == UInt8(ascii: "/") else { return nil }
        return colon + 3
    }

    private func version(of request: RequestHead) -> String {
        request.isHTTP2 ? "2" : request.minorVersion == 0 ? "1.0" : "1.1"
    }

    private mutating func writeHost(_ request: RequestHead) {
        guard !request.authority.isEmpty else { return }
        text("server.address", request.fields.withBytes(request.host) { Array($0) })
        let port = request.fields.withBytes(request.authority) { HostAndPort($0).port }
        if let port { number("server.port", port) }
    }

    private mutating func writeUserAgent(_ fields: HeaderTable) {
        guard let index = fields.firstIndex(of: .userAgent) else { return }
        text("user_agent.original", fields.withBytes(fields.entries[index].valueRange) { Array($0) })
    }

    // MARK: - A try

    private mutating func writeClient(_ spans: ExchangeSpans, _ index: Int, _ exchange: ExchangeContext) {
        let attempt = spans.attempts[index]
        let outcome = outcome(of: attempt, spans, exchange)
        begin(
            spans,
            id: attempt.id,
            parent: spans.server,
            kind: .client,
            from: attempt.began,
            to: attempt.ended > 0 ? attempt.ended : exchange.record.ended
        )
        let method = method(exchange.request)
        span.write(Field.name, method == Self.otherMethod ? Array("HTTP".utf8) : method)
        text("http.request.method", method)
        text("sluice.upstream", exchange.upstreamName)
        if index > 0 { number("http.request.resend_count", UInt64(index)) }
        if let endpoint = attempt.endpoint ?? (attempt.end == nil ? exchange.record.endpoint : nil) {
            writeEndpoint(endpoint, exchange.request)
        }
        writeOutcome(status: outcome.status, error: outcome.error, failsFrom: 400)
    }

    private func outcome(
        of attempt: ExchangeSpans.Attempt,
        _ spans: ExchangeSpans,
        _ exchange: ExchangeContext
    ) -> (status: UInt16, error: GatewayError?) {
        switch attempt.end {
        case .answer(let status): (status, nil)
        case .failure(let error): (0, error)
        // The last one: its answer went to the client, or nothing came until it was given up.
        case nil: (exchange.record.answered > 0 ? spans.status : 0, exchange.record.error)
        }
    }

    private mutating func writeEndpoint(_ endpoint: LoopEndpoint, _ request: RequestHead) {
        let address = endpoint.addressText
        let unix = Array("unix:".utf8)
        if address.starts(with: unix) {
            text("network.transport", Array("unix".utf8))
            return text("network.peer.address", Array(address[unix.count...]))
        }
        let peer = address.withUnsafeBytes { HostAndPort($0) }
        let name = endpoint.hostField.withUnsafeBytes { HostAndPort($0).host }
        text("server.address", name)
        number("server.port", peer.port ?? 80)
        text("network.peer.address", peer.host)
        number("network.peer.port", peer.port ?? 80)
        let path = request.fields.withBytes(request.path) { Array($0) }
        text("url.full", Array("http://".utf8) + endpoint.hostField + path, limit: 2048)
    }
}

/// `host:port`, taken apart; an IPv6 address loses its brackets.
private struct HostAndPort {
    let host: [UInt8]
    let port: UInt64?

    init(_ text: UnsafeRawBufferPointer) {
        var end = text.count
        var port: UInt64?
        if let colon = text.lastIndex(of: UInt8(ascii: ":")), text.last != UInt8(ascii: "]") {
            end = colon
            port = UInt64(String(decoding: text[(colon + 1)...], as: UTF8.self))
        }
        self.port = port
        var host = text[..<end]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        self.host = Array(host)
    }
}
