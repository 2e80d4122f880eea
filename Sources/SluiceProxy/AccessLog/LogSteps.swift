import SluiceConfig
import SluiceCore

/// A format as one loop walks it: plain data and arrays of its own, so that no line counts a reference on anything that
/// other loops use too.
struct LogSteps {
    enum Step {
        /// A part of `literals`.
        case literal(start: Int32, count: Int32)
        /// An operator without a payload.
        case value(LogOperator, limit: Int32)
        case requestField(Int32, limit: Int32)
        case responseField(Int32, limit: Int32)
        case parameter(Int32, limit: Int32)
        case claim(Int32, limit: Int32)
        case startTime(Int32)
        case emitTime(Int32)
        case duration(LogOperator.Span)
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
            case value(LogOperator)

            var isField: Bool { if case .field = self { true } else { false } }
        }
    }

    private(set) var steps: ContiguousArray<Step> = []
    private(set) var literals: ContiguousArray<UInt8> = []
    private(set) var fields: ContiguousArray<Field> = []
    private(set) var parameters: ContiguousArray<(name: [UInt8], isHidden: Bool)> = []
    private(set) var claims: ContiguousArray<String> = []
    private(set) var times: ContiguousArray<LogTimeFormat> = []

    init(_ segments: [LogFormat.Segment], _ redaction: LogRedaction) {
        for segment in segments {
            switch segment {
            case .literal(let bytes):
                steps.append(.literal(start: Int32(clamping: literals.count), count: Int32(clamping: bytes.count)))
                literals += bytes
            case .value(let value, let limit): add(value, Int32(clamping: limit ?? Int(Int32.max)), redaction)
            }
        }
    }

    private mutating func add(_ value: LogOperator, _ limit: Int32, _ redaction: LogRedaction) {
        switch value {
        case .requestField(let name, let other):
            steps.append(.requestField(Int32(clamping: fields.count), limit: limit))
            fields.append(Self.field(name, other, redaction))
        case .responseField(let name, let other):
            steps.append(.responseField(Int32(clamping: fields.count), limit: limit))
            fields.append(Self.field(name, other, redaction))
        case .queryParameter(let name):
            steps.append(.parameter(Int32(clamping: parameters.count), limit: limit))
            let bytes = name.utf8.map { $0 }
            parameters.append((bytes, bytes.withUnsafeBytes { redaction.hides(parameter: $0) }))
        case .claim(let name):
            steps.append(.claim(Int32(clamping: claims.count), limit: limit))
            claims.append(String(decoding: name.utf8.map { $0 }, as: UTF8.self))
        case .startTime(let format):
            steps.append(.startTime(Int32(clamping: times.count)))
            times.append(Self.own(format))
        case .emitTime(let format):
            steps.append(.emitTime(Int32(clamping: times.count)))
            times.append(Self.own(format))
        case .duration(let span): steps.append(.duration(span))
        default: steps.append(.value(value, limit: limit))
        }
    }

    private static func field(_ name: String, _ other: String?, _ redaction: LogRedaction) -> Field {
        let otherwise: Field.Otherwise =
            if let other {
                LogSyntax.pseudoField(other).map { .value($0) }
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
