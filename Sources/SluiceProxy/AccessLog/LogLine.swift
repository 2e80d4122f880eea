import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// Fills in the values of one line from an exchange that is over. Isolation: the loop of the exchange.
struct LogLine {
    let exchange: Exchange
    let redaction: LogRedaction
    var line: LogWriter
    /// For header names that are asked for: looked up once, not per line.
    let keys: [String: FieldKey]

    mutating func write(_ segments: [LogFormat.Segment], _ clock: inout LogClock) {
        for segment in segments {
            switch segment {
            case .literal(let bytes): line.bytes.write(bytes)
            case .value(let value, let limit): write(value, limit, &clock)
            }
        }
    }

    private mutating func write(_ value: LogOperator, _ limit: Int?, _ clock: inout LogClock) {
        let record = exchange.record
        switch value {
        case .startTime(let format):
            clock.write(exchange.loop.nanosecondsSince1970(at: record.began), as: format, to: &line)
        case .emitTime(let format):
            clock.write(exchange.loop.nanosecondsSince1970(at: record.ended), as: format, to: &line)
        case .duration(let span): write(span, record)
        case .requestBytes: line.write(record.requestBytes)
        case .responseBytes: line.write(record.responseBytes)
        case .attempts: line.write(record.attempts)
        case .status: exchange.loggedStatus > 0 ? line.write(exchange.loggedStatus) : writeNoStatus()
        case .protocolName: writeProtocol()
        case .upstreamProtocol: record.endpoint == nil ? line.writeMissing() : writeText("HTTP/1.1")
        case .reasonCode: record.error.map { line.write(text: $0.code) } ?? line.writeMissing()
        case .flags: line.write(text: record.error?.responseFlag ?? "")
        case .flagsLong: record.error.map { line.write(text: $0.message) } ?? line.writeMissing()
        case .absent: line.writeMissing()
        default: writeName(value, limit)
        }
    }

    private mutating func writeName(_ value: LogOperator, _ limit: Int?) {
        switch value {
        case .routeName: line.write(text: exchange.nameOfRoute, limit: limit)
        case .upstreamName: line.write(text: exchange.nameOfUpstream, limit: limit)
        case .endpoint: line.write(text: exchange.record.endpoint?.addressText ?? [], limit: limit)
        case .listenerName: line.write(text: exchange.listenerOfRecord?.name ?? "", limit: limit)
        case .listenerAddress: line.write(text: exchange.listenerOfRecord?.addressText ?? [], limit: limit)
        case .client: line.write(text: exchange.clientText, limit: limit)
        case .peer: line.write(text: exchange.peerText, limit: limit)
        case .requestID: line.write(text: exchange.requestID, limit: limit)
        case .traceID: writeTraceID()
        case .consumer: line.write(text: exchange.consumer?.name ?? [], limit: limit)
        case .claim(let name): line.write(text: exchange.claims?.text(ofClaim: name) ?? [], limit: limit)
        default: writeFromRequest(value, limit)
        }
    }

    private mutating func writeFromRequest(_ value: LogOperator, _ limit: Int?) {
        switch value {
        case .method: write(exchange.request.methodRange, limit)
        case .scheme: writeText("http")
        case .requestHost: write(exchange.request.authority, limit)
        case .originalPath: writeTarget(exchange.request.target, limit)
        case .path: writeForwardedPath(limit)
        case .pathWithoutQuery: write(exchange.request.path, limit)
        case .requestField(let name, let other):
            if !writeField(name, of: exchange.request.fields, limit) {
                guard let other, writeField(other, of: exchange.request.fields, limit) else {
                    return line.writeMissing()
                }
            }
        case .responseField(let name, let other):
            if !writeField(name, of: exchange.response.fields, limit) {
                guard let other, writeField(other, of: exchange.response.fields, limit) else {
                    return line.writeMissing()
                }
            }
        case .queryParameter(let name): writeParameter(name, limit)
        default: line.writeMissing()
        }
    }

    // MARK: - Parts

    private mutating func writeText(_ text: StaticString) {
        line.begin()
        line.append(text)
        line.end()
    }

    private mutating func writeNoStatus() { line.isJSON ? line.writeMissing() : line.write(0) }

    private mutating func writeProtocol() {
        guard !exchange.request.methodRange.isEmpty else { return line.writeMissing() }
        exchange.request.minorVersion == 0 ? writeText("HTTP/1.0") : writeText("HTTP/1.1")
    }

    private mutating func writeTraceID() {
        guard exchange.traceID.isValid else { return line.writeMissing() }
        line.begin()
        line.appendHex(exchange.traceID.high)
        line.appendHex(exchange.traceID.low)
        line.end()
    }

    private mutating func write(_ span: LogOperator.Span, _ record: ExchangeRecord) {
        let (from, to) =
            switch span {
            case .whole: (record.began, record.ended)
            case .request: (record.began, record.requestEnded)
            case .response: (record.began, record.answered)
            case .responseSending: (record.answered, record.ended)
            case .upstream: (record.attemptBegan, record.answered)
            }
        guard from > 0, to >= from else { return line.writeMissing() }
        line.writeMilliseconds(to - from)
    }

    private mutating func write(_ range: ByteRange, _ limit: Int?) {
        exchange.request.fields.withBytes(range) { line.write(text: $0, limit: limit) }
    }

    private mutating func writeTarget(_ range: ByteRange, _ limit: Int?) {
        guard !range.isEmpty else { return line.writeMissing() }
        line.begin()
        exchange.request.fields.withBytes(range) { line.append(target: $0, limit: limit, redaction) }
        line.end()
    }

    private mutating func writeForwardedPath(_ limit: Int?) {
        guard !exchange.request.path.isEmpty else { return line.writeMissing() }
        line.begin()
        exchange.request.fields.withBytes(exchange.request.path) {
            line.append(UnsafeRawBufferPointer(rebasing: $0.prefix(limit ?? .max)))
        }
        if let query = exchange.request.query {
            line.append("?")
            exchange.request.fields.withBytes(query) {
                line.append(query: UnsafeRawBufferPointer(rebasing: $0.prefix(limit ?? .max)), redaction)
            }
        }
        line.end()
    }

    /// - Returns: false when there is no such field.
    private mutating func writeField(_ name: String, of fields: HeaderTable, _ limit: Int?) -> Bool {
        if name == ":path" {
            writeForwardedPath(limit)
            return true
        }
        guard let key = keys[name], let index = fields.firstIndex(of: key) else { return false }
        let range = fields.entries[index].valueRange
        if redaction.hides(header: name) {
            writeText("[redacted]")
        } else if name == "referer" || name == "location" {
            line.begin()
            fields.withBytes(range) { line.append(target: $0, limit: limit, redaction) }
            line.end()
        } else {
            fields.withBytes(range) { line.write(text: $0, limit: limit) }
        }
        return true
    }

    private mutating func writeParameter(_ name: String, _ limit: Int?) {
        guard let range = QueryParameters.first(name, in: exchange.request) else { return line.writeMissing() }
        var name = name
        let isHidden = name.withUTF8 { redaction.hides(parameter: UnsafeRawBufferPointer($0)) }
        if isHidden { writeText("[redacted]") } else { write(range, limit) }
    }
}
