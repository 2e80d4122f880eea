import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTLS
import SluiceUpstream

/// Fills in the values of one line from an exchange that is over. Isolation: the loop of the exchange.
struct LogLine {
    let exchange: Exchange
    let redaction: LogRedaction
    var line: LogWriter
    /// No value has more bytes.
    let cap: Int

    mutating func write(_ format: LogSteps, _ clock: inout LogClock) {
        for step in format.steps {
            switch step {
            case .literal(let start, let count):
                format.literals.withUnsafeBytes { all in
                    line.bytes.write(UnsafeRawBufferPointer(rebasing: all[Int(start)..<Int(start + count)]))
                }
            case .value(let value, let limit): write(value, bounded(limit))
            case .duration(let span): write(span)
            case .requestField(let index, let limit):
                write(format.fields[Int(index)], of: .request, bounded(limit))
            case .responseField(let index, let limit):
                write(format.fields[Int(index)], of: .response, bounded(limit))
            case .parameter(let index, let limit):
                let parameter = format.parameters[Int(index)]
                writeParameter(parameter.name, isHidden: parameter.isHidden, bounded(limit))
            case .claim(let index, let limit):
                line.write(text: exchange.claims?.text(ofClaim: format.claims[Int(index)]) ?? [], limit: bounded(limit))
            case .startTime(let index): write(exchange.record.began, format.times[Int(index)], Int(index), &clock)
            case .emitTime(let index): write(exchange.record.ended, format.times[Int(index)], Int(index), &clock)
            }
        }
    }

    private func bounded(_ limit: Int32) -> Int { min(Int(limit), cap) }

    private mutating func write(_ value: LogOperator, _ limit: Int) {
        // Copies of the whole record would count references.
        switch value {
        case .requestBytes: line.write(exchange.record.requestBytes)
        case .responseBytes: line.write(exchange.record.responseBytes)
        case .attempts: line.write(exchange.record.attempts)
        case .status: exchange.loggedStatus > 0 ? line.write(exchange.loggedStatus) : writeNoStatus()
        case .protocolName: writeProtocol()
        case .upstreamProtocol: writeUpstreamProtocol(exchange.record.endpoint)
        case .reasonCode: exchange.record.error.map { line.write(text: $0.code) } ?? line.writeMissing()
        case .flags: exchange.record.error.map { line.write(text: $0.responseFlag) } ?? line.writeMissing()
        case .grpcStatus(let form): write(form, exchange.record.grpcStatus)
        case .flagsLong: exchange.record.error.map { line.write(text: $0.message) } ?? line.writeMissing()
        default: writeName(value, limit)
        }
    }

    private mutating func writeName(_ value: LogOperator, _ limit: Int) {
        switch value {
        case .routeName: line.write(text: exchange.nameOfRoute, limit: limit)
        case .upstreamName: line.write(text: exchange.nameOfUpstream, limit: limit)
        case .endpoint: line.write(text: exchange.record.endpoint?.addressText ?? [], limit: limit)
        case .listenerName: line.write(text: exchange.listenerOfRecord?.nameBytes ?? [], limit: limit)
        case .listenerAddress: line.write(text: exchange.listenerOfRecord?.addressText ?? [], limit: limit)
        case .client: line.write(text: exchange.clientText, limit: limit)
        case .peer: line.write(text: exchange.peerText, limit: limit)
        case .requestID: writeRequestID(limit)
        case .traceID: writeTraceID()
        case .upstreamTLSFailure: writeUpstreamTLSFailure(limit)
        case .consumer: line.write(text: exchange.consumer?.name ?? [], limit: limit)
        case .method: write(exchange.request.methodRange, limit)
        case .scheme: exchange.isSecure ? writeText("https") : writeText("http")
        case .tls(let fact): line.write(text: exchange.text(of: fact), limit: limit)
        case .requestHost: write(exchange.request.authority, limit)
        case .originalPath: writeTarget(exchange.request.target, limit)
        case .path: writeForwardedPath(limit)
        case .pathWithoutQuery: write(exchange.request.path, limit)
        default: line.writeMissing()
        }
    }

    // MARK: - Parts

    private mutating func writeText(_ text: StaticString) {
        line.begin()
        line.append(text)
        line.end()
    }

    private mutating func write(_ form: LogOperator.GRPCStatusForm, _ status: GRPCCode?) {
        guard let status else { return line.writeMissing() }
        switch form {
        case .camel: line.write(text: status.camelName)
        case .snake: line.write(text: status.name)
        case .number: line.write(Int(status.rawValue))
        }
    }

    private mutating func writeNoStatus() { line.isJSON ? line.writeMissing() : line.write(0) }

    private mutating func writeProtocol() {
        guard !exchange.request.methodRange.isEmpty else { return line.writeMissing() }
        if exchange.request.isHTTP2 { return writeText("HTTP/2") }
        exchange.request.minorVersion == 0 ? writeText("HTTP/1.0") : writeText("HTTP/1.1")
    }

    private mutating func writeUpstreamProtocol(_ endpoint: LoopEndpoint?) {
        guard let endpoint else { return line.writeMissing() }
        endpoint.isHTTP2 ? writeText("HTTP/2") : writeText("HTTP/1.1")
    }

    private mutating func writeUpstreamTLSFailure(_ limit: Int) {
        // An exchange that went well may have met a server that refused others.
        let failure = exchange.record.error == nil ? nil : exchange.record.endpoint?.tlsFailure
        line.write(text: failure?.text ?? "", limit: limit)
    }

    /// The id that the gateway gave or took over, or what the client sent.
    private mutating func writeRequestID(_ limit: Int) {
        if !exchange.requestID.isEmpty { return line.write(text: exchange.requestID, limit: limit) }
        guard let range = exchange.request.fields.value(of: .xRequestID) else { return line.writeMissing() }
        write(range, limit)
    }

    private mutating func writeTraceID() {
        guard exchange.traceID.isValid else { return line.writeMissing() }
        line.begin()
        line.appendHex(exchange.traceID.high)
        line.appendHex(exchange.traceID.low)
        line.end()
    }

    private mutating func write(_ time: UInt64, _ format: LogTimeFormat, _ number: Int, _ clock: inout LogClock) {
        clock.write(exchange.loop.nanosecondsSince1970(at: time), as: format, number, to: &line)
    }

    private mutating func write(_ span: LogOperator.Span) {
        let (from, to) =
            switch span {
            case .whole: (exchange.record.began, exchange.record.ended)
            case .request: (exchange.record.began, exchange.record.requestEnded)
            case .response: (exchange.record.began, exchange.record.answered)
            case .responseSending: (exchange.record.answered, exchange.record.ended)
            case .upstream: (exchange.record.attemptBegan, exchange.record.answered)
            }
        guard from > 0, to >= from else { return line.writeMissing() }
        line.writeMilliseconds(to - from)
    }

    private mutating func write(_ range: ByteRange, _ limit: Int) {
        exchange.request.fields.withBytes(range) { line.write(text: $0, limit: limit) }
    }

    private mutating func writeTarget(_ range: ByteRange, _ limit: Int) {
        guard !range.isEmpty else { return line.writeMissing() }
        line.begin()
        exchange.request.fields.withBytes(range) { line.append(target: $0, limit: limit, redaction) }
        line.end()
    }

    private mutating func writeForwardedPath(_ limit: Int) {
        guard !exchange.request.path.isEmpty else { return line.writeMissing() }
        line.begin()
        exchange.request.fields.withBytes(exchange.request.path) {
            line.append(UnsafeRawBufferPointer(rebasing: $0.prefix(limit)))
        }
        if let query = exchange.request.query {
            line.append("?")
            exchange.request.fields.withBytes(query) {
                line.append(query: UnsafeRawBufferPointer(rebasing: $0.prefix(limit)), redaction)
            }
        }
        line.end()
    }

    private enum Side { case request, response }

    private mutating func write(_ field: LogSteps.Field, of side: Side, _ limit: Int) {
        // Most are not there, and then no table is touched.
        let isRequest = if case .request = side { true } else { false }
        let present = isRequest ? exchange.request.fields.present : exchange.response.fields.present
        if present.mayHave(field.key.name) || field.otherwise.isField {
            return write(field, of: isRequest ? exchange.request.fields : exchange.response.fields, limit)
        }
        if case .value(let value) = field.otherwise { write(value, limit) } else { line.writeMissing() }
    }

    private mutating func write(_ field: LogSteps.Field, of fields: HeaderTable, _ limit: Int) {
        if let index = fields.firstIndex(of: field.key) {
            let range = fields.entries[index].valueRange
            return writeValue(range, of: fields, isHidden: field.isHidden, isTarget: field.isTarget, limit)
        }
        switch field.otherwise {
        case .nothing: line.writeMissing()
        case .value(let value): write(value, limit)
        case .field(let key, let isHidden, let isTarget):
            guard let index = fields.firstIndex(of: key) else { return line.writeMissing() }
            writeValue(fields.entries[index].valueRange, of: fields, isHidden: isHidden, isTarget: isTarget, limit)
        }
    }

    private mutating func writeValue(
        _ range: ByteRange,
        of fields: HeaderTable,
        isHidden: Bool,
        isTarget: Bool,
        _ limit: Int
    ) {
        if isHidden { return writeText("[redacted]") }
        fields.withBytes(range) { value in
            guard isTarget else { return line.write(text: value, limit: limit) }
            line.begin()
            line.append(target: value, limit: limit, redaction)
            line.end()
        }
    }

    private mutating func writeParameter(_ name: [UInt8], isHidden: Bool, _ limit: Int) {
        guard let range = QueryParameters.first(name, in: exchange.request) else { return line.writeMissing() }
        if isHidden { writeText("[redacted]") } else { write(range, limit) }
    }
}
