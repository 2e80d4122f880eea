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
    /// The bytes of the request's table: looking at them through the exchange would count references for each value.
    let request: UnsafeRawBufferPointer
    var line: LogWriter
    /// No value has more bytes.
    let cap: Int

    mutating func write(_ format: LogSteps, _ redaction: LogRedaction, _ clock: inout LogClock) {
        format.literals.withUnsafeBytes { literals in
            guard let first = literals.baseAddress else { return }
            for step in format.steps {
                // The format made both numbers itself.
                line.write(UnsafeRawBufferPointer(start: first + Int(step.start), count: Int(step.count)))
                write(step.operation, min(Int(step.limit), cap), format, redaction, &clock)
            }
        }
    }

    /// Times, and what has names in the format.
    private mutating func write(
        _ value: LogSteps.Operation,
        _ limit: Int,
        _ format: LogSteps,
        _ redaction: LogRedaction,
        _ clock: inout LogClock
    ) {
        switch value {
        case .nothing: break
        case .startTime(let index): write(exchange.record.began, format.times[Int(index)], Int(index), &clock)
        case .emitTime(let index): write(exchange.record.ended, format.times[Int(index)], Int(index), &clock)
        case .requestField(let index): writeRequestField(format.fields[Int(index)], limit, redaction)
        case .responseField(let index): writeResponseField(format.fields[Int(index)], limit, redaction)
        case .parameter(let index):
            let parameter = format.parameters[Int(index)]
            writeParameter(parameter.name, isHidden: parameter.isHidden, limit)
        case .claim(let index):
            let claim = format.claims[Int(index)]
            let isThere = exchange.claims?.withText(ofClaim: claim) { line.write(text: $0, limit: limit) } ?? false
            if !isThere { line.writeMissing() }
        default: write(value, limit, redaction)
        }
    }

    private mutating func write(_ value: LogSteps.Operation, _ limit: Int, _ redaction: LogRedaction) {
        // Copies of the whole record would count references.
        switch value {
        case .requestBytes: line.write(exchange.record.requestBytes)
        case .responseBytes: line.write(exchange.record.responseBytes)
        case .attempts: line.write(exchange.record.attempts)
        case .status: exchange.loggedStatus > 0 ? line.write(exchange.loggedStatus) : writeNoStatus()
        case .duration(let span): write(span)
        case .protocolName: writeProtocol()
        case .upstreamProtocol: writeUpstreamProtocol(exchange.record.endpoint)
        case .reasonCode: exchange.record.error.map { line.write(text: $0.code) } ?? line.writeMissing()
        case .flags: exchange.record.error.map { line.write(text: $0.responseFlag) } ?? line.writeMissing()
        case .flagsLong: exchange.record.error.map { line.write(text: $0.message) } ?? line.writeMissing()
        case .grpcStatus(let form): write(form, exchange.record.grpcStatus)
        case .method: write(exchange.request.methodRange, limit)
        case .scheme: exchange.isSecure ? line.write(plain: "https") : line.write(plain: "http")
        case .requestHost: write(exchange.request.authority, limit)
        case .originalPath: writeTarget(exchange.request.target, limit, redaction)
        case .path: writeForwardedPath(limit, redaction)
        case .pathWithoutQuery: write(exchange.request.path, limit)
        case .traceID: writeTraceID()
        default: writeName(value, limit)
        }
    }

    private mutating func writeName(_ value: LogSteps.Operation, _ limit: Int) {
        switch value {
        case .routeName: line.write(text: exchange.nameOfRoute, limit: limit)
        case .upstreamName:
            if let target = exchange.target { line.write(text: target.name, limit: limit) } else { line.writeMissing() }
        case .endpoint:
            if let endpoint = exchange.record.endpoint {
                line.write(text: endpoint.addressText, limit: limit)
            } else {
                line.writeMissing()
            }
        case .listenerName: line.write(text: exchange.listenerOfRecord?.nameBytes ?? [], limit: limit)
        case .listenerAddress: line.write(text: exchange.listenerOfRecord?.addressText ?? [], limit: limit)
        case .client: line.write(text: exchange.clientText, limit: limit)
        case .peer: line.write(text: exchange.peerText, limit: limit)
        case .requestID: writeRequestID(limit)
        case .upstreamTLSFailure: writeUpstreamTLSFailure(limit)
        case .consumer:
            if let consumer = exchange.consumer {
                line.write(text: consumer.name, limit: limit)
            } else {
                line.writeMissing()
            }
        case .tls(let fact): line.write(text: exchange.text(of: fact), limit: limit)
        default: line.writeMissing()
        }
    }

    // MARK: - Parts

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
        if exchange.request.isHTTP2 { return line.write(plain: "HTTP/2") }
        exchange.request.minorVersion == 0 ? line.write(plain: "HTTP/1.0") : line.write(plain: "HTTP/1.1")
    }

    private mutating func writeUpstreamProtocol(_ endpoint: LoopEndpoint?) {
        guard let endpoint else { return line.writeMissing() }
        endpoint.isHTTP2 ? line.write(plain: "HTTP/2") : line.write(plain: "HTTP/1.1")
    }

    private mutating func writeUpstreamTLSFailure(_ limit: Int) {
        // An exchange that went well may have met a server that refused others.
        let failure = exchange.record.error == nil ? nil : exchange.record.endpoint?.tlsFailure
        line.write(text: failure?.text ?? "", limit: limit)
    }

    /// The id that the gateway gave or took over, or what the client sent.
    private mutating func writeRequestID(_ limit: Int) {
        if !exchange.requestID.isEmpty { return line.write(text: exchange.requestID, limit: limit) }
        guard let range = exchange.request.fields.findValue(of: .xRequestID) else { return line.writeMissing() }
        write(range, limit)
    }

    private mutating func writeTraceID() {
        guard exchange.traceID.isValid else { return line.writeMissing() }
        line.begin()
        line.appendHex(exchange.traceID.high, exchange.traceID.low)
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

    // MARK: - The head

    /// An impossible range has no bytes.
    @inline(__always)
    private func bytes(of range: ByteRange) -> UnsafeRawBufferPointer {
        guard range.end <= request.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: request[Int(range.start)..<range.end])
    }

    private mutating func write(_ range: ByteRange, _ limit: Int) { line.write(text: bytes(of: range), limit: limit) }

    private mutating func writeTarget(_ range: ByteRange, _ limit: Int, _ redaction: LogRedaction) {
        guard !range.isEmpty else { return line.writeMissing() }
        line.begin()
        line.append(target: bytes(of: range), limit: limit, redaction)
        line.end()
    }

    private mutating func writeForwardedPath(_ limit: Int, _ redaction: LogRedaction) {
        guard !exchange.request.path.isEmpty else { return line.writeMissing() }
        line.begin()
        line.append(UnsafeRawBufferPointer(rebasing: bytes(of: exchange.request.path).prefix(limit)))
        if let query = exchange.request.query {
            line.append("?")
            line.append(query: UnsafeRawBufferPointer(rebasing: bytes(of: query).prefix(limit)), redaction)
        }
        line.end()
    }

    private mutating func writeRequestField(_ field: LogSteps.Field, _ limit: Int, _ redaction: LogRedaction) {
        // Most are not there, and then no table is touched.
        let mayBeThere = exchange.request.fields.present.mayHave(field.key.name)
        if mayBeThere, let range = exchange.request.fields.findValue(of: field.key) {
            return write(bytes(of: range), isHidden: field.isHidden, isTarget: field.isTarget, limit, redaction)
        }
        switch field.otherwise {
        case .nothing: line.writeMissing()
        case .value(let value): write(value, limit, redaction)
        case .field(let key, let isHidden, let isTarget):
            guard let range = exchange.request.fields.findValue(of: key) else { return line.writeMissing() }
            write(bytes(of: range), isHidden: isHidden, isTarget: isTarget, limit, redaction)
        }
    }

    private mutating func writeResponseField(_ field: LogSteps.Field, _ limit: Int, _ redaction: LogRedaction) {
        let mayBeThere = exchange.response.fields.present.mayHave(field.key.name)
        var (isHidden, isTarget) = (field.isHidden, field.isTarget)
        var range = mayBeThere ? exchange.response.fields.findValue(of: field.key) : nil
        if range == nil {
            switch field.otherwise {
            case .nothing: break
            case .value(let value): return write(value, limit, redaction)
            case .field(let key, let hides, let isURL):
                range = exchange.response.fields.findValue(of: key)
                (isHidden, isTarget) = (hides, isURL)
            }
        }
        guard let range else { return line.writeMissing() }
        exchange.response.fields.withBytes(range) {
            write($0, isHidden: isHidden, isTarget: isTarget, limit, redaction)
        }
    }

    private mutating func write(
        _ value: UnsafeRawBufferPointer,
        isHidden: Bool,
        isTarget: Bool,
        _ limit: Int,
        _ redaction: LogRedaction
    ) {
        if isHidden { return line.write(plain: "[redacted]") }
        guard isTarget else { return line.write(text: value, limit: limit) }
        line.begin()
        line.append(target: value, limit: limit, redaction)
        line.end()
    }

    private mutating func writeParameter(_ name: [UInt8], isHidden: Bool, _ limit: Int) {
        guard let range = QueryParameters.first(name, in: exchange.request) else { return line.writeMissing() }
        if isHidden { line.write(plain: "[redacted]") } else { write(range, limit) }
    }
}
