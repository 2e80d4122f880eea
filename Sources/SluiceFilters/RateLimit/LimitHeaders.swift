import SluiceCore

/// Tells clients about their limit. Sources: draft-ietf-httpapi-ratelimit-headers-06 for `RateLimit-*`; `X-RateLimit-*` as
/// Kong and others send them. Both with the seconds until the reset. Allocates: only while the table grows.
struct LimitHeaders {
    private struct Style {
        let limit: FieldLine
        let remaining, reset: FieldStem
        let remainingKey: FieldKey
        let others: [FieldKey]

        init(_ prefix: String, limit: UInt64) {
            self.limit = FieldLine(name: "\(prefix)-Limit".utf8, value: String(limit).utf8)
            remaining = FieldStem("\(prefix)-Remaining")
            reset = FieldStem("\(prefix)-Reset")
            remainingKey = FieldKey("\(prefix)-Remaining")
            others = [FieldKey("\(prefix)-Limit"), FieldKey("\(prefix)-Reset")]
        }
    }

    private let styles: [Style]

    init?(_ style: RateLimitConfiguration.HeaderStyle, limit: UInt64) {
        let prefixes: [String]
        switch style {
        case .none: return nil
        case .standard: prefixes = ["RateLimit"]
        case .legacy: prefixes = ["X-RateLimit"]
        case .both: prefixes = ["RateLimit", "X-RateLimit"]
        }
        styles = prefixes.map { Style($0, limit: limit) }
    }

    /// What an upstream says about a limit of its own gives way to a stricter one only.
    func write(_ notice: LimitNotice, to fields: inout HeaderTable) {
        for style in styles {
            if let told = Self.number(style.remainingKey, in: &fields), told <= notice.remaining { continue }
            fields.remove(style.remainingKey)
            for key in style.others { fields.remove(key) }
            fields.append(style.limit)
            fields.append(style.remaining, number: notice.remaining)
            fields.append(style.reset, number: Self.seconds(notice.reset))
        }
    }

    private static func number(_ key: FieldKey, in fields: inout HeaderTable) -> UInt64? {
        guard let range = fields.findValue(of: key) else { return nil }
        return fields.withBytes(range) { bytes in
            // 18 digits always fit.
            guard (1...18).contains(bytes.count), bytes.allSatisfy(ASCII.isDigit) else { return nil }
            return bytes.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
        }
    }

    /// Whole seconds, rounded up.
    static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest > 0 ? whole + 1 : whole
    }
}
