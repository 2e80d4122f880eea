internal import SluiceConfig
internal import SluiceCore

/// Compiles conditions into flat records.
struct ConditionBuilder {
    private struct FieldKey: Hashable {
        let isQuery: Bool
        let name: String
    }

    private(set) var conditions: ContiguousArray<Condition> = []
    private(set) var fields: ContiguousArray<Field> = []
    private(set) var names: ContiguousArray<NamePattern> = []
    private(set) var networks: ContiguousArray<Network> = []
    var numbers: ContiguousArray<UInt32> = []
    private(set) var regexes: [RegularExpression] = []
    private var regexNumbers: [String: UInt32] = [:]
    private var fieldNumbers: [FieldKey: UInt32] = [:]

    /// Compiles a pattern once, however often it is used.
    mutating func regex(_ pattern: String) throws(RegularExpressionError) -> UInt32 {
        if let known = regexNumbers[pattern] { return known }
        let number = UInt32(truncatingIfNeeded: regexes.count)
        regexes.append(try RegularExpression(pattern))
        regexNumbers[pattern] = number
        return number
    }

    /// Appends conditions, the cheap ones first.
    mutating func append(_ new: [Condition]) -> (start: UInt32, count: UInt32) {
        let start = UInt32(truncatingIfNeeded: conditions.count)
        let ordered = new.enumerated().sorted {
            (Self.cost($0.element), $0.offset) < (Self.cost($1.element), $1.offset)
        }
        for (_, condition) in ordered { conditions.append(condition) }
        return (start, UInt32(truncatingIfNeeded: new.count))
    }

    private static func cost(_ condition: Condition) -> Int {
        switch condition.kind {
        case .listener: 0
        case .sni, .source, .exact, .prefix, .suffix, .present, .absent: 1
        case .contains: 2
        case .regex: 3
        }
    }

    // MARK: - Connection

    mutating func listeners(_ indices: [UInt32]) -> Condition {
        let start = UInt32(truncatingIfNeeded: numbers.count)
        numbers.append(contentsOf: indices)
        return Condition(kind: .listener, field: 0, start: start, count: UInt32(truncatingIfNeeded: indices.count))
    }

    mutating func serverNames(_ patterns: [HostPattern], _ arena: inout ContiguousArray<UInt8>) -> Condition {
        let start = UInt32(truncatingIfNeeded: names.count)
        for pattern in patterns {
            switch pattern {
            case .any: break
            case .exact(let name): names.append(store(name.bytes, isWildcard: false, &arena))
            case .domain(let name): names.append(store(name.bytes, isWildcard: true, &arena))
            }
        }
        return Condition(kind: .sni, field: 0, start: start, count: UInt32(truncatingIfNeeded: names.count) - start)
    }

    private func store(_ bytes: [UInt8], isWildcard: Bool, _ arena: inout ContiguousArray<UInt8>) -> NamePattern {
        let start = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: bytes)
        return NamePattern(start: start, count: UInt32(truncatingIfNeeded: bytes.count), isWildcard: isWildcard)
    }

    mutating func sources(_ list: [CIDR]) -> Condition {
        let start = UInt32(truncatingIfNeeded: networks.count)
        for network in list {
            let bits = network.prefix
            networks.append(
                Network(
                    high: network.base.high,
                    low: network.base.low,
                    highMask: bits >= 64 ? ~0 : bits <= 0 ? 0 : ~0 << UInt64(64 - bits),
                    lowMask: bits >= 128 ? ~0 : bits <= 64 ? 0 : ~0 << UInt64(128 - bits),
                    excludesV4: bits < 96
                )
            )
        }
        return Condition(kind: .source, field: 0, start: start, count: UInt32(truncatingIfNeeded: list.count))
    }

    // MARK: - Fields

    /// A condition on a header (its name in lower case) or a query parameter.
    mutating func field(
        _ match: FieldMatch,
        isQuery: Bool,
        _ keys: inout KeyIndexBuilder,
        _ arena: inout ContiguousArray<UInt8>
    ) throws(RegularExpressionError) -> Condition {
        let field = fieldNumber(match.name, isQuery, &keys, &arena)
        let kind: Condition.Kind
        let text: String
        switch match.value {
        case .exact(let value): (kind, text) = (.exact, value)
        case .prefix(let value): (kind, text) = (.prefix, value)
        case .suffix(let value): (kind, text) = (.suffix, value)
        case .contains(let value): (kind, text) = (.contains, value)
        case .present(let wanted): return Condition(kind: wanted ? .present : .absent, field: field, start: 0, count: 0)
        case .regex(let pattern):
            return Condition(kind: .regex, field: field, start: try regex(pattern), count: 0)
        }
        let start = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: text.utf8)
        return Condition(kind: kind, field: field, start: start, count: UInt32(truncatingIfNeeded: text.utf8.count))
    }

    private mutating func fieldNumber(
        _ name: String,
        _ isQuery: Bool,
        _ keys: inout KeyIndexBuilder,
        _ arena: inout ContiguousArray<UInt8>
    ) -> UInt32 {
        let name = isQuery ? name : String(decoding: name.utf8.map(ASCII.lowercased), as: UTF8.self)
        let key = FieldKey(isQuery: isQuery, name: name)
        if let known = fieldNumbers[key] { return known }
        let number = UInt32(truncatingIfNeeded: fields.count)
        fieldNumbers[key] = number
        let bytes = Array(name.utf8)
        let start = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: bytes)
        fields.append(
            Field(
                isQuery: isQuery,
                wellKnown: isQuery ? 0 : bytes.withUnsafeBytes { FieldName.intern($0).rawValue },
                start: start,
                count: UInt32(truncatingIfNeeded: bytes.count)
            )
        )
        if isQuery {
            _ = bytes.withUnsafeBytes { keys.value(of: $0, in: KeySpace.parameter, arena: &arena) { number } }
        }
        return number
    }
}
