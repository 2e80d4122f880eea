import SluiceConfig
import SluiceCore

/// A format as one loop walks it: plain data and arrays of its own, so that no line counts a reference on anything that
/// other loops use too.
struct LogSteps {
    /// One value, and the literal text in front of it. Holds no reference: going from step to step counts none.
    struct Step {
        /// A part of `literals`.
        var start: Int32 = 0
        var count: Int32 = 0
        var limit = Int32.max
        let operation: Operation
    }

    /// What an operator writes; numbers are places in the lists of names below.
    enum Operation {
        /// Nothing follows the literal text.
        case nothing
        case requestBytes, responseBytes, attempts, status, protocolName, upstreamProtocol
        case reasonCode, flags, flagsLong, upstreamTLSFailure
        case grpcStatus(LogOperator.GRPCStatusForm)
        case duration(LogOperator.Span)
        case startTime(Int32)
        case emitTime(Int32)
        case routeName, upstreamName, endpoint, listenerName, listenerAddress, client, peer, consumer
        case requestID, traceID
        case method, scheme, requestHost, originalPath, path, pathWithoutQuery
        case tls(TLSFact)
        case requestField(Int32)
        case responseField(Int32)
        case parameter(Int32)
        case claim(Int32)
        case missing
    }

    /// A header, or else another one.
    struct Field {
        let key: FieldKey
        let isHidden: Bool
        /// Its value is a URL with a query.
        let isTarget: Bool
        let otherwise: Otherwise

        enum Otherwise {
            case nothing
            case field(FieldKey, isHidden: Bool, isTarget: Bool)
            case value(Operation)

            var isField: Bool { if case .field = self { true } else { false } }
        }
    }

    private(set) var steps: ContiguousArray<Step> = []
    private(set) var literals: ContiguousArray<UInt8> = []
    private(set) var fields: ContiguousArray<Field> = []
    private(set) var parameters: ContiguousArray<(name: [UInt8], isHidden: Bool)> = []
    private(set) var claims: ContiguousArray<[UInt8]> = []
    private(set) var times: ContiguousArray<LogTimeFormat> = []

    init(_ segments: [LogFormat.Segment], _ redaction: LogRedaction) {
        var start = 0
        func add(_ operation: Operation, limit: Int? = nil) {
            var step = Step(operation: operation)
            step.start = Int32(clamping: start)
            step.count = Int32(clamping: literals.count - start)
            step.limit = Int32(clamping: limit ?? Int(Int32.max))
            steps.append(step)
            start = literals.count
        }
        for segment in segments {
            switch segment {
            case .literal(let bytes): literals += bytes
            case .value(let value, let limit): add(operation(value, redaction), limit: limit)
            }
        }
        if start < literals.count { add(.nothing) }
    }

    // MARK: - Operators

    private mutating func operation(_ value: LogOperator, _ redaction: LogRedaction) -> Operation {
        switch value {
        case .requestField(let name, let other): return .requestField(place(of: name, other, redaction))
        case .responseField(let name, let other): return .responseField(place(of: name, other, redaction))
        case .queryParameter(let name):
            let bytes = name.utf8.map { $0 }
            parameters.append((bytes, bytes.withUnsafeBytes { redaction.hides(parameter: $0) }))
            return .parameter(Int32(clamping: parameters.count - 1))
        case .claim(let name):
            claims.append(name.utf8.map { $0 })
            return .claim(Int32(clamping: claims.count - 1))
        case .startTime(let format):
            times.append(Self.own(format))
            return .startTime(Int32(clamping: times.count - 1))
        case .emitTime(let format):
            times.append(Self.own(format))
            return .emitTime(Int32(clamping: times.count - 1))
        default: return Self.plain(value)
        }
    }

    private mutating func place(of name: String, _ other: String?, _ redaction: LogRedaction) -> Int32 {
        fields.append(Self.field(name, other, redaction))
        return Int32(clamping: fields.count - 1)
    }

    /// Operators without a text of their own.
    private static func plain(_ value: LogOperator) -> Operation {
        switch value {
        case .requestBytes: .requestBytes
        case .responseBytes: .responseBytes
        case .attempts: .attempts
        case .status: .status
        case .protocolName: .protocolName
        case .upstreamProtocol: .upstreamProtocol
        case .reasonCode: .reasonCode
        case .flags: .flags
        case .flagsLong: .flagsLong
        case .upstreamTLSFailure: .upstreamTLSFailure
        case .grpcStatus(let form): .grpcStatus(form)
        case .duration(let span): .duration(span)
        case .tls(let fact): .tls(fact)
        default: name(value)
        }
    }

    private static func name(_ value: LogOperator) -> Operation {
        switch value {
        case .routeName: .routeName
        case .upstreamName: .upstreamName
        case .endpoint: .endpoint
        case .listenerName: .listenerName
        case .listenerAddress: .listenerAddress
        case .client: .client
        case .peer: .peer
        case .consumer: .consumer
        case .requestID: .requestID
        case .traceID: .traceID
        case .method: .method
        case .scheme: .scheme
        case .requestHost: .requestHost
        case .originalPath: .originalPath
        case .path: .path
        case .pathWithoutQuery: .pathWithoutQuery
        default: .missing
        }
    }

    private static func field(_ name: String, _ other: String?, _ redaction: LogRedaction) -> Field {
        let otherwise: Field.Otherwise =
            if let other {
                LogSyntax.pseudoField(other).map { .value(plain($0)) }
                    ?? .field(FieldKey(other), isHidden: redaction.hides(header: other), isTarget: isTarget(other))
            } else {
                .nothing
            }
        return Field(
            key: FieldKey(name),
            isHidden: redaction.hides(header: name),
            isTarget: isTarget(name),
            otherwise: otherwise
        )
    }

    private static func isTarget(_ name: String) -> Bool { name == "referer" || name == "location" }

    private static func own(_ format: LogTimeFormat) -> LogTimeFormat {
        LogTimeFormat(
            parts: format.parts.map { part in
                if case .literal(let bytes) = part { .literal(bytes.map { $0 }) } else { part }
            }
        )
    }
}
